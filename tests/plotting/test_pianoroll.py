"""The piano roll: what stands where, and the same bytes every time."""

import struct
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import pytest

from ritornello.errors import UserError
from ritornello.form.grid import Grid, grid_of_score
from ritornello.form.plan import Motif, Phrase, Plan, Section
from ritornello.plotting import pianoroll
from ritornello.plotting.lanepanel import Ruler, numeral_points
from ritornello.plotting.lanes import Lanes
from ritornello.plotting.rollpanel import bars_of
from ritornello.scores.score import Metre, Notes, Part, Score

BEAT = 480
NUMERALS = ("I", "viio65/V", "bII6", "V42/IV", "iiø65", "V7", "I64", "vi")


def score_of(num_beats: int, pickup_beats: int = 0, metre: tuple[int, int] = (4, 4)) -> Score:
    """Four voices in quarter notes on a chord of C."""
    parts = [
        Part(name, Notes.of([(i * BEAT, BEAT, pitch, 80) for i in range(num_beats)]), fermatas_ticks=(0,))
        for name, pitch in (("Soprano", 72), ("Alto", 67), ("Tenor", 60), ("Bass", 60))
    ]
    return Score(BEAT, tuple(parts), (Metre(0, *metre),), pickup_ticks=pickup_beats * BEAT)


def plan_of(motif: Motif | None = None) -> Plan:
    """Two sections of two bars in 4/4 with a pickup of one beat, one phrase each."""
    first = Phrase(beats=8, key="C major", cadence="half", harmony=NUMERALS)
    second = Phrase(beats=9, key="a minor", cadence="perfect authentic", motif=motif or Motif())
    sections = (
        Section(label="A", bars=2, key="G major", register_arc="rising", density_arc="level", phrases=(first,)),
        Section(label="B", bars=2, phrases=(second,)),
    )
    return Plan(title="Test", key="C major", metre="4/4", pickup_beats=1, sections=sections)


def test_the_same_piece_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    for path in (first, second):
        pianoroll.draw(score_of(17, 1), plan_of(), path)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("num_beats", [17, 65])
def test_the_size_of_the_picture_grows_by_systems(tmp_path: Path, num_beats: int) -> None:
    path = tmp_path / "roll.png"
    pianoroll.draw(score_of(num_beats, 1), None, path)
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    systems = 1 if num_beats == 17 else 3
    assert width == 1760
    assert height == pytest.approx((0.45 + systems * 2.6) * 160, abs=1)


def test_global_state_of_matplotlib_is_neither_read_nor_changed(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    pianoroll.draw(score_of(17, 1), plan_of(), tmp_path / "plain.png")
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "figure.facecolor": "red"}):
        pianoroll.draw(score_of(17, 1), plan_of(), tmp_path / "changed.png")
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "changed.png").read_bytes()


@pytest.mark.parametrize("score", [Score(BEAT, ()), score_of(1), score_of(3, 3), score_of(100, 0, (2, 4))])
def test_any_score_has_a_picture(tmp_path: Path, score: Score) -> None:
    pianoroll.draw(score, None, tmp_path / "roll.png")
    assert (tmp_path / "roll.png").stat().st_size > 1000


def test_an_open_plan_leaves_its_lanes_empty(tmp_path: Path) -> None:
    assert Lanes.of(Plan()) == Lanes()
    pianoroll.draw(score_of(4), Plan(), tmp_path / "roll.png")
    structure_only = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=1),))
    assert [span.texts[-1] for span in Lanes.of(structure_only).sections] == ["A"]
    assert Lanes.of(structure_only).phrases == ()


def test_a_folder_that_does_not_exist_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        pianoroll.draw(score_of(4), None, tmp_path / "nowhere" / "roll.png")


def test_systems_hold_whole_bars_evenly() -> None:
    assert pianoroll.systems_of(grid_of_score(score_of(17, 1))) == [(0, 68)]
    # 13 bars of 4/4, six at most in a system: 5 + 5 + 3, each with its pickup
    assert pianoroll.systems_of(grid_of_score(score_of(53, 1))) == [(0, 80), (80, 160), (160, 212)]
    assert pianoroll.systems_of(Grid((), 0, 16)) == [(0, 16)]


def test_a_very_long_piece_stays_within_the_canvas() -> None:
    bars = tuple((16 * i, 16 * i + 16) for i in range(20_000))
    systems = pianoroll.systems_of(Grid(bars, 0, 16))
    assert len(systems) == 40
    assert (systems[0][0], systems[-1][1]) == (0, 320_000)


def test_lanes_lie_where_the_plan_says() -> None:
    lanes = Lanes.of(plan_of(Motif(relation="transposed", source=0, semitones=5)))
    assert [(span.start, span.end, span.letter) for span in lanes.sections] == [(0, 32, "A"), (32, 68, "B")]
    assert lanes.sections[0].texts[0] == "A   G major   register ↗   density →"
    assert [(span.start, span.end) for span in lanes.phrases] == [(0, 32), (32, 68)]
    assert lanes.phrases[0].texts[0] == "1   C major · half"
    assert lanes.phrases[1].texts[:2] == ("2   a minor · perfect authentic · 1 +5", "2   a minor · PAC · 1 +5")
    assert [span.start for span in lanes.harmony] == [0, 4, 8, 12, 16, 20, 24, 28]


@pytest.mark.parametrize(
    ("motif", "text"),
    [
        (Motif(relation="exact", source=0), "= 1"),
        (Motif(relation="varied", source=0), "~ 1"),
        (Motif(relation="transposed", source=0, semitones=-3), "1 -3"),
    ],
)
def test_a_relation_names_its_source(motif: Motif, text: str) -> None:
    assert Lanes.of(plan_of(motif)).phrases[1].texts[0].endswith(f" · {text}")


def test_only_changes_of_harmony_are_printed() -> None:
    phrase = Phrase(beats=8, key="C major", harmony=("I", "I", "V", "V", "V", "I", "I", "I"))
    plan = Plan(metre="4/4", pickup_beats=0, sections=(Section(label="A", bars=2, phrases=(phrase,)),))
    assert [(span.start, span.end) for span in Lanes.of(plan).harmony] == [(0, 8), (8, 20), (20, 32)]


def test_numerals_do_not_touch_each_other() -> None:
    from matplotlib.backends.backend_agg import RendererAgg

    lanes = Lanes.of(plan_of())
    for pixels_per_frame in (16.0, 12.0):
        ruler = Ruler(RendererAgg(100, 100, 160), pixels_per_frame)
        points = numeral_points(lanes, ruler)
        ends = [span.start + ruler.frames(span.texts[0], points) for span in lanes.harmony]
        assert all(end <= after.start for end, (_, after) in zip(ends, pairwise(lanes.harmony), strict=False))


def test_a_unison_shows_both_voices() -> None:
    doubled = [(bar.part, bar.doubled) for bar in bars_of(score_of(1))]
    assert doubled == [(3, False), (2, True), (1, False), (0, False)]
