"""What ``benchmarks/long_pieces.py`` counts: likeness of bars, what returns, and a form against another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bar_likeness import likeness_of, returned
from benchmarks.long_piece_figures import Form, agreement_of, bare, form_of_labels, form_of_plan, returns_of, thinned
from benchmarks.long_pieces import Piece, nearer, shuffled
from ritornello.evaluation.statistics import Tally
from ritornello.form.plan import Motif, Phrase, Plan, Section
from ritornello.scores.score import KeySignature, Marker, Metre, Notes, Part, Score

BAR = 16


def score_of(*bars: list[tuple[int, int]]) -> Score:
    """Sixteenths (place, pitch) by bar of 4/4."""
    rows = [(BAR * number + place, 1, pitch, 64) for number, bar in enumerate(bars) for place, pitch in bar]
    return Score(4, (Part("", Notes.of(rows)),), (Metre(0, 4, 4),), closing_ticks=BAR * len(bars))


def material(letter: str, bars: int = 8) -> list[list[tuple[int, int]]]:
    """Bars of eight eighths, drawn by letter."""
    random = np.random.default_rng(ord(letter))
    return [[(2 * place, int(random.integers(48, 84))) for place in range(8)] for _ in range(bars)]


def piece_of(form: str) -> Score:
    return score_of(*(bar for letter in form for bar in material(letter)))


def test_likeness_is_the_share_of_common_notes_at_the_best_level() -> None:
    first = [(0, 60), (4, 64), (8, 67), (12, 72)]
    alike = likeness_of(
        score_of(
            first,
            [(place, pitch + 3) for place, pitch in first],  # moved up: all in common
            [(0, 60), (4, 64), (8, 65), (12, 71)],  # two of four
            [(0, 60), (2, 64), (6, 67), (10, 72)],  # one at its place
            [],
        )
    )
    # Dice: twice what both have over the notes of both
    assert [alike.of(0, other, 1) for other in range(4)] == [1.0, 1.0, 2 * 2 / 8, 2 * 1 / 8]
    assert alike.of(0, 4, 1) == 0.0
    assert np.isnan(alike.of(4, 4, 1)), "silence is like nothing"
    # two bars together: bars 0, 1 against 2, 3 on one level; on that of the score 2 + 0 common of 16
    assert alike.of(0, 2, 2) == 2 * 2 / 16
    assert alike.of(3, 4, 2) == 0.0, "a passage that ends outside has nothing there"


def test_windows_agree_with_single_passages() -> None:
    alike = likeness_of(piece_of("ABA"))
    windows = alike.windows(8)
    assert windows.shape == (17, 17)
    assert windows[16, 0] == alike.of(16, 0, 8) == 1.0
    assert windows[8, 3] == pytest.approx(alike.of(8, 3, 8))


def test_what_returns_is_counted_by_how_far_back_it_was() -> None:
    # A B C D E A: the last 8 of 48 bars were heard 40 bars before
    figures = returned(likeness_of(piece_of("ABCDEA")))
    assert figures["returned_after_16"] == figures["returned_after_32"] == pytest.approx(8 / 48)
    assert figures["nearest_after_32"] == pytest.approx(8 / 48)
    assert np.isnan(figures["returned_after_64"]), "too short for that"
    # A A A A A A: bars from 40 on were heard 40 bars before, bars from 32 + 8 on; the nearest is always 8 bars back
    loop = returned(likeness_of(piece_of("AAAAAA")))
    assert loop["returned_after_32"] == pytest.approx(8 / 48)
    assert loop["nearest_after_16"] == loop["nearest_after_32"] == 0.0
    # of the lags above 16, 24 and 32 are whole rounds: all bars are the same there, and 5 in 47 of all pairs
    assert loop["similarity_beyond_16"] == pytest.approx(1 - 5 / 47, abs=0.15)
    assert returned(likeness_of(piece_of("ABCDEF")))["similarity_beyond_16"] < 0.1


def test_returns_of_a_form_are_found_by_distance_and_against_chance() -> None:
    form = form_of_labels((0, 8, 16, 24, 32, 40, 48), list("ABCDEA"))
    figures = returns_of(piece_of("ABCDEA"), form)
    assert (figures["num_near"], figures["num_middle"], figures["num_far"]) == (0, 1, 0)
    assert (figures["like_middle"], figures["found_middle"]) == (1.0, 1.0)
    assert figures["chance_middle"] < 0.3
    missed = returns_of(piece_of("ABCDEF"), form)
    assert missed["found_middle"] == 0.0 or missed["like_middle"] < 0.3
    short = returns_of(piece_of("ABC"), form)
    assert (short["like_middle"], short["found_middle"]) == (0.0, 0.0), "a return that the piece does not come to"


def test_forms_are_read_from_plans_and_labels() -> None:
    new, again = Phrase(beats=32, motif=Motif()), Phrase(beats=32, motif=Motif(relation="varied", source=0))
    plan = Plan(
        sections=(
            Section(label="A", bars=8, phrases=(new,)),
            Section(label="B", bars=4, phrases=(new,)),
            Section(label="A'", bars=8, phrases=(again,)),
        )
    )
    form = form_of_plan(plan)
    assert form.borders == (0, 8, 12, 20)
    assert (form.letters, form.labels, form.sources) == (("A", "B", "A"), ("A", "B", "A'"), (None, None, 0))
    open_plan = Plan(sections=tuple(Section(label=label, bars=8) for label in ("A", "B", "A'", "A")))
    assert form_of_plan(open_plan).sources == (None, None, 0, 0), "where no motif is named, the letters say it"
    assert form_of_labels((0, 4, 8, 12), ["X", "A", "X"]).sources == (None, None, None), "X comes once"


def test_agreement_is_whole_with_itself_and_cropped_to_the_truth() -> None:
    form = form_of_labels((0, 8, 16, 24), list("ABA"))
    assert set(agreement_of(form, form, "x").values()) == {1.0}
    longer = form_of_labels((0, 8, 16, 24, 32), list("ABAC"))
    assert agreement_of(form, longer, "x")["borders_x"] == 1.0
    nothing = Form((0, 24), ("A",), (), (None,), (None,))
    assert agreement_of(form, nothing, "x")["borders_x"] == 0.0
    assert np.isnan(agreement_of(nothing, form, "x")["borders_x"]), "one section has no borders to find"


def test_what_could_give_the_form_away_is_taken_out() -> None:
    score = replace(piece_of("AB"), markers=(Marker(0, "A8"),), title="A8 B8", keys=(KeySignature(0, 0, "major"),))
    assert bare(score) == piece_of("AB")
    assert 100 < thinned(piece_of("AB")).num_notes < piece_of("AB").num_notes == 128


def test_shuffled_pieces_keep_every_bar() -> None:
    piece = Piece("", piece_of("ABCD"))
    other = shuffled(piece).score

    def bars(score: Score) -> list[tuple[tuple[int, int], ...]]:
        notes = score.parts[0].notes
        return [
            tuple((onset % BAR, pitch) for onset, _, pitch, _ in notes.rows() if onset // BAR == bar)
            for bar in range(32)
        ]

    assert sorted(bars(other)) == sorted(bars(piece.score))
    assert bars(other) != bars(piece.score)


def test_the_nearer_kind_is_named_only_where_the_kinds_differ() -> None:
    low, high = Tally.of_values([0.0, 0.1, 0.2] * 10), Tally.of_values([0.8, 0.9, 1.0] * 10)
    assert nearer(high, low, high) == "composed"
    assert nearer(high, low, low) == "plain"
    assert nearer(low, low, high) == "—"
    assert nearer(low, Tally.of_values([]), high) == "—"
