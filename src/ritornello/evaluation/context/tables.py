"""Context use as Markdown: KRCU, the horizon table, second occurrences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ritornello.evaluation.context.forgetting import HorizonTable, Krcu
from ritornello.evaluation.context.second_occurrence import Returns
from ritornello.evaluation.context.use import ContextUse
from ritornello.evaluation.statistics import Estimate


def tables(use: ContextUse) -> str:
    """All three, each with what it says in a line above."""
    return "\n\n".join(
        [
            krcu_table(use.krcu),
            horizon_markdown(use.horizon),
            returns_table(use.returns, use.options.control_tokens),
        ]
    )


def krcu_table(krcu: Krcu) -> str:
    """One line per bin that some piece reaches; the area above them."""
    auc = krcu.auc
    if not auc.num_pieces:
        return f"**KRCU**: no piece goes on behind token {krcu.reset_at:,}: nothing to measure."
    bins = f"{krcu.num_bins} of {len(krcu.bins)} bins"
    title = (
        f"**KRCU-AUC {_cell(auc)}** ({bins}, {auc.num_pieces} pieces; all memory dropped at token {krcu.reset_at:,})"
    )
    rows = [
        [
            f"{bin_.start:,}-{bin_.stop - 1:,}",
            _cell(bin_.extra),
            _value(bin_.mean_over_pieces),
            str(bin_.extra.num_pieces),
        ]
        for bin_ in krcu.bins
        if bin_.extra.num_pieces
    ]
    return f"{title}\n\n" + _table(["tokens", "extra nats per token", "mean over pieces", "pieces"], rows)


def horizon_markdown(horizon: HorizonTable) -> str:
    """Depth by tokens kept; extra nats per token."""
    rows = [
        [f"{_k(start)}-{_k(stop)}", *map(_cell, row), str(row[0].num_pieces)]
        for (start, stop), row in zip(horizon.depths, horizon.extra, strict=True)
    ]
    title = f"**Extra nats per token when only the last tokens are heard** ({horizon.protocol})"
    return f"{title}\n\n" + _table(["position", *(f"keep {_k(keep)}" for keep in horizon.keeps), "pieces"], rows)


def returns_table(returns: Sequence[Returns], control_tokens: int) -> str:
    """One line per kind and distance."""
    head = ["kind", "distance", "returns", "nats per note: first", "return", "gain", "gain per token"]
    head += [f"memory beyond {_k(control_tokens)}, per note", "returns behind it", "pieces"]
    rows = [
        [
            *(row.kind, row.distance, f"{row.num_returns:,}", _value(row.note_first), _value(row.note_again)),
            *(_cell(row.note_gain), _cell(row.token_gain), _cell(row.memory), f"{row.num_controlled:,}"),
            str(row.note_gain.num_pieces),
        ]
        for row in returns
    ]
    return "**Second occurrences**: passages that were heard before\n\n" + _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _cell(estimate: Estimate) -> str:
    """``0.0248 [0.0201, 0.0293]``; a dash where there is nothing to count."""
    if math.isnan(estimate.value):
        return "—"
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"


def _value(estimate: Estimate) -> str:
    return "—" if math.isnan(estimate.value) else f"{estimate.value:.4f}"


def _k(tokens: int) -> str:
    """Tokens in k of 1,024 where they are whole."""
    return f"{tokens // 1024}k" if tokens % 1024 == 0 and tokens else f"{tokens:,}"
