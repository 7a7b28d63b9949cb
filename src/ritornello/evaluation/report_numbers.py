"""How numbers are written in a report: three digits, an interval in brackets, a dash where nothing can be said."""

from __future__ import annotations

import math

from ritornello.evaluation.distributions import Spread as Halves
from ritornello.evaluation.report_page import Spread
from ritornello.evaluation.statistics import Estimate

DASH, MINUS = "\N{EM DASH}", "\N{MINUS SIGN}"
MOST_DEVIATIONS = 3.0


def number(value: float) -> str:
    """Three significant digits, whole numbers whole."""
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        text = "infinite" if value > 0 else "-infinite"
    elif abs(value) >= 1000 or value == round(value):
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3g}" if abs(value) >= 1e-3 else f"{value:.1e}"
    return text.replace("-", MINUS)


def signed(value: float) -> str:
    """The same with a + before what is above 0."""
    return f"+{number(value)}" if value > 0 else number(value)


def interval(estimate: Estimate, *, signs: bool = False) -> str:
    """``0.83 [0.8, 0.86]``; without brackets where there is no interval. With ``signs``, a + before what is above 0."""
    write = signed if signs else number
    if math.isnan(estimate.low) or math.isnan(estimate.value):
        return write(estimate.value)
    return f"{write(estimate.value)} [{write(estimate.low)}, {write(estimate.high)}]"


def spread(estimate: Estimate) -> Spread:
    """Standard deviations from 0, with their interval, as a dot."""
    text = interval(estimate, signs=True)
    return Spread(text, estimate.value, estimate.low, estimate.high, MOST_DEVIATIONS)


def deviation(halves: Halves) -> str:
    """Mean and standard deviation over halvings."""
    if math.isnan(halves.mean):
        return DASH
    return f"{number(halves.mean)} \N{PLUS-MINUS SIGN} {number(halves.deviation)}"


def words(name: str) -> str:
    """A metric's name as words."""
    return name.replace("_", " ")


def minutes(seconds: float) -> str:
    """``3:07``."""
    return DASH if math.isnan(seconds) else f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def count(number_of: int, one: str, many: str = "") -> str:
    """``1 piece``, ``1,200 pieces``."""
    return f"{number_of:,} {one if number_of == 1 else many or one + 's'}"
