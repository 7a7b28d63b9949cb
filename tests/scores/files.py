"""Small files and scores, written by hand, for the tests of readers and writers."""

from __future__ import annotations

import io
import struct
import zipfile

from hypothesis import strategies as st

from ritornello.scores import KeySignature, Marker, Metre, Notes, Part, Score, Tempo

END = b"\x00\xff\x2f\x00"


def midi_file(*tracks: bytes, ticks_per_beat: int = 480, midi_format: int = 1, declared: int | None = None) -> bytes:
    """A MIDI file of these event bytes; every track gets its header and its end."""
    chunks = [b"MTrk" + struct.pack(">I", len(track) + 4) + track + END for track in tracks]
    num_tracks = len(tracks) if declared is None else declared
    return b"MThd" + struct.pack(">IHHH", 6, midi_format, num_tracks, ticks_per_beat) + b"".join(chunks)


ONE_NOTE = b"\x00\x90\x3c\x40\x83\x60\x80\x3c\x40"
"""Middle C for 480 ticks."""


def musicxml(*parts: str, prolog: str = "", header: str = "") -> bytes:
    """A partwise score; each part is the XML of its measures."""
    names = "".join(
        f'<score-part id="P{n}"><part-name>Part {n}</part-name></score-part>' for n in range(1, len(parts) + 1)
    )
    body = "".join(f'<part id="P{n}">{part}</part>' for n, part in enumerate(parts, start=1))
    return f"{prolog}<score-partwise>{header}<part-list>{names}</part-list>{body}</score-partwise>".encode()


def measure(content: str, *, left: str = "", right: str = "", number: int = 1) -> str:
    """A measure; ``left`` and ``right`` stand inside its barlines."""
    barlines = [f'<barline location="{side}">{text}</barline>' if text else "" for side, text in
                (("left", left), ("right", right))]  # fmt: skip
    return f'<measure number="{number}">{barlines[0]}{content}{barlines[1]}</measure>'


def note(step: str, quarters: int, octave: int = 4, extra: str = "", after: str = "") -> str:
    """A note of so many quarters at one division per quarter; ``R`` is a rest."""
    pitch = "<rest/>" if step == "R" else f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{extra}{pitch}<duration>{quarters}</duration>{after}</note>"


ATTRIBUTES = (
    "<attributes><divisions>1</divisions><key><fifths>-2</fifths><mode>minor</mode></key>"
    "<time><beats>2</beats><beat-type>4</beat-type></time></attributes>"
)


def mxl(document: bytes, *, name: str = "score.xml", container: str | None = None, packing: int = 8) -> bytes:
    """A packed MusicXML file."""
    file = io.BytesIO()
    roots = f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr("META-INF/container.xml", roots if container is None else container)
        archive.writestr(name, document)
    return file.getvalue()


def small_score() -> Score:
    """Two voices in g minor: a pickup, a tie over a barline, the raised 6th and 7th, fermatas, rests, a section."""
    beat = 480
    upper = [(0, 480, 67, 64), (480, 240, 70, 64), (720, 240, 72, 64), (960, 1920, 74, 64), (2880, 480, 66, 64),
             (3360, 480, 67, 64)]  # fmt: skip
    lower = [(0, 480, 55, 64), (480, 960, 55, 64), (1440, 480, 52, 64), (1920, 960, 54, 64), (3360, 480, 43, 64)]
    return Score(
        beat,
        (
            Part("Soprano", Notes.of(upper), 52, (960, 3360)),
            Part("Bass", Notes.of(lower), 52, (3360,)),
        ),
        metres=(Metre(0, 3, 4),),
        keys=(KeySignature(0, -2, "minor"),),
        tempos=(Tempo(0, 72.0),),
        markers=(Marker(0, "A"), Marker(1920, "B")),
        pickup_ticks=beat,
        title="Of <two> & voices",
        closing_ticks=3840,
    )


@st.composite
def chorale_scores(draw: st.DrawFn) -> Score:
    """Scores of one to four voices on a grid of 16ths, with rests, pickups, metre changes and fermatas."""
    num_bars, ticks = draw(st.integers(1, 6)), 120
    numerator, denominator = draw(st.sampled_from([(4, 4), (3, 4), (2, 2), (6, 8), (3, 8), (3, 2)]))
    first = Metre(0, numerator, denominator)
    bar = first.bar_ticks(480)
    pickup = draw(st.integers(0, min(bar // ticks - 1, 12))) * ticks
    end = pickup + num_bars * bar
    metres = [first]
    if draw(st.booleans()):
        metres.append(Metre(pickup + draw(st.integers(1, num_bars)) * bar, *draw(st.sampled_from([(5, 4), (9, 8)]))))
    metres = [metre for metre in metres if metre.onset_ticks < end]
    parts = tuple(draw(_parts(name, end, ticks)) for name in draw(st.sampled_from([["Soprano"], ["Alto", "Tenor"],
                  ["Soprano", "Alto", "Tenor", "Bass"]])))  # fmt: skip
    key = KeySignature(0, draw(st.integers(-7, 7)), draw(st.sampled_from(["major", "minor"])))
    tempo = Tempo(0, float(draw(st.integers(30, 200))))
    marker = Marker(draw(st.integers(0, end // ticks - 1)) * ticks, draw(st.sampled_from(["A", "B'"])))
    return Score(480, parts, tuple(metres), (key,), (tempo,), (marker,), pickup, "", end)


@st.composite
def _parts(draw: st.DrawFn, name: str, end: int, ticks: int) -> Part:
    rows: list[tuple[int, int, int, int]] = []
    fermatas: list[int] = []
    now = 0
    while now < end:
        duration = min(draw(st.integers(1, 20)) * ticks, end - now)
        if draw(st.integers(0, 5)) or not rows:
            rows.append((now, duration, draw(st.integers(36, 84)), 64))
            if not draw(st.integers(0, 4)):
                fermatas.append(now + draw(st.integers(0, duration // ticks - 1)) * ticks)
        now += duration
    return Part(name, Notes.of(rows), draw(st.integers(0, 127)), tuple(fermatas))


@st.composite
def keyboard_parts(draw: st.DrawFn) -> Part:
    """Pianos in chords and voices on a grid of 16ths, of which about half need two staves; all notes differ."""
    centre = draw(st.sampled_from([48, 60, 60, 72]))
    place = st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(centre - 24, centre + 24))
    rows = [(onset * 120, duration * 120, pitch, 64) for onset, duration, pitch in draw(st.sets(place, max_size=40))]
    return Part("Piano", Notes.of(rows), draw(st.sampled_from([0, 0, 4, 19, 24])))
