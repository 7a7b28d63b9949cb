"""From a recipe and prepared data to weights: loop, checkpoint, likelihood."""
