"""From a corpus to a prepared folder (``layout.py`` says what is in it).

The pieces of the corpus, in its order, are cut into shards of ``SHARD_PIECES``; each worker takes a
shard at a time (``shards.py``). The shards do not depend on the workers, so neither does the result:
it is the same, byte for byte, from any number of them. All is written into a hidden folder beside
``out``, which takes its place in one rename at the end. When a run is cut short, the hidden folder
stays, and the next run from the same inputs goes on where it stopped. The name of the hidden folder
holds the hash of the inputs: the pieces, the scheme, and the code that reads and writes them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ritornello.data.corpora import corpus_named
from ritornello.data.corpora.base import Corpus, Piece
from ritornello.data.layout import FORMAT, INDEX
from ritornello.data.publishing import Made, publish, report
from ritornello.data.schemes import SCHEMES
from ritornello.data.shards import (
    DIED,
    ShardFacts,
    ShardJob,
    finished_shard,
    read_piece,
    write_shard,
)
from ritornello.data.workers import deadly_jobs, in_own_process, run_jobs
from ritornello.errors import UserError

SHARD_PIECES = 16
MAX_WORKERS = 64
_MADE_BY = ("scores", "form", "tokenizers", "data")
"""The folders of code on which the content of a shard depends."""


def prepare(
    corpus: str,
    out: Path,
    *,
    workers: int = 1,
    root: Path | None = None,
    scheme: str | None = None,
    seed: int = 1,
    licence: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> str:
    """Prepares a corpus and says what came of it, one line a kind of refusal.

    Args:
        corpus: a key of ``CORPORA``, or the path of a folder of music.
        out: folder to make; an older prepared folder there is replaced.
        workers: processes, 1-64.
        root: folder that holds the corpora; None = RITORNELLO_DATA.
        scheme: a key of ``SCHEMES`` that the corpus can be prepared as; None = its first.
        seed: how the pieces are split where the corpus has no split of its own.
        licence: stated in the index; None = as the corpus says.
        on_progress: told how many pieces of how many are done.

    Raises:
        UserError: no such corpus, none of its pieces can be used, the disk is full, or ``out`` is
            something else than a prepared folder. What was finished is kept, hidden beside ``out``.
    """
    source = corpus_named(corpus)
    source = replace(source, licence=licence or source.licence)
    scheme = _checked(source, out, workers, scheme)
    pieces = list(source.pieces(root))
    if not pieces:
        raise UserError("holds no music", where=source.name, mend="name a folder with MIDI files")
    inputs = _hash_of_inputs(source, pieces, scheme)
    try:
        work = _work_folder(out, inputs, list(SCHEMES[scheme].facts()))
        jobs = [
            ShardJob(number, tuple(pieces[start : start + SHARD_PIECES]), scheme, work, inputs)
            for number, start in enumerate(range(0, len(pieces), SHARD_PIECES))
        ]
        shards = _all_shards(jobs, workers, on_progress or (lambda _done, _all: None))
        made = Made(source, scheme, pieces, shards, source.num_absent(root))
        index = publish(made, work, out, seed=seed)
    except OSError as error:
        mend = "make room and prepare again: what is finished is kept"
        raise UserError(f"cannot be written: {error.strerror or error}", where=str(out), mend=mend) from error
    return report(out, index)


def _checked(source: Corpus, out: Path, workers: int, scheme: str | None) -> str:
    scheme = scheme or source.schemes[0]
    if scheme not in source.schemes:
        raise UserError(
            f"cannot be prepared as {scheme!r}", where=source.name, mend=f"one of {', '.join(source.schemes)}"
        )
    if out.exists() and not out.is_dir():
        raise UserError("is a file", where=str(out), mend="name a new folder")
    if out.exists() and any(out.iterdir()) and not (out / INDEX).is_file():
        raise UserError("is not a prepared folder", where=str(out), mend="name a new folder")
    if not 1 <= workers <= MAX_WORKERS:
        raise UserError(f"{workers} workers", where="workers", limit=f"1-{MAX_WORKERS}")
    return scheme


def _hash_of_inputs(source: Corpus, pieces: Sequence[Piece], scheme: str) -> str:
    digest = hashlib.sha256()
    rows = [(piece.id, piece.sha256, piece.split is None) for piece in pieces]
    digest.update(json.dumps([FORMAT, SHARD_PIECES, source.name, scheme, rows]).encode())
    for folder in _MADE_BY:
        for content in _code(files("ritornello").joinpath(folder)):
            digest.update(content)
    return digest.hexdigest()


def _code(folder: Traversable) -> Iterator[bytes]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _code(item)
        elif item.name.endswith(".py"):
            yield item.read_bytes()


def _work_folder(out: Path, inputs: str, levels: Sequence[str]) -> Path:
    """The hidden folder of this run; those of other inputs are removed."""
    prefix = f".preparing-{out.name}-"
    work = out.with_name(prefix + inputs[:16])
    for other in out.parent.iterdir() if out.parent.is_dir() else ():
        if other.name.startswith(prefix) and len(other.name) == len(work.name) and other != work:
            shutil.rmtree(other, ignore_errors=True)
    for folder in (work / "shards", *(work / "folder" / level for level in levels)):
        folder.mkdir(parents=True, exist_ok=True)
    return work


def _all_shards(jobs: Sequence[ShardJob], workers: int, on_progress: Callable[[int, int], None]) -> list[ShardFacts]:
    """The facts of all shards in order; only those are made that are not there yet."""
    found = {job.number: facts for job in jobs if (facts := finished_shard(job)) is not None}
    total = sum(len(job.pieces) for job in jobs)
    done = sum(len(job.pieces) for job in jobs if job.number in found)
    on_progress(done, total)
    missing = [job for job in jobs if job.number not in found]
    for facts in run_jobs(write_shard, missing, workers, _shard_after_death):
        found[facts.number] = facts
        done += len(jobs[facts.number].pieces)
        on_progress(done, total)
    return [found[number] for number in sorted(found)]


def _shard_after_death(job: ShardJob) -> ShardFacts:
    """A shard whose worker may have died of one of its pieces: those that kill again are left out."""
    facts = in_own_process(write_shard, job)
    if facts is None:
        found = deadly_jobs(_try_piece, [(piece, job.scheme) for piece in job.pieces])
        deadly = frozenset(piece.id for piece, _ in found)
        facts = in_own_process(write_shard, replace(job, deadly=deadly))
    if facts is None:
        mend = "free some memory and prepare again: what is finished is kept"
        raise UserError(DIED, where=job.pieces[0].id, mend=mend)
    return facts


def _try_piece(job: tuple[Piece, str]) -> None:
    read_piece(*job)
