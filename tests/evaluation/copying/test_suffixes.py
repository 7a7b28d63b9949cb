"""The suffix array and the search in it, against sorting and comparing everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.evaluation.copying import suffixes
from ritornello.evaluation.copying.suffixes import END, PADDING, Bytes, longest_runs, suffix_array

rows = st.lists(st.integers(0, 2), max_size=30)
texts = st.lists(rows, max_size=6)


def text_of(pieces: list[list[int]]) -> Bytes:
    return np.array([*(byte for piece in pieces for byte in (*piece, END)), *[END] * PADDING], dtype=np.uint8)


def check(pieces: list[list[int]], sequence: list[int]) -> None:
    """Lengths are those of the longest run in any piece, and each run stands where it is said to stand."""
    text = text_of(pieces)
    lengths, places = longest_runs(text, suffix_array(text), np.array(sequence, dtype=np.uint8))
    for start, (length, place) in enumerate(zip(lengths.tolist(), places.tolist(), strict=True)):
        wanted = max(
            (
                n
                for piece in pieces
                for i in range(len(piece))
                for n in range(1, min(len(piece) - i, len(sequence) - start) + 1)
                if piece[i : i + n] == sequence[start : start + n]
            ),
            default=0,
        )
        assert length == wanted
        if wanted:
            assert text[place : place + length].tolist() == sequence[start : start + length]
        else:
            assert place == -1


@given(texts)
def test_suffixes_are_in_order(pieces: list[list[int]]) -> None:
    text = text_of(pieces)
    order = suffix_array(text)
    num = len(text) - PADDING
    assert sorted(order.tolist()) == list(range(num))
    to_end = [text[place : place + text[place:].tolist().index(END) + 1].tolist() for place in order.tolist()]
    assert to_end == sorted(to_end)  # beyond an END the order does not matter


@settings(max_examples=200)
@given(texts, rows)
def test_the_longest_run_is_found_where_it_is(pieces: list[list[int]], sequence: list[int]) -> None:
    check(pieces, sequence)


@settings(max_examples=50)
@given(texts, st.data())
def test_parts_of_any_size_sort_alike(pieces: list[list[int]], data: st.DataObject) -> None:
    """The order is the same whether groups are sorted at once or in parts."""
    text = text_of(pieces)
    whole = suffix_array(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suffixes, "_PART", data.draw(st.integers(1, 20)))
        assert np.array_equal(suffix_array(text), whole)


def test_by_hand() -> None:
    """Of 1 2 3 4 the text 0 1 2 3 | 3 4 has 1 2 3, 2 3, 3 4 and 4: 1 2 3 at 1, 2 3 at 2, 3 4 at 5, 4 at 6."""
    text = text_of([[0, 1, 2, 3], [3, 4]])
    found = longest_runs(text, suffix_array(text), np.array([1, 2, 3, 4], dtype=np.uint8))
    assert found.length.tolist() == [3, 2, 2, 1]
    assert found.place.tolist() == [1, 2, 5, 6]


@pytest.mark.parametrize("length", [7, 8, 9, 15, 16, 17, 63, 64, 65, 500])
def test_runs_of_any_number_of_words(length: int) -> None:
    """Eight bytes are compared at once: runs that end before, at and behind such a border."""
    random = np.random.default_rng(length)
    run = random.integers(0, 250, length).tolist()
    piece = [*random.integers(0, 250, 3000).tolist(), 251, *run, 252, *random.integers(0, 250, 40).tolist()]
    text = text_of([piece])
    found = longest_runs(text, suffix_array(text), np.array([253, *run, 254], dtype=np.uint8))
    assert found.length[1] == length
    assert found.place[1] == 3001
    assert found.length[0] == found.length[-1] == 0


def test_one_byte_over_and_over() -> None:
    """All of the text is one group, and still sorted in a moment."""
    text = text_of([[5] * 20_000])
    found = longest_runs(text, suffix_array(text), np.full(3_000, 5, dtype=np.uint8))
    assert found.length.tolist() == list(range(3_000, 0, -1))


def test_nothing_in_nothing() -> None:
    for pieces, sequence in (([], []), ([], [1]), ([[]], [1]), ([[1]], []), ([[], [], [2]] * 12, [1])):
        check(pieces, sequence)
