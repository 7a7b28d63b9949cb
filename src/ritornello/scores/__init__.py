"""What music is here: Score, and one file per format."""

from ritornello.scores.score import KeySignature, Marker, Metre, Notes, Part, Score, Tempo

__all__ = ["KeySignature", "Marker", "Metre", "Notes", "Part", "Score", "Tempo"]
