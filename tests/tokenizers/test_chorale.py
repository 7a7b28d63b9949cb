"""The chorale scheme on small scores by hand."""

import numpy as np
import pytest

from ritornello.errors import UserError
from ritornello.scores.score import KeySignature, Metre, Notes, Part, Score
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.chorale import ChoraleTokenizer, quantize

TOKENIZER = ChoraleTokenizer()
NAMES = TOKENIZER.vocabulary.names


def _score(*voices: list[tuple[int, int, int]], **fields: object) -> Score:
    """Voices of (onset, duration, pitch) in ticks of 4 to the beat, so a tick is a frame."""
    parts = tuple(Part("x", Notes.of([(*row, 64) for row in voice])) for voice in voices)
    return Score(4, parts, **fields)  # type: ignore[arg-type]


def _frames(score: Score) -> list[list[str]]:
    ids = TOKENIZER.encode(score).ids.reshape(-1, 5)
    return [[NAMES[i] for i in frame] for frame in ids]


def test_a_held_note_differs_from_a_struck_one_and_a_rest_from_silence() -> None:
    held, struck = [(0, 2, 60)], [(0, 1, 60), (1, 1, 60)]
    frames = _frames(_score(held, struck, [(1, 1, 50)], [(0, 1, 40)], keys=(KeySignature(0, -1, "minor"),)))
    assert frames == [
        ["BOS", "METRE_4/4", "PICKUP_0", "FIFTHS_-1", "MODE_minor"],
        ["NONE", "PITCH_60", "PITCH_60", "REST", "PITCH_40"],
        ["NONE", "HOLD", "PITCH_60", "PITCH_50", "REST"],
        ["END", "PAD", "PAD", "PAD", "PAD"],
    ]


def test_metre_changes_and_pickup_stand_at_their_place() -> None:
    score = _score(*[[(0, 36, 60)]] * 4, metres=(Metre(0, 3, 4), Metre(16, 4, 4)), pickup_ticks=4)
    frames = _frames(score)
    assert frames[0][1:3] == ["METRE_3/4", "PICKUP_4"]
    assert [i for i, frame in enumerate(frames[1:-1]) if frame[0] == "METRE_4/4"] == [16]
    assert TOKENIZER.decode(TOKENIZER.encode(score)).bars() == [(0, 480), (480, 1920), (1920, 3840), (3840, 4320)]


def test_a_fermata_stands_where_the_soprano_has_it_and_marks_all_voices_that_strike() -> None:
    soprano = Part("s", Notes.of([(0, 4, 72, 64), (4, 4, 71, 64)]), fermatas_ticks=(4,))
    bass = Part("b", Notes.of([(0, 4, 48, 64), (4, 2, 50, 64), (6, 2, 43, 64)]), fermatas_ticks=(6,))
    inner = Part("i", Notes.of([(0, 8, 60, 64)]))
    score = Score(4, (soprano, inner, inner, bass))
    decoded = TOKENIZER.decode(TOKENIZER.encode(score))
    assert [part.fermatas_ticks for part in decoded.parts] == [(480,), (), (), (480,)]


def test_notes_between_the_sixteenths_go_to_the_nearest() -> None:
    thirty_seconds = Part("s", Notes.of([(12 * i, 12, 60 + i, 64) for i in range(8)]))  # 96 ticks a beat
    triplets = Part("a", Notes.of([(32 * i, 32, 60 + i, 64) for i in range(3)]))
    whole = Part("t", Notes.of([(0, 96, 50, 64)]))
    grid = quantize(Score(96, (thirty_seconds, triplets, whole, whole)))
    assert list(grid.parts[0].notes.rows()) == [(120 * i, 120, 60 + 2 * i, 80) for i in range(4)]
    assert [row[:3] for row in grid.parts[1].notes.rows()] == [(0, 120, 60), (120, 240, 61), (360, 120, 62)]


def test_a_closing_rest_keeps_its_length() -> None:
    score = _score(*[[(0, 4, 60)]] * 4, closing_ticks=16)
    assert TOKENIZER.decode(TOKENIZER.encode(score)).end_ticks == 16 * 120


@pytest.mark.parametrize(
    ("score", "says"),
    [
        (_score([(0, 4, 60)]), "1 parts"),
        (_score([(0, 4, 60), (2, 4, 62)], *[[(0, 4, 60)]] * 3), "chords"),
        (_score([(0, 4, 100)], *[[(0, 4, 60)]] * 3), "out of range"),
        (_score(*[[(0, 4, 60)]] * 4, metres=(Metre(0, 13, 16),)), "metre 13/16"),
        (_score(*[[(0, 2**31, 60)]] * 4), "too long"),
        (_score([], [], [], []), "no notes"),
    ],
)
def test_what_the_scheme_cannot_hold_is_a_users_error(score: Score, says: str) -> None:
    with pytest.raises(UserError, match=says):
        TOKENIZER.encode(score)


def test_grammar_at_the_places_that_matter() -> None:
    def allowed(*names: str) -> set[str]:
        mask = TOKENIZER.allowed(TOKENIZER.vocabulary.tokens(names))
        return {NAMES[i] for i in np.flatnonzero(mask)}

    header = ("BOS", "METRE_3/8", "PICKUP_2", "FIFTHS_0", "MODE_major")
    frame = ("NONE", "REST", "PITCH_60", "HOLD", "HOLD")
    assert allowed() == {"BOS"}
    assert allowed("BOS", "METRE_3/8") == {f"PICKUP_{k}" for k in range(6)}
    assert allowed(*header) == {"NONE", "FERMATA"}
    assert "HOLD" not in allowed(*header, "NONE")
    assert "END" not in allowed(*header, "NONE", "REST")
    assert allowed(*header, *frame) == {"NONE", "FERMATA", "END"}
    at_barline = allowed(*header, *frame, *frame)
    assert "METRE_4/4" in at_barline
    assert "METRE_3/8" not in at_barline
    assert allowed(*header, *frame, "END") == {"PAD"}


def test_transposition_leaves_what_is_out_of_range() -> None:
    table, ids = TOKENIZER.transposed(2), TOKENIZER.vocabulary.ids
    assert table[ids["PITCH_88"]] == ids["PITCH_90"]
    assert table[ids["PITCH_89"]] == -1
    assert table[ids["FIFTHS_0"]] == ids["FIFTHS_2"]
    assert table[ids["FIFTHS_5"]] == ids["FIFTHS_-5"]
    assert np.array_equal(TOKENIZER.transposed(0), np.arange(len(NAMES)))


def test_tokens_of_another_vocabulary_are_refused() -> None:
    with pytest.raises(UserError, match="vocabulary"):
        TOKENIZER.decode(Tokens(np.arange(10), "0" * 16))
