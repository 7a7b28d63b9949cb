"""The order in which bars are played."""

from __future__ import annotations

import pytest

from ritornello.errors import UserError
from ritornello.scores.page import PrintedBar
from ritornello.scores.repeats import playing_order


def bars(text: str) -> list[PrintedBar]:
    """Bars such as ``|:``, ``:|``, ``x``; ``1`` and ``2:`` are endings, the colon a repeat; ``4``: four times."""
    kinds = {
        "x": {},
        "|:": {"repeat_start": True},
        ":|": {"repeats": 2},
        "|::|": {"repeat_start": True, "repeats": 2},
        ":|4": {"repeats": 4},
        "[1": {"endings": frozenset({1})},
        "[1:|": {"endings": frozenset({1}), "repeats": 2},
        "[12:|": {"endings": frozenset({1, 2}), "repeats": 2},
        "[2": {"endings": frozenset({2})},
        "[2:|": {"endings": frozenset({2}), "repeats": 2},
        "[3": {"endings": frozenset({3})},
    }
    return [PrintedBar(i, i + 1, **kinds[word]) for i, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("x x x", "0 1 2"),
        ("x :| x", "0 1 0 1 2"),
        ("x |: x :| x", "0 1 2 3 1 2 3 4"),
        ("x :| |: :|", "0 1 0 1 2 3 2 3"),
        ("x :| x :|", "0 1 0 1 2 3 2 3"),
        ("x |::| x", "0 1 1 2"),
        ("x :|4", "0 1 0 1 0 1 0 1"),
        ("x [1:| [2 x", "0 1 0 2 3"),
        ("|: x [1 [1:| [2 [2 x", "0 1 2 3 0 1 4 5 6"),
        ("x [1:| [2:| x", "0 1 0 2 3"),
        ("x [12:| [3 x", "0 1 0 1 0 2 3"),
        ("x [1:| x", "0 1 0 2"),
        ("x [1:| [2 |: x [1:| [2", "0 1 0 2 3 4 5 3 4 6"),
    ],
)
def test_order(text: str, order: str) -> None:
    assert playing_order(bars(text), "") == [int(n) for n in order.split()]


def test_nothing_is_played_twice_after_da_capo() -> None:
    piece = bars("x [1:| [2 x x")
    piece[4].signs = {"dacapo"}
    assert playing_order(piece, "") == [0, 1, 0, 2, 3, 4, 0, 2, 3, 4]


def test_too_many_bars() -> None:
    with pytest.raises(UserError, match="20,000 bars"):
        playing_order(bars("x :| " * 6_000), "")


def test_a_piece_of_which_nothing_is_played() -> None:
    with pytest.raises(UserError, match="ever played"):
        playing_order(bars("[3"), "")
