"""turner: contract and drivers."""
