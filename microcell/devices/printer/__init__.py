"""printer: contract and drivers."""
