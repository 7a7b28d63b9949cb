"""Every scheme on real chorales: nothing but the grid is lost, and Bach keeps the grammar."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from ritornello.data.corpora import CORPORA
from ritornello.form.analyse import analyse
from ritornello.scores.score import Score
from ritornello.tokenizers.chorale import ChoraleTokenizer, quantize
from ritornello.tokenizers.phrase_cursor import PhraseCursor
from ritornello.tokenizers.phrases import PhraseTokenizer, on_grid
from ritornello.tokenizers.structure import StructureTokenizer, top_level

pytestmark = pytest.mark.data
EVERY = 12


@pytest.fixture(scope="module")
def chorales(data_folder: Path) -> list[Score]:
    return [piece.load() for piece in islice(CORPORA["bach_370"].pieces(data_folder), 0, None, EVERY)]


def test_notes_and_plans_come_back(chorales: list[Score]) -> None:
    for score in chorales:
        plan = analyse(score)
        assert ChoraleTokenizer().decode(ChoraleTokenizer().encode(score)) == quantize(score)
        assert StructureTokenizer().decode(StructureTokenizer().encode(plan)) == top_level(plan)
        assert PhraseTokenizer().decode(PhraseTokenizer().encode(plan)) == on_grid(plan)
        assert on_grid(plan).sections == plan.sections  # the analysis already writes plans as the scheme does


def test_what_is_heard_is_what_is_told(chorales: list[Score]) -> None:
    """The conditions of a chorale's own plan say where its fermatas are, and stay below their sizes."""
    tokenizer = ChoraleTokenizer()
    for score in chorales:
        ids = tokenizer.encode(score).ids
        table, source = tokenizer.conditions(analyse(score), num_frames=len(ids) // 5 - 2)
        assert len(table) == len(source) == len(ids)
        assert (table < np.array(tokenizer.condition_sizes)).all()
        assert (source < np.arange(len(ids))).all()
        fermatas = np.flatnonzero(ids == tokenizer.vocabulary.ids["FERMATA"])
        assert (table[fermatas - 1, -1] == 2).mean() > 0.95


def test_most_chorales_keep_the_grammar_of_phrases(chorales: list[Score]) -> None:
    """Where they do not, a return was analysed in another way than its first statement."""
    kept = 0
    for score in chorales:
        cursor, inside = PhraseCursor(), True
        for token in PhraseTokenizer().encode(analyse(score)).ids.tolist():
            inside = inside and token in cursor.allowed_ids()
            cursor.feed(token)
        kept += inside
    assert kept >= 0.97 * len(chorales)
