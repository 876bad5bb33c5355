"""welder: contract and drivers."""
