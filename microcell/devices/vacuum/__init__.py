"""vacuum: contract and drivers."""
