"""Skills for getting it out of the door."""
