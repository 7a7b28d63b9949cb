"""What a model makes of what it heard long ago."""
