"""Two sets of pieces beside each other, from folders to a page."""
