"""How numbers are written in a report: three digits, an interval in brackets, a dash where nothing can be said."""

from __future__ import annotations

import math

from ritornello.evaluation.distributions import Spread as Halves
from ritornello.evaluation.metric import Metric
from ritornello.evaluation.report.page import Figure, Share, Spread
from ritornello.evaluation.statistics import Estimate

DASH, MINUS = "\N{EM DASH}", "\N{MINUS SIGN}"
MOST_DEVIATIONS = 3.0


def number(value: float) -> str:
    """Three significant digits, whole numbers whole; what rounding leaves of 0 is 0."""
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        text = "infinite" if value > 0 else "-infinite"
    elif abs(value) >= 1e7 or 1e-9 < abs(value) < 1e-3:
        text = f"{value:.1e}"
    elif abs(value) >= 1000 or abs(value - round(value)) <= 1e-9:
        text = f"{round(value):,}"
    else:
        text = f"{value:.3g}"
    return text.replace("-", MINUS)


def signed(value: float) -> str:
    """The same with a + before what is above 0."""
    text = number(value)
    return text if value <= 0 or text in {"0", DASH} else f"+{text}"


def figure(estimate: Estimate, *, signs: bool = False, before: str = "") -> Figure:
    """``0.83`` and ``[0.8, 0.86]``, or nothing where no interval is; with ``signs``, a + before what is above 0."""
    write = signed if signs else number
    text = DASH if math.isnan(estimate.value) else before + write(estimate.value)
    bare = math.isnan(estimate.value) or math.isnan(estimate.low)
    return Figure(text, "" if bare else f"[{write(estimate.low)}, {write(estimate.high)}]")


def spread(estimate: Estimate) -> Spread:
    """Standard deviations from 0, with their interval, as a dot."""
    ends = (estimate.value, estimate.low, estimate.high)
    return Spread(figure(estimate, signs=True), *ends, MOST_DEVIATIONS)


def over_halves(halves: Halves) -> Figure:
    """Mean and standard deviation over halvings."""
    known = not math.isnan(halves.mean)
    return Figure(number(halves.mean), f"\N{PLUS-MINUS SIGN} {number(halves.deviation)}" if known else "")


def bar(halves: Halves, mark: float) -> Share:
    """The same as a bar, with a mark."""
    low, high = halves.mean - halves.deviation, halves.mean + halves.deviation
    return Share(over_halves(halves), halves.mean, low, high, mark)


def meaning(metric: Metric) -> str:
    """The unit, and what it says."""
    says = metric.says.rstrip(".")
    says = says[:1].lower() + says[1:] if says[1:2].islower() else says
    return f"{metric.unit}: {says}"


def words(name: str) -> str:
    """A metric's name as words."""
    return name.replace("_", " ")


def minutes(seconds: float) -> str:
    """``3:07``, ``1:03:07``."""
    if math.isnan(seconds):
        return DASH
    minute, second = divmod(round(seconds), 60)
    return f"{minute // 60}:{minute % 60:02d}:{second:02d}" if minute >= 60 else f"{minute}:{second:02d}"


def count(number_of: int, one: str, many: str = "") -> str:
    """``1 piece``, ``1,200 pieces``."""
    return f"{number_of:,} {one if number_of == 1 else many or one + 's'}"
