"""The order in which a piece in bars is written: a page by hand, token by token and at once."""

from __future__ import annotations

import numpy as np

from ritornello.tokenizers.bars_order import place_in_order
from ritornello.tokenizers.bars_words import MAX_PARTS, VOCABULARY

LAST = MAX_PARTS - 1
ORDER = [  # token, step, part, pitch of its note; -1 where it has none
    ("BAR_4/4", 0, -1, -1),
    ("LENGTH_8", 0, -1, -1),
    ("KEY_1_major", 0, -1, -1),
    ("POSITION_0", 0, -1, -1),
    ("TEMPO_93", 0, -1, -1),
    ("CHORD_7_major", 0, -1, -1),
    ("PART_0", 0, 0, -1),
    ("PITCH_0", 0, 0, 0),
    ("DURATION_24", 0, 0, 0),
    ("VELOCITY_15", 0, 0, 127),
    ("PITCH_127", 0, 0, 127),
    ("DURATION_768", 0, 0, 127),
    ("PART_1", 0, 1, -1),
    ("PITCH_60", 0, 1, 60),
    ("DURATION_1", 0, 1, 60),
    (f"PART_{LAST}", 0, LAST, -1),
    ("PITCH_127", 0, LAST, 127),
    ("DURATION_1", 0, LAST, 127),
    ("POSITION_1", 1, -1, -1),
    ("PART_0", 1, 0, -1),
    ("VELOCITY_0", 1, 0, 0),
    ("BAR_3/4", 24, -1, -1),
    ("POSITION_0", 24, -1, -1),
]


def test_the_tokens_of_a_page_ascend() -> None:
    tokens = np.array([VOCABULARY.ids[name] for name, *_ in ORDER])
    steps, part, pitch = np.array([numbers for _, *numbers in ORDER]).T
    places = place_in_order(tokens, steps, part, pitch)
    assert (np.diff(places) > 0).all()
    rows = zip(tokens.tolist(), steps.tolist(), part.tolist(), pitch.tolist(), strict=True)
    assert [place_in_order(*row) for row in rows] == places.tolist()


def test_a_token_that_speaks_of_no_part_or_pitch_stands_where_it_stands_whatever_they_are() -> None:
    for name in ("BAR_4/4", "LENGTH_8", "KEY_1_major", "POSITION_0", "TEMPO_93", "CHORD_none", "END"):
        token = VOCABULARY.ids[name]
        assert place_in_order(token, 7) == place_in_order(token, 7, 3, -50)
    part = VOCABULARY.ids["PART_2"]
    assert place_in_order(part, 7, 2) == place_in_order(part, 7, 2, 99)
