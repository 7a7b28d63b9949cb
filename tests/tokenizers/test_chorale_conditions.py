"""What a plan says of each token, on plans by hand."""

import numpy as np

from ritornello.form.chord import Chord
from ritornello.form.key import Key
from ritornello.form.plan import Motif, Phrase, Plan, Section
from ritornello.tokenizers.chorale import ChoraleTokenizer
from ritornello.tokenizers.chorale_conditions import CHANNELS, phrase_motifs, transposed_channels

TOKENIZER = ChoraleTokenizer()
NAMES = list(CHANNELS)


def _at(table: np.ndarray, frame: int, slot: int = 0) -> dict[str, int]:
    """The channels of the token in this frame and slot."""
    return dict(zip(NAMES, table[5 * (frame + 1) + slot - 1].tolist(), strict=True))


def _plan(*sections: Section, pickup: float = 1.0) -> Plan:
    return Plan(key=Key.parse("D major"), metre="3/4", pickup_beats=pickup, sections=sections)


TONIC, DOMINANT = Chord(0, "major"), Chord(7, "dominant7", 1)
PHRASE = Phrase(
    beats=6,
    key=Key.parse("A major"),
    cadence="half",
    fermata_beats=4,
    harmony=(TONIC, TONIC, DOMINANT, TONIC, DOMINANT, DOMINANT),
)


def test_every_channel_of_one_phrase() -> None:
    table, _ = TOKENIZER.conditions(_plan(Section(label="A", bars=2, register_arc="falling", phrases=(PHRASE,))))
    assert table.shape == (5 * (4 + 24 + 2), len(CHANNELS))  # pickup and two bars, header and END
    first = _at(table, 0, slot=3)
    assert first["bar_position"] == 1 + 8
    assert (first["tonic"], first["mode"], first["root"], first["bass"]) == (10, 1, 10, 10)
    assert (first["slot_left"], first["beats_to_cadence"], first["at_cadence"]) == (4, 1 + 4, 1)
    assert (first["section"], first["register_arc"], first["density_arc"]) == (1, 3, 0)
    second = _at(table, 7)
    assert (second["slot_left"], second["next_root"], second["next_bass"]) == (1, 1 + 4, 1 + 8)  # E7 over G sharp
    assert _at(table, 15)["beats_to_cadence"] == 1 + 1
    assert (_at(table, 16)["mark"], _at(table, 17)["mark"], _at(table, 16)["at_cadence"]) == (2, 1, 2)
    assert _at(table, 27)["root"] == 1 + 4  # the last chord lasts to the end of the bar
    assert _at(table, 28)["mark"] == 3
    assert not table[:4].any()


def test_channels_stay_below_their_sizes_and_open_plans_are_unknown() -> None:
    table, source = TOKENIZER.conditions(_plan(Section(label="A", bars=40), Section(label="B", bars=1)))
    assert (table.max(axis=0) < np.array(TOKENIZER.condition_sizes)).all()
    assert {name for name, seen in zip(NAMES, table.any(axis=0), strict=True) if seen} == {
        "bar_position",
        "section",
        "mark",
    }
    assert (source == -1).all()


def test_a_return_hears_its_source_from_both_ends() -> None:
    short = PHRASE.model_copy(update={"beats": 3, "fermata_beats": 2, "harmony": (TONIC,) * 3})
    plan = _plan(Section(label="A", bars=2, phrases=(PHRASE,)), Section(label="A'", bars=1, phrases=(short,)), pickup=0)
    _, source = TOKENIZER.conditions(plan)
    frames = source[4:-1].reshape(-1, 5)[24 : 24 + 12] // 5 - 1
    assert frames[:, 0].tolist() == [0, 1, 2, 3, *range(12, 20)]
    assert (source[4:-6].reshape(-1, 5)[24:] % 5 == np.arange(5)).all()
    assert (source[: 4 + 24 * 5] == -1).all()


def test_a_plans_own_motif_goes_before_the_letter() -> None:
    own = PHRASE.model_copy(update={"motif": Motif(relation="transposed", source=1, semitones=5)})
    a = Section(label="A", bars=4, phrases=(PHRASE, PHRASE))
    motifs = phrase_motifs(_plan(a, Section(label="A", bars=4, phrases=(own, PHRASE))))
    assert motifs[:2] == [None, None]
    assert motifs[2] == own.motif
    assert motifs[3] == Motif(relation="exact", source=1)


def test_a_shorter_piece_takes_its_own_end() -> None:
    plan = _plan(Section(label="A", bars=2, phrases=(PHRASE,)))
    table, source = TOKENIZER.conditions(plan, num_frames=24)
    assert len(table) == len(source) == 5 * 26
    assert _at(table, 24)["mark"] == 3


def test_transposed_channels_follow_transposed_plans() -> None:
    up = PHRASE.model_copy(update={"key": Key.parse("C major")})
    table, _ = TOKENIZER.conditions(_plan(Section(label="A", bars=2, phrases=(PHRASE,))))
    moved, _ = TOKENIZER.conditions(_plan(Section(label="A", bars=2, phrases=(up,))))
    tables = transposed_channels(CHANNELS, 3)
    assert all(np.array_equal(tables[c][table[:, c]], moved[:, c]) for c in range(len(tables)))
