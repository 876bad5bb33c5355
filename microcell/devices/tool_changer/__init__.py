"""tool_changer: contract and drivers."""
