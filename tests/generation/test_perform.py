"""Performing with models of a few lines: legal, clean at its ends, the same alone and in a batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from ritornello.errors import UserError
from ritornello.generation.guards import MAX_EQUAL_STRIKES, MAX_STILL_SECONDS
from ritornello.generation.perform import PREFILL_TOKENS, Drawing, perform, perform_many
from ritornello.scores import Notes, Part, Score, Tempo
from ritornello.scores.clock import Clock
from ritornello.tokenizers import TOKENIZERS
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.performance import PerformanceTokenizer
from ritornello.training.build import build_model

SCHEME = PerformanceTokenizer()
SCHEMES = [scheme for scheme in TOKENIZERS.values() if hasattr(scheme, "strikes_V")]


class _State(NamedTuple):
    total_B: torch.Tensor


class Wishes:
    """Logits that depend on the sum of all ids so far, plus a wish for some tokens; counts what it is fed."""

    config = None

    def __init__(self, spread: float = 1.0, scheme: Any = SCHEME, **wishes: float) -> None:
        self.spread, self.chunks = spread, list[tuple[int, int]]()
        self.wish_V = np.zeros(len(scheme.vocabulary))
        for name, nats in wishes.items():
            self.wish_V[[full == name or full.startswith(f"{name}_") for full in scheme.vocabulary.names]] = nats

    def new_state(self, batch_size: int) -> _State:
        return _State(torch.zeros(batch_size, dtype=torch.long))

    def forward(self, ids_BT: torch.Tensor, state: Any = None, conditions: Any = None) -> tuple[torch.Tensor, _State]:
        assert conditions is None
        self.chunks.append(tuple(ids_BT.shape))
        total_B = state.total_B + ids_BT.sum(1)
        rows = [
            np.random.default_rng(int(n)).normal(size=len(self.wish_V)) * self.spread + self.wish_V for n in total_B
        ]
        logits_BV = torch.tensor(np.array(rows), dtype=torch.float32)
        return logits_BV[:, None].expand(-1, ids_BT.shape[1], -1), _State(total_B)


def ends(score: Score) -> np.ndarray:
    return Clock.of(score).seconds(score.parts[0].notes.offset_ticks)


def onsets(score: Score) -> np.ndarray:
    return Clock.of(score).seconds(score.parts[0].notes.onset_ticks)


def opening_score() -> Score:
    """Ten seconds, a note in every half second, each held for two."""
    rows = [(240 * n, 960, 60 + n % 7, 20 + 4 * n) for n in range(20)]
    return Score(240, (Part("", Notes.of(rows)),), tempos=(Tempo(0, 120.0),))


@pytest.mark.parametrize("spread", [0.0, 1.0, 8.0])
@pytest.mark.parametrize("kind", SCHEMES)
def test_every_token_is_legal_and_nothing_sounds_after_the_end(kind: type, spread: float) -> None:
    heard: list[int] = []
    scheme: Any = kind()
    model = Wishes(spread, scheme)
    score = perform(model, scheme, seconds=6, seed=1, on_event=lambda _, token, __: heard.append(token))
    cursor = scheme.cursor()
    for token in [scheme.vocabulary.ids["BOS"], *heard]:
        assert cursor.mask()[token]
        cursor.feed(token)
    assert score.num_notes > 5
    assert ends(score).max() <= 6 + 0.0001  # a note of the last instant lasts a tick
    told = scheme.decode(Tokens(np.array([1, *heard]), scheme.vocabulary.hash))
    np.testing.assert_array_equal(score.parts[0].notes.onset_ticks, told.parts[0].notes.onset_ticks)
    np.testing.assert_array_equal(score.parts[0].notes.pitch, told.parts[0].notes.pitch)


def test_what_still_sounds_is_ended() -> None:
    score = perform(Wishes(NOTE_OFF=-50.0), SCHEME, seconds=6, seed=1)
    assert ends(score).max() == pytest.approx(6, abs=1e-6)


def test_a_transformer_plays_the_same_alone_and_in_a_batch() -> None:
    torch.manual_seed(0)
    config = {"width": 16, "num_layers": 2, "num_heads": 2, "feedforward_width": 32, "window": 48}
    model: Any = build_model("transformer", config, vocabulary_size=len(SCHEME.vocabulary)).eval()
    together = perform_many(model, SCHEME, seconds=5, seeds=[5, 6, 7])
    assert together == [perform(model, SCHEME, seconds=5, seed=seed) for seed in (5, 6, 7)]


def test_one_seed_one_performance_alone_and_in_a_batch() -> None:
    together = perform_many(Wishes(), SCHEME, seconds=4, seeds=[5, 6, 7])
    alone = [perform(Wishes(), SCHEME, seconds=4, seed=seed) for seed in (5, 6, 7)]
    assert together == alone
    assert len({hash(score) for score in alone}) == 3


def test_the_model_may_end_late_but_not_early() -> None:
    eager = Wishes(END=50.0, NOTE_OFF=20.0)  # ends what sounds, then the piece
    lengths = list[float]()
    perform(eager, SCHEME, seconds=20, seed=1, on_event=lambda _, __, seconds: lengths.append(seconds))
    assert 15 <= lengths[-1] < 20


def test_an_opening_is_kept_and_read_in_chunks() -> None:
    primer = opening_score()
    model = Wishes()
    score = perform(model, SCHEME, seconds=10, seed=2, primer=primer)
    begin = onsets(score)
    np.testing.assert_allclose(begin[:10], np.arange(10) / 2, atol=0.006)  # the first half of ten seconds
    np.testing.assert_array_equal(score.parts[0].notes.pitch[:10], primer.parts[0].notes.pitch[:10])
    assert (begin > 5.02).sum() > 5  # the model goes on
    assert 30 < model.chunks[0][1] < 120
    assert all(length == 1 for _, length in model.chunks[1:])


def test_a_long_opening_is_read_in_chunks() -> None:
    long = Score(240, (Part("", Notes.of([(24 * n, 24, 40 + n % 30, 64) for n in range(1000)])),))
    model = Wishes()
    score = perform(model, SCHEME, seconds=100, seed=2, primer=long)
    lengths = [length for _, length in model.chunks]
    assert lengths[:2] == [PREFILL_TOKENS, PREFILL_TOKENS]
    assert lengths[lengths.index(1) :] == [1] * lengths.count(1)
    assert (onsets(score) < 50).sum() >= 990


def test_a_model_that_wants_silence_plays_all_the_same() -> None:
    score = perform(Wishes(TIME_SHIFT_100=60.0), SCHEME, seconds=60, seed=3)
    assert np.diff(onsets(score), prepend=0.0).max() <= MAX_STILL_SECONDS + 1e-6
    assert score.num_notes >= 7


def test_a_model_that_wants_one_note_must_change_it() -> None:
    one_note = Wishes(0.0, NOTE_ON_60=40.0, NOTE_OFF_60=30.0, TIME_SHIFT_9=20.0)
    score = perform(one_note, SCHEME, seconds=60, seed=3)
    other = np.flatnonzero(score.parts[0].notes.pitch != 60)
    assert score.num_notes > 3 * MAX_EQUAL_STRIKES
    assert np.diff(other).max() <= MAX_EQUAL_STRIKES + 2


def test_only_the_likeliest_is_drawn_with_a_least_share_of_one() -> None:
    sharp = Drawing(temperature=0.05, least_share=1.0)
    assert perform(Wishes(), SCHEME, seconds=3, seed=1, drawing=sharp) == perform(
        Wishes(), SCHEME, seconds=3, seed=2, drawing=sharp
    )


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e6, float("nan")])
def test_a_time_out_of_range(seconds: float) -> None:
    with pytest.raises(UserError, match="seconds"):
        perform(Wishes(), SCHEME, seconds=seconds, seed=1)


def test_a_time_shorter_than_a_step_is_silent() -> None:
    assert perform(Wishes(), SCHEME, seconds=0.001, seed=1).num_notes == 0
