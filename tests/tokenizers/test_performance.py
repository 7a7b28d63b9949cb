"""Both performance schemes, with tokens worked out by hand, and on MAESTRO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.archive import corpus_folder
from ritornello.errors import UserError
from ritornello.scores import Notes, Part, Pedal, Score, Tempo, read_score
from ritornello.scores.clock import Clock
from ritornello.scores.sustain import sustained
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.note_duration import NoteDurationTokenizer
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.tokenizers.performance_grid import MAX_STEPS, grid_notes

SCHEMES = (PerformanceTokenizer(), NoteDurationTokenizer())
EVENTS, DURATIONS = SCHEMES


def score(rows: list[tuple[int, int, int, int]], pedal: tuple[tuple[int, int], ...] = (), *tempos: Tempo) -> Score:
    """Rows (onset, end, pitch, velocity) at 50 ticks a beat, so that at 120 beats a minute a tick is 10 ms."""
    table = np.array(pedal, dtype=np.int64).reshape(-1, 2)
    notes = Notes.of([(onset, end - onset, pitch, velocity) for onset, end, pitch, velocity in rows])
    return Score(50, (Part("", notes, pedal=Pedal.columns(table[:, 0], table[:, 1])),), tempos=tempos)


def written(scheme: PerformanceTokenizer | NoteDurationTokenizer, music: Score) -> str:
    ids: list[int] = scheme.encode(music).ids.tolist()
    return " ".join(scheme.vocabulary.names[token] for token in ids)


def tokens_of(scheme: PerformanceTokenizer | NoteDurationTokenizer, names: str) -> Tokens:
    return scheme.vocabulary.tokens(names.split())


def test_ids_are_those_of_the_published_vocabulary() -> None:
    names = EVENTS.vocabulary.names
    assert len(names) == 391
    places = {"PAD": 0, "BOS": 1, "END": 2, "NOTE_ON_0": 3, "NOTE_OFF_0": 131}
    places |= {"TIME_SHIFT_1": 259, "TIME_SHIFT_100": 358, "VELOCITY_0": 359, "VELOCITY_31": 390}
    assert {name: EVENTS.vocabulary.ids[name] for name in places} == places


def test_a_pedal_by_hand() -> None:
    """The pedal is down from 5 to 60: it holds 60 to the pedal's end, and 64 until it is struck again."""
    music = score([(0, 10, 60, 64), (10, 20, 64, 68), (40, 80, 64, 69)], ((5, 100), (60, 0)))
    assert written(EVENTS, music) == (
        "BOS VELOCITY_15 NOTE_ON_60 TIME_SHIFT_10 VELOCITY_16 NOTE_ON_64 TIME_SHIFT_30 NOTE_OFF_64 "
        "VELOCITY_17 NOTE_ON_64 TIME_SHIFT_20 NOTE_OFF_60 TIME_SHIFT_20 NOTE_OFF_64 END"
    )
    assert written(DURATIONS, music) == (
        "BOS VELOCITY_15 NOTE_60 DURATION_60 TIME_SHIFT_10 VELOCITY_16 NOTE_64 DURATION_30 "
        "TIME_SHIFT_30 VELOCITY_17 NOTE_64 DURATION_40 END"
    )


def test_a_long_wait_and_a_long_note() -> None:
    music = score([(250, 300, 60, 1), (300, 2650, 62, 1)])
    shifts = "TIME_SHIFT_100 TIME_SHIFT_100 TIME_SHIFT_50"
    rest = "TIME_SHIFT_100 " * 23 + "TIME_SHIFT_50"
    assert written(EVENTS, music) == (
        f"BOS {shifts} VELOCITY_0 NOTE_ON_60 TIME_SHIFT_50 NOTE_OFF_60 NOTE_ON_62 {rest} NOTE_OFF_62 END"
    )
    assert written(DURATIONS, music) == (
        f"BOS {shifts} VELOCITY_0 NOTE_60 DURATION_50 TIME_SHIFT_50 "
        "NOTE_62 SECONDS_10 SECONDS_10 SECONDS_3 DURATION_50 END"
    )


def test_waits_of_whole_seconds_have_no_rest() -> None:
    music = score([(200, 1300, 60, 1)])
    assert "BOS TIME_SHIFT_100 TIME_SHIFT_100 VELOCITY_0" in written(EVENTS, music)
    assert written(DURATIONS, music).endswith("NOTE_60 SECONDS_10 DURATION_100 END")


