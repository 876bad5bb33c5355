"""Which processes, nodes and devices run for a line in a world."""
