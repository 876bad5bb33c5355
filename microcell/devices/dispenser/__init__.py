"""dispenser: contract and drivers."""
