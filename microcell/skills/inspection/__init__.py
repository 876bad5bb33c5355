"""Skills for judging what was made."""
