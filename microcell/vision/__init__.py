"""Images in, measurements out: pure functions."""
