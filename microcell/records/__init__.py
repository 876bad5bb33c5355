"""What happened: the journal and what is folded from it."""
