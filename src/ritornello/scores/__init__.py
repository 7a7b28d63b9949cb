"""What music is here: Score, and one file per format."""

from ritornello.scores.midi import read_midi, write_midi
from ritornello.scores.score import KeySignature, Marker, Metre, Mode, Notes, Part, Score, Tempo

__all__ = ["KeySignature", "Marker", "Metre", "Mode", "Notes", "Part", "Score", "Tempo", "read_midi", "write_midi"]
