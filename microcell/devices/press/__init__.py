"""press: contract and drivers."""
