"""Cuts a soundfont down to a few instruments.

The shipped font was made by this file from FluidR3Mono_GM.sf3 (MIT licence, text beside the font):
``python -m ritornello.audio.soundfont FluidR3Mono_GM.sf3 chorale.sf3 0 6 19 48 52``.

Each instrument keeps one velocity layer. The root key of a zone moves into the header of its
sample, because symusic's synthesizer ignores the generator that overrides it and plays up to nine
semitones off key. Every sample is tuned by its own partials: the choir's differ by 45 cents among
themselves. Modulators are dropped.
**Source**: SoundFont 2.04 technical specification (Creative, 2006), with the Vorbis samples of sf3.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]

_KEY_RANGE, _VELOCITY_RANGE, _INSTRUMENT, _SAMPLE, _ROOT_KEY = 43, 44, 41, 53, 58
_MONO_VORBIS = 0x11
_FFT_LENGTH = 2**20
_VELOCITY = 90
"""The velocity whose layer is kept."""
_PRESET, _BAG, _GENERATOR, _HEADER = "<20sHHHIII", "<HH", "<HH", "<20sIIIIIBbHH"

_Header: TypeAlias = tuple[bytes, int, int, int, int, int, int, int, int, int]
Zone: TypeAlias = list[tuple[int, int]]
"""Generators (number, amount as an unsigned 16-bit word)."""


@dataclass(slots=True)
class _Font:
    """What is written: presets and instruments as lists of zones, sample headers, sample bytes."""

    presets: list[tuple[bytes, int, list[Zone]]] = field(default_factory=list["tuple[bytes, int, list[Zone]]"])
    instruments: list[tuple[bytes, list[Zone]]] = field(default_factory=list["tuple[bytes, list[Zone]]"])
    headers: list[_Header] = field(default_factory=list["_Header"])
    samples: bytearray = field(default_factory=bytearray)
    offsets: dict[int, int] = field(default_factory=dict[int, int])
    """Sample of the source -> where its bytes begin here."""


def cut_soundfont(source: bytes, programs: Sequence[int]) -> bytes:
    """A soundfont (sf3) with the given programs of bank 0, in the order given."""
    tables = dict(_tables(source))
    presets = list(struct.iter_unpack(_PRESET, tables[b"phdr"]))
    instruments = list(struct.iter_unpack("<20sH", tables[b"inst"]))
    headers = list(struct.iter_unpack(_HEADER, tables[b"shdr"]))
    font = _Font()
    for program in programs:
        index = next(i for i, preset in enumerate(presets) if preset[1:3] == (program, 0))
        layers = _zones(tables, b"p", presets[index][3], presets[index + 1][3])
        kept: list[Zone] = []
        for layer in layers:
            generators = dict(layer)
            low, high = divmod(generators.pop(_VELOCITY_RANGE, 127 << 8), 256)[::-1]
            if _INSTRUMENT in generators and low <= _VELOCITY <= high:
                number = generators.pop(_INSTRUMENT)
                zones = _zones(tables, b"i", instruments[number][1], instruments[number + 1][1])
                font.instruments.append((instruments[number][0], _take_samples(font, zones, headers, tables[b"smpl"])))
                kept.append([*generators.items(), (_INSTRUMENT, len(font.instruments) - 1)])
        common = [zone for zone in layers if _INSTRUMENT not in dict(zone)]
        font.presets.append((presets[index][0], program, common + kept))
    return _written(font, tables)


def _take_samples(font: _Font, zones: list[Zone], headers: list[_Header], samples: bytes) -> list[Zone]:
    """The zones with their samples renumbered and their root keys in the samples' headers."""
    taken: list[Zone] = []
    for zone in zones:
        generators = dict(zone)
        if _SAMPLE in generators:
            index = generators.pop(_SAMPLE)
            name, start, end, loop_start, loop_end, rate, root, _, _, _ = headers[index]
            if index not in font.offsets:
                font.offsets[index] = len(font.samples)
                font.samples += samples[start:end]
            begin = font.offsets[index]
            root = generators.pop(_ROOT_KEY, root)
            correction = -round(_cents_sharp(samples[start:end], root))
            header = (name, begin, begin + end - start, loop_start, loop_end, rate, root, correction, 0, _MONO_VORBIS)
            if header not in font.headers:
                font.headers.append(header)
            generators[_SAMPLE] = font.headers.index(header)  # the sample is the last generator of a zone
        taken.append(list(generators.items()))
    return taken


