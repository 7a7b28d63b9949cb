"""Parts of a few notes go into their neighbours: which, into which, and what becomes of notes that meet."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.generation.folding import LEAST_SHARE, folded
from ritornello.scores.score import Metre, Notes, Part, Score

Row = tuple[int, int, int, int]


def part(name: str, *rows: Row, **values: object) -> Part:
    return Part(name, Notes.of(list(rows)), **values)  # type: ignore[arg-type]


def scale(name: str, pitch: int, num_notes: int) -> Part:
    """Quarters of a beat, up and down one octave."""
    return part(name, *((120 * n, 120, pitch + n % 12, 80) for n in range(num_notes)))


def rows_of(score: Score, name: str) -> list[Row]:
    return next(list(part.notes.rows()) for part in score.parts if part.name == name)


def test_parts_of_enough_notes_stay_as_they_are() -> None:
    """The mean of 99 and 6 notes is 52.5, a twentieth of it 2.6; and a single part has always enough."""
    for score in (
        Score(480, (scale("a", 60, 99), scale("b", 48, 6))),
        Score(480, (scale("a", 60, 99), scale("b", 48, 3))),
        Score(480, (scale("a", 60, 1),)),
        Score(480, ()),
        Score(480, (scale("a", 60, 0),)),
    ):
        assert folded(score) is score


def test_a_part_of_two_notes_goes_into_the_nearer_neighbour() -> None:
    """``b`` stands between ``a`` (60 to 71) and ``c`` (36 to 47); ``d`` is nearest to it, but not next to it."""
    low, high, last = (part("b", (0, 90, pitch, 70), (9000, 90, pitch, 70)) for pitch in (50, 58, 35))
    others = (scale("a", 60, 100), scale("c", 36, 90), scale("d", 50, 90))
    for lone, place, host in ((low, 1, "c"), (high, 1, "a"), (last, 0, "a"), (high, 3, "d"), (last, 2, "c")):
        parts = [*others[:place], lone, *others[place:]]
        score = folded(Score(480, tuple(parts), (Metre(0, 3, 4),), title="t"))
        assert [each.name for each in score.parts] == ["a", "c", "d"]
        assert (score.title, score.metres) == ("t", (Metre(0, 3, 4),))
        before = next(each for each in others if each.name == host)
        assert rows_of(score, host) == sorted([*before.notes.rows(), *lone.notes.rows()], key=lambda r: (r[0], r[2]))


def test_neighbours_that_go_too_are_no_hosts() -> None:
    parts = (scale("a", 60, 100), part("b", (0, 9, 40, 70)), part("c", (0, 9, 41, 70)), scale("d", 48, 100))
    score = folded(Score(480, parts))
    assert [each.name for each in score.parts] == ["a", "d"]
    assert rows_of(score, "d")[:3] == [(0, 9, 40, 70), (0, 9, 41, 70), (0, 120, 48, 80)]


def test_after_others_have_gone_a_part_may_be_too_small() -> None:
    """4 notes are a twentieth of the mean of 80 when there are three parts, of which one has none, and no more then."""
    score = Score(480, (scale("a", 60, 230), scale("b", 48, 4), scale("c", 36, 0)))
    assert LEAST_SHARE * score.num_notes / 3 <= 4 < LEAST_SHARE * score.num_notes / 2
    assert [len(each.notes) for each in folded(score).parts] == [234]


@pytest.mark.parametrize(
    ("host", "guest", "expected"),
    [
        # (onset, duration, pitch, velocity) of what sounds there
        ([(0, 8, 60, 80)], [(0, 8, 60, 70)], [(0, 8, 60, 80)]),  # twice the same: the host's
        ([(0, 8, 60, 80)], [(0, 12, 60, 70)], [(0, 12, 60, 70)]),  # the longer
        ([(0, 8, 60, 80)], [(4, 8, 60, 70)], [(0, 4, 60, 80), (4, 8, 60, 70)]),  # struck again
        ([(0, 8, 60, 80)], [(4, 2, 60, 70)], [(0, 4, 60, 80), (4, 4, 60, 70)]),  # and held as long as before
        ([(4, 8, 60, 80)], [(0, 8, 60, 70)], [(0, 4, 60, 70), (4, 8, 60, 80)]),
        ([(0, 8, 60, 80)], [(8, 8, 60, 70)], [(0, 8, 60, 80), (8, 8, 60, 70)]),  # one after the other
        ([(0, 8, 60, 80)], [(4, 8, 61, 70)], [(0, 8, 60, 80), (4, 8, 61, 70)]),  # other pitches
    ],
)
def test_a_pitch_sounds_once_at_a_time(host: list[Row], guest: list[Row], expected: list[Row]) -> None:
    more = list(scale("", 72, 99).notes.rows())
    score = folded(Score(480, (part("a", *host, *more), part("b", *guest))))
    assert [row for row in rows_of(score, "a") if row[2] < 72] == expected


def test_fermatas_go_along_and_an_empty_part_changes_nothing() -> None:
    a = part("a", *scale("", 60, 99).notes.rows(), fermatas_ticks=(240, 960))
    lone = part("b", (0, 9, 40, 70), (480, 9, 40, 70), fermatas_ticks=(480, 960))
    assert folded(Score(480, (a, lone))).parts[0].fermatas_ticks == (240, 480, 960)
    assert folded(Score(480, (a, scale("b", 60, 0)))).parts == (a,)


rows = st.tuples(st.integers(0, 30), st.integers(1, 12), st.integers(58, 62), st.integers(1, 127))
large = st.lists(rows, min_size=25, max_size=60)
small = st.lists(rows, max_size=2)


@given(st.lists(large | small, min_size=1, max_size=6))
def test_all_that_is_struck_and_sounds_is_as_before(columns: list[list[Row]]) -> None:
    """Onsets and sounding ticks of every pitch; parts keep their order; none of a few notes is left; doing it twice is
    doing it once; and no host has two notes of one pitch at once.
    """
    score = Score(4, tuple(part(str(number), *own) for number, own in enumerate(columns)))
    after = folded(score)
    assert _struck(after) == _struck(score)
    assert _sounding(after) == _sounding(score)
    assert after.end_ticks == score.end_ticks
    names = [each.name for each in after.parts]
    assert names == sorted(names)
    assert all(len(each.notes) >= LEAST_SHARE * after.num_notes / len(after.parts) for each in after.parts)
    assert folded(after) is after
    for each in after.parts:
        if each != score.parts[int(each.name)]:
            assert _is_struck_once(each)


@given(st.lists(rows, min_size=1, max_size=2), st.integers(0, 1))
def test_only_doubles_are_lost(few: list[Row], place: int) -> None:
    """Of notes that begin together at one pitch one is left, and every other one stays."""
    parts = [scale("many", 60, 100)]
    parts.insert(place, part("few", *few))
    score = Score(480, tuple(parts))
    after = folded(score)
    assert [each.name for each in after.parts] == ["many"]
    assert after.num_notes == len(_struck(score))


def _struck(score: Score) -> set[tuple[int, int]]:
    return {(onset, pitch) for each in score.parts for onset, _, pitch, _ in each.notes.rows()}


def _sounding(score: Score) -> set[tuple[int, int]]:
    return {
        (tick, pitch)
        for each in score.parts
        for onset, duration, pitch, _ in each.notes.rows()
        for tick in range(onset, onset + duration)
    }


def _is_struck_once(each: Part) -> bool:
    by_pitch: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for onset, duration, pitch, _ in each.notes.rows():
        by_pitch[pitch].append((onset, onset + duration))
    return all(one[1] <= other[0] for own in by_pitch.values() for one, other in pairwise(sorted(own)))
