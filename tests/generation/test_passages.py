"""Long pieces have exactly the plan's bars, what returns unvaried is the same, many are composed as one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.form.chord import Chord
from ritornello.form.grid import section_ranges
from ritornello.form.key import Key
from ritornello.form.plan import Phrase, Plan, Section
from ritornello.generation.bar_pen import Written
from ritornello.generation.passages import SONG_PARTS, pen_of, realise_bars, realise_many, score_of
from ritornello.scores import read_score, write_midi
from ritornello.scores.score import ChordSymbol, Score
from ritornello.tokenizers.bars_conditions import STEPS_PER_FRAME, Guide, silent_guide
from ritornello.tokenizers.bars_words import BAR, BOS, END, LENGTH, NUM_TOKENS, PROGRAM
from tests.generation.mock_levels import RandomModel

TICKS_PER_FRAME = 120


def plan_of(form: str, metre: str = "4/4", pickup_beats: float = 0) -> Plan:
    sections = tuple(Section(label=word[:-1], bars=int(word[-1])) for word in form.split())
    return Plan(
        style="bach", key=Key.parse("G major"), metre=metre, pickup_beats=pickup_beats, tempo_bpm=96, sections=sections
    )


def notes_between(score: Score, start: int, end: int) -> set[tuple[int, int, int]]:
    """Part, onset from the start and pitch of the notes that begin in [start, end)."""
    return {
        (number, onset - start, pitch)
        for number, part in enumerate(score.parts)
        for onset, pitch in zip(part.notes.onset_ticks.tolist(), part.notes.pitch.tolist(), strict=True)
        if start <= onset < end
    }


@settings(max_examples=8, deadline=None)
@given(
    form=st.lists(st.sampled_from(["A1", "A2", "B1", "A'2", "C3"]), min_size=1, max_size=5),
    metre=st.sampled_from(["4/4", "3/4", "6/8"]),
    pickup=st.sampled_from([0, 0.5, 1]),
    seed=st.integers(0, 99),
)
def test_a_piece_has_the_bars_of_its_plan(form: list[str], metre: str, pickup: float, seed: int) -> None:
    lengths: dict[str, str] = {}
    form = [lengths.setdefault(word[:-1], word) for word in form]  # a label that returns has its length
    plan = plan_of(" ".join(form), metre, pickup)
    score = realise_bars(plan, RandomModel(NUM_TOKENS, 3.0), seed)
    assert len(score.bars()) == sum(section.bars for section in plan.sections or ()) + (pickup > 0)
    assert str(score.metres[0]) == metre
    assert score.keys[0].fifths == 1
    assert score.pickup_ticks == pickup * score.ticks_per_beat


def test_the_same_label_is_the_same_music() -> None:
    plan = plan_of("A2 B1 A2 A'2 B1 A2", pickup_beats=1)
    score = realise_bars(plan, RandomModel(NUM_TOKENS), 3)
    spans = [(start * TICKS_PER_FRAME, end * TICKS_PER_FRAME) for start, end in section_ranges(plan)]
    assert STEPS_PER_FRAME * score.ticks_per_beat == 24 * TICKS_PER_FRAME
    music = [notes_between(score, start, min(end, start + spans[0][1] - spans[0][0])) for start, end in spans]
    assert music[0]
    assert music[0] == music[2] == {note for note in music[5] if note[1] < spans[0][1]}
    assert music[1] == music[4]
    assert music[3] != music[0]


class SilentModel(RandomModel):
    """Barlines and nothing else, if they may come."""

    def forward(self, ids_BT: torch.Tensor, state: Any = None, conditions: Any = None) -> tuple[torch.Tensor, Any]:
        logits_BTV, state = super().forward(ids_BT, state, conditions)
        logits_BTV = logits_BTV.clone()
        logits_BTV[..., BAR:LENGTH] += 50.0
        return logits_BTV, state


@pytest.mark.parametrize("form", ["A2 B3", "A2 B1 A2", "A1", "A2 B1 A2 B1"])
def test_the_last_bar_sounds(form: str, tmp_path: Path) -> None:
    """A MIDI file ends with its last note: after a silent bar it would be too short."""
    plan = plan_of(form)
    write_midi(realise_bars(plan, SilentModel(NUM_TOKENS), 2), tmp_path / "piece.mid")
    score = read_score(tmp_path / "piece.mid")
    assert len(score.bars()) == sum(section.bars for section in plan.sections or ())
    assert score.bars()[0][1] <= min(part.notes.onset_ticks.min() for part in score.parts) or form == "A1"


def test_what_is_only_played_has_no_melody_but_an_upbeat() -> None:
    """Neither the introduction, nor what lies between, nor the end; half a bar before what is sung it may begin."""
    plan = plan_of("i2 A2 a2 A2 b2 o2").model_copy(update={"style": "song"})
    upbeats, sung = 0, 0
    for seed in range(12):
        score = realise_bars(plan, RandomModel(NUM_TOKENS), seed)
        if len(score.parts) < 2:
            continue
        onsets = score.parts[0].notes.onset_ticks
        bar = score.bars()[0][1]
        for start, end in ((0, 2), (4, 6), (8, 12)):
            latest = end * bar - bar // 2 if end < 12 else end * bar
            assert not np.any((onsets >= start * bar) & (onsets < latest))
            upbeats += int(np.sum((onsets >= latest) & (onsets < end * bar)))
        sung += int(np.sum((onsets >= 2 * bar) & (onsets < 4 * bar)))
    assert upbeats
    assert sung


@pytest.mark.parametrize("guide_of", [None, silent_guide])
def test_many_together_are_as_each_alone(guide_of: object) -> None:
    plans, model = [plan_of("A2 B1 A2"), plan_of("A1"), plan_of("A1 A'3")], RandomModel(NUM_TOKENS)
    options = {} if guide_of is None else {"guide_of": guide_of}
    together = realise_many(plans, model, [5, 6, 7], **options)  # type: ignore[arg-type]
    for plan, seed, score in zip(plans, (5, 6, 7), together, strict=True):
        alone = realise_bars(plan, model, seed)
        for ours, theirs in zip(score.parts, alone.parts, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(vars_of(ours), vars_of(theirs), strict=True))


def vars_of(part: object) -> list[object]:
    notes = part.notes  # type: ignore[attr-defined]
    return [notes.onset_ticks, notes.duration_ticks, notes.pitch, notes.velocity]


def test_a_song_has_named_parts_a_louder_melody_and_the_chords_of_its_plan() -> None:
    key = Key.parse("G major")
    phrase = Phrase(beats=8, key=key, harmony=(*(Chord(0, "major"),) * 4, *(Chord(7, "dominant7"),) * 4))
    sections = (Section(label="A", bars=2, phrases=(phrase,)),)
    plan = Plan(style="song", key=key, metre="4/4", pickup_beats=0, tempo_bpm=96, sections=sections)
    pen = pen_of(plan, RandomModel(NUM_TOKENS), Guide(plan))
    pen.write([BOS, PROGRAM, PROGRAM, PROGRAM, pen.metre])
    pen.write_notes([Written(step, part, 60 + 12 * part, 1) for step in (0, 24, 96) for part in range(3)], 192)
    pen.write([END])
    score = score_of(pen, plan)
    ticks = score.ticks_per_beat
    assert score.chords == (ChordSymbol(0, 7, "major"), ChordSymbol(4 * ticks, 2, "dominant7"))
    assert tuple(part.name for part in score.parts) == SONG_PARTS
    assert [part.notes.velocity.tolist() for part in score.parts] == [[102, 96, 102], [86, 80, 86], [74, 68, 74]]
