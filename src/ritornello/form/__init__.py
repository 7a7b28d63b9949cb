"""What a piece is to be: the Plan, its notations, and the analysis that finds it in a Score."""