def test_keys_that_overlap_on_one_pitch() -> None:
    assert written(EVENTS, score([(0, 30, 60, 64), (20, 25, 60, 64)])) == (
        "BOS VELOCITY_15 NOTE_ON_60 TIME_SHIFT_20 NOTE_OFF_60 NOTE_ON_60 TIME_SHIFT_5 NOTE_OFF_60 END"
    )


def test_notes_of_one_pitch_in_one_step_are_one_note() -> None:
    two = Score(50, (score([(10, 20, 60, 64)]).parts[0], score([(10, 15, 60, 100)]).parts[0]))
    assert written(EVENTS, two) == "BOS TIME_SHIFT_10 VELOCITY_24 NOTE_ON_60 TIME_SHIFT_10 NOTE_OFF_60 END"


def test_a_tempo_change_in_the_middle() -> None:
    """From tick 100 on, a beat lasts two seconds and a tick 40 ms."""
    music = score([(90, 110, 60, 64), (110, 111, 62, 64)], (), Tempo(0, 120.0), Tempo(100, 30.0))
    assert written(EVENTS, music) == (
        "BOS TIME_SHIFT_90 VELOCITY_15 NOTE_ON_60 TIME_SHIFT_50 NOTE_OFF_60 NOTE_ON_62 TIME_SHIFT_4 NOTE_OFF_62 END"
    )


def test_the_order_within_an_instant() -> None:
    """Ends in the order of beginnings; beginnings as played, 67 a tick before 60 in step 2; at one tick, upwards."""
    fine = Score(500, (Part("", Notes.of([(0, 20, 72, 64), (1, 19, 48, 64), (19, 40, 67, 64), (20, 40, 64, 64),
                                          (20, 40, 60, 64)])),))  # fmt: skip
    text = written(EVENTS, fine)
    assert text.startswith(
        "BOS VELOCITY_15 NOTE_ON_72 NOTE_ON_48 TIME_SHIFT_2 NOTE_OFF_72 NOTE_OFF_48 NOTE_ON_67 NOTE_ON_60 N"
    )
    for scheme in SCHEMES:
        tokens = scheme.encode(fine)
        assert scheme.encode(scheme.decode(tokens)) == tokens


def test_decoding_by_hand() -> None:
    tokens = tokens_of(EVENTS, "BOS VELOCITY_31 NOTE_ON_60 TIME_SHIFT_3 NOTE_OFF_60 END")
    decoded = EVENTS.decode(tokens)
    assert decoded.parts == (Part("Piano", Notes.of([(0, 3 * 256, 60, 126)])),)
    assert (decoded.ticks_per_beat, decoded.tempos) == (12_800, (Tempo(0, 120.0),))


def test_fragments_are_read_as_far_as_they_make_sense() -> None:
    tokens = tokens_of(EVENTS, "NOTE_OFF_50 NOTE_ON_60 TIME_SHIFT_3 NOTE_ON_60 TIME_SHIFT_4")
    notes = EVENTS.decode(tokens).parts[0].notes
    assert list(notes.rows()) == [(0, 768, 60, 66), (768, 1024, 60, 66)]
    tokens = tokens_of(DURATIONS, "DURATION_5 NOTE_60 SECONDS_1 TIME_SHIFT_3 NOTE_62")
    notes = DURATIONS.decode(tokens).parts[0].notes
    assert list(notes.rows()) == [(0, 25_600, 60, 66), (768, 256, 62, 66)]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_nothing_is_a_piece_too(scheme: PerformanceTokenizer | NoteDurationTokenizer) -> None:
    assert written(scheme, score([])) == "BOS END"
    assert scheme.decode(scheme.encode(Score(50, ()))).num_notes == 0


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_what_is_refused(scheme: PerformanceTokenizer | NoteDurationTokenizer) -> None:
    with pytest.raises(UserError, match="hours"):
        scheme.encode(score([(0, MAX_STEPS + 1, 60, 64)]))
    with pytest.raises(UserError, match="notes"):
        scheme.encode(Score(50, (Part("", Notes.columns(*[np.arange(1, 200_002) % 127] * 4)),)))
    with pytest.raises(UserError, match="too fine"):
        scheme.encode(Score(10**7, ()))
    with pytest.raises(UserError, match="vocabulary"):
        scheme.decode(Tokens(np.array([1]), "another"))
    with pytest.raises(UserError, match="no token"):
        scheme.decode(Tokens(np.array([999]), scheme.vocabulary.hash))
    shifts = np.full(15_000, scheme.vocabulary.ids["TIME_SHIFT_100"])
    with pytest.raises(UserError, match="hours"):
        scheme.decode(Tokens(shifts, scheme.vocabulary.hash))


