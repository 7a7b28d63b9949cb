"""Small scores written as text, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.scores.score import KeySignature, Metre, Mode, Notes, Part, Score

TICKS = 480
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


def pitch(name: str) -> int:
    """MIDI pitch of ``c4`` (60), ``f#4``, ``b-3``."""
    return 12 * (int(name[-1]) + 1) + _STEPS[name[0]] + name.count("#") - name.count("-")


def voice(text: str, beats: float = 1.0) -> tuple[list[tuple[int, int, int, int]], list[int]]:
    """Rows and fermatas of a line such as ``c4 d4/2 r e4;``: ``/n`` is n beats, ``r`` a rest, ``;`` a fermata."""
    rows: list[tuple[int, int, int, int]] = []
    fermatas: list[int] = []
    onset = 0
    for item in text.replace("|", " ").split():
        name, _, length = item.rstrip(";").partition("/")
        ticks = round(float(length or beats) * TICKS)
        if name != "r":
            rows.append((onset, ticks, pitch(name), 80))
            fermatas += [onset] if item.endswith(";") else []
        onset += ticks
    return rows, fermatas


def chorale(
    voices: Sequence[str],
    *,
    metre: tuple[int, int] = (4, 4),
    pickup_beats: float = 0,
    fifths: int | None = None,
    mode: Mode | None = None,
) -> Score:
    """A score of one part a line, soprano first."""
    names = ["Soprano", "Alto", "Tenor", "Bass"] if len(voices) == 4 else [f"Part {i}" for i in range(len(voices))]
    parts: list[Part] = []
    for name, text in zip(names, voices, strict=True):
        rows, fermatas = voice(text)
        parts.append(Part(name, Notes.of(rows), fermatas_ticks=tuple(fermatas)))
    keys = () if fifths is None else (KeySignature(0, fifths, mode),)
    return Score(TICKS, tuple(parts), (Metre(0, *metre),), keys, pickup_ticks=round(pickup_beats * TICKS))
