"""Fitness: by hand, against a plain implementation with backtracking, against all path families, and published code."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.evaluation.fitness import (
    PENALTY,
    enhanced,
    evaluate,
    fitness_of_segments,
    structureness,
)
from ritornello.evaluation.similarity import Chroma
from tests.evaluation.timelines import played

Cell = tuple[int, int]
STEPS = ((1, 1), (2, 1), (1, 2))


def fitness_of(family: list[list[Cell]], matrix: np.ndarray, num_frames: int) -> float:
    """Fitness by its definition (Mueller, Jiang and Grosche 2013) of a family of paths over a segment of M frames."""
    score = sum(matrix[cell] for path in family for cell in path)
    cells = sum(map(len, family))
    rows = sum(path[-1][0] - path[0][0] + 1 for path in family)
    explained, covered = (score - num_frames) / cells, (rows - num_frames) / len(matrix)
    return 2 * explained * covered / (explained + covered) if explained + covered > 0 else 0.0


def backtracked(matrix: np.ndarray, start: int, num_frames: int) -> float:
    """The same by Mueller's recurrence, the family found by going back from the end."""
    total, last = len(matrix), num_frames
    best = np.full((total, num_frames + 1), -math.inf)
    best[0, :2] = 0.0, matrix[0, start]
    for n in range(1, total):
        best[n, 0] = max(best[n - 1, 0], best[n - 1, last])
        best[n, 1] = best[n, 0] + matrix[n, start]
        for m in range(2, num_frames + 1):
            best[n, m] = matrix[n, start + m - 1] + max(best[i, j] for i, j in before(n, m))
    family: list[list[Cell]] = []
    n, m = total - 1, last if best[total - 1, last] >= best[total - 1, 0] else 0
    while n > 0 or m > 0:
        if m == 0:
            n, m = (n - 1, last) if best[n - 1, last] > best[n - 1, 0] else (n - 1, 0)
            continue
        path = [(n, start + m - 1)]
        while m > 1:
            n, m = max(before(n, m), key=lambda place: best[place])
            path.insert(0, (n, start + m - 1))
        family.insert(0, path)
        m = 0
    return fitness_of(family, matrix, num_frames)


def before(n: int, m: int) -> list[Cell]:
    """Where a path may come from: within the matrix, and not from before the first column. One at least."""
    return [(n - i, m - j) for i, j in STEPS if n >= i and m - j >= 1] or [(n - 1, m - 1)]


def all_families(num_rows: int, start: int, num_frames: int) -> list[list[list[Cell]]]:
    """Every path family over a segment, the empty one too."""

    def paths(cell: Cell) -> list[list[Cell]]:
        if cell[1] == start + num_frames - 1:
            return [[cell]]
        further = ((cell[0] + i, cell[1] + j) for i, j in STEPS)
        return [
            [cell, *path] for to in further if to[0] < num_rows and to[1] < start + num_frames for path in paths(to)
        ]

    @cache
    def from_row(row: int) -> list[list[list[Cell]]]:
        families: list[list[list[Cell]]] = [[]]
        for first in range(row, num_rows):
            families += [[path, *rest] for path in paths((first, start)) for rest in from_row(path[-1][0] + 1)]
        return families

    return from_row(0)


def by_brute_force(matrix: np.ndarray, start: int, num_frames: int) -> float:
    """Fitness of the best of all families: greatest score, then most rows, then fewest cells."""

    def rank(family: list[list[Cell]]) -> tuple[float, int, int]:
        rows = sum(path[-1][0] - path[0][0] + 1 for path in family)
        return sum(matrix[cell] for path in family for cell in path), rows, -sum(map(len, family))

    return fitness_of(max(all_families(len(matrix), start, num_frames), key=rank), matrix, num_frames)


def random_matrix(seed: int, size: int) -> np.ndarray:
    """Symmetric, 1 on the diagonal, half of the cells negative; in units in which sums are exact.

    No two cells are alike: with one penalty for all many families have the same score.
    """
    random = np.random.default_rng(seed)
    half = random.integers(-(1 << 17), 1 << 16, (size, size)) / (1 << 16)
    half = np.where(random.random((size, size)) < 0.5, np.abs(half) / 2, half)
    half = np.round(half * (1 << 16)) / (1 << 16)
    matrix = np.triu(half, 1) + np.triu(half, 1).T
    np.fill_diagonal(matrix, 1.0)
    return matrix


def diagonals(size: int, *lags: int) -> np.ndarray:
    """1 where frames lie a lag apart, the penalty elsewhere."""
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    return np.where(np.isin(apart, (0, *lags)), 1.0, PENALTY)


