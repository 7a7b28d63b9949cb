"""Scores of several parts to be written as bars: pickups, odd metres, chords, dynamics, and times off the grid."""

from __future__ import annotations

from hypothesis import strategies as st

from ritornello.scores.score import ChordSymbol, KeySignature, Metre, Notes, Part, Score, Tempo
from ritornello.tokenizers.bars_words import CHORDS

METRES = ["4/4", "3/4", "6/8", "1/4", "6/2", "1/32", "49/32", "12/4", "52/4", "7/16"]


@st.composite
def scores_in_bars(draw: st.DrawFn, max_parts: int = 4) -> Score:
    """One to four parts, some of them empty."""
    ticks_per_beat = draw(st.sampled_from([1, 24, 96, 384, 480]))
    places = st.one_of(st.integers(0, 20 * ticks_per_beat), st.integers(0, 40).map(lambda n: n * ticks_per_beat // 4))
    lengths = st.one_of(st.integers(1, 4 * ticks_per_beat), st.integers(1, 60 * ticks_per_beat))
    pitches = st.one_of(st.integers(58, 62), st.integers(0, 127))
    row = st.tuples(places, lengths, pitches, st.one_of(st.just(90), st.integers(1, 127)))
    parts = [
        Part(f"part {n}", Notes.of(draw(st.lists(row, max_size=12))), draw(st.integers(0, 127)))
        for n in range(draw(st.integers(1, max_parts)))
    ]
    symbols = st.lists(st.tuples(places, st.sampled_from(CHORDS)), max_size=5)
    changes = sorted(draw(st.sets(places.filter(bool), max_size=4)))
    return Score(
        ticks_per_beat,
        tuple(parts),
        tuple(Metre(t, *map(int, draw(st.sampled_from(METRES)).split("/"))) for t in (0, *changes)),
        tuple(KeySignature(t, draw(st.integers(-7, 7)), draw(st.sampled_from(["major", "minor", None])))
              for t in sorted(draw(st.lists(places, max_size=3)))),
        tuple(Tempo(t, draw(st.floats(5, 400))) for t in sorted(draw(st.lists(places, max_size=3)))),
        pickup_ticks=draw(st.one_of(st.just(0), st.integers(0, 4 * ticks_per_beat))),
        closing_ticks=draw(st.one_of(st.just(0), places)),
        chords=tuple(ChordSymbol(t, *chord) for t, chord in sorted(draw(symbols), key=lambda symbol: symbol[0])),
    )  # fmt: skip
