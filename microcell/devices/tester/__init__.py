"""tester: contract and drivers."""
