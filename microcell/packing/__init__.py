"""What fits where: boxes into a container, every one of them on full support; pure functions."""
