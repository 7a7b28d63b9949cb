"""What every token scheme offers: encode, decode, and what may come next.

``Tokens`` cross the border to data and models; they carry the hash of their vocabulary so that a
checkpoint is never fed ids that mean something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ritornello.errors import UserError
from ritornello.scores.score import IntArray

Music = TypeVar("Music")


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:  # noqa: PLW1641 (arrays are compared, never hashed)
    """Ids (int64, T) and the hash of the vocabulary that gives them meaning."""

    ids: NDArray[np.int64]
    vocabulary_hash: str

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Tokens)
            and self.vocabulary_hash == other.vocabulary_hash
            and np.array_equal(self.ids, other.ids)
        )


@dataclass(frozen=True)
class Vocabulary:
    """Names of all tokens; the id of a token is its index. Id 0 is always ``PAD``."""

    names: tuple[str, ...]
    ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        assert self.names[0] == "PAD"
        assert len(set(self.names)) == len(self.names), "token names are unique"
        object.__setattr__(self, "ids", {name: i for i, name in enumerate(self.names)})

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits that change with any name or its place."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]

    def tokens(self, names: Iterable[str]) -> Tokens:
        """Tokens from names."""
        return Tokens(np.array([self.ids[name] for name in names], dtype=np.int64), self.hash)


class Tokenizer(Protocol[Music]):
    """Music (a Score or a Plan) to tokens and back.

    ``decode(encode(x))`` is x on the scheme's grid; ``decode`` never fails on a sequence built by
    choosing, token by token, what ``allowed`` allows.
    """

    name: str
    vocabulary: Vocabulary

    def encode(self, music: Music) -> Tokens:
        """Music to tokens, from BOS to END."""
        ...

    def decode(self, tokens: Tokens) -> Music:
        """Tokens to music; an unfinished sequence gives the music so far."""
        ...

    def allowed(self, prefix: Tokens) -> NDArray[np.bool_]:
        """Which token ids (V,) may follow the prefix."""
        ...


class EventCursor(Protocol):
    """Where a performance stands while it is written, one token after another."""

    def feed(self, token: int) -> None:
        """Goes on with a token that ``mask`` allows; the first is BOS."""
        ...

    def mask(self) -> NDArray[np.bool_]:
        """Which token ids (V,) may come next."""
        ...


class EventScheme(Tokenizer[Music], Protocol[Music]):
    """A scheme whose tokens are events in time, so that one sampler serves all such schemes."""

    seconds_V: NDArray[np.float64]
    """By how much each token moves the clock; 0 for most."""
    strikes_V: NDArray[np.bool_]
    """Which tokens begin a note; each of them names its pitch."""
    ends_V: IntArray
    """For each token, the one that began the note that it ends; -1 where it ends none."""

    def cursor(self) -> EventCursor:
        """A cursor before BOS."""
        ...


def mask_after(cursor: EventCursor, prefix: Tokens) -> NDArray[np.bool_]:
    """Which token ids (V,) may follow a prefix: a cursor before BOS walks over it."""
    for token in prefix.ids.tolist():
        cursor.feed(token)
    return cursor.mask()


def check_vocabulary(tokens: Tokens, vocabulary: Vocabulary, where: str) -> None:
    """Raises UserError for tokens of another vocabulary."""
    if tokens.vocabulary_hash != vocabulary.hash:
        raise UserError("these tokens belong to another vocabulary", where=where)
