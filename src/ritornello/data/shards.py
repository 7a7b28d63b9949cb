"""One shard: the unit of work. Some pieces are read, written as tokens, and published together.

The columns of a shard are files of its level. Its *facts* (what the table of pieces must know, and
the hash of each column) are written last, in one rename: a shard with facts is whole. Facts name the
inputs they were made from, so that they are never taken for those of another run.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.atomic import write_file
from ritornello.data.corpora.base import Piece
from ritornello.data.duplicates import fingerprint
from ritornello.data.layout import COLUMNS, column_file
from ritornello.data.levels import Encoded
from ritornello.data.schemes import SCHEMES
from ritornello.errors import UserError
from ritornello.scores.clock import Clock
from ritornello.scores.score import Score

_NUMBER = re.compile(r"0x[0-9a-f]+|\d[\d,.]*")
DIED = "the process that read it died"


@dataclass(frozen=True, slots=True)
class ShardJob:
    """What a worker needs: the pieces of shard ``number``, and where its files go.

    ``inputs`` is the hash of all that the shard is made from; ``deadly`` are the ids of pieces that
    are not touched because reading them killed a process.
    """

    number: int
    pieces: tuple[Piece, ...]
    scheme: str
    work: Path
    inputs: str
    deadly: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """What came of one piece; ``lengths``: level -> tokens; ``fingerprint``: see ``duplicates.py``, or empty."""

    id: str
    num_notes: int
    seconds: float
    lengths: dict[str, int]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a piece is left out; ``reason`` is the same without its numbers, for counting."""

    id: str
    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """What came of one shard; ``sha256``: level -> column -> hash of its file."""

    number: int
    inputs: str
    pieces: list[PieceFacts]
    refused: list[Refusal]
    sha256: dict[str, dict[str, str]]


def write_shard(job: ShardJob) -> ShardFacts:
    """Reads, encodes and publishes; raises OSError when the disk is full or failing."""
    pieces: list[PieceFacts] = []
    refused: list[Refusal] = []
    columns: dict[str, list[Encoded]] = {}
    for piece in job.pieces:
        found = Refusal(piece.id, DIED, DIED) if piece.id in job.deadly else read_piece(piece, job.scheme)
        if isinstance(found, Refusal):
            refused.append(found)
            continue
        facts, levels = found
        pieces.append(facts)
        for level, encoded in levels.items():
            columns.setdefault(level, []).append(encoded)
    sha256 = {level: _write_level(job, level, parts) for level, parts in columns.items()}
    facts = ShardFacts(job.number, job.inputs, pieces, refused, sha256)
    write_file(facts_file(job.work, job.number), json.dumps(asdict(facts)).encode())
    return facts


def read_piece(piece: Piece, scheme: str) -> tuple[PieceFacts, dict[str, Encoded]] | Refusal:
    """The tokens of a piece, or why there are none. Whatever goes wrong inside one file stays inside it."""
    try:
        score = piece.load()
        levels = SCHEMES[scheme].encode(score)
    except UserError as error:
        return _refusal(piece, error)
    except Exception as error:  # noqa: BLE001  # one file in ten thousand must not stop the others
        return _refusal(piece, UserError(f"cannot be used: {type(error).__name__}: {error}"))
    lengths = {level: len(encoded.ids) for level, encoded in levels.items()}
    known_by = "" if piece.split else fingerprint(score)
    return PieceFacts(piece.id, score.num_notes, _seconds(score), lengths, known_by), levels


def finished_shard(job: ShardJob) -> ShardFacts | None:
    """The facts of a shard that an earlier run has finished; None when it is not, or not any more, whole."""
    try:
        table: dict[str, Any] = json.loads(facts_file(job.work, job.number).read_bytes())
        pieces = [PieceFacts(**piece) for piece in table["pieces"]]
        refused = [Refusal(**refusal) for refusal in table["refused"]]
        facts = ShardFacts(table["number"], table["inputs"], pieces, refused, table["sha256"])
        whole = facts.inputs == job.inputs and all(
            _sha256(job.work / "folder" / level / column_file(name, job.number)) == sha256
            for level, columns in facts.sha256.items()
            for name, sha256 in columns.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts if whole else None


def facts_file(work: Path, number: int) -> Path:
    """Where the facts of a shard are."""
    return work / "shards" / f"{number:05d}.json"


def _write_level(job: ShardJob, level: str, parts: Sequence[Encoded]) -> dict[str, str]:
    sha256: dict[str, str] = {}
    for name in COLUMNS:
        arrays: list[NDArray[Any]] = [array for part in parts if (array := getattr(part, name)) is not None]
        if arrays:
            assert len(arrays) == len(parts), "all pieces of a scheme have the same columns"
            file = io.BytesIO()
            np.save(file, np.concatenate(arrays), allow_pickle=False)
            content = file.getvalue()
            write_file(job.work / "folder" / level / column_file(name, job.number), content)
            sha256[name] = hashlib.sha256(content).hexdigest()
    return sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refusal(piece: Piece, error: UserError) -> Refusal:
    """Without the file's name, which may be that of a temporary folder."""
    why = str(UserError(error.what, limit=error.limit))
    return Refusal(piece.id, why, _NUMBER.sub("N", why))


def _seconds(score: Score) -> float:
    return float(Clock.of(score).seconds(np.array([score.end_ticks]))[0])
