"""Pure nouns and rules of an order: no clock, no randomness, no files, nothing of ours."""
