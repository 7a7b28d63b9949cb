"""Context use: how much of what a model heard long ago it makes use of, in nats.

One run over some pieces, with the memory taken away here and there, gives KRCU and the horizon table
(``forgetting.py``, which states their conventions) and the gain in second occurrences (``second_occurrence.py``,
``recurrence.py``). ``evaluate`` takes a model, ``ContextUse.figures`` gives names and values, ``tables.py``
Markdown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeAlias

from torch import nn

from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.evaluation.context import forgetting, second_occurrence
from ritornello.evaluation.context.forgetting import (
    HorizonTable,
    Krcu,
    NatsArray,
    extra_behind_reset,
    extra_beyond_horizon,
    horizon_stretches,
    horizon_table,
    krcu,
    merged,
    reset_stretches,
)
from ritornello.evaluation.context.second_occurrence import Occurrence, Returns, control_stretches, occurrences
from ritornello.evaluation.recurrence import note_events
from ritornello.evaluation.statistics import Estimate
from ritornello.tokenizers.note_duration import NoteDurationTokenizer
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.training.likelihood import BATCH_TOKENS, token_nats

SCHEMES = {scheme.name: scheme for scheme in (PerformanceTokenizer, NoteDurationTokenizer)}
Limited: TypeAlias = Callable[[int], nn.Module]


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """Where memory is taken away, in tokens; the defaults are the published ones."""

    reset_at: int = forgetting.RESET_AT
    until: int = forgetting.UNTIL
    """Where the last bin of KRCU ends."""
    bin_tokens: int = forgetting.BIN_TOKENS
    keeps: tuple[int, ...] = forgetting.KEEPS
    depths: tuple[tuple[int, int], ...] = forgetting.DEPTHS
    control_tokens: int = second_occurrence.CONTROL_TOKENS
    batch_tokens: int = BATCH_TOKENS
    """Tokens scored at once, about."""
    bf16: bool = False
    """Let matrix products run in bfloat16. Over a few thousand tokens extra nats below 0.0002 are then rounding."""

    @property
    def deepest(self) -> int:
        """Where the horizon table ends."""
        return max(stop for _, stop in self.depths)


@dataclass(frozen=True, slots=True)
class ContextUse:
    """All that was measured, on how many pieces."""

    options: ContextOptions
    num_pieces: int
    krcu: Krcu
    horizon: HorizonTable
    returns: tuple[Returns, ...]

    def figures(self) -> dict[str, float]:
        """Names and values, of estimates also ``_low``, ``_high`` and ``_pieces``; nan where nothing could count."""
        counts: dict[str, float] = {"pieces": self.num_pieces, "krcu_bins": self.krcu.num_bins}
        named: dict[str, Estimate] = {"krcu_auc": self.krcu.auc}
        for bin_ in self.krcu.bins:
            named[f"krcu_from_{bin_.start}"] = bin_.extra
            named[f"krcu_from_{bin_.start}_mean_over_pieces"] = bin_.mean_over_pieces
        for (start, stop), row in zip(self.horizon.depths, self.horizon.extra, strict=True):
            for keep, extra in zip(self.horizon.keeps, row, strict=True):
                named[f"keep_{keep}_at_{start}_{stop}"] = extra
        for row in self.returns:
            name = f"{row.kind}_{row.distance.replace(' ', '_')}"
            counts |= {f"{name}_returns": row.num_returns, f"{name}_controlled": row.num_controlled}
            counts[f"{name}_notes"] = row.num_notes
            for part in ("note_first", "note_again", "note_gain", "token_first", "token_again", "token_gain", "memory"):
                named[f"{name}_{part}"] = getattr(row, part)
        parts = ("", "_low", "_high", "_pieces")
        return counts | {
            name + part: value for name, estimate in named.items() for part, value in zip(parts, estimate, strict=True)
        }

    def facts(self) -> dict[str, Any]:
        """Options, protocol and figures as plain values, for JSON; null where nothing could count."""
        figures = {name: None if math.isnan(value) else value for name, value in self.figures().items()}
        return {"options": asdict(self.options), "horizon_protocol": self.horizon.protocol, **figures}


def evaluate(
    model: nn.Module,
    data: PreparedLevel,
    pieces: Sequence[int],
    options: ContextOptions | None = None,
    *,
    limited: Limited | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ContextUse:
    """KRCU, horizon table and second occurrences of a model on some pieces.

    Args:
        model: a ``LanguageModel`` over a performance scheme.
        data: a prepared level.
        pieces: indices into ``data.entries``.
        options: where memory is taken away.
        limited: number of positions -> the same model with every layer limited to so many, for the horizon table;
            None = it is made to forget and to read again.
        on_progress: called with tokens read and to be read; begins anew for each limited model.

    Raises:
        UserError: the level is no performance.
    """
    options = options or ContextOptions()
    found = [_occurrences(data, i) for i in pieces]
    stretches = [
        merged(
            reset_stretches(min(data.entries[i].length, options.until + 1), options.reset_at),
            *(
                horizon_stretches(data.entries[i].length, keep, options.deepest)
                for keep in options.keeps
                if not limited
            ),
            control_stretches(mine, options.control_tokens),
        )
        for i, mine in zip(pieces, found, strict=True)
    ]
    read = partial(token_nats, batch_tokens=options.batch_tokens, bf16=options.bf16, on_progress=on_progress)
    nats = read(model, data, pieces, dict(zip(pieces, stretches, strict=True)))
    whole, taken = [nats.whole[i] for i in pieces], [nats.forgetting[i] for i in pieces]
    behind = [extra_behind_reset(*both, options.reset_at) for both in zip(whole, taken, strict=True)]
    if limited is None:
        horizon = _reread(whole, taken, options)
    else:
        others = {keep: read(limited(keep), data, pieces, until=options.deepest).whole for keep in options.keeps}
        horizon = _limited(whole, {keep: [other[i] for i in pieces] for keep, other in others.items()}, options)
    return ContextUse(
        options=options,
        num_pieces=len(pieces),
        krcu=krcu(behind, reset_at=options.reset_at, until=options.until, bin_tokens=options.bin_tokens),
        horizon=horizon,
        returns=tuple(second_occurrence.evaluate(found, whole, taken, options.control_tokens)),
    )


def _occurrences(data: PreparedLevel, piece: int) -> list[Occurrence]:
    scheme = SCHEMES.get(data.name)
    if scheme is None:
        mend = f"a model of {' or '.join(SCHEMES)}"
        raise UserError(f"context use is measured on performances, not on {data.name}", where="context", mend=mend)
    return occurrences(note_events(data.ids(piece), scheme.strikes_V, scheme.seconds_V))


def _reread(
    whole: Sequence[NatsArray], taken: Sequence[Mapping[int, NatsArray]], options: ContextOptions
) -> HorizonTable:
    extra = {
        keep: [extra_beyond_horizon(*both, keep, options.deepest) for both in zip(whole, taken, strict=True)]
        for keep in options.keeps
    }
    protocol = "all forgotten, then the kept tokens read again before each stretch of a quarter as many"
    return horizon_table(extra, protocol, options.depths)


def _limited(
    whole: Sequence[NatsArray], others: Mapping[int, Sequence[NatsArray]], options: ContextOptions
) -> HorizonTable:
    extra = {
        keep: [theirs - mine[: len(theirs)] for theirs, mine in zip(other, whole, strict=True)]
        for keep, other in others.items()
    }
    return horizon_table(extra, "every layer remembers the kept tokens only", options.depths)
