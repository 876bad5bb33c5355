"""tool_crib: contract and drivers."""
