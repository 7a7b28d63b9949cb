"""Whatever the bytes: a score, or a UserError, in less than two seconds."""

from __future__ import annotations

import random
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ritornello.errors import UserError
from ritornello.scores.kern import parse_kern
from ritornello.scores.midi import format_midi, parse_midi
from ritornello.scores.musicxml_reading import parse_musicxml
from ritornello.scores.musicxml_writing import format_musicxml
from ritornello.scores.score import Score
from ritornello.scores.xml_source import unpack
from tests.scores.files import mxl, small_score
from tests.scores.test_kern import PIECE

NUM_MUTANTS = 500
NUMBERS = [b"0", b"-1", b"9", b"999999999", b"1e9", b"nan", b"", b"0.5", b"\xc2\xb2"]


def parse_mxl(data: bytes) -> Score:
    return parse_musicxml(unpack(data, "piece.mxl"))


SEEDS: dict[str, tuple[Callable[[bytes], Score], bytes]] = {
    "midi": (parse_midi, format_midi(small_score())),
    "musicxml": (parse_musicxml, format_musicxml(small_score())),
    "mxl": (parse_mxl, mxl(format_musicxml(small_score()))),
    "kern": (parse_kern, PIECE.encode()),
}


def mutant(seed: bytes, generator: random.Random) -> bytes:
    """The seed with one to eight bytes flipped, spans lost, doubled or swapped, or numbers replaced."""
    data = bytearray(seed)
    for _ in range(generator.choice([1, 1, 2, 8])):
        place, length = generator.randrange(len(data)), generator.randint(1, 12)
        span = bytes(data[place : place + length])
        digits = [i for i in range(len(data)) if chr(data[i]).isdigit()] or [place]
        action = generator.randrange(6)
        if action == 0:
            data[place] = generator.randrange(256)
        elif action == 1:
            data[place] ^= 1 << generator.randrange(8)
        elif action == 2 and len(data) > 40:
            del data[place : place + length]
        elif action == 3:
            data[place:place] = span * generator.choice([1, 2, 50])
        elif action == 4:
            other = generator.randrange(len(data))
            data[other : other + len(span)] = span
        else:
            digit = generator.choice(digits)
            data[digit : digit + 1] = generator.choice(NUMBERS)
    return bytes(data)


def reads_or_refuses(parse: Callable[[bytes], Score], data: bytes) -> bool:
    """Whether it reads; anything but a sound Score or a UserError fails the test."""
    start = time.perf_counter()
    try:
        score = parse(data)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either end is sound
        return False
    finally:
        assert time.perf_counter() - start < 2
    assert score.num_notes > 0
    assert score.metres[0].onset_ticks == 0
    for part in score.parts:
        assert part.notes.onset_ticks.min() >= 0
        assert part.notes.duration_ticks.min() >= 1
        assert 0 <= part.notes.pitch.min() <= part.notes.pitch.max() <= 127
        assert 1 <= part.notes.velocity.min() <= part.notes.velocity.max() <= 127
        assert 0 <= part.program <= 127
    assert len(score.bars()) < 100_000
    return True


@pytest.mark.parametrize("name", SEEDS)
def test_mutants(name: str) -> None:
    parse, seed = SEEDS[name]
    generator = random.Random(name)
    assert reads_or_refuses(parse, seed)
    read = [reads_or_refuses(parse, mutant(seed, generator)) for _ in range(NUM_MUTANTS)]
    assert 2 < sum(read) < NUM_MUTANTS - 10  # some of both, or the mutants teach nothing


@pytest.mark.parametrize("name", SEEDS)
def test_every_cut(name: str) -> None:
    parse, seed = SEEDS[name]
    for length in range(0, len(seed), max(1, len(seed) // 100)):
        reads_or_refuses(parse, seed[:length])


@pytest.mark.data
def test_malformed_files_of_other_projects(data_folder: Path) -> None:
    read = 0
    with tarfile.open(data_folder / "malformed-midi-small.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                read += reads_or_refuses(parse_midi, file.read())
    assert read > 100