def _cents_sharp(sample: bytes, root_key: int) -> float:
    """How far the first five partials lie above the pitch of the root key, weighted by their energy."""
    wave, rate = soundfile.read(io.BytesIO(sample))
    wave = wave[rate // 5 : 3 * rate]  # without the attack
    energy = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), _FFT_LENGTH)) ** 2
    frequencies = np.fft.rfftfreq(_FFT_LENGTH, 1 / rate)
    fundamental = 440 * 2 ** ((root_key - 69) / 12)
    weighted_cents = total = 0.0
    for partial in range(1, 6):
        low, high = fundamental * partial * 2 ** (np.array([-60, 60]) / 1200)
        near = (low < frequencies) & (frequencies < high)
        cents = 1200 * np.log2(frequencies[near] / (fundamental * partial))
        weighted_cents += float(np.sum(energy[near] * cents))
        total += float(np.sum(energy[near]))
    return weighted_cents / total if total else 0.0


def _zones(tables: dict[bytes, bytes], kind: bytes, first: int, last: int) -> list[Zone]:
    bags = list(struct.iter_unpack(_BAG, tables[kind + b"bag"]))
    generators = list(struct.iter_unpack(_GENERATOR, tables[kind + b"gen"]))
    return [generators[bags[i][0] : bags[i + 1][0]] for i in range(first, last)]


def _written(font: _Font, tables: dict[bytes, bytes]) -> bytes:
    preset_bags, preset_generators = _packed([zones for _, _, zones in font.presets])
    instrument_bags, instrument_generators = _packed([zones for _, zones in font.instruments])
    presets, bag = bytearray(), 0
    for name, program, zones in font.presets:
        presets += struct.pack(_PRESET, name, program, 0, bag, 0, 0, 0)
        bag += len(zones)
    presets += struct.pack(_PRESET, b"EOP", 0, 0, bag, 0, 0, 0)
    instruments, bag = bytearray(), 0
    for name, zones in font.instruments:
        instruments += struct.pack("<20sH", name, bag)
        bag += len(zones)
    instruments += struct.pack("<20sH", b"EOI", bag)
    headers = b"".join(struct.pack(_HEADER, *header) for header in [*font.headers, (b"EOS", *[0] * 9)])
    info = [(tag, tables[tag]) for tag in (b"ifil", b"isng", b"INAM", b"ICOP", b"ICMT") if tag in tables]
    modulators = bytes(10)
    pdta = [
        (b"phdr", presets), (b"pbag", preset_bags), (b"pmod", modulators), (b"pgen", preset_generators),
        (b"inst", instruments), (b"ibag", instrument_bags), (b"imod", modulators), (b"igen", instrument_generators),
        (b"shdr", headers),
    ]  # fmt: skip
    lists = [_list(b"INFO", info), _list(b"sdta", [(b"smpl", font.samples)]), _list(b"pdta", pdta)]
    return _chunk(b"RIFF", b"sfbk" + b"".join(lists))


def _packed(owners: list[list[Zone]]) -> tuple[bytes, bytes]:
    """Bags and generators of all zones, with the closing records that the format asks for."""
    bags, generators = bytearray(), bytearray()
    for zone in [*(zone for zones in owners for zone in zones), []]:
        bags += struct.pack(_BAG, len(generators) // 4, 0)
        generators += b"".join(struct.pack(_GENERATOR, *generator) for generator in zone)
    return bytes(bags), bytes(generators + bytes(4))


def _tables(data: bytes, start: int = 12) -> Iterator[tuple[bytes, bytes]]:
    """(tag, bytes) of every table in the three lists of a soundfont."""
    for _, body in _chunks(data[start:]):
        yield from _chunks(body[4:])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        yield data[position : position + 4], data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2


def _list(kind: bytes, tables: Sequence[tuple[bytes, bytes | bytearray]]) -> bytes:
    return _chunk(b"LIST", kind + b"".join(_chunk(tag, bytes(body)) for tag, body in tables))


def _chunk(tag: bytes, body: bytes) -> bytes:
    return tag + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(cut_soundfont(Path(sys.argv[1]).read_bytes(), [int(p) for p in sys.argv[3:]]))
