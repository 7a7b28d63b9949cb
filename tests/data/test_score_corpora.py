"""The corpora of scores: Mutopia by its table, POP909-CL in POP909's three parts; made up, and as they are."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora import CORPORA
from ritornello.data.corpora.archive import corpus_folder
from ritornello.data.corpora.mutopia import attribution, credits_by_piece, split_of
from ritornello.data.corpora.pop909_cl import PARTS, shift_16ths, symbol
from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.errors import UserError
from ritornello.scores.midi import write_midi
from ritornello.scores.quantization import set_to_beats
from ritornello.scores.reading import read_score
from ritornello.scores.score import ChordSymbol, KeySignature, Notes, Part, Score, Tempo
from ritornello.tokenizers.bars import BarsTokenizer
from ritornello.tokenizers.base import Tokens

ROW = {
    "path": "", "composer": "BachJS", "opus_folder": "", "title": "Prelude", "licence": "CC BY-SA 4.0",
    "maintainer": "Anna", "source_file": "ftp/x.ly", "bars": "4", "irregular_bars": "0", "tempo": "source",
    "same_music_as": "", "remarks": "",
}  # fmt: skip
"""One row of the table, as far as it is read."""
MUTOPIA = [
    {"path": "BachJS/bwv653/a.mid", "opus_folder": "BWV653"},
    {"path": "BachJS/bwv653b/b.mid", "opus_folder": "BWV653b", "maintainer": "Ben"},
    {"path": "BachJS/bwv846/c.mid", "opus_folder": "BWV846", "tempo": "none given (60 quarters a minute)"},
    {"path": "BachJS/bwv850/d.mid", "opus_folder": "BWV850", "licence": "Public Domain", "maintainer": ""},
    {"path": "BachJS/bwv924/e.mid", "opus_folder": "BWV924"},
    {"path": "HandelGF/hwv40/f.mid", "opus_folder": "HWV40", "composer": "HandelGF"},
    {"path": "HandelGF/x/g.mid", "opus_folder": "antioch", "composer": "HandelGF",
     "same_music_as": "BachJS/bwv924/e.mid"},
    {"path": "MozartWA/kv397/h.mid", "opus_folder": "KV397", "composer": "MozartWA", "irregular_bars": "3"},
    {"path": "BeethovenLv/o10/i.mid", "opus_folder": "O10", "composer": "BeethovenLv",
     "remarks": "2 LilyPond errors tolerated; bar grid as LilyPond wrote it"},
]  # fmt: skip


def _mutopia(root: Path, rows: Iterable[dict[str, str]] = MUTOPIA) -> Path:
    folder = root / "mutopia-scores"
    folder.mkdir()
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ROW)
        table.writeheader()
        for number, row in enumerate(rows):
            table.writerow(ROW | row)
            path = folder / row["path"].replace("..", "x")
            path.parent.mkdir(parents=True, exist_ok=True)
            upper = [(96 * n, 96, 60 + n % 12 + number, 90) for n in range(16)]
            parts = (Part("up", Notes.of(upper)), Part("down", Notes.of([(0, 1536, 48 + number, 90)])))
            write_midi(Score(96, parts, tempos=(Tempo(0, 60.0),)), path)
    return folder


def test_mutopia_is_split_by_work_and_twins_stay_together(tmp_path: Path) -> None:
    _mutopia(tmp_path)
    found = [(piece.id, piece.group, piece.split) for piece in CORPORA["mutopia"].pieces(tmp_path)]
    assert found == [
        ("BachJS/bwv653/a", "BachJS BWV653", "validation"),  # ends in 3
        ("BachJS/bwv653b/b", "BachJS BWV653", "validation"),
        ("BachJS/bwv846/c", "BachJS BWV846", "train"),
        ("BachJS/bwv850/d", "BachJS BWV850", "test"),
        ("BachJS/bwv924/e", "BachJS BWV924", "train"),
        ("HandelGF/hwv40/f", "HandelGF HWV40", "test"),
        ("HandelGF/x/g", "BachJS BWV924", "train"),  # the same music
        ("MozartWA/kv397/h", "MozartWA KV397", "train"),
        ("BeethovenLv/o10/i", "BeethovenLv O10", "test"),
    ]
    bach = [piece.id for piece in CORPORA["bach_mutopia"].pieces(tmp_path)]
    assert bach == [name for name, *_ in found if name.startswith("BachJS")]
    assert [split_of(numbers) for numbers in ({13, 25}, {13, 21}, {21, 33}, set())] == [
        "test", "validation", "train", "train",
    ]  # fmt: skip


def test_mutopia_is_cleaned_of_what_its_table_warns_of(tmp_path: Path) -> None:
    _mutopia(tmp_path)
    pieces = {piece.id[-1]: piece for piece in CORPORA["mutopia"].pieces(tmp_path)}
    assert pieces["a"].load().tempos == (Tempo(0, 60.0),)
    assert pieces["c"].load().tempos == ()
    for name in "hi":  # three of four bars irregular; the table says so
        with pytest.raises(UserError, match="barlines"):
            pieces[name].load()


def test_mutopia_says_whom_a_piece_is_owed_to(tmp_path: Path) -> None:
    _mutopia(tmp_path)
    assert credits_by_piece(tmp_path)["BachJS/bwv653b/b"].maintainer == "Ben"
    text = attribution(["BachJS/bwv653/a", "BachJS/bwv653b/b", "BachJS/bwv850/d"], tmp_path)
    assert text.splitlines() == ["CC BY-SA 4.0: Anna, Ben", "Public Domain: unnamed"]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"path": "../evil.mid", "opus_folder": "BWV1"}, "unsafe path"),
        ({"path": "a.mid", "opus_folder": "BWV1", "bars": "many"}, "line 2 is no row"),
        ({"path": "a.mid", "opus_folder": ""}, "line 2 is no row"),
    ],
)
def test_a_damaged_table_is_one_line(tmp_path: Path, row: dict[str, str], word: str) -> None:
    _mutopia(tmp_path, [row])
    with pytest.raises(UserError, match=word):
        list(CORPORA["mutopia"].pieces(tmp_path))
    (tmp_path / "mutopia-scores" / "index.csv").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        list(CORPORA["mutopia"].pieces(tmp_path))


def test_mutopia_is_prepared_alike_by_any_number_of_workers(tmp_path: Path) -> None:
    _mutopia(tmp_path)
    text = prepare("mutopia", tmp_path / "one", root=tmp_path)
    assert "2 refused: its barlines are not those of the music" in text
    prepare("mutopia", tmp_path / "two", root=tmp_path, workers=2)
    one, two = ({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
                for folder in (tmp_path / "one", tmp_path / "two"))  # fmt: skip
    assert one == two
    level, tokenizer = PreparedLevel(tmp_path / "one", "bars"), BarsTokenizer()
    assert level.vocabulary_size == len(tokenizer.vocabulary)
    decoded = tokenizer.decode(Tokens(level.ids(0), level.vocabulary_hash))
    assert [len(part.notes) for part in decoded.parts] == [16, 1]
    prepare("mutopia", tmp_path / "even", root=tmp_path, scheme="bars_even")
    assert np.array_equal(PreparedLevel(tmp_path / "even", "bars_even").ids(0), level.ids(0))  # there are no dynamics


MELODY = [(480 * n, 300, 72 + n % 5, 100 + n) for n in range(16)]
BRIDGE = [(960 * n, 700, 64, 80 + n) for n in range(8)]
PIANO = [(480 * n, 440, 72 + n % 5, 40 + n) for n in range(16)] + [(1920 * n, 1900, 36, 50) for n in range(4)]
"""The piano doubles the melody, but holds longer: in one track, one cannot tell whose end comes first."""


def _song(root: Path, number: int, *, others: int = 0, late: int = 0) -> None:
    """POP909's song, played at 90 and a little late, and the corrected one a bar later, with ``others`` changed.

    All of the corrected one comes ``late`` quarters later.
    """
    played = root / "pop909" / f"{number:03d}" / f"{number:03d}.mid"
    corrected = root / "pop909-cl" / "POP909_processed" / f"{number:03d}.mid"
    for path in (played, corrected):
        path.parent.mkdir(parents=True, exist_ok=True)
    tracks = {"MELODY": MELODY, "BRIDGE": BRIDGE, "PIANO": PIANO}
    as_played = {name: [(o + 7 * (p % 3), d, p, v) for o, d, p, v in rows] for name, rows in tracks.items()}
    parts = tuple(Part(name, Notes.of(rows)) for name, rows in as_played.items())
    write_midi(Score(480, parts, tempos=(Tempo(0, 90.0),)), played)
    merged = [(o + 1920, d, p, 1 if n < others else v) for n, (o, d, p, v) in enumerate(MELODY + BRIDGE + PIANO)]
    chords = [(1920, 1920, p, 90) for p in (48, 52, 55)] + [(3840, 960, p, 90) for p in (52, 55, 60, 64)]
    chords += [(5760, 960, p, 90) for p in (50, 55, 57)]
    merged, chords = ([(o + 480 * late, *rest) for o, *rest in rows] for rows in (merged, chords))
    parts = (Part("piano", Notes.of(merged)), Part("chords", Notes.of(chords)))
    write_midi(Score(480, parts, keys=(KeySignature(0, -3, "minor"),), tempos=(Tempo(0, 120.0),)), corrected)


def _on_beats(rows: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int]]:
    """(onset, duration, pitch) of notes that are set to the beat, 480 ticks each."""
    score = set_to_beats(Score(480, (Part("", Notes.of(rows)),)))
    return [row[:3] for row in score.parts[0].notes.rows()]


def test_a_song_has_its_parts_its_chords_and_its_tempo(tmp_path: Path) -> None:
    for number in (5, 10, 909):
        _song(tmp_path, number, others=3)
    _song(tmp_path, 7)
    (tmp_path / "pop909" / "007" / "007.mid").unlink()
    corpus = CORPORA["pop909_cl"]
    pieces = list(corpus.pieces(tmp_path))
    assert [(piece.id, piece.split) for piece in pieces] == [("005", "train"), ("010", "validation"), ("909", "test")]
    assert corpus.num_absent(tmp_path) == 906
    score = pieces[0].load()
    assert tuple(part.name for part in score.parts) == PARTS
    for part, rows in zip(score.parts, (MELODY, BRIDGE, PIANO), strict=True):
        assert [row[:3] for row in part.notes.rows()] == _on_beats([(o + 1920, d, p, v) for o, d, p, v in rows])
    assert score.tempos[0].beats_per_minute == pytest.approx(90, rel=1e-3)
    assert score.keys == (KeySignature(0, -3, "minor"),)
    assert score.chords == (
        ChordSymbol(1920, 0, "major"),
        ChordSymbol(3840, 0, "major"),  # in its first inversion
        ChordSymbol(4800, None),  # two beats of nothing
        ChordSymbol(5760, 2, "suspended4"),
    )


def test_barlines_stand_where_chords_change(tmp_path: Path) -> None:
    """All comes three quarters later, the barlines too; behind the first two, the melody is found again."""
    _song(tmp_path, 5, late=3)
    score = next(iter(CORPORA["pop909_cl"].pieces(tmp_path))).load()
    assert score.pickup_ticks == 3 * 480
    assert score.bars()[:3] == [(0, 1440), (1440, 3360), (3360, 5280)]
    assert [chord.onset_ticks for chord in score.chords] == [3360, 5280, 6240, 7200]
    written = Notes.of([(4 * n, 3, 60 + n % 5, 80) for n in range(16)])  # from the first bar on, in 16ths
    assert shift_16ths(score.parts[0].notes, 480, written, 4) == (3 * 4 + 16, 1.0)
    assert shift_16ths(score.parts[0].notes, 480, Notes.of([(0, 1, 71, 80)]), 4) == (0, 0.0)


def test_a_song_that_is_another_one_is_refused(tmp_path: Path) -> None:
    _song(tmp_path, 5, others=30)
    with pytest.raises(UserError, match="not the same music"):
        next(iter(CORPORA["pop909_cl"].pieces(tmp_path))).load()


@pytest.mark.parametrize(
    ("pitches", "named"),
    [
        ([60, 64, 67], (0, "major")),
        ([64, 67, 72], (0, "major")),
        ([57, 60, 64, 67], (9, "minor7")),
        ([60, 64, 67, 69], (9, "minor7")),  # C6 has the notes of Am7, which has a name here
        ([60, 64, 68], (0, "augmented")),  # three roots fit: the lowest note is one
        ([62, 65, 68, 71], (2, "diminished7")),
        ([60, 67], (0, "major")),  # without its third: the first that lacks one note
        ([60, 62, 67], (0, "suspended2")),
    ],
)
def test_chords_get_the_name_that_fits_best(pitches: list[int], named: tuple[int, str]) -> None:
    assert symbol(np.array(pitches)) == named


@pytest.mark.data
def test_mutopia_as_it_is(data_folder: Path) -> None:
    pieces = list(CORPORA["mutopia"].pieces(data_folder))
    assert len({piece.id for piece in pieces}) == len(pieces) == 1110
    sides: dict[str, set[str | None]] = defaultdict(set)
    for piece in pieces:
        sides[piece.group].add(piece.split)
    assert all(len(splits) == 1 for splits in sides.values())
    assert Counter(piece.split for piece in pieces) == {"train": 887, "validation": 67, "test": 156}
    bach = Counter(piece.split for piece in CORPORA["bach_mutopia"].pieces(data_folder))
    assert bach == {"train": 456, "validation": 41, "test": 109}
    with (corpus_folder(data_folder, "mutopia-scores") / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    group = {piece.id: piece.group for piece in pieces}
    for row in rows:
        if row["same_music_as"]:
            assert group[row["path"].removesuffix(".mid")] == group[row["same_music_as"].removesuffix(".mid")]
    owed = attribution([piece.id for piece in pieces], data_folder)
    assert [line.partition(":")[0] for line in owed.splitlines()] == sorted({row["licence"] for row in rows})
    tokenizer = BarsTokenizer()
    for piece in pieces[::60]:
        tokens = tokenizer.encode(piece.load())
        assert tokenizer.encode(tokenizer.decode(tokens)) == tokens


@pytest.mark.data
def test_pop909_cl_as_it_is(data_folder: Path) -> None:
    pieces = {piece.id: piece for piece in CORPORA["pop909_cl"].pieces(data_folder)}
    assert CORPORA["pop909_cl"].num_absent(data_folder) == 1
    assert Counter(piece.split for piece in pieces.values()) == {"train": 719, "validation": 80, "test": 109}
    for name in ("001", "100", "453", "909"):
        score = pieces[name].load()
        played = read_score(pieces[name].load.args[1])
        for part, source in zip(score.parts, played.parts, strict=True):  # a few of one pitch come to one onset
            assert 0.95 * len(source.notes) < len(part.notes) <= len(source.notes)
            assert (part.notes.onset_ticks % (score.ticks_per_beat // 12) == 0).all()
        assert 40 < score.tempos[0].beats_per_minute < 200
        assert len(score.chords) > 50
        tokens = BarsTokenizer().encode(score)
        assert BarsTokenizer().encode(BarsTokenizer().decode(tokens)) == tokens
    for name in ("553", "658"):
        with pytest.raises(UserError, match="not the same music"):
            pieces[name].load()
