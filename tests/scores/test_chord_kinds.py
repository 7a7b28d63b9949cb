"""Qualities of chord symbols as MusicXML names them."""

from __future__ import annotations

import pytest

from ritornello.form.chord import SYMBOL_QUALITIES
from ritornello.scores.chord_kinds import KINDS, quality_of


def test_every_quality_has_a_kind_that_reads_as_itself() -> None:
    assert KINDS.keys() == SYMBOL_QUALITIES.keys()
    assert [quality_of(kind) for kind, _ in KINDS.values()] == [*KINDS]
    assert len({text for _, text in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("kind", "quality"),
    [
        ("dominant-ninth", "dominant7"),
        ("dominant-13th", "dominant7"),
        ("major-ninth", "major7"),
        ("minor-11th", "minor7"),
        ("major-sixth", "major"),
        ("minor-sixth", "minor"),
        ("major-minor", "minor"),
        ("augmented-seventh", "augmented"),
        ("half-diminished-seventh", "half-diminished7"),
        ("power", "major"),
        ("suspended-elsewhere", "suspended4"),
        ("Tristan", None),
        ("other", None),
        ("", None),
    ],
)
def test_other_kinds_go_by_the_beginning_of_their_name(kind: str, quality: str | None) -> None:
    assert quality_of(kind) == quality
