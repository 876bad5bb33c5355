"""camera: contract and drivers."""
