"""What a plan still says of a piece of which a passage is composed again."""

from __future__ import annotations

from ritornello.form.plan import Motif, Phrase, Plan, Section
from ritornello.form.recomposed import recomposed
from ritornello.generation.faults import faults_of


def plan(form: str, *motifs: Motif, pickup_beats: float = 0) -> Plan:
    """Sections of one phrase each in 4/4; a bar is 16 frames."""
    given = iter(motifs)
    sections = tuple(
        Section(label=word[:-1], bars=int(word[-1]), phrases=(Phrase(beats=4 * int(word[-1]), motif=next(given)),))
        for word in form.split()
    )
    return Plan(style="song", metre="4/4", pickup_beats=pickup_beats, sections=sections)


def labels(plan: Plan) -> list[str]:
    return [section.label for section in plan.sections or ()]


def motifs(plan: Plan) -> list[tuple[str, int | None, int]]:
    return [(m.relation, m.source, m.semitones) for phrase in plan.phrases if (m := phrase.motif)]


NEW, EXACT = Motif(), Motif(relation="exact", source=0)
UP, DOWN = Motif(relation="transposed", source=0, semitones=9), Motif(relation="transposed", source=0, semitones=-9)


def test_a_return_becomes_a_variation_of_what_it_repeats() -> None:
    made = recomposed(plan("A4 B4 A4 A'4", NEW, NEW, EXACT, Motif(relation="varied", source=0)), (128, 192))
    assert labels(made) == ["A", "B", "A''", "A'"]
    assert motifs(made) == [("new", None, 0), ("new", None, 0), ("varied", 0, 0), ("varied", 0, 0)]


def test_what_returned_later_is_now_stated_first_there() -> None:
    made = recomposed(plan("A4 B4 A4 A4 A4", NEW, NEW, EXACT, UP, DOWN), (0, 64))
    assert labels(made) == ["C", "B", "A", "A", "A"]
    assert motifs(made) == [
        ("new", None, 0), ("new", None, 0), ("new", None, 0), ("transposed", 2, 9), ("transposed", 2, -9)
    ]  # fmt: skip


def test_transpositions_are_counted_from_the_new_first_statement() -> None:
    made = recomposed(plan("A4 A4 A4 A4", NEW, UP, DOWN, UP), (0, 64))
    assert motifs(made)[2:] == [("transposed", 1, -6), ("exact", 1, 0)]  # -18 is six lower in another octave


def test_a_part_of_a_first_statement_is_a_variation_too() -> None:
    assert labels(recomposed(plan("A4 A4", NEW, EXACT), (16, 32))) == ["A'", "A"]


def test_what_stands_alone_keeps_its_label() -> None:
    assert labels(recomposed(plan("A4 B4 A4", NEW, NEW, EXACT), (64, 128))) == ["A", "B", "A"]


def test_bars_that_end_with_a_barline_do_not_reach_the_section_that_begins_in_their_last_bar() -> None:
    asked = plan("A4 B4 A4 B4", NEW, NEW, EXACT, Motif(relation="exact", source=1), pickup_beats=1)
    assert labels(recomposed(asked, (4, 68))) == ["C", "B", "A", "B"]  # the section itself ends at 64
    assert labels(recomposed(asked, (0, 4))) == ["A'", "B", "A", "B"]  # the pickup alone


def test_no_contradiction_comes_of_it() -> None:
    asked = plan("A4 B4 A4 B4 A4", NEW, NEW, EXACT, Motif(relation="exact", source=1), EXACT)
    for start in range(0, 320, 16):
        for end in range(start + 16, 321, 16):
            assert not list(faults_of(recomposed(asked, (start, end))))
