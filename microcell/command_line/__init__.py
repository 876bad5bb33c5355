"""The arguments of the `microcell` command, one file for each group of commands."""
