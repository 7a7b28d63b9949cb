"""From a corpus to a prepared folder: memory-mapped tokens of every level, and one index.

For each piece: Score -> Plan (``form.analyse``) -> tokens and conditions of the three levels. The
folder holds ``index.json`` and, per level, ``<level>/ids.npy`` (uint16, all pieces one after the
other), ``scored.npy`` (bool: tokens whose prediction counts), and, where the level has them,
``conditions.npy`` (int16, tokens x channels) and ``source.npy`` (int32). The result is the same
whatever the number of workers, and it appears as a whole or not at all. A piece that cannot be used
is left out and named, with the reason, in the index.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.base import Corpus, Piece
from ritornello.data.levels import Encoded, encode_levels, level_facts
from ritornello.errors import UserError

FORMAT = 1
MAX_WORKERS = 64


def prepare(corpus: str, out: Path, *, workers: int = 1, root: Path | None = None, with_plan: bool = True) -> str:
    """Prepares a corpus and says in one line what came of it.

    Args:
        corpus: a key of ``CORPORA``.
        out: folder to make; an older prepared folder there is replaced.
        workers: processes, 1-64.
        root: folder that holds the corpora; None = RITORNELLO_DATA.
        with_plan: also analyse every piece; without, only notes are prepared, without conditions.

    Raises:
        UserError: no such corpus, or ``out`` is something else than a prepared folder.
    """
    if corpus not in CORPORA:
        raise UserError(f"no such corpus: {corpus!r}", where="corpus", mend=f"one of {', '.join(CORPORA)}")
    if out.exists() and any(out.iterdir()) and not (out / "index.json").is_file():
        raise UserError("is not a prepared folder", where=str(out), mend="name a new folder")
    if not 1 <= workers <= MAX_WORKERS:
        raise UserError(f"{workers} workers", where="workers", limit=f"1-{MAX_WORKERS}")
    source = CORPORA[corpus]
    with _replacing(out) as hidden:
        index = _write(source, list(source.pieces(root)), hidden, workers, with_plan=with_plan)
    return f"{out}: {len(index['pieces'])} pieces of {corpus}, {len(index['refused'])} refused"


@contextmanager
def _replacing(out: Path) -> Generator[Path]:
    """A hidden folder beside ``out`` that takes its place when the body has succeeded."""
    hidden = out.with_name(f".writing-{out.name}")
    shutil.rmtree(hidden, ignore_errors=True)
    try:
        hidden.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=str(out.parent)) from error
    try:
        yield hidden
        shutil.rmtree(out, ignore_errors=True)
        hidden.replace(out)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _write(corpus: Corpus, pieces: list[Piece], folder: Path, workers: int, *, with_plan: bool) -> dict[str, Any]:
    index: dict[str, Any] = {
        "format": FORMAT,
        "corpus": corpus.name,
        "licence": corpus.licence,
        "states_keys": corpus.states_keys,
        "levels": level_facts(with_plan=with_plan),
        "pieces": [],
        "refused": [],
    }
    columns: dict[str, list[Encoded]] = {level: [] for level in index["levels"]}
    offsets = dict.fromkeys(columns, 0)
    for piece, encoded in zip(pieces, _encoded(pieces, workers, with_plan=with_plan), strict=True):
        if isinstance(encoded, str):
            index["refused"].append({"id": piece.id, "why": encoded})
            continue
        spans = {level: (offsets[level], len(tokens.ids)) for level, tokens in encoded.items()}
        facts = {"id": piece.id, "group": piece.group, "split": piece.split, "sha256": piece.sha256}
        index["pieces"].append({**facts, "spans": spans})
        for level, tokens in encoded.items():
            columns[level].append(tokens)
            offsets[level] += len(tokens.ids)
    for level, parts in columns.items():
        index["levels"][level]["sha256"] = _write_level(folder / level, parts)
    (folder / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return index


def _write_level(folder: Path, parts: list[Encoded]) -> str:
    """Writes the columns of a level; their hash, so that a run knows its data again."""
    if not parts:
        raise UserError("no piece of the corpus can be used", where="corpus")
    folder.mkdir()
    digest = hashlib.sha256()
    for name in ("ids", "scored", "conditions", "source"):
        arrays = [getattr(part, name) for part in parts]
        if arrays[0] is not None:
            column = np.concatenate(arrays)
            np.save(folder / f"{name}.npy", column, allow_pickle=False)
            digest.update(column.tobytes())
    return digest.hexdigest()


def _encoded(pieces: list[Piece], workers: int, *, with_plan: bool) -> Iterator[dict[str, Encoded] | str]:
    """Tokens of every piece in order, or why it is refused."""
    jobs = [(piece, with_plan) for piece in pieces]
    if workers == 1:
        yield from map(_encode, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_encode, jobs, chunksize=4)


def _encode(job: tuple[Piece, bool]) -> dict[str, Encoded] | str:
    piece, with_plan = job
    try:
        return encode_levels(piece.load(), with_plan=with_plan)
    except UserError as error:
        return str(error)
