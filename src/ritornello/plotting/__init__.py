"""Pictures of Scores and Plans."""