@pytest.mark.data
def test_times_are_those_of_an_independent_encoder_but_for_halves_of_a_step(data_folder: Path) -> None:
    """Its times have 32 bits, so that noise decides where a time lies exactly between two steps."""
    theirs = {piece.id: piece for piece in CORPORA["maestro_tokens388"].pieces(data_folder)}
    folder = corpus_folder(data_folder, "maestro-v3.0.0-test-midi")
    for file in sorted(folder.rglob("*.midi"))[::60]:
        music = read_score(file)
        ours, other = grid_notes(music), grid_notes(theirs[file.relative_to(folder).as_posix()].load())
        mine, others = (np.lexsort((notes.onset_steps, notes.pitch)) for notes in (ours, other))
        assert np.array_equal(ours.pitch[mine], other.pitch[others])
        assert np.array_equal(ours.velocity_bin[mine], other.velocity_bin[others])
        moved = ours.onset_steps[mine] != other.onset_steps[others]
        halves = Clock.of(music).seconds(sustained(music.parts[0]).onset_ticks)[mine] * 200 % 2
        assert np.allclose(halves[moved], 1)


def drawn(scheme: PerformanceTokenizer | NoteDurationTokenizer, length: int, seed: int) -> Tokens:
    """A piece of at least ``length`` tokens: one of the kinds that are allowed, then one token of that kind."""
    random, cursor, ids = np.random.default_rng(seed), scheme.cursor(), list[int]()
    kinds = np.array([name.rsplit("_", 1)[0] for name in scheme.vocabulary.names])
    while not ids or ids[-1] != scheme.vocabulary.ids["END"]:
        mask = cursor.mask()
        assert np.array_equal(mask, scheme.allowed(Tokens(np.array(ids, dtype=np.int64), scheme.vocabulary.hash)))
        allowed = sorted(set(kinds[mask]))
        if len(ids) > length:  # towards the end
            allowed = [kind for kind in ("END", "NOTE_OFF", "DURATION", "TIME_SHIFT", *allowed) if kind in allowed][:1]
        elif len(allowed) > 1:
            allowed = [kind for kind in allowed if kind != "END"]
        kind = allowed[random.integers(len(allowed))]
        ids.append(int(random.choice(np.flatnonzero(mask & (kinds == kind)))))
        cursor.feed(ids[-1])
    return Tokens(np.array(ids), scheme.vocabulary.hash)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_what_the_grammar_allows_is_what_encoding_writes(
    scheme: PerformanceTokenizer | NoteDurationTokenizer, seed: int
) -> None:
    tokens = drawn(scheme, 300, seed)
    assert scheme.encode(scheme.decode(tokens)) == tokens


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_the_grammar_at_the_last_step(scheme: PerformanceTokenizer | NoteDurationTokenizer) -> None:
    """Whatever is drawn near the limit of hours, the piece can be ended."""
    random, names = np.random.default_rng(3), scheme.vocabulary.names
    for late in (2, 105):
        cursor = scheme.cursor()
        cursor.feed(scheme.vocabulary.ids["BOS"])
        cursor.now_steps = MAX_STEPS - late
        for _ in range(400):
            mask = cursor.mask()
            assert mask.any(), names[cursor.last]
            token = int(random.choice(np.flatnonzero(mask)))
            cursor.feed(token)
            if names[token] == "END":
                break
        assert cursor.now_steps <= MAX_STEPS


@pytest.mark.data
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_maestro_comes_back_within_five_milliseconds(
    scheme: PerformanceTokenizer | NoteDurationTokenizer, data_folder: Path
) -> None:
    for file in sorted(corpus_folder(data_folder, "maestro-v3.0.0-test-midi").rglob("*.midi"))[::40]:
        music = read_score(file)
        tokens = scheme.encode(music)
        decoded = scheme.decode(tokens)
        assert scheme.encode(decoded) == tokens
        notes, back = grid_notes(music), grid_notes(decoded)
        for name in ("onset_steps", "end_steps", "pitch", "velocity_bin"):
            assert np.array_equal(getattr(notes, name), getattr(back, name))
