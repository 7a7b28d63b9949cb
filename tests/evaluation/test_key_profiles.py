"""Keys by profiles: worked by hand, against music21 and a plain second computation, and against people's keys."""

import itertools
from pathlib import Path

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.base import Piece
from ritornello.data.corpora.when_in_rome import read_analysis
from ritornello.errors import UserError
from ritornello.evaluation.harmony import evaluate, key_of
from ritornello.evaluation.key_profiles import (
    AARDEN_ESSEN,
    KRUMHANSL_KESSLER,
    TEMPERLEY,
    best_key,
    changes,
    key_fits,
)
from ritornello.evaluation.timeline import Timeline
from ritornello.evaluation.windows import whole
from ritornello.form.key import Key
from ritornello.form.keys import key_number
from ritornello.scores import read_score

NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
PROFILES = {"KrumhanslSchmuckler": KRUMHANSL_KESSLER, "AardenEssen": AARDEN_ESSEN, "TemperleyKostkaPayne": TEMPERLEY}
histograms = st.lists(st.integers(0, 50), min_size=12, max_size=12).filter(lambda h: len(set(h)) > 1)


@pytest.mark.parametrize("profiles", PROFILES.values())
@pytest.mark.parametrize("key", range(24))
def test_a_profile_is_its_own_key(key: int, profiles: np.ndarray) -> None:
    histogram = np.roll(profiles[key // 12], key % 12)
    fits = key_fits(histogram, profiles)
    assert fits[key] == pytest.approx(1.0, abs=1e-12)
    assert int(fits.argmax()) == key == best_key(fits, 0)


def test_one_pitch_class_by_hand() -> None:
    # The histogram is 1 on C. Temperley's major profile has the mean 4.246 / 12 = 0.353833 and the squares 2.296934 -
    # 12 * 0.353833^2 = 0.794558 about it; the histogram 11/12. The root of their product is 0.853431. So C major
    # (0.748 - 0.353833) / 0.853431 = 0.461861; F major, of which C is the fifth, (0.715 - 0.353833) / 0.853431 =
    # 0.423194; E major, of which it is the raised fifth, (0.104 - 0.353833) / 0.853431 = -0.292740.
    fits = key_fits(np.eye(12)[0], TEMPERLEY)
    assert fits[[0, 5, 4]] == pytest.approx([0.461861, 0.423194, -0.292740], abs=2e-6)


def test_flat_and_empty_histograms_say_nothing() -> None:
    table = np.stack([np.zeros(12), np.full(12, 0.1), np.full(12, 1e9) + 1e-3 * np.arange(12) * 1e-6, np.eye(12)[3]])
    nothing = np.isnan(key_fits(table)).all(axis=1)
    assert nothing.tolist() == [True, True, True, False]
    assert best_key(key_fits(np.zeros(12)), 0) is None


@given(histograms, st.integers(0, 11))
def test_keys_move_with_the_music(histogram: list[int], up: int) -> None:
    before, after = key_fits(np.array(histogram, float)), key_fits(np.roll(np.array(histogram, float), up))
    turned = np.concatenate([np.roll(before[:12], up), np.roll(before[12:], up)])
    assert np.allclose(after, turned, atol=1e-12)
    first, second = best_key(before, 3), best_key(after, (3 + up) % 12)
    assert first is not None
    assert second is not None
    assert (first // 12, (first % 12 + up) % 12) == (second // 12, second % 12)


@given(histograms)
def test_the_same_as_numpys_correlation(histogram: list[int]) -> None:
    fits = key_fits(np.array(histogram, float), KRUMHANSL_KESSLER)
    for key in range(24):
        other = np.corrcoef(histogram, np.roll(KRUMHANSL_KESSLER[key // 12], key % 12))[0, 1]
        assert fits[key] == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize("name", PROFILES)
def test_music21_finds_the_same_keys(name: str) -> None:
    from music21.analysis import discrete
    from music21.note import Note
    from music21.stream import Stream

    random = np.random.default_rng(5)
    for histogram in random.integers(1, 60, (12, 12)):
        passage = Stream([Note(60 + number, quarterLength=int(long)) for number, long in enumerate(histogram)])
        found = getattr(discrete, name)().getSolution(passage)
        fits = key_fits(histogram.astype(float), PROFILES[name])
        best = best_key(fits, 0)
        assert best == found.tonic.pitchClass + 12 * (found.mode == "minor")
        assert fits.max() == pytest.approx(found.correlationCoefficient, abs=1e-9)


def test_of_equal_keys_the_one_above_the_bass_is_taken() -> None:
    # C, E and A flat: the dominant of C sharp, F and A minor, which fit equally well
    fits = key_fits(np.isin(np.arange(12), (0, 4, 8)).astype(float))
    assert [best_key(fits, bass) for bass in (0, 1, 4, 5, 9)] == [13, 13, 17, 17, 21]
    level = np.zeros(24)
    assert best_key(level, 7) == 7  # major before minor


def test_a_key_changes_where_another_wins_more_than_the_penalty() -> None:
    # Two keys, A better by 0.4 in windows 0-2 and B by 0.4 in windows 3-5: to change once wins 1.2
    fits = np.zeros((6, 24))
    fits[:3, 0], fits[3:, 7] = 0.4, 0.4
    even = np.ones(6)
    assert changes(fits, even, 1.1).tolist() == [3]
    assert changes(fits, even, 1.3).tolist() == []
    # window 1 alone in B: to go and come back costs two penalties for 0.4
    fits[:] = 0
    fits[[0, 2, 3, 4, 5], 0], fits[1, 7] = 0.4, 0.4
    assert changes(fits, even, 0.3).tolist() == []
    assert changes(fits, even, 0.1).tolist() == [1, 2]
    # a window that counts four times as much is worth a change
    assert changes(fits, np.array([1, 4, 1, 1, 1, 1]), 0.3).tolist() == [1, 2]
    # a change that wins no more than it costs is not made: 0.5 + 0.75 - 0.5 is 0 + 0.75
    tied = np.zeros((2, 24))
    tied[0, 0], tied[1, 7] = 0.5, 0.75
    assert changes(tied, even[:2], 0.5).tolist() == []
    assert changes(tied, even[:2], 0.25).tolist() == [1]
    assert changes(fits[:1], even[:1], 0.1).tolist() == []
    assert changes(np.full((4, 24), np.nan), np.ones(4), 0.1).tolist() == []


@given(st.integers(0, 2**32 - 1))
def test_no_other_path_is_better(seed: int) -> None:
    random = np.random.default_rng(seed)
    keys = [2, 9, 20]
    fits = np.full((5, 24), -5.0)
    fits[:, keys] = random.normal(0, 1, (5, 3))

    def worth(path: tuple[int, ...]) -> float:
        moves = sum(a != b for a, b in itertools.pairwise(path))
        return sum(fits[window, key] for window, key in enumerate(path)) - 0.7 * moves

    best = max(itertools.product(keys, repeat=5), key=worth)
    expected = [window for window in range(1, 5) if best[window] != best[window - 1]]
    assert changes(fits, np.ones(5), 0.7).tolist() == expected


@pytest.mark.data
def test_music21_finds_the_same_key_in_whole_pieces(data_folder: object) -> None:
    from music21.note import Note
    from music21.stream import Stream

    del data_folder
    for piece in list(CORPORA["bach_370"].pieces(None))[::40]:
        notes = Timeline.of(piece.load(), written=True)
        stream = Stream()
        for pitch, onset, offset in zip(notes.pitch, notes.onset_beats, notes.offset_beats, strict=True):
            stream.insert(float(onset), Note(int(pitch), quarterLength=float(offset - onset)))
        found = stream.analyze("key")
        assert key_of(notes) == found.tonic.pitchClass + 12 * (found.mode == "minor")
        assert evaluate(notes)["key_clarity"] == pytest.approx(found.correlationCoefficient, abs=1e-9)


@pytest.mark.data
def test_annotated_keys_are_found(data_folder: object) -> None:
    """Of every third chorale: shares of exactly the key of the analysis, and mir_eval's weighted score."""
    del data_folder
    pairs = [pair for piece in list(CORPORA["bach_370"].pieces(None))[::3] if (pair := _annotated(piece)) is not None]
    assert len(pairs) == 124
    assert _agreement(pairs) == {
        "KrumhanslSchmuckler": (0.766, 0.863),
        "AardenEssen": (0.903, 0.938),
        "TemperleyKostkaPayne": (0.847, 0.897),
    }
    assert np.mean([key_of(notes) == key for key, notes in pairs]) == pytest.approx(0.903, abs=1e-3)


@pytest.mark.data
def test_annotated_keys_of_songs_are_found(data_folder: Path) -> None:
    """The same of the songs 1 to 120 of POP909, those with one key only."""
    pairs: list[tuple[int, Timeline]] = []
    songs = corpus_folder(data_folder, "pop909")
    for folder in (songs / f"{number:03d}" for number in range(1, 121)):
        fields = (folder / "key_audio.txt").read_text(encoding="utf-8").split()  # from, to, key; or more keys
        tonic, mode = fields[2].split(":")
        if len(fields) == 3:
            number = Key.parse(tonic).tonic_pitch_class + 12 * (mode == "min")
            pairs.append((number, Timeline.of(read_score(folder / f"{folder.name}.mid"))))
    assert len(pairs) == 98
    assert _agreement(pairs) == {
        "KrumhanslSchmuckler": (0.806, 0.857),
        "AardenEssen": (0.867, 0.898),
        "TemperleyKostkaPayne": (0.735, 0.802),
    }


def _agreement(pairs: list[tuple[int, Timeline]]) -> dict[str, tuple[float, float]]:
    """Per set of profiles the share of keys that are found exactly, and the mean weighted score."""
    figures: dict[str, tuple[float, float]] = {}
    for name, profiles in PROFILES.items():
        found = [best_key(key_fits(whole(notes), profiles), _last_bass(notes)) for _, notes in pairs]
        exact = np.mean([key == own for (key, _), own in zip(pairs, found, strict=True)])
        scores = [mir_eval.key.weighted_score(_name(k), _name(f)) for (k, _), f in zip(pairs, found, strict=True)]
        figures[name] = round(float(exact), 3), round(float(np.mean(scores)), 3)
    return figures


def _last_bass(notes: Timeline) -> int:
    return int(notes.pitch[notes.chord == notes.chord[-1]].min()) % 12


def _annotated(piece: Piece) -> tuple[int, Timeline] | None:
    try:
        readings = read_analysis(int(piece.id[-3:]))
    except UserError:
        return None
    return (key_number(readings[0].key), Timeline.of(piece.load(), written=True)) if readings else None


def _name(key: int | None) -> str:
    assert key is not None
    return f"{NAMES[key % 12]} {'minor' if key >= 12 else 'major'}"
