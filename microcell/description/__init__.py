"""What the cell is and what it makes: typed, checked descriptions read from YAML."""
