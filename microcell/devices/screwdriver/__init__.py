"""screwdriver: contract and drivers."""
