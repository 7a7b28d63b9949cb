"""The analysis of longer Bach against people; benchmarks/{fugues,long_bach,aria}.py have the whole tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.bach_fugues import annotated_fugues
from ritornello.data.corpora.dcml_bach import movements
from ritornello.evaluation.events import Hits, hits
from ritornello.form.analyse import analyse, analyse_harmony
from ritornello.form.grid import FRAMES_PER_BEAT
from ritornello.form.ritornello import ritornello_of
from ritornello.form.subjects import fugue_of
from ritornello.scores.midi import read_midi


@pytest.mark.data
def test_entries_of_the_art_of_fugue(data_folder: Path) -> None:
    total = np.zeros(3, dtype=np.int64)
    for fugue in annotated_fugues(data_folder):
        if fugue.id in {"aof-01-contrapunctus-I", "aof-04-contrapunctus-IV", "aof-06-contrapunctus-VI"}:
            found = fugue_of(fugue.score)
            assert found is not None
            own = [entry.start_beats for entry in found.entries]
            total += hits(own, [span.start_beats for span in fugue.entries], 1.0)
    counted = Hits(*total.tolist())
    assert counted.true == 58
    assert counted.precision > 0.9
    assert counted.recall > 0.9


@pytest.mark.data
def test_keys_of_a_french_suite(data_folder: Path) -> None:
    slots = right = 0
    cadences = np.zeros(3, dtype=np.int64)
    for movement in movements(data_folder, test=True):
        if movement.id.startswith("BWV815"):
            analysis = analyse_harmony(movement.score)
            starts = [key.start_beats * FRAMES_PER_BEAT for key in movement.keys]
            for phrase in analysis.harmony:
                for (start, _), key in zip(phrase.slots, phrase.slot_keys, strict=True):
                    slots += 1
                    right += key == movement.keys[max(0, int(np.searchsorted(starts, start, "right")) - 1)].number
            marked = [cadence.onset_beats for cadence in movement.cadences]
            cadences += hits([close.frame / FRAMES_PER_BEAT for close in analysis.closes], marked, 1.0)
    assert slots > 500
    assert right / slots > 0.65
    assert Hits(*cadences.tolist()).f_measure > 0.5


@pytest.mark.data
def test_bwv_54_returns_where_its_score_does(data_folder: Path) -> None:
    """Read by eye from the LilyPond source: bars and beats from 1, on the right."""
    aria = read_midi(corpus_folder(data_folder, "bwv54") / "bwv54-1-aria-piano.mid")
    found = ritornello_of(aria)
    assert found is not None
    assert found.end_beats == 40.0  # 11.1
    spans = [(one.start_beats, one.end_beats, one.semitones) for one in found.returns]
    assert (64 + 3, 80, 7) in spans  # 17.4-21.1, in B flat
    assert (124 + 3, 164 + 2, 0) in spans  # 32.4-42.3, all of it
    assert (208 + 2, 216 + 2, -8) in spans  # 53.3-55.3, the close in G minor
    plan = analyse(aria)
    sections = [(section.label, section.bars) for section in plan.sections or ()]
    assert sections == [("A", 10), ("A'", 3), ("B", 4), ("A''", 8), ("C", 7), ("A", 10), ("D", 11), ("A'''", 2)]
    assert [str(section.key) for section in plan.sections or ()][3:6] == ["B- major", "E- major", "E- major"]
