"""safety: contract and drivers."""
