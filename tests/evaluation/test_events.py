"""Events found against true ones."""

from __future__ import annotations

import math
from typing import Any

import mir_eval.util  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ritornello.evaluation.events import Hits, hits

TIMES = st.lists(st.integers(0, 40).map(lambda n: n / 2), max_size=12)


def test_each_event_hits_one() -> None:
    # 1.0 hits 0.5, 1.5 finds nothing left within 0.5; 9.0 is too far from 8.0
    assert hits([1.0, 1.5, 9.0], [8.0, 0.5], 0.5) == Hits(1, 3, 2)
    assert hits([1.0, 1.5], [1.5, 2.0], 0.5) == Hits(2, 2, 2)
    assert hits([9, 14], [8, 16], 2) == Hits(2, 2, 2)
    assert hits([11, 12], [8, 16], 2) == Hits(0, 2, 2)
    assert hits([9], [8, 10], 2) == Hits(1, 1, 2)
    assert hits([4], [], 2) == Hits(0, 1, 0)


def test_shares() -> None:
    one = Hits(2, 4, 3)
    assert (one.precision, one.recall, one.f_measure) == (0.5, 2 / 3, 4 / 7)
    assert math.isnan(Hits(0, 0, 3).precision)
    assert math.isnan(Hits(0, 3, 0).recall)
    assert math.isnan(Hits(0, 0, 0).f_measure)


@given(TIMES, TIMES)
def test_agrees_with_mir_eval(found: list[float], true: list[float]) -> None:
    match: Any = mir_eval.util.match_events  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    assert hits(found, true, 1.0).hits == len(match(np.array(sorted(true)), np.array(sorted(found)), 1.0))
