"""bin: contract and drivers."""
