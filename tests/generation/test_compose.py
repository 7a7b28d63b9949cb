"""What composing promises whatever the models say: here they say nothing sensible."""

import numpy as np
import pytest

from ritornello.errors import UserError
from ritornello.evaluation.counterpoint import evaluate
from ritornello.evaluation.timeline import Timeline
from ritornello.form.chord import Chord
from ritornello.form.grid import phrase_slots, section_ranges
from ritornello.form.key import Key
from ritornello.form.plan import Phrase, Plan, Section
from ritornello.form.shorthand import format_form, parse_form
from ritornello.form.voices import frames_of
from ritornello.generation.compose import Composition, compose
from ritornello.generation.realisation import Sampling
from tests.generation.mock_levels import mock_levels

QUICK = Sampling(candidates=2)


def _compose(form: str | None = None, seed: int = 1, **fields: object) -> Composition:
    sections = None if form is None else parse_form(form)
    return compose(Plan(sections=sections, **fields), mock_levels(), seed, QUICK)  # type: ignore[arg-type]


def _assert_complete(made: Composition) -> None:
    """Four voices in every frame, full bars, and the plan's tonic triad at the end, its root in the bass."""
    plan, score = made.plan, made.score
    assert plan.key is not None
    assert plan.sections is not None
    bar = int(plan.bar_beats * score.ticks_per_beat)
    pickup = int((plan.pickup_beats or 0) * score.ticks_per_beat)
    assert score.end_ticks == pickup + sum(section.bars for section in plan.sections) * bar
    pitch, _ = frames_of(score)
    assert (pitch >= 0).all()
    tonic = plan.key.tonic_pitch_class
    triad = {tonic, (tonic + (3 if plan.key.mode == "minor" else 4)) % 12, (tonic + 7) % 12}
    assert {int(p) % 12 for p in pitch[-1]} == triad
    assert pitch[-1, 3] % 12 == tonic
    last = [(int(part.notes.onset_ticks[-1]), int(part.notes.offset_ticks[-1])) for part in score.parts]
    assert set(last) == {(last[0][0], score.end_ticks)}
    assert all(part.fermatas_ticks[-1] == last[0][0] for part in score.parts)
    for phrase, slots in zip(plan.phrases, phrase_slots(plan), strict=True):
        assert len(phrase.harmony or ()) == len(slots)
    assert evaluate(Timeline.of(score, written=True))["crossings"] == 0


@pytest.mark.parametrize("seed", range(2))
def test_a_free_piece_is_complete(seed: int) -> None:
    _assert_complete(_compose(seed=seed))


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("A4 A4 B6", {"key": Key.parse("g minor")}),
        ("A2 B3 A'2", {"metre": "3/4", "pickup_beats": 1}),
        ("A1 B1 A1", {"metre": "6/8", "pickup_beats": 0.5}),
        ("A4", {"metre": "3/8"}),
        ("V3 C2 V3", {"metre": "3/2", "pickup_beats": 0}),
        ("A40", {"metre": "2/4"}),
    ],
)
def test_a_form_is_obeyed_to_the_bar(form: str, fields: dict[str, object]) -> None:
    made = _compose(form, **fields)
    assert format_form(made.plan.sections or ()) == form
    assert all(getattr(made.plan, name) == value for name, value in fields.items())
    _assert_complete(made)


def test_a_label_that_returns_is_the_same_music_and_a_prime_is_not() -> None:
    made = _compose("A2 A2 B2 A'2 A2", metre="4/4", pickup_beats=1)
    pitch, struck = frames_of(made.score)
    spans = section_ranges(made.plan)

    def music(section: int) -> tuple[bytes, bytes]:
        start = spans[section][0]
        return pitch[start : start + 32].tobytes(), struck[start : start + 32].tobytes()

    assert music(0) == music(1) == music(4)
    assert music(3) != music(0)
    relations = [{p.motif.relation for p in s.phrases or () if p.motif} for s in made.plan.sections or ()]
    assert relations[1] == relations[4] == {"exact"}
    assert relations[3] == {"varied"}
    lengths = [[phrase.beats for phrase in section.phrases or ()] for section in made.plan.sections or ()]
    assert lengths[3] == lengths[0]


def test_the_same_seed_is_the_same_piece_and_another_seed_is_not() -> None:
    first, again, other = _compose("A2 B2"), _compose("A2 B2"), _compose("A2 B2", seed=2)
    assert first == again
    assert first.score != other.score


def test_what_a_plan_states_is_kept() -> None:
    chords = (Chord(0, "major"), Chord(7, "major"), Chord(7, "dominant7", 1), Chord(0, "major"))
    key = Key.parse("D major")
    phrase = Phrase(beats=4, key=key, cadence="imperfect authentic", fermata_beats=3, harmony=chords)
    sections = (Section(label="A", bars=1, phrases=(phrase,)), Section(label="B", bars=2))
    asked = Plan(title="Probe", key=key, metre="4/4", pickup_beats=1, tempo_bpm=66, sections=sections)
    made = compose(asked, mock_levels(), 3, QUICK)
    kept = made.plan.phrases[0]
    assert (kept.harmony, kept.cadence, kept.fermata_beats) == (chords, "imperfect authentic", 3)
    assert (made.plan.title, made.plan.tempo_bpm, made.score.tempos[0].beats_per_minute) == ("Probe", 66, 66)
    assert [(marker.onset_ticks, marker.text) for marker in made.score.markers] == [(0, "A"), (4 * 480, "B")]
    soprano = made.score.parts[0]
    close = np.searchsorted(soprano.notes.onset_ticks, 3 * 480)
    assert soprano.notes.onset_ticks[close] == soprano.fermatas_ticks[0] == 3 * 480
    assert soprano.notes.pitch[close] % 12 != 2  # imperfect: not the tonic in the soprano
    _assert_complete(made)


def _section(*phrases: Phrase, label: str = "A", bars: int = 2) -> Section:
    return Section(label=label, bars=bars, phrases=phrases)


C_MAJOR = Key.parse("C major")


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ((Section(label="A", bars=4), Section(label="A", bars=6)), "section 2: A has 6 bars"),
        ((_section(Phrase(beats=4)),), "section 1: its phrases last 4 beats"),
        ((_section(Phrase(beats=8, key=C_MAJOR, harmony=(Chord(0, "major"),) * 9)),), "9 chords"),
        (tuple(Section(label=label, bars=200) for label in "ABC"), "too long"),
    ],
)
def test_a_plan_that_contradicts_itself_is_one_line(sections: tuple[Section, ...], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        compose(Plan(metre="4/4", pickup_beats=0, sections=sections), mock_levels(), 1, QUICK)
    assert "\n" not in str(caught.value)


def test_a_metre_that_no_scheme_knows_is_a_users_error() -> None:
    with pytest.raises(UserError, match="metre 13/16"):
        _compose("A4", metre="13/16")


def test_more_candidates_are_not_worse() -> None:
    """The first candidates of a larger choice are those of a smaller one, so the best can only get better."""
    plan = Plan(key=C_MAJOR, metre="4/4", pickup_beats=0, sections=parse_form("A2"))
    levels = mock_levels()
    one, many = (compose(plan, levels, 5, Sampling(candidates=n)) for n in (1, 5))
    assert one.plan == many.plan
    assert one.score != many.score
