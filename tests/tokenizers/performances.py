"""Performances to be tokenized, and the grid of the performance schemes again, note by note."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ritornello.scores import Notes, Part, Pedal, Score, Tempo
from ritornello.scores.clock import Clock
from ritornello.scores.sustain import sustained


@st.composite
def performances(draw: st.DrawFn) -> Score:
    """One to three parts with a pedal, a tempo map, notes that coincide, and now and then a long wait."""
    ticks_per_beat = draw(st.sampled_from([1, 96, 384, 480, 12_800]))
    second = 2 * ticks_per_beat
    near, far = st.integers(0, 3 * second), st.integers(0, 300 * second)
    onsets = st.one_of(near, st.integers(0, second).map(lambda t: t // 20), far)
    row = st.tuples(onsets, st.one_of(st.integers(1, 2 * second), far.map(lambda t: t + 1)),
                    st.one_of(st.integers(58, 63), st.integers(0, 127)), st.integers(1, 127))  # fmt: skip
    pedal = st.lists(st.tuples(near, st.sampled_from([0, 63, 64, 127])), max_size=6)
    parts = [Part(f"part {n}", Notes.of(draw(st.lists(row, max_size=15))), pedal=_pedal(draw(pedal)))
             for n in range(draw(st.integers(1, 3)))]  # fmt: skip
    tempos = draw(st.dictionaries(near, st.sampled_from([60.0, 120.0, 99.5, 33.333]), max_size=3))
    return Score(ticks_per_beat, tuple(parts), tempos=tuple(Tempo(*item) for item in sorted(tempos.items())))


def on_grid(score: Score) -> Score:
    """What ``decode(encode(score))`` must be, worked out with one note after the other."""
    clock = Clock.of(score)
    rows = sorted((on, pitch, on + length, velocity) for part in score.parts
                  for on, length, pitch, velocity in sustained(part).rows())  # fmt: skip
    notes: dict[tuple[int, int], list[int]] = {}  # (onset step, pitch) -> [end step, bin], in the order played
    for on, pitch, end, velocity in rows:
        onset_step, end_step = (int(clock.steps(np.array([tick]), 100)[0]) for tick in (on, end))
        before = notes.setdefault((onset_step, pitch), [0, 0])
        before[:] = max(before[0], end_step, onset_step + 1), max(before[1], (velocity - 1) // 4)
    for (onset_step, pitch), note in notes.items():
        later = [step for step, other in notes if other == pitch and step > onset_step]
        note[0] = min([note[0], *later])
    return _score({place: (end, velocity_bin) for place, (end, velocity_bin) in notes.items()})


def _score(notes: dict[tuple[int, int], tuple[int, int]]) -> Score:
    result: list[tuple[int, int, int, int]] = []
    last, place = (-1, -1), 0
    for (step, pitch), (end, velocity_bin) in notes.items():
        place = 0 if step != last[0] else place + (pitch <= last[1])
        last = step, pitch
        result.append((256 * step + place, 256 * end - 256 * step - place, pitch, 4 * velocity_bin + 2))
    return Score(12_800, (Part("Piano", Notes.of(result)),), tempos=(Tempo(0, 120.0),))


def _pedal(rows: list[tuple[int, int]]) -> Pedal:
    table = np.array(sorted(rows, key=lambda row: row[0]), dtype=np.int64).reshape(-1, 2)
    return Pedal.columns(table[:, 0], table[:, 1])
