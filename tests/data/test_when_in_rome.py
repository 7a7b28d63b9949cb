"""RomanText and its alignment with scores; the analysis against people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.when_in_rome import align, parse_romantext, read_analysis
from ritornello.errors import UserError
from ritornello.form.analyse import analyse_harmony
from ritornello.form.chord import Chord
from ritornello.form.grid import grid_of_score
from ritornello.form.key import Key
from ritornello.form.voices import frames_of
from ritornello.scores.kern import read_kern
from tests.form.music import chorale

TEXT = """\
Composer: J. S. Bach
Time Signature: 3/4

m0 b3 G: I
m1 b2 IV6 b2.5 V6/5/V
Note: a remark with V in it
m2 I || b3 b: ii/o6/5
m2var1 vi
m3 It6 :|| b2.66 Bb: V2
"""


def test_romantext() -> None:
    readings = parse_romantext(TEXT)
    assert [reading.onset for reading in readings] == [-4, 4, 6, 12, 20, 24, 31]
    assert [str(reading.key) for reading in readings] == ["G major"] * 4 + ["b minor"] * 2 + ["B- major"]
    assert [reading.chord for reading in readings] == [
        Chord(0, "major", 0),
        Chord(5, "major", 1),
        Chord(2, "dominant7", 1),
        Chord(0, "major", 0),
        Chord(2, "half-diminished7", 1),
        None,
        Chord(7, "dominant7", 3),
    ]


def test_alignment_folds_a_repeat_and_finds_the_pickup() -> None:
    tonic, dominant, close = ("c5", "e4", "g3", "c3"), ("d5", "b4", "g4", "g3"), ("f5/8", "c5/8", "a4/8", "f3/8")
    opening = [tonic, *[dominant] * 4, *[tonic] * 3]
    score = chorale([" ".join(line) for line in zip(*opening, *opening, close, strict=True)], pickup_beats=1)
    readings = parse_romantext("Time Signature: 4/4\nm0 b4 C: I\nm1 V\nm2 I :|| b4 IV\nm3 IV")
    person = align(readings, frames_of(score), grid_of_score(score))
    assert person is not None
    assert person.fit == 1.0
    assert person.holding[[0, 3, 4, 19, 20, 31]].tolist() == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(person.holding[32:64], person.holding[:32])
    assert person.holding[[64, -1]].tolist() == [3, 4]
    wrong = parse_romantext("Time Signature: 4/4\nm0 C#: I")
    assert align(wrong, frames_of(score), grid_of_score(score)) is None
    assert align((), frames_of(score), grid_of_score(score)) is None


@pytest.mark.data
def test_the_analysis_agrees_with_people(data_folder: Path) -> None:
    """Ten chorales that no weight was fitted on; benchmarks/analysis.py has the whole table."""
    slots = roots = keys = 0
    folder = corpus_folder(data_folder, "bach-370-chorales") / "kern"
    for number in range(340, 350):
        analysis = analyse_harmony(read_kern(folder / f"chor{number}.krn"))
        person = align(read_analysis(number, data_folder), analysis.frames, analysis.grid)
        if person is None:
            continue
        for phrase in analysis.harmony:
            for slot, key, chord in zip(phrase.slots, phrase.slot_keys, phrase.chords, strict=True):
                reading = person.readings[person.holding[slot[0]]]
                if reading.chord is not None:
                    slots += 1
                    roots += (chord.root + phrase.key - reading.chord.root - reading.key.tonic_pitch_class) % 12 == 0
                    keys += (key % 12, key >= 12) == (reading.key.tonic_pitch_class, reading.key.mode == "minor")
    assert slots > 300
    assert roots / slots > 0.9
    assert keys / slots > 0.75


@pytest.mark.data
def test_an_analysis_that_is_not_there(data_folder: Path) -> None:
    with pytest.raises(UserError, match="no such analysis"):
        read_analysis(999, data_folder)
    assert len(read_analysis(1, data_folder, second=True)) > 30
    assert read_analysis(1, data_folder)[0].key == Key("G", "major")
