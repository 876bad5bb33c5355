"""force_sensor: contract and drivers."""
