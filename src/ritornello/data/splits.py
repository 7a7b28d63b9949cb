"""Splits that keep the settings of one melody together.

Bach harmonised the same hymn tune up to a dozen times. A split by piece alone would let a model
train on one setting and be tested on the next, so pieces are first grouped by their soprano: two
pieces share a group when their openings are nearly the same tune in some transposition, whatever
the rhythm and the passing notes, or when their catalogue numbers are the same. (A title alone says
little: many a text was sung to several tunes.) A group then goes to one side as a whole, chosen by
the hash of its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ritornello.data.corpora.base import Split
from ritornello.form.voices import REST, frames_of
from ritornello.scores.score import IntArray, Score

OPENING_NOTES = 20
"""How much of a melody is compared: about three phrases."""
MIN_NOTES = 8
SIMILAR = 0.75
"""Share of the opening that must agree. Among the 370 chorales few pairs lie between 0.65 and 0.85."""
SIMILAR_BY_TITLE = 0.55
"""The same for pieces with the same title: less agreement by chance, so more by descent."""
_FRAMES_PER_BEAT = 4


def opening(score: Score) -> tuple[int, ...]:
    """The first pitch classes of the soprano on the beats, repeated ones once: what rhythm and ornament leave."""
    pitches = frames_of(score)[0][:, 0]
    pickup = score.pickup_ticks * _FRAMES_PER_BEAT // score.ticks_per_beat
    on_beats = pitches[pickup % _FRAMES_PER_BEAT :: _FRAMES_PER_BEAT]
    sounding = on_beats[on_beats != REST] % 12
    changes = sounding[np.append(True, sounding[1:] != sounding[:-1])] if len(sounding) else sounding
    return tuple(changes[:OPENING_NOTES].tolist())


def similarity(one: Sequence[int], others: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """How much of an opening agrees with each of the others (N,), 0 to 1, in the best transposition.

    One minus the edit distance over the length that is compared, which is that of the shorter one.
    Openings of fewer than eight notes agree with nothing.
    """
    if not others:
        return np.zeros(0)
    lengths = np.minimum(len(one), [len(other) for other in others])
    table = np.full((len(others), OPENING_NOTES), -1)
    for row, other in zip(table, others, strict=True):
        row[: len(other)] = other
    distances = _edit_distances(one, table)[lengths, :, np.arange(len(others))].min(axis=1)
    return np.where(lengths >= MIN_NOTES, 1 - distances / np.maximum(1, lengths), 0.0)


def _edit_distances(one: Sequence[int], others: IntArray) -> IntArray:
    """(k, transposition, other) -> fewest notes to change, insert or leave out between the first k notes of both."""
    notes = np.array(one, dtype=np.int64)[:, None, None, None]
    moved = (notes == (others + np.arange(12)[:, None, None]) % 12) & (others >= 0)
    places: IntArray = np.arange(1 + int(others.shape[1]))
    row: IntArray = np.broadcast_to(places, (12, len(others), len(places)))
    prefixes = [row[..., 0]]
    for i, same in enumerate(moved, start=1):
        best = row + 1  # leave out a note of the one
        best[..., 1:] = np.minimum(best[..., 1:], row[..., :-1] + ~same)
        row = np.minimum.accumulate(best - places, axis=-1) + places  # insert notes of the other
        prefixes.append(row[..., i])
    return np.stack(prefixes)


def groups_of(
    openings: Mapping[str, Sequence[int]], labels: Mapping[str, Sequence[Hashable]], titles: Mapping[str, str]
) -> dict[str, str]:
    """Piece -> group, named after its first piece.

    Joined are pieces with a label in common, and pieces with similar openings; ``titles`` makes the
    latter easier. Whatever is joined to the same piece is one group.
    """
    names = sorted(openings)
    seen: dict[Hashable, str] = {}
    pairs = [(seen.setdefault(label, name), name) for name in names for label in labels.get(name, ())]
    for place, name in enumerate(names):
        later = names[place + 1 :]
        needed = [SIMILAR_BY_TITLE if name in titles and titles[name] == titles.get(n) else SIMILAR for n in later]
        found = similarity(openings[name], [openings[n] for n in later]) >= np.array(needed)
        pairs += [(name, later[other]) for other in np.flatnonzero(found).tolist()]
    return joined(names, pairs)


def joined(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name -> the first name, in alphabetical order, of all that are joined to it by pairs, directly or not."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return {name: root(name) for name in sorted(parent)}


def sides(groups: Mapping[str, str], seed: int) -> dict[str, Split]:
    """Piece -> side, from piece -> group: about a tenth of the pieces for validation, and a tenth for test.

    Groups go to their side as a whole. They are taken in an order that only ``seed`` and their names
    decide; each fills validation first, then test, where it still has room, and else is for training.
    Where there are two groups or more, there is at least one validation piece and one to train on.
    """
    members: dict[str, list[str]] = {}
    for piece, group in sorted(groups.items()):
        members.setdefault(group, []).append(piece)
    order = sorted(members, key=lambda group: (hashlib.sha256(f"{seed}/{group}".encode()).digest(), group))
    tenth = len(groups) // 10
    room: dict[Split, int] = {"validation": max(1, tenth), "test": tenth}
    side_of: dict[str, Split] = {}
    for group in order:
        size = len(members[group])
        fitting: list[Split] = [side for side, free in room.items() if size <= free]
        side = fitting[0] if fitting else "train"
        side_of[group] = side
        if side in room:
            room[side] -= size
    if len(order) > 1 and "validation" not in side_of.values():
        side_of[min(order, key=lambda group: len(members[group]))] = "validation"
    if order and "train" not in side_of.values():
        side_of[order[-1]] = "train"
    return {piece: side_of[group] for piece, group in groups.items()}


def is_chosen(group: str, share: float, seed: str) -> bool:
    """Whether a group belongs to a random ``share`` (0 to 1) of all groups; the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
