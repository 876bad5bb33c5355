"""The outside world's files: orders as other systems write them."""
