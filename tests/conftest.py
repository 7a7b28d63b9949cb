"""What all tests share: the data folder, and one thread so that figures do not depend on the machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.base import CHORALE_SCHEMES, Corpus, Piece
from ritornello.data.corpora.jsb_chorales import score_from_frames
from ritornello.data.prepare import prepare

settings.register_profile("no clock", deadline=None)  # no test asserts a time
settings.load_profile("no clock")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the processes that tests start, beside those of pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of corpora; tests that need it skip where RITORNELLO_DATA is unset."""
    folder = os.environ.get("RITORNELLO_DATA")
    if not folder:
        pytest.skip("RITORNELLO_DATA is not set")
    return Path(folder)


def _toy_pieces(_root: Path | None = None) -> Iterator[Piece]:
    """Fifteen four-voice random walks of 8 to 40 sixteenths, every fifth for validation."""
    random = np.random.default_rng(7)
    for index in range(15):
        num_frames = int(random.integers(8, 41))
        steps = random.integers(-2, 3, (num_frames, 4)) * (random.random((num_frames, 4)) < 0.4)
        table = np.array([72, 65, 58, 48]) + np.cumsum(steps, axis=0).clip(-9, 9)
        frames = tuple(map(tuple, table.tolist()))
        sha256 = hashlib.sha256(repr(frames).encode()).hexdigest()
        name, split = f"toy-{index}", "validation" if index % 5 == 4 else "train"
        yield Piece(name, name, split, sha256, partial(score_from_frames, frames, name))


@pytest.fixture(scope="session")
def toy_pieces() -> Callable[..., Iterator[Piece]]:
    """Yields the pieces of a corpus that needs no data."""
    return _toy_pieces


@pytest.fixture(scope="session")
def prepared_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder of the toy corpus, notes only."""
    folder = tmp_path_factory.mktemp("prepared") / "toy"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CORPORA, "toy", Corpus("toy", "none", _toy_pieces, CHORALE_SCHEMES, "made up"))
        prepare("toy", folder, scheme="chorale_notes")
    return folder
