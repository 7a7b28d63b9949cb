"""Arcs of register and density."""

from __future__ import annotations

from ritornello.form.arcs import density_arc, register_arc
from ritornello.form.voices import frames_of
from tests.form.music import chorale

UP, DOWN, FLAT = "c4 d4 e4 f4 g4 a4 b4 c5", "c5 b4 a4 g4 f4 e4 d4 c4", "c4 d4 c4 d4 c4 d4 c4 d4"


def test_register_follows_the_soprano() -> None:
    for line, arc in ((UP, "rising"), (DOWN, "falling"), (FLAT, "level")):
        frames = frames_of(chorale([line, DOWN, DOWN, DOWN]))
        assert register_arc(frames, (0, 32)) == arc
    assert register_arc(frames_of(chorale(["c5/8", UP, UP, UP])), (0, 32)) == "level"
    assert register_arc(frames_of(chorale(["r/8", UP, UP, UP])), (0, 32)) == "level"


def test_density_counts_beginnings() -> None:
    slow, quick = "c4/2 c4/2", "c4/.5 c4/.5 c4/.5 c4/.5 c4/.5 c4/.5 c4/.5 c4/.5"
    for line, arc in ((f"{slow} {quick}", "rising"), (f"{quick} {slow}", "falling"), (f"{slow} {slow}", "level")):
        assert density_arc(frames_of(chorale([line] * 4)), (0, 32)) == arc
