"""Plain chorales of known harmony, for the tests that analyse them."""

from ritornello.scores.score import KeySignature, Notes, Part, Score

BEAT = 480
CHORDS = {
    "I": (72, 67, 64, 48),
    "IV": (72, 69, 65, 53),
    "IV6": (72, 65, 60, 57),
    "V": (71, 67, 62, 55),
    "V7": (71, 65, 62, 55),
    "vi": (72, 64, 60, 57),
}
HALF, CADENCE = "I vi IV I I IV V V", "I V vi IV6 I V7 I I"
"""Two phrases of two bars; the last two beats are one chord."""


def chorale(*phrases: str, up: int = 0) -> Score:
    """Phrases of eight quarter notes, soprano first, the last two beats held under a fermata."""
    rows: list[list[tuple[int, int, int, int]]] = [[], [], [], []]
    for number, phrase in enumerate(phrases):
        for beat, name in enumerate(phrase.split()[:7]):
            for voice in range(4):
                onset, duration = (8 * number + beat) * BEAT, BEAT * (1 + (beat == 6))
                rows[voice].append((onset, duration, CHORDS[name][voice] + up, 80))
    fermatas = tuple((8 * number + 6) * BEAT for number in range(len(phrases)))
    parts = [Part(name, Notes.of(part), 0, fermatas) for name, part in zip("SATB", rows, strict=True)]
    return Score(BEAT, tuple(parts), keys=(KeySignature(0, 0, "major"),) if not up else ())
