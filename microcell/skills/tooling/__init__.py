"""Skills for changing tools."""
