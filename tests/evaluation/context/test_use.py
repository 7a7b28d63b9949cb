"""KRCU, the horizon table and all of it together: by hand, at the borders, and with nothing to measure."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ritornello.errors import UserError
from ritornello.evaluation.context.forgetting import (
    BIN_TOKENS,
    RESET_AT,
    UNTIL,
    extra_behind_reset,
    extra_beyond_horizon,
    horizon_stretches,
    horizon_table,
    krcu,
    merged,
    reset_stretches,
)
from ritornello.evaluation.context.tables import tables
from ritornello.evaluation.context.use import ContextOptions, evaluate
from ritornello.training.likelihood import token_nats
from tests.evaluation.listeners import Listener, Pieces, notes

OPTIONS = ContextOptions(
    reset_at=200,
    until=500,
    bin_tokens=100,
    keeps=(40, 120),
    depths=((40, 120), (120, 600)),
    control_tokens=100,
    batch_tokens=300,
)


def piece(length: int, seed: int = 0) -> np.ndarray:
    """A piece of exactly so many tokens in which nothing returns."""
    return np.array([1, *notes(np.random.default_rng(seed).integers(30, 100, length))])[:length]


def test_area_by_hand() -> None:
    """Two pieces; the shorter ends in the second bin. Bins: (4 + 8) / 8, (2 + 0) / 6, 1 / 4; their mean is the area."""
    long, short = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 9, 9], [2, 2, 2, 2, 0, 0]
    result = krcu([np.array(long), np.array(short), np.zeros(0)], reset_at=100, until=112, bin_tokens=4)
    assert [(bin_.start, bin_.stop) for bin_ in result.bins] == [(101, 105), (105, 109), (109, 113)]
    assert [bin_.extra.value for bin_ in result.bins] == pytest.approx([1.5, 2 / 6, 0.25])
    assert [bin_.mean_over_pieces.value for bin_ in result.bins] == pytest.approx([1.5, 0.25, 0.25])
    assert [bin_.extra.num_pieces for bin_ in result.bins] == [2, 2, 1]
    assert result.auc.value == pytest.approx((1.5 + 2 / 6 + 0.25) / 3)
    assert result.auc.num_pieces == 2
    assert result.num_bins == 3


def test_the_published_curve_gives_about_the_published_area() -> None:
    """Full horizon, read off the figure: 0.197 at 8k, then 0.053, 0.038, about 0.02 up to 20k, 0 by 23k: 0.0248."""
    curve = np.interp(np.arange(8, 29), [8, 9, 10, 12, 16, 20, 23, 29], [0.197, 0.053, 0.038, 0.03, 0.02, 0.02, 0, 0])
    result = krcu([np.repeat(curve, BIN_TOKENS)])
    assert (RESET_AT, UNTIL, BIN_TOKENS) == (8192, 29 * 1024, 1024)
    assert result.num_bins == len(result.bins) == 21
    assert result.auc.value == pytest.approx(curve.mean())
    assert result.auc.value == pytest.approx(0.0248, rel=0.15)


def test_a_last_bin_may_be_short() -> None:
    result = krcu([np.arange(10.0)], reset_at=0, until=10, bin_tokens=4)
    assert [bin_.stop - bin_.start for bin_ in result.bins] == [4, 4, 2]
    assert [bin_.extra.value for bin_ in result.bins] == [1.5, 5.5, 8.5]


@pytest.mark.parametrize("extra", [[], [np.zeros(0)], [np.zeros(0), np.zeros(0)]])
def test_without_a_piece_behind_the_border_there_is_no_area(extra: list[np.ndarray]) -> None:
    result = krcu(extra)
    assert math.isnan(result.auc.value)
    assert result.auc.num_pieces == result.num_bins == 0


@pytest.mark.parametrize(("length", "behind"), [(150, 0), (200, 0), (201, 0), (202, 1), (210, 9)])
def test_only_tokens_behind_the_border_count(length: int, behind: int) -> None:
    """Token 200 is predicted before the memory goes; 201 is the first that can be dearer."""
    data = Pieces([piece(length)])
    nats = token_nats(Listener(needs=50), data, [0], {0: reset_stretches(length, 200)})  # type: ignore[arg-type]
    extra = extra_behind_reset(nats.whole[0], nats.forgetting[0], 200)
    np.testing.assert_allclose(extra, np.full(behind, Listener(50).saved), rtol=1e-5)


@pytest.mark.parametrize("keep", [1, 3, 8, 40, 50])
def test_every_target_hears_what_is_kept_and_a_quarter_more_at_most(keep: int) -> None:
    """A listener who needs n tokens costs more exactly on the targets that hear fewer, and would else hear enough."""
    length, until, step = 230, 211, max(1, keep // 4)
    data, stretches = Pieces([piece(length)]), horizon_stretches(length, keep, until)
    target = np.arange(until)
    heard = np.where(target < keep + step, target, keep + (target - keep) % step)
    for needs in range(max(1, keep - 1), keep + step + 3):
        nats = token_nats(Listener(needs), data, [0], {0: stretches}, chunk_tokens=64)  # type: ignore[arg-type]
        extra = extra_beyond_horizon(nats.whole[0], nats.forgetting[0], keep, until)
        expected = np.where((heard < needs) & (target >= needs), Listener(needs).saved, 0)
        np.testing.assert_allclose(extra, expected, atol=1e-5)
    cost = sum(stop - start for start, stop in stretches.items())
    assert cost <= (1 + 4) * length if keep >= 8 else cost > 0


def test_stretches_that_begin_together_are_read_once() -> None:
    assert merged({3: 10, 5: 8}, {5: 20}, {3: 4}) == {3: 10, 5: 20}


def test_horizon_cells_by_hand() -> None:
    first, second = np.arange(8.0), np.array([0.0, 0, 9, 9])
    table = horizon_table({2: [first, second], 5: [0 * first, 0 * second]}, "by hand", ((2, 4), (4, 8), (8, 9)))
    assert [cell.value for cell in table.extra[0]] == pytest.approx([(2 + 3 + 9 + 9) / 4, 0])
    assert [cell.value for cell in table.extra[1]] == pytest.approx([(4 + 5 + 6 + 7) / 4, 0])
    assert [cell.num_pieces for row in table.extra for cell in row] == [2, 2, 1, 1, 0, 0]
    assert math.isnan(table.extra[2][0].value)


def test_all_together_by_hand() -> None:
    """A listener who needs 50 tokens: after the reset at 200 the tokens 201 to 249 are dear, so the area is a third of
    49 % of what it saves; with 40 tokens heard (49 at most) all from token 50 on is dear, with 120 nothing."""
    listener, lengths = Listener(needs=50), (650, 100, 480)
    data = Pieces([piece(length, seed) for seed, length in enumerate(lengths)])
    use = evaluate(listener, data, [0, 1, 2], OPTIONS)  # type: ignore[arg-type]
    assert use.krcu.auc.value == pytest.approx(0.49 * listener.saved / 3, rel=1e-5)
    assert [bin_.extra.num_pieces for bin_ in use.krcu.bins] == [2, 2, 2]
    early, late = use.horizon.extra
    assert early[0].value == pytest.approx(listener.saved * (70 + 50 + 70) / (80 + 60 + 80), rel=1e-5)
    assert late[0].value == pytest.approx(listener.saved, rel=1e-5)
    assert late[1].value == early[1].value == 0
    assert early[0].num_pieces == 3
    assert late[0].num_pieces == 2
    figures = use.figures()
    assert figures["krcu_auc"] == use.krcu.auc.value
    assert figures["keep_40_at_120_600"] == late[0].value
    assert figures["krcu_bins"] == 3
    json.dumps(use.facts(), allow_nan=False)


def test_a_model_that_can_be_limited_is_limited() -> None:
    """Exactly the last 40 are heard: all targets from token 50 on are dear, those before are dear anyway."""
    listener, length = Listener(needs=50), 650
    data = Pieces([piece(length)])
    use = evaluate(listener, data, [0], OPTIONS, limited=listener.limited)  # type: ignore[arg-type]
    assert use.horizon.protocol == "every layer remembers the kept tokens only"
    early, late = use.horizon.extra
    assert early[0].value == pytest.approx(listener.saved * (120 - 50) / (120 - 40), rel=1e-5)
    assert late[0].value == pytest.approx(listener.saved, rel=1e-5)
    assert early[1].value == late[1].value == 0
    assert use.krcu.auc.value == pytest.approx(0.49 * listener.saved / 3, rel=1e-5)


def test_the_batch_does_not_change_the_figures() -> None:
    data = Pieces([piece(length, seed) for seed, length in enumerate((300, 420, 222, 500))])
    one, other = (
        evaluate(Listener(30), data, [0, 1, 2, 3], ContextOptions(**{**SETTINGS, "batch_tokens": tokens}))  # type: ignore[arg-type]
        for tokens in (1, 10**5)
    )
    assert one.figures() == pytest.approx(other.figures(), nan_ok=True, rel=1e-5)


SETTINGS = {
    "reset_at": 200, "until": 500, "bin_tokens": 100, "keeps": (40, 120), "depths": ((40, 120), (120, 600)),
    "control_tokens": 100,
}  # fmt: skip


@pytest.mark.parametrize("pieces", [[], [0]])
def test_with_nothing_to_measure_it_says_so(pieces: list[int]) -> None:
    use = evaluate(Listener(5), Pieces([piece(30)]), pieces, OPTIONS)  # type: ignore[arg-type]
    assert math.isnan(use.figures()["krcu_auc"])
    assert use.facts()["krcu_auc"] is None
    text = tables(use)
    assert "no piece goes on behind token 200" in text
    assert "nan" not in text


def test_tables_show_the_figures() -> None:
    listener = Listener(needs=50)
    use = evaluate(listener, Pieces([piece(650)]), [0], OPTIONS)  # type: ignore[arg-type]
    text = tables(use)
    assert f"KRCU-AUC {0.49 * listener.saved / 3:.4f} [" in text
    assert "3 of 3 bins" in text
    assert f"| 201-300 | {0.49 * listener.saved:.4f} [" in text
    assert "| position | keep 40 | keep 120 | pieces |" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| exact")}
    assert widths == {11}


def test_chorales_have_no_context_use() -> None:
    with pytest.raises(UserError, match="performances"):
        evaluate(Listener(5), Pieces([piece(30)], name="notes"), [0], OPTIONS)  # type: ignore[arg-type]
