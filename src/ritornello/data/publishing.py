"""The end of preparing: shards that are finished become a prepared folder, as a whole or not at all.

Here the pieces that have no side yet get one, since near-duplicates are known only when all pieces
have been read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ritornello.atomic import give_name, write_file
from ritornello.data.corpora.base import Corpus, Piece
from ritornello.data.duplicates import near_duplicates
from ritornello.data.layout import FORMAT, INDEX, TABLE
from ritornello.data.pieces_table import PieceRow, table_bytes
from ritornello.data.schemes import SCHEMES
from ritornello.data.shards import Refusal, ShardFacts
from ritornello.data.splits import sides
from ritornello.errors import UserError


@dataclass(frozen=True, slots=True)
class Made:
    """What was made from what: all pieces of a corpus, in order, as ``shards``; ``num_absent`` were not there."""

    corpus: Corpus
    scheme: str
    pieces: Sequence[Piece]
    shards: Sequence[ShardFacts]
    num_absent: int


def publish(made: Made, work: Path, out: Path, *, seed: int) -> dict[str, Any]:
    """Writes table and index into ``work`` and gives its folder the name ``out``; returns the index.

    Raises:
        UserError: no piece can be used; nothing is left.
        OSError: the disk is full or failing; the shards are kept.
    """
    rows = _rows(made, seed)
    refused = [refusal for shard in made.shards for refusal in shard.refused]
    if not rows:
        shutil.rmtree(work)
        mend = "choose another corpus"
        raise UserError(f"no piece can be used: {refused[0].why}", where=made.corpus.name, mend=mend)
    levels = _levels(made)
    table = table_bytes(rows, list(levels))
    index: dict[str, Any] = {
        "format": FORMAT,
        "corpus": made.corpus.name,
        "source": made.corpus.source,
        "licence": made.corpus.licence,
        "scheme": made.scheme,
        "states_keys": made.corpus.states_keys,
        "levels": levels,
        "seed": seed if any(piece.split is None for piece in made.pieces) else None,
        "pieces": dict(sorted(Counter(row.split for row in rows).items())),
        "pieces_sha256": hashlib.sha256(table).hexdigest(),
        "absent": made.num_absent,
        "refused": [asdict(refusal) for refusal in refused],
    }
    folder = work / "folder"
    write_file(folder / TABLE, table)
    write_file(folder / INDEX, (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode())
    for leftover in folder.rglob(".*"):
        leftover.unlink()
    give_name(folder, out)
    shutil.rmtree(work, ignore_errors=True)
    return index


def report(out: Path, index: dict[str, Any]) -> str:
    """What came of it: one line, and one for each kind of refusal with an example."""
    refused = [Refusal(**refusal) for refusal in index["refused"]]
    counts = ", ".join(f"{count} {split}" for split, count in index["pieces"].items())
    total = sum(index["pieces"].values())
    lines = [f"{out}: {total} pieces of {index['corpus']}, {len(refused)} refused ({counts})"]
    if index["absent"]:
        lines.append(f"  {index['absent']} pieces of the corpus are not there")
    for reason, count in Counter(refusal.reason for refusal in refused).most_common():
        example = next(refusal for refusal in refused if refusal.reason == reason)
        lines.append(f"  {count} refused: {example.why} ({example.id})")
    return "\n".join(lines)


def _levels(made: Made) -> dict[str, dict[str, Any]]:
    """Facts of every level, with its columns and a hash of all of them."""
    levels = SCHEMES[made.scheme].facts()
    for level, facts in levels.items():
        hashes = [shard.sha256[level] for shard in made.shards if level in shard.sha256]
        facts["columns"] = list(hashes[0])
        facts["sha256"] = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()
    return levels


def _rows(made: Made, seed: int) -> list[PieceRow]:
    by_id = _with_sides(made.pieces, made.shards, seed)
    rows: list[PieceRow] = []
    for shard in made.shards:
        starts: Counter[str] = Counter()
        for facts in shard.pieces:
            piece = by_id[facts.id]
            spans = {level: (starts[level], length) for level, length in facts.lengths.items()}
            starts.update(facts.lengths)
            assert piece.split is not None, "every piece has a side by now"
            identity = (piece.id, piece.group, piece.split, piece.sha256)
            rows.append(PieceRow(*identity, facts.num_notes, facts.seconds, shard.number, spans))
    return rows


def _with_sides(pieces: Sequence[Piece], shards: Sequence[ShardFacts], seed: int) -> dict[str, Piece]:
    """Pieces by id; those without a side get one."""
    by_id = {piece.id: piece for piece in pieces}
    open_ = {f.id: f.fingerprint for shard in shards for f in shard.pieces if by_id[f.id].split is None}
    groups = near_duplicates(open_, {name: by_id[name].sha256 for name in open_})
    side_of = sides(groups, seed)
    return by_id | {name: replace(by_id[name], group=groups[name], split=side_of[name]) for name in open_}
