"""Copying: shares and longest matches worked by hand, and against a plain search."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.evaluation.copying import chorales
from ritornello.evaluation.copying.chorales import Index
from ritornello.scores.score import Metre, Notes, Part, Score

BEAT = 4  # ticks: one tick is one frame


def chorale(*chords: tuple[int, int, int, int], up: int = 0, pickup_beats: int = 0) -> Score:
    """A quarter note per chord, soprano first, in bars of two beats."""
    parts = [
        Part(f"voice {v}", Notes.of([(i * BEAT, BEAT, chord[v] + up, 80) for i, chord in enumerate(chords)]))
        for v in range(4)
    ]
    return Score(BEAT, tuple(parts), (Metre(0, 2, 4),), pickup_ticks=pickup_beats * BEAT)


I_, IV, V, VI = (72, 67, 64, 48), (72, 69, 65, 53), (71, 67, 62, 55), (72, 64, 60, 57)
CORPUS = [chorale(I_, IV, V, I_), chorale(VI, V, I_, I_)]


def test_a_training_piece_is_copied_whole() -> None:
    result = chorales.evaluate(CORPUS[0], Index(CORPUS))
    assert result["copied_share"] == 1.0
    assert result["longest_match_beats"] == 4.0


def test_half_a_piece_from_the_corpus() -> None:
    # bar I-IV stands in the corpus, bar IV-IV does not
    result = chorales.evaluate(chorale(I_, IV, IV, IV), Index(CORPUS))
    assert (result["bars"], result["copied_bars"], result["copied_share"]) == (2, 1, 0.5)
    assert result["longest_match_beats"] == 2.0


def test_a_transposed_copy_is_found_only_by_the_transposed_measures() -> None:
    result = chorales.evaluate(chorale(I_, IV, V, I_, up=2), Index(CORPUS))
    assert result["copied_share"] == 0.0
    assert result["longest_match_beats"] == 0.0
    assert result["copied_share_transposed"] == 1.0
    assert result["longest_match_beats_transposed"] == 4.0


def test_ticks_of_any_length_lie_on_one_grid() -> None:
    fine = CORPUS[0]
    coarse = [
        Part(part.name, Notes.of([(120 * t, 120 * d, p, v) for t, d, p, v in part.notes.rows()])) for part in fine.parts
    ]
    result = chorales.evaluate(Score(480, tuple(coarse), (Metre(0, 2, 4),)), Index(CORPUS))
    assert (result["bars"], result["copied_share"], result["longest_match_beats"]) == (2, 1.0, 4.0)


def test_another_note_at_either_end_of_a_bar_is_another_bar() -> None:
    for place, up in ((0, 1), (1, -1)):
        chords = [list(I_), list(IV)]
        chords[place][3 * place] += up
        result = chorales.evaluate(chorale(*[tuple(chord) for chord in chords]), Index(CORPUS))
        assert result["copied_share"] == result["copied_share_transposed"] == 0.0
        assert result["longest_match_beats"] == 1.0


def test_two_transpositions_side_by_side_are_not_one_match() -> None:
    first, second = chorale(I_, IV, up=1), chorale(V, I_, up=3)
    parts = [
        Part(a.name, Notes.of([*a.notes.rows(), *[(t + 2 * BEAT, d, p, v) for t, d, p, v in b.notes.rows()]]))
        for a, b in zip(first.parts, second.parts, strict=True)
    ]
    result = chorales.evaluate(Score(BEAT, tuple(parts), (Metre(0, 2, 4),)), Index(CORPUS))
    assert result["copied_share_transposed"] == 1.0
    assert result["longest_match_beats_transposed"] == 2.0


def test_a_held_note_is_not_a_repeated_one() -> None:
    held = Score(BEAT, tuple(Part("", Notes.of([(0, 2 * BEAT, p, 80)])) for p in I_), (Metre(0, 2, 4),))
    result = chorales.evaluate(held, Index([chorale(I_, I_)]))
    assert result["copied_share"] == 0.0
    assert result["longest_match_beats"] == 1.0  # the first beat, up to where the corpus strikes again


def test_no_match_runs_from_one_training_piece_into_the_next() -> None:
    result = chorales.evaluate(chorale(I_, IV, V, VI), Index([chorale(I_, IV), chorale(V, VI)]))
    assert result["longest_match_beats"] == 2.0


def test_pickups_are_no_bars() -> None:
    assert chorales.evaluate(chorale(V, I_, IV, pickup_beats=1), Index(CORPUS))["bars"] == 1


def test_nothing_to_compare_is_nan() -> None:
    nothing = chorales.evaluate(chorale(I_, IV), Index([]))
    assert nothing.pop("bars") == 1
    assert all(math.isnan(value) for value in nothing.values())
    silent = Score(BEAT, tuple(Part("", Notes.of([])) for _ in range(4)))
    assert math.isnan(chorales.evaluate(silent, Index(CORPUS))["copied_share"])


def longest_common_run(piece: np.ndarray, corpus: list[np.ndarray]) -> int:
    """The slow and plain way."""
    return max(
        n
        for n in range(len(piece) + 1)
        for other in corpus
        for i in range(len(piece) - n + 1)
        for j in range(len(other) - n + 1)
        if np.array_equal(piece[i : i + n], other[j : j + n])
    )


words = st.lists(st.integers(0, 2), min_size=1, max_size=9)


@settings(deadline=None)
@given(words, st.lists(words, min_size=1, max_size=3))
def test_longest_match_agrees_with_a_plain_search(piece: list[int], corpus: list[list[int]]) -> None:
    chords = (I_, IV, V)
    index = Index([chorale(*[chords[c] for c in other]) for other in corpus])
    found = chorales.evaluate(chorale(*[chords[c] for c in piece]), index)["longest_match_beats"]
    assert found == longest_common_run(np.array(piece), [np.array(other) for other in corpus])
