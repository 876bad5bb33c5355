"""Skills for putting parts together."""
