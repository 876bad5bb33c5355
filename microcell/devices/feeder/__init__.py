"""feeder: contract and drivers."""
