"""What the cell can do: one skill a file, one folder a family."""
