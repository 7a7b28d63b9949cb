"""What a piece is worth, in numbers: pure functions from Scores and Plans to named figures."""