@pytest.mark.parametrize(
    ("matrix", "num_frames", "expected"),
    [
        # Two statements: score, rows and cells are 12; (12 - 6) / 12 for both score and coverage.
        (diagonals(12, 6), 6, 1 / 2),
        # Three statements: (18 - 6) / 18.
        (diagonals(18, 6, 12), 6, 2 / 3),
        # Two statements, then six frames that are new: explained 6 / 12, covered 6 / 18, harmonic mean 0.4.
        (np.where(np.arange(18)[:, None] >= 12, diagonals(18), diagonals(18, 6)), 6, 0.4),
        # Nothing returns: only the segment itself, which is subtracted.
        (diagonals(12), 6, 0.0),
    ],
)
def test_the_first_segment_worked_by_hand(matrix: np.ndarray, num_frames: int, expected: float) -> None:
    assert fitness_of_segments(matrix, num_frames)[0] == pytest.approx(expected, abs=1e-12)


def test_a_return_at_half_the_tempo() -> None:
    """Frames 0-3 return over frames 4-10, in every second of them: score 8, rows 4 + 7, cells 8, of 11 frames.

    Explained (8 - 4) / 8, covered (11 - 4) / 11, harmonic mean 0.56.
    """
    matrix = diagonals(11)
    matrix[[4, 6, 8, 10], [0, 1, 2, 3]] = 1.0
    assert fitness_of_segments(matrix, 4)[0] == pytest.approx(0.56, abs=1e-12)


@pytest.mark.parametrize(("seed", "size"), [(0, 3), (1, 5), (2, 8), (3, 13), (4, 21), (5, 30)])
def test_equal_to_the_plain_implementation_with_backtracking(seed: int, size: int) -> None:
    """Every segment of every length, so the whole scape plot, and the segments further apart."""
    matrix = random_matrix(seed, size)
    for num_frames in range(1, size + 1):
        starts = range(size - num_frames + 1)
        expected = [backtracked(matrix, start, num_frames) for start in starts]
        for hop in (1, 3):
            assert fitness_of_segments(matrix, num_frames, hop).tolist() == expected[::hop]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.data())
def test_of_all_families_the_best_also_where_scores_are_alike(size: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.sampled_from([1.0, 0.5, -2.0]), min_size=size * size, max_size=size * size))
    matrix = np.array(values).reshape(size, size)
    np.fill_diagonal(matrix, 1.0)
    num_frames = data.draw(st.integers(1, size))
    expected = [by_brute_force(matrix, start, num_frames) for start in range(size - num_frames + 1)]
    assert fitness_of_segments(matrix, num_frames) == pytest.approx(np.array(expected), abs=1e-12)


def published_score(matrix: np.ndarray) -> float:
    """The score of the FMP notebook and of MusDr for a segment of all columns, with their choice of predecessors."""
    total, width = len(matrix), matrix.shape[1] + 1
    best = np.full((total, width), -math.inf)
    best[0, :2] = 0.0, matrix[0, 0]
    for n in range(1, total):
        best[n, 0] = max(best[n - 1, 0], best[n - 1, -1])
        best[n, 1] = best[n, 0] + matrix[n, 0]
        for m in range(2, width):
            best[n, m] = matrix[n, m - 1] + max(best[n - 1, m - 1], best[n - 1, m - 2], best[n - 2, m - 1])
    return max(best[-1, 0], best[-1, -1])


def greatest_score(matrix: np.ndarray) -> float:
    families = all_families(len(matrix), 0, matrix.shape[1])
    return max(sum(matrix[cell] for path in family for cell in path) for family in families)


def test_published_code_lets_a_path_skip_the_first_column() -> None:
    """Rows 4 and 5 repeat the second and third column only: no path, but the published score counts them."""
    matrix = np.array([[1, -2, -2], [-2, 1, -2], [-2, -2, 1], [-2, -2, -2], [-2, 1, -2], [-2, -2, 1.0]])
    assert greatest_score(matrix) == 3.0
    assert published_score(matrix) == 5.0
    whole = np.pad(matrix, ((0, 0), (0, 3)), constant_values=PENALTY)
    np.fill_diagonal(whole, 1.0)
    assert fitness_of_segments(whole, 3)[0] == 0.0


def test_published_code_reads_its_last_row_where_it_wants_the_one_before_the_first() -> None:
    """Of two rows, n - 2 is -1 for the second: the row being filled, so a path may go sideways."""
    sideways = np.array([[-2.0, -2.0], [1.0, 1.0]])
    assert greatest_score(sideways) == 0.0
    assert published_score(sideways) == 2.0
    for seed, size in itertools.product(range(10), (3, 4)):
        matrix = random_matrix(seed, size)[:, :1]  # with one column no path can skip it
        assert published_score(matrix) == greatest_score(matrix)


