"""The ritornello and its returns, in pieces made by hand."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.form.ritornello import Ritornello, ritornello_of
from ritornello.scores.score import Notes, Part, Score
from tests.form.music import TICKS, chorale, voice
from tests.form.test_properties import transposed

HEAD = "e-4/0.5 f4/0.5 g4/0.5 e-4/0.5 b-4 b-4 c5/0.5 b-4/0.5 a-4/0.5 g4/0.5 f4 b-4 "  # 8 beats, 12 notes
TAIL = "g4/0.5 a-4/0.5 b-4/0.5 g4/0.5 c5/0.5 d5/0.5 e-5 d5/0.5 c5/0.5 b-4/0.5 a-4/0.5 g4 f4 "  # 8 beats, 13 notes
OTHER = "g3 d4/1.5 c4/0.5 b3/2 a3 d4/0.5 e4/1.5 f#3 g3/3 a3/1.5 g3/0.5 f#3/2 "  # 16 beats
THEME = HEAD + TAIL
END = "c5/0.5 b-4/0.5 a-4/0.5 g4/0.5 f4 b-4 " + TAIL  # the last 12 beats of the theme
IN_B_FLAT = (  # THEME a fifth higher
    "b-4/0.5 c5/0.5 d5/0.5 b-4/0.5 f5 f5 g5/0.5 f5/0.5 e-5/0.5 d5/0.5 c5 f5 "
    "d5/0.5 e-5/0.5 f5/0.5 d5/0.5 g5/0.5 a5/0.5 b-5 a5/0.5 g5/0.5 f5/0.5 e-5/0.5 d5 c5 "
)


def found(*lines: str) -> Ritornello:
    ritornello = ritornello_of(chorale(list(lines)))
    assert ritornello is not None
    return ritornello


def spans(ritornello: Ritornello) -> list[tuple[float, float, float, int]]:
    return [(r.start_beats, r.end_beats, r.source_beats, r.semitones) for r in ritornello.returns]


def test_exact_return() -> None:
    ritornello = found(THEME + OTHER + THEME)
    assert ritornello.end_beats == 16.0
    assert spans(ritornello) == [(32.0, 48.0, 0.0, 0)]
    assert ritornello.returns[0].share == 1.0
    assert ritornello.returns[0].kind == "exact"


def test_transposed_return_and_one_between_beats() -> None:
    ritornello = found(f"{THEME}{OTHER}{IN_B_FLAT}r/1.5 {THEME}")
    # the return at beat 49.5 is exact, so the ritornello reaches over all of the theme
    assert spans(ritornello) == [(32.0, 48.0, 0.0, 7), (49.5, 65.5, 0.0, 0)]
    assert [r.kind for r in ritornello.returns] == ["transposed", "exact"]


def test_shortened_return_of_the_end() -> None:
    ritornello = found(f"{THEME}{OTHER}{END}{END}r/16 {THEME}")
    assert spans(ritornello) == [(32.0, 44.0, 4.0, 0), (44.0, 56.0, 4.0, 0), (72.0, 88.0, 0.0, 0)]


def test_voices_over_a_return() -> None:
    ritornello = found(THEME + OTHER + THEME, f"r/32 {OTHER}", "r/32 c3/4 d3/4 e3/4 f3/4")
    assert spans(ritornello) == [(32.0, 48.0, 0.0, 0)]
    assert ritornello.returns[0].share == 1.0


def test_missing_notes() -> None:
    ritornello = found(THEME + OTHER + THEME.replace("c5/0.5 b-4/0.5 ", "r ", 1))
    assert spans(ritornello) == [(32.0, 48.0, 0.0, 0)]
    assert ritornello.returns[0].share == 23 / 25  # two of 12 + 13 notes are left out


@pytest.mark.parametrize("lines", [["r"], ["c4"], [THEME], [THEME + OTHER], ["c4/60"], [OTHER + "r/16 " + THEME]])
def test_none(lines: list[str]) -> None:
    assert ritornello_of(chorale(lines)) is None


def test_nothing_at_all() -> None:
    assert ritornello_of(Score(TICKS, ())) is None
    assert ritornello_of(Score(TICKS, (Part("", Notes.of([])),))) is None


def test_long_piece_is_searched_to_a_limit() -> None:
    rows = voice(THEME)[0]
    far = [(onset + 5000 * TICKS, *rest) for onset, *rest in rows]
    score = Score(TICKS, (Part("", Notes.of([*rows, *[(a, b, c, d) for a, b, c, d in far]])),))
    assert ritornello_of(score) is None


@settings(max_examples=10, deadline=None)
@given(st.integers(-30, 30))
def test_transposition_changes_nothing(semitones: int) -> None:
    score = chorale([f"{THEME}{OTHER}{IN_B_FLAT}{THEME}"])
    assert ritornello_of(transposed(score, semitones)) == ritornello_of(dataclasses.replace(score, keys=()))
