"""Second occurrences: gains and memory worked out by hand for a model that repeats what it has heard."""

from __future__ import annotations

import math

import numpy as np
import pytest
from torch import nn

from ritornello.evaluation.context.second_occurrence import Returns, control_stretches, evaluate, occurrences
from ritornello.evaluation.recurrence import note_events
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.training.likelihood import token_nats
from tests.evaluation.listeners import VOCABULARY, Listener, Parrot, Pieces, notes

NUM_NOTES = 24
UNKNOWN, KNOWN = math.log(VOCABULARY), math.log(2)
CONTROL = 100


def piece_of(between: int, level: int = 0, seed: int = 0) -> np.ndarray:
    """BOS, a passage of 24 notes, so many other notes, the passage again, and an end of eight notes."""
    random = np.random.default_rng(seed)
    theme, rest, end = (random.integers(30, 90, count) for count in (NUM_NOTES, between, 8))
    return np.array([1, *notes(theme), *notes([20]), *notes(rest), *notes([100]), *notes(theme + level), *notes(end)])


def measured(
    pieces: list[np.ndarray], control: int = CONTROL, model: nn.Module | None = None
) -> dict[tuple[str, str], Returns]:
    scheme, data, places = PerformanceTokenizer, Pieces(pieces), list(range(len(pieces)))
    found = [occurrences(note_events(ids, scheme.strikes_V, scheme.seconds_V)) for ids in pieces]
    stretches = {i: control_stretches(mine, control) for i, mine in enumerate(found)}
    nats = token_nats(model or Parrot(), data, places, stretches, chunk_tokens=97)  # type: ignore[arg-type]
    rows = evaluate(found, [nats.whole[i] for i in places], [nats.forgetting[i] for i in places], control)
    assert len(rows) == 8
    return {(row.kind, row.distance): row for row in rows}


def test_where_a_return_is() -> None:
    (one,) = occurrences(note_events(piece_of(200), PerformanceTokenizer.strikes_V, PerformanceTokenizer.seconds_V))
    assert one.first[:2] == (1, 1 + 2 * NUM_NOTES - 1)
    assert one.again.start - one.first.start == one.distance == 2 * (NUM_NOTES + 202)
    assert one.gap == one.distance - (2 * NUM_NOTES - 1)
    assert one.again.notes.tolist() == list(range(one.again.start, one.again.stop, 2))


def test_an_exact_return_by_hand() -> None:
    """Notes 0 to 3 of the return tell the parrot where it is; all 20 others cost log 2. With the last 100 tokens only
    it does not know them, and the first statement it never knew."""
    row = measured([piece_of(200)])["exact", "below 1k"]
    gain = (NUM_NOTES - 4) * (UNKNOWN - KNOWN) / NUM_NOTES
    assert (row.num_returns, row.num_notes, row.num_controlled) == (1, NUM_NOTES, 1)
    assert row.note_first.value == pytest.approx(UNKNOWN, rel=1e-5)
    assert row.note_gain.value == pytest.approx(gain, rel=1e-5)
    assert row.note_again.value == pytest.approx(UNKNOWN - gain, rel=1e-5)
    tokens = 2 * NUM_NOTES - 1
    assert row.token_first.value == pytest.approx(UNKNOWN, rel=1e-5)
    assert row.token_gain.value == pytest.approx((tokens - 8) * (UNKNOWN - KNOWN) / tokens, rel=1e-5)
    assert row.memory.value == pytest.approx(gain, rel=1e-5)


def test_a_parrot_does_not_transpose() -> None:
    rows = measured([piece_of(600, level=2)])
    row = rows["transposed", "1k-4k"]
    assert row.num_returns == 1
    assert (row.note_gain.value, row.memory.value) == pytest.approx((0, 0), abs=1e-5)
    assert all(other.num_returns == 0 for key, other in rows.items() if key != ("transposed", "1k-4k"))


def test_what_the_control_still_hears_is_no_control() -> None:
    row = measured([piece_of(200)], control=420)["exact", "below 1k"]
    assert (row.num_returns, row.num_controlled) == (1, 0)
    assert math.isnan(row.memory.value)


def test_what_is_easy_anyway_is_a_gain_but_no_memory() -> None:
    """This model is sure of itself from the 25th token on: half of the first statement is dear."""
    row = measured([piece_of(200)], model=Listener(needs=25))["exact", "below 1k"]
    assert row.note_gain.value == pytest.approx(Listener(25).saved / 2, rel=1e-5)
    assert row.num_controlled == 1
    assert row.memory.value == 0


def test_only_returns_from_far_back_are_controlled() -> None:
    """The passage is played twice running, and twice again much later."""
    random = np.random.default_rng(3)
    theme, rest = random.integers(30, 90, NUM_NOTES), random.integers(30, 90, 300)
    twice = [*notes(theme), *notes(theme)]
    ids = np.array([1, *notes(random.integers(30, 90, 60)), *twice, *notes([20]), *notes(rest), *notes([100]), *twice])
    row = measured([ids])["exact", "below 1k"]
    assert (row.num_returns, row.num_controlled) == (3, 1)
    assert row.memory.value == pytest.approx((NUM_NOTES - 4) * (UNKNOWN - KNOWN) / NUM_NOTES, rel=1e-5)


def test_returns_of_several_pieces_are_weighed_by_notes() -> None:
    rows = measured([piece_of(200, seed=1), piece_of(200, level=3, seed=2), piece_of(220, seed=3), piece_of(0)[:40]])
    assert rows["exact", "below 1k"].num_returns == 2
    assert rows["exact", "below 1k"].note_gain.num_pieces == 2
    assert rows["transposed", "below 1k"].num_returns == 1


def test_no_piece_and_no_return_are_nan() -> None:
    for pieces in ([], [piece_of(10)[:30]]):
        row = measured(pieces)["exact", "1k-4k"]
        assert (row.num_returns, row.num_notes) == (0, 0)
        assert all(math.isnan(x.value) for x in (row.note_gain, row.token_gain, row.memory))
