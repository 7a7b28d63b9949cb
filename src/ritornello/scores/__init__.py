"""What music is here: Score, and one file per format."""

from ritornello.scores.midi import write_midi
from ritornello.scores.musicxml_writing import write_musicxml
from ritornello.scores.reading import read_score
from ritornello.scores.score import KeySignature, Marker, Metre, Mode, Notes, Part, Pedal, Score, Tempo

__all__ = [
    "KeySignature",
    "Marker",
    "Metre",
    "Mode",
    "Notes",
    "Part",
    "Pedal",
    "Score",
    "Tempo",
    "read_score",
    "write_midi",
    "write_musicxml",
]
