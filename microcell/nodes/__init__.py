"""One thin main() per executable."""
