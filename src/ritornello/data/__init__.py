"""From corpora to batches: read, split, prepared, loaded."""
