"""The table: weights, goals and cells worked by hand."""

import math

import pytest

from ritornello.evaluation.side_by_side import Goal, Row, table
from ritornello.evaluation.statistics import rate

OURS = [
    {"key": 0.5, "num_phrases": 2.0, "fifths": 2.0, "beats": 50.0},
    {"key": 1.0, "num_phrases": 6.0, "fifths": 0.0, "beats": 150.0},
]
THEIRS = 2 * [{"key": 1.0, "num_phrases": 2.0, "fifths": 0.0, "beats": 50.0}]


def test_a_share_counts_pieces_by_their_items() -> None:
    assert rate(Row("key", "key", "num_phrases").tally(OURS)).value == pytest.approx(7 / 8)
    assert rate(Row("fifths", "fifths", "beats").tally(OURS)).value == pytest.approx(0.5)  # 1 in 200 beats
    assert rate(Row("key", "key").tally(OURS)).value == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("goal", "value", "reference", "expected"),
    [
        (Goal(0.85), 0.85, math.nan, True),
        (Goal(0.85), 0.84, 1.0, False),
        (Goal(0.9, ratio=True), 0.81, 0.9, True),
        (Goal(1.5, ratio=True, at_most=True), 0.16, 0.1, False),
        (Goal(1.5, ratio=True, at_most=True), 0.0, 0.0, True),
        (Goal(1.5, ratio=True, at_most=True), 0.1, 0.0, False),
        (Goal(0.85), math.nan, 1.0, None),
        (Goal(0.9, ratio=True), 0.5, math.nan, None),
    ],
)
def test_goals(goal: Goal, value: float, reference: float, *, expected: bool | None) -> None:
    assert goal.met(value, reference) is expected


def test_the_table_shows_value_interval_ratio_and_verdict() -> None:
    rows = [
        Row("keys", "key", "num_phrases", goal=Goal(0.9, ratio=True)),
        Row("fifths per 100 beats", "fifths", "beats", percent=False, goal=Goal(1.5, ratio=True, at_most=True)),
    ]
    lines = table(rows, OURS, THEIRS, ("ours (2)", "Bach (2)")).splitlines()
    assert lines[0] == "| | ours (2) | Bach (2) | ratio | goal | |"
    assert lines[2] == (
        "| keys | 87.5 % [50.0, 100.0] | 100.0 % [100.0, 100.0] | 0.88 [0.50, 1.00] "
        "| ≥ 0.9 of the reference | **not met** |"
    )
    assert lines[3].endswith("| — | ≤ 1.5 of the reference | **not met** |")


def test_a_figure_that_no_piece_has_is_a_dash() -> None:
    nothing = [{"returns": math.nan}]
    assert (
        table([Row("returns", "returns")], nothing, nothing, ("a", "b")).splitlines()[2]
        == "| returns | — | — | — |  |  |"
    )
