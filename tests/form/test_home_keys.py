"""The home key of pieces that end elsewhere, and what the last bass note and the signature are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ritornello.form.analyse import analyse
from ritornello.form.keys import END_PER_BEAT, SIGNATURE_PER_BEAT, home_key_of_long
from ritornello.form.voices import Frames
from ritornello.scores.score import KeySignature, Score
from tests.form.song import BRIDGE, CHORUS, VERSE, song

C_MAJOR, E_MINOR = 0, 12 + 4


@pytest.mark.parametrize(
    "score",
    [
        song(VERSE, CHORUS, VERSE, CHORUS, BRIDGE),  # the last chord is that of e minor
        song(VERSE, CHORUS, VERSE, CHORUS, VERSE, CHORUS, semitones=(0, 0, 0, 0, 0, 2)),  # the last chorus goes up
        song(VERSE, CHORUS, BRIDGE, VERSE, CHORUS),
    ],
)
def test_a_song_has_the_home_of_most_of_it(score: Score) -> None:
    assert str(analyse(score).key) == "C major"


def test_the_end_and_the_signature_only_weigh_in() -> None:
    """Ten beats end on e: their keys weigh 0.4 nats a beat more, those of one sharp 0.1."""
    score = song(BRIDGE)
    pitch = np.full((40, 4), 64)
    frames = Frames(pitch, np.ones((40, 4), dtype=np.bool_))
    fits = np.full(24, -100.0)
    fits[C_MAJOR] = 0
    fits[E_MINOR] = -10 * (END_PER_BEAT + 0.01)
    assert home_key_of_long(score, frames, fits, 10) == C_MAJOR
    assert home_key_of_long(replace(score, keys=(KeySignature(0, 1),)), frames, fits, 10) == E_MINOR
    fits[E_MINOR] -= 10 * SIGNATURE_PER_BEAT
    assert home_key_of_long(replace(score, keys=(KeySignature(0, 1),)), frames, fits, 10) == C_MAJOR
    fits[E_MINOR] = -10 * (END_PER_BEAT - 0.01)
    assert home_key_of_long(score, frames, fits, 10) == E_MINOR
