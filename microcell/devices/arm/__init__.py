"""arm: contract and drivers."""
