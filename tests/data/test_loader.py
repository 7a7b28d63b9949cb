"""The loader: a pure function of the step, each piece once an epoch, transpositions and cuts that are music."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from ritornello.data.corpora.jsb_chorales import score_from_frames
from ritornello.data.levels import encode_levels
from ritornello.data.loader import Loader
from ritornello.data.prepared import PreparedLevel
from ritornello.data.rows import Row, collate, cropped_frames
from ritornello.data.transposition import Transposer
from ritornello.errors import UserError
from ritornello.scores.score import KeySignature, Metre, Score
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.chorale import FIRST_PITCH, FRAME_TOKENS, HOLD, ChoraleTokenizer


def _piece(num_frames: int = 96, pickup_frames: int = 4) -> Score:
    """A four-voice walk in 3/4 with a pickup."""
    random = np.random.default_rng(5)
    steps = random.integers(-2, 3, (num_frames, 4)) * (random.random((num_frames, 4)) < 0.3)
    frames = tuple(map(tuple, (np.array([72, 65, 58, 48]) + np.cumsum(steps, axis=0).clip(-8, 8)).tolist()))
    score = score_from_frames(frames, "walk")
    pickup = pickup_frames * score.ticks_per_beat // 4
    return Score(
        score.ticks_per_beat,
        score.parts,
        metres=(Metre(0, 3, 4),),
        keys=(KeySignature(0, 1, "major"),),
        pickup_ticks=pickup,
    )


def _row() -> Row:
    notes = encode_levels(_piece(), with_plan=True)["notes"]
    assert notes.conditions is not None
    assert notes.source is not None
    return Row(*(column.astype(np.int64) for column in (notes.ids,)), notes.scored, notes.conditions, notes.source)


def _loader(prepared: Path, **options: object) -> Loader:
    return Loader(PreparedLevel(prepared, "notes"), **{"seed": 1, "batch_tokens": 500, **options})  # type: ignore[arg-type]


def test_the_step_alone_gives_the_batch(prepared_toy: Path) -> None:
    one, other = (_loader(prepared_toy, transpose=(-3, 3), crop_tokens=80) for _ in range(2))
    for step in (7, 0, 3, 7):
        assert torch.equal(one.batch(step).ids_BT, other.batch(step).ids_BT)
    assert not torch.equal(one.batch(0).ids_BT, one.batch(one.batches_per_epoch).ids_BT)


def test_each_training_piece_comes_once_an_epoch(prepared_toy: Path) -> None:
    loader = _loader(prepared_toy)
    train = loader.data.of_split("train")
    for epoch in range(3):
        steps = range(epoch * loader.batches_per_epoch, (epoch + 1) * loader.batches_per_epoch)
        assert Counter(piece for step in steps for piece in loader.batch(step).pieces) == Counter(train)


def test_whole_pieces_arrive_as_they_were_prepared(prepared_toy: Path) -> None:
    loader = _loader(prepared_toy)
    batch = loader.batch(0)
    for ids, scored, piece in zip(batch.ids_BT, batch.scored_BT, batch.pieces, strict=True):
        row = loader.data.row(piece)
        assert ids[: len(row.ids)].tolist() == row.ids.tolist()
        assert not ids[len(row.ids) :].any()
        assert scored.sum() == row.scored.sum()
        assert not scored[:FRAME_TOKENS].any()


def test_batches_hold_no_more_than_asked(prepared_toy: Path) -> None:
    loader = _loader(prepared_toy, batch_tokens=600)
    sizes = [loader.batch(step).ids_BT.numel() for step in range(3 * loader.batches_per_epoch)]
    assert max(sizes) <= 600 * 1.3
    assert loader.batches_per_epoch > 1


def test_transposition_moves_every_pitch_and_nothing_else() -> None:
    row = _row()
    up = Transposer(-4, 4, states_keys=True).move(row, 3)
    tokenizer = ChoraleTokenizer()
    before, after = (tokenizer.decode(Tokens(r.ids, tokenizer.vocabulary.hash)) for r in (row, up))
    for one, other in zip(before.parts, after.parts, strict=True):
        assert (other.notes.pitch - one.notes.pitch == 3).all()
        assert (other.notes.onset_ticks == one.notes.onset_ticks).all()
    assert after.keys[0].fifths == -2  # G major up a minor third is B flat major
    assert row.conditions is not None
    assert up.conditions is not None
    assert (up.conditions != row.conditions).any()


def test_transposed_conditions_are_those_of_the_transposed_piece() -> None:
    score = _piece()
    row = _row()
    moved = Transposer(-4, 4, states_keys=True).move(row, 2)
    tokenizer = ChoraleTokenizer()
    again = encode_levels(tokenizer.decode(Tokens(moved.ids, tokenizer.vocabulary.hash)), with_plan=True)["notes"]
    assert len(score.parts) == 4
    assert moved.conditions is not None
    assert again.conditions is not None
    assert (moved.ids == again.ids).all()
    assert (moved.conditions == again.conditions).mean() > 0.99  # analysis may break a tie by spelling


def test_choices_keep_each_voice_in_its_range() -> None:
    high = np.full(4, FIRST_PITCH + 40)
    low = np.full(4, FIRST_PITCH + 37)
    pieces = [np.concatenate([np.zeros(5, int), np.concatenate([[3], voices])]) for voices in (high, low)]
    first, second = Transposer(-6, 6, states_keys=True).choices(pieces)
    assert first.tolist() == [-4, -3, -2, -1, 0, 1]
    assert second.tolist() == [-1, 0, 1, 2, 3, 4]


def test_a_passage_keeps_header_metre_and_sounding_notes() -> None:
    row, random = _row(), np.random.default_rng(1)
    tokenizer = ChoraleTokenizer()
    whole = tokenizer.decode(Tokens(row.ids, tokenizer.vocabulary.hash))
    starts = set()
    for _ in range(20):
        part = cropped_frames(row, 5 * 25, random)
        assert len(part.ids) == 5 * 25
        passage = tokenizer.decode(Tokens(part.ids, tokenizer.vocabulary.hash))
        start = _find(row.ids, part.ids)
        starts.add(start)
        assert start % 12 == 0
        assert passage.pickup_ticks == whole.pickup_ticks
        for mine, theirs in zip(passage.parts, whole.parts, strict=True):
            tick = start * 120
            sounding = theirs.notes.pitch[(theirs.notes.onset_ticks <= tick) & (theirs.notes.offset_ticks > tick)]
            assert mine.notes.pitch[0] == sounding[0]
        assert not part.scored[: FRAME_TOKENS if start == 0 else 2 * FRAME_TOKENS].any()
        assert part.conditions is not None
        assert row.conditions is not None
        old = slice(4 + 5 * start, 4 + 5 * start + len(part.ids) - 4)
        assert (part.conditions[4:] == row.conditions[old]).all()
        assert part.source is not None
        assert row.source is not None
        expected = row.source[old] - 5 * start
        assert (part.source[4:] == np.where(expected < FRAME_TOKENS, -1, expected)).all()
    assert len(starts) > 3


def _find(ids: np.ndarray, part: np.ndarray) -> int:
    """The frame from which ``part`` was cut: its second frame on is verbatim."""
    body = part[2 * FRAME_TOKENS :]
    for start in range((len(ids) - len(part)) // FRAME_TOKENS + 1):
        place = (start + 2) * FRAME_TOKENS
        if (ids[place : place + len(body)] == body).all() and HOLD in body:
            return start
    raise AssertionError("the passage is not from the piece")


def test_hidden_plans_are_unknown_everywhere() -> None:
    hidden = _row().without_plan()
    assert hidden.conditions is not None
    assert hidden.source is not None
    assert not hidden.conditions.any()
    assert (hidden.source == -1).all()


def test_padding_has_no_source_and_is_not_scored() -> None:
    row = _row()
    batch = collate([row, cropped_frames(row, 100, np.random.default_rng(1))])
    assert batch.source_BT is not None
    assert (batch.source_BT[1, 100:] == -1).all()
    assert not batch.scored_BT[1, 100:].any()


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": 9}'])
def test_what_is_not_prepared_is_one_line(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "index.json").write_text(content)
    with pytest.raises(UserError) as caught:
        PreparedLevel(tmp_path, "notes")
    assert "\n" not in str(caught.value)


def test_an_unknown_level_is_one_line(prepared_toy: Path) -> None:
    with pytest.raises(UserError, match="no level 'phrases'"):
        PreparedLevel(prepared_toy, "phrases")
