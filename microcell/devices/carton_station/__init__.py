"""carton_station: contract and drivers."""
