"""Grouping by melody: blind to transposition, rhythm and ornament, not to the tune."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.chorale_table import chorale_table
from ritornello.data.corpora.jsb_chorales import score_from_frames
from ritornello.data.splits import SIMILAR, groups_of, is_chosen, opening, sides, similarity

TUNE = (0, 2, 4, 5, 7, 5, 4, 2, 0, 7, 9, 11, 0, 11, 9, 7, 5, 4, 2, 0)
OTHER = (7, 3, 8, 2, 10, 3, 0, 8, 5, 10, 3, 7, 2, 8, 0, 3, 10, 5, 8, 7)


def test_opening_takes_the_beats_and_drops_repeats() -> None:
    soprano = [60] * 4 + [60] * 4 + [62, 62, 64, 64] + [65] * 8 + [-1] * 4 + [67] * 4
    frames = tuple((pitch, 55, 50, 40) for pitch in soprano)
    assert opening(score_from_frames(frames)) == (0, 2, 5, 7)


@given(st.integers(0, 11))
def test_a_transposed_tune_is_the_same(semitones: int) -> None:
    moved = tuple((pitch + semitones) % 12 for pitch in TUNE)
    assert similarity(TUNE, [moved])[0] == 1


def test_hand_counted_distances() -> None:
    changed = (*TUNE[:4], 8, *TUNE[5:])
    inserted = (*TUNE[:4], 6, *TUNE[4:19])
    assert similarity(TUNE, [changed, inserted, OTHER[:7]]).tolist() == pytest.approx([0.95, 0.9, 0.0])


@given(st.lists(st.integers(0, 11), min_size=8, max_size=20), st.lists(st.integers(0, 11), min_size=8, max_size=20))
def test_similarity_is_symmetric_and_bounded(one: list[int], other: list[int]) -> None:
    there, back = similarity(one, [other])[0], similarity(other, [one])[0]
    assert there == pytest.approx(back)
    assert 0 <= there <= 1


def test_groups_close_over_tunes_labels_and_titles() -> None:
    moved = tuple((pitch + 5) % 12 for pitch in TUNE)
    distant = (*TUNE[:13], *OTHER[13:])  # between the two limits
    assert 0.55 <= similarity(TUNE, [distant])[0] < 0.75
    openings = {"a": TUNE, "b": moved, "c": OTHER, "d": (1,) * 3, "e": distant, "f": distant}
    groups = groups_of(openings, {"c": ["BWV 1"], "d": ["BWV 1"]}, {"a": "Lobe", "e": "Lobe"})
    assert groups["a"] == groups["b"] == groups["e"] == groups["f"]
    assert groups["c"] == groups["d"] != groups["a"]
    assert groups_of({"a": TUNE, "e": distant}, {}, {}) == {"a": "a", "e": "e"}


def test_the_share_is_about_what_was_asked() -> None:
    chosen = np.mean([is_chosen(f"group {i}", 0.08, "seed") for i in range(5000)])
    assert chosen == pytest.approx(0.08, abs=0.012)


def test_no_melody_stands_on_both_sides_of_any_corpus() -> None:
    sides: dict[str, set[str]] = {}
    for corpus in ("bach_370", "music21_bach"):
        for group, split in chorale_table(corpus).values():
            sides.setdefault(group, set()).add("held out" if split in {"test", "unused"} else split)
    assert all(len(found) == 1 for found in sides.values())


def test_the_test_pieces_are_chorales_320_to_370() -> None:
    test = [name for name, place in chorale_table("bach_370").items() if place.split == "test"]
    assert test == [f"chor{number}" for number in range(320, 371)]


@pytest.mark.data
def test_no_training_piece_opens_like_a_test_piece(data_folder: Path) -> None:
    pytest.importorskip("music21", reason="the extra 'corpora' is not installed")
    openings: dict[str, list[tuple[int, ...]]] = {"train": [], "validation": [], "test": [], "unused": []}
    for corpus in ("bach_370", "music21_bach"):
        for piece in CORPORA[corpus].pieces(data_folder):
            openings[piece.split].append(opening(piece.load()))
    assert len(openings["test"]) == 51
    assert len(openings["train"]) > 400
    for side in ("train", "validation"):
        likest = [similarity(tune, openings[side]).max() for tune in openings["test"]]
        assert max(likest) < SIMILAR
    likest = [similarity(tune, openings["train"]).max() for tune in openings["validation"]]
    assert max(likest) < SIMILAR


@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(0, 9), min_size=1), st.integers(0, 5))
def test_groups_stay_on_one_side(groups: dict[str, int], seed: int) -> None:
    named = {piece: str(group) for piece, group in groups.items()}
    found = sides(named, seed)
    assert found.keys() == named.keys()
    for group in set(named.values()):
        assert len({found[piece] for piece in named if named[piece] == group}) == 1
    assert "train" in found.values()
    if len(set(named.values())) > 1:
        assert "validation" in found.values()


@pytest.mark.parametrize(
    ("num_pieces", "expected"),
    [(1, (1, 0, 0)), (2, (1, 1, 0)), (9, (8, 1, 0)), (20, (16, 2, 2)), (109, (89, 10, 10))],
)
def test_about_a_tenth_is_held_out_twice(num_pieces: int, expected: tuple[int, ...]) -> None:
    names = {f"piece {number}": f"piece {number}" for number in range(num_pieces)}
    found = list(sides(names, 1).values())
    assert tuple(found.count(side) for side in ("train", "validation", "test")) == expected


def test_the_seed_decides_and_the_order_does_not() -> None:
    names = {f"piece {number}": f"piece {number}" for number in range(50)}
    assert sides(names, 1) == sides(dict(reversed(names.items())), 1)
    assert sides(names, 1) != sides(names, 2)


def test_two_copies_are_trained_on() -> None:
    assert sides({"a": "a", "b": "a"}, 1) == {"a": "train", "b": "train"}
