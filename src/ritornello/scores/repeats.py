"""The order in which the bars of a page are played: repeats, endings, da capo, dal segno."""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.errors import UserError
from ritornello.scores import limits
from ritornello.scores.page import PrintedBar


def playing_order(bars: Sequence[PrintedBar], where: str) -> list[int]:
    """Indices of the bars as they sound.

    After da capo or dal segno repeats are not taken again, and the piece ends at *fine*, or jumps
    from *to coda* to the coda.

    Raises:
        UserError: the unfolded piece has more than ``limits.MAX_BARS`` bars.
    """
    jump = next((i for i, bar in enumerate(bars) if bar.signs & {"dacapo", "dalsegno"}), None)
    if jump is None:
        return _with_repeats(bars, where)
    first_time = _with_repeats(bars[: jump + 1], where)
    target = 0 if "dacapo" in bars[jump].signs else _find(bars, "segno", 0)
    last = min(_find(bars, "fine", jump), _find(bars, "tocoda", jump), jump)
    last_endings = _last_endings(bars)
    second_time = [i for i in range(target, last + 1) if not bars[i].endings or i in last_endings]
    coda = range(_find(bars, "coda", len(bars)), len(bars)) if "tocoda" in bars[last].signs else range(0)
    rest = range(jump + 1, len(bars)) if not coda and not bars[last].signs & {"fine"} else range(0)
    return [*first_time, *second_time, *coda, *rest]


def _with_repeats(bars: Sequence[PrintedBar], where: str) -> list[int]:
    order: list[int] = []
    num_passes = _num_passes(bars)
    index, start, passage = 0, 0, 1
    while index < len(bars):
        bar = bars[index]
        if bar.repeat_start and index != start:
            start, passage = index, 1
        if not bar.endings or passage in bar.endings:
            order.append(index)
            limits.check_count("bars", len(order), limits.MAX_BARS, where)
            if bar.repeats and passage < num_passes[index]:
                index, passage = start, passage + 1
                continue
            leaves_endings = bar.endings and (index + 1 == len(bars) or not bars[index + 1].endings)
            if leaves_endings or (bar.repeats and not bar.endings):
                start, passage = index + 1, 1
        index += 1
    if bars and not order:
        raise UserError("no bar of the piece is ever played", where=where, mend="check its repeats and endings")
    return order


def _num_passes(bars: Sequence[PrintedBar]) -> list[int]:
    """How often the passage sounds that ends with a repeat sign at each bar."""
    passes = [bar.repeats for bar in bars]
    last_ending = 0
    for index in range(len(bars) - 1, -1, -1):
        last_ending = max(last_ending, *bars[index].endings) if bars[index].endings else 0
        passes[index] = max(2, last_ending) if last_ending else passes[index]
    return passes


def _last_endings(bars: Sequence[PrintedBar]) -> set[int]:
    """The bars of the last ending of each group of endings."""
    found: set[int] = set()
    later = 0
    for index in range(len(bars) - 1, -1, -1):
        own = max(bars[index].endings, default=0)
        later = max(own, later) if own else 0
        if own and own == later:
            found.add(index)
    return found


def _find(bars: Sequence[PrintedBar], sign: str, default: int) -> int:
    return next((i for i, bar in enumerate(bars) if sign in bar.signs), default)