def test_segments_that_do_not_fit_are_refused() -> None:
    for size, num_frames in ((4, 0), (4, 5), (4096, 2)):
        with pytest.raises(ValueError, match="segments of"):
            fitness_of_segments(
                np.ones((size, 1)) * np.ones((1, size)) if size < 9 else np.empty((size, 0)), num_frames
            )


def frames(seed: int, count: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    chroma = np.zeros((count, 13), dtype=np.float32)
    for row in chroma:
        row[random.choice(12, 3, replace=False)] = random.random(3)
    return chroma / np.linalg.norm(chroma, axis=1, keepdims=True)


def test_a_transposed_piece_has_the_same_matrix_to_the_last_bit() -> None:
    heard = frames(3, 200)
    for up in range(1, 12):
        moved = np.concatenate([np.roll(heard[:, :12], up, axis=1), heard[:, 12:]], axis=1)
        assert np.array_equal(enhanced(Chroma(moved, 0.5)), enhanced(Chroma(heard, 0.5)))


def test_enhanced_matrices_are_as_fitness_wants_them() -> None:
    matrix = enhanced(Chroma(frames(0, 90), 0.5))
    assert (np.diag(matrix) == 1).all()
    assert matrix.max() <= 1
    assert np.array_equal(matrix, matrix.T)
    assert np.mean(matrix > PENALTY) == pytest.approx(0.25, abs=0.02)
    assert ((matrix >= 0) | (matrix == PENALTY)).all()


@pytest.mark.parametrize("frame_seconds", [0.5, 0.73, 9.0])
def test_enhanced_as_by_its_definition(frame_seconds: float) -> None:
    """Twelve transpositions, smoothed over 8 s forward or backward, cell by cell."""
    heard, length = np.round(frames(0, 24) * 512) / 512, max(1, round(8 / frame_seconds))
    best = np.zeros((24, 24))
    for level in range(12):
        cosine = heard @ np.concatenate([np.roll(heard[:, :12], level, axis=1), heard[:, 12:]], axis=1).T
        for n, m, sign in itertools.product(range(24), range(24), (1, -1)):
            along = [(n + sign * k, m + sign * k) for k in range(length)]
            mean = sum(cosine[cell] for cell in along if min(cell) >= 0 and max(cell) < 24) / length
            best[n, m] = max(best[n, m], mean)
    least = np.sort(best, axis=None)[432]
    expected = np.where(best >= least - 1e-9, (best - least) / (best.max() - least), PENALTY)
    np.fill_diagonal(expected, 1.0)
    assert enhanced(Chroma(heard, frame_seconds)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("up", [0, 5])
def test_a_theme_that_comes_back_on_any_level_is_structure(up: int) -> None:
    """30 s of random chords, twice, against 60 s of them."""
    theme = frames(1, 60)
    again = np.concatenate([np.roll(theme[:, :12], up, axis=1), theme[:, 12:]], axis=1)
    twice = structureness(Chroma(np.concatenate([theme, again]), 0.5))
    new = structureness(Chroma(np.concatenate([theme, frames(2, 60)]), 0.5))
    assert twice["structureness_long"] > 0.45  # all of it explained, half of it by itself: 0.5 at most
    assert new["structureness_long"] < 0.3


def test_lengths_that_do_not_fit_twice_are_not_measured() -> None:
    found = evaluate(played((0.0, 13.0, 60)))
    assert np.isfinite(found["structureness_short"])
    assert np.isnan(found["structureness_middle"])
    assert np.isnan(found["structureness_long"])
    assert all(np.isnan(value) for value in evaluate(played((0.0, 1.0, 60))).values())


@pytest.mark.parametrize(
    ("seconds", "short", "middle", "long"),
    [(40, 74 / 80, 64 / 80, 50 / 80), (60, 114 / 120, 104 / 120, 90 / 120), (80, 154 / 160, 144 / 160, 130 / 160)],
)
def test_a_piece_all_alike_explains_itself(seconds: int, short: float, middle: float, long: float) -> None:
    """Two frames a second, all cells of a segment in the middle of the piece 1.

    Paths of 6 frames, and shorter ones in which it is heard faster, take every row, each with a cell: score, rows and
    cells are all N. Fitness is (N - M) / N for explained and covered alike, most of it for the shortest segment of each
    range: 3 s are 6 frames, 8 s are 16, 15 s are 30.
    """
    found = evaluate(played((0.0, float(seconds), 60)))
    assert found == pytest.approx(
        {"structureness_short": short, "structureness_middle": middle, "structureness_long": long}, abs=1e-12
    )
