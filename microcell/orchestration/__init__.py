"""Who decides: PackML states, dispatch, recovery."""
