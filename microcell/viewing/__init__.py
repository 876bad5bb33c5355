"""Pictures of a cell at work: recorded on the virtual clock, drawn to files or shown in a browser."""
