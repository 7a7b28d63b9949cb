"""Structureness: how well the best segment of a given length explains the whole piece by its returns.

The *fitness* of a segment says how much of the piece repeats it and how exactly. A *path family* over the segment is a
set of paths through the columns that the segment takes in the self-similarity matrix, each from its first column to its
last, over rows that no two share: each path is one return, faster or slower by a factor of two at most. The family with
the greatest sum of similarities (*score*) is the best one; fitness is the harmonic mean of its normalised score,
``(score - M) / cells``, and its normalised coverage, ``(rows - M) / N``, for a segment of M out of N frames: what the
segment says of itself is subtracted. It lies between 0 (nothing returns) and 1.

**Conventions**

* ``structureness``: the greatest fitness of segments of 3 to 8 seconds (short), 8 to 15 (middle), 15 and more (long).
* Looked at are segments of ``LENGTHS_SECONDS``, those that are no longer than half the piece, beginning every quarter
  of their length: the maximum over them is a lower bound of that over all segments, which would take time in N^4.
* The matrix is enhanced as it is for audio: the best of twelve transpositions, smoothed along the diagonal over
  ``SMOOTHED_SECONDS`` forward or backward; the quarter of the cells that is most similar is scaled to 0..1, all others
  are ``PENALTY``, the main diagonal is 1. A piece all of whose moments are alike explains itself: its
  fitness is near 1.
* Of several families of the same score that with most rows counts, then that with fewest cells. Fitness so depends on
  the matrix alone; by backtracking it depends on which predecessor is tried first.

All segments of one length are followed at once, row by row; score, rows and cells are carried along in one integer
instead of being found by backtracking (score in units of 2^-16).

**Source**: M. Mueller, N. Jiang, P. Grosche, A robust fitness measure for capturing repetitions in music recordings
with applications to audio thumbnailing, IEEE TASLP 21 (2013); structureness: S.-L. Wu and Y.-H. Yang, The Jazz
Transformer on the front line (2020), arXiv:2008.01307. Differs from their code (MusDr, FMP notebook C4S3): a path
cannot skip the first column of the segment (there the score lets it, the backtracking does not, so that the two do not
agree), no tempo-stretched smoothing (the steps of the paths allow for tempo already), chroma from notes.

Shapes: F frames, A segments of one length, M frames in each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ritornello.evaluation.metric import Metric, Value
from ritornello.evaluation.similarity import Chroma, Float32Array, chroma_of, similarity_at
from ritornello.evaluation.timeline import FloatArray, Timeline
from ritornello.scores.score import IntArray

LENGTHS_SECONDS = {
    "short": (3.0, 5.0, 8.0),
    "middle": (8.0, 11.0, 15.0),
    "long": (15.0, 21.0, 30.0, 42.0, 60.0, 85.0, 120.0),
}
LONGEST_SHARE = 0.5
STARTS_PER_LENGTH = 4
SMOOTHED_SECONDS = 8.0
KEPT_SHARE = 0.25
PENALTY = -2.0

_SCORE_UNIT = 1 << 16
_FRAME_UNIT = 1 << 9  # sums of products of frames are exact then, whatever the order: a transposed piece gives the same
_FIELD_BITS = 12  # rows and cells of a family are at most as many as the matrix has rows
_ROW = 1 << _FIELD_BITS
_SCORE = 1 << 2 * _FIELD_BITS
_IMPOSSIBLE = -(1 << 60)


def evaluate(notes: Timeline) -> dict[str, Value]:
    """The value of each of ``METRICS``."""
    return dict(structureness(chroma_of(notes)))


def structureness(chroma: Chroma) -> dict[str, float]:
    """The greatest fitness per range of lengths; nan where the piece is not twice as long as the shortest of them."""
    num_frames = len(chroma.frames_F13)
    lengths = {
        name: [round(seconds / chroma.frame_seconds) for seconds in of_range]
        for name, of_range in LENGTHS_SECONDS.items()
    }
    lengths = {name: [m for m in ms if 1 < m <= LONGEST_SHARE * num_frames] for name, ms in lengths.items()}
    wanted = sorted({m for ms in lengths.values() for m in ms})
    if not wanted:
        return dict.fromkeys((f"structureness_{name}" for name in lengths), np.nan)
    matrix = enhanced(chroma)
    best = {m: float(fitness_of_segments(matrix, m, max(1, m // STARTS_PER_LENGTH)).max()) for m in wanted}
    return {f"structureness_{name}": max((best[m] for m in ms), default=np.nan) for name, ms in lengths.items()}


def enhanced(chroma: Chroma) -> Float32Array:
    """The self-similarity matrix (F, F) as fitness wants it: few cells above 0, the others ``PENALTY``, diagonal 1."""
    num_frames = len(chroma.frames_F13)
    length = max(1, min(round(SMOOTHED_SECONDS / chroma.frame_seconds), num_frames))
    rounded = np.round(chroma.frames_F13 * _FRAME_UNIT) / np.float32(_FRAME_UNIT)
    nothing = np.zeros((length - 1, rounded.shape[1]), dtype=np.float32)
    padded = Chroma(np.concatenate([nothing, rounded]), chroma.frame_seconds)
    forward = np.zeros((num_frames + length - 1,) * 2, dtype=np.float32)
    for level in range(7):  # a transposition by 12 - level is this matrix mirrored at the diagonal
        smooth = _smoothed(similarity_at(padded, level), length)
        np.maximum(forward, smooth, out=forward)
        np.maximum(forward, smooth.T, out=forward)
    # what is smoothed backward is what was smoothed forward, length - 1 frames later
    best = np.maximum(forward[length - 1 :, length - 1 :], forward[:num_frames, :num_frames])
    dropped = int((1 - KEPT_SHARE) * best.size)
    least, most = float(np.partition(best, dropped, axis=None)[dropped]), float(best.max())
    scaled = (best - least) / (most - least) if most > least else np.ones_like(best)
    matrix = np.where(best >= least, scaled, np.float32(PENALTY)).astype(np.float32)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def fitness_of_segments(matrix_FF: NDArray[np.floating], num_frames: int, hop_frames: int = 1) -> FloatArray:
    """Fitness (A,) of the segments of ``num_frames`` frames that begin at 0, ``hop_frames``, ... .

    Args:
        matrix_FF: self-similarity, at most 1, 1 on the diagonal; at most 4,095 frames.
        num_frames: M, length of the segments, 1 to F.
        hop_frames: from the start of one to that of the next.
    """
    total = len(matrix_FF)
    if not 1 <= num_frames <= total < _ROW:
        msg = f"segments of {num_frames} frames in a matrix of {total}; it may have {_ROW - 1}"
        raise ValueError(msg)
    score, rows, cells = _best_families(matrix_FF, num_frames, hop_frames)
    explained = (score - num_frames) / cells
    covered = (rows - num_frames) / total
    both = explained + covered
    return np.divide(2 * explained * covered, both, out=np.zeros_like(both), where=both > 0)


def _best_families(
    matrix_FF: NDArray[np.floating], num_frames: int, hop_frames: int
) -> tuple[FloatArray, IntArray, IntArray]:
    """Score, rows and cells (A,) of the best path family over each segment.

    ``best[m]`` is that of the families whose last path has come to column m - 1 of the segment in this row; a row of
    impossible ones stands before them, so that no path steps over the first column. ``done`` is the best of those whose
    paths are complete. Each value holds the score above, then the rows, less the cells.
    """
    packed = np.round(matrix_FF * _SCORE_UNIT).astype(np.int64) * _SCORE + (_ROW - 1)  # one row and one cell more
    segments = np.lib.stride_tricks.sliding_window_view(packed, num_frames, axis=1)[:, ::hop_frames].transpose(0, 2, 1)
    num_segments = segments.shape[2]
    best, before, new = (np.full((num_frames + 1, num_segments), _IMPOSSIBLE) for _ in range(3))
    step, slow = (np.empty((num_frames - 1, num_segments), dtype=np.int64) for _ in range(2))
    done = np.zeros(num_segments, dtype=np.int64)
    for cell in segments:
        np.maximum(best[1:-1], best[:-2], out=step)
        np.add(before[1:-1], _ROW, out=slow)  # a step over two rows covers both with one cell
        np.maximum(step, slow, out=step)
        np.add(step, cell[1:], out=new[2:])
        np.add(done, cell[0], out=new[1])
        np.maximum(done, new[-1], out=done)
        best, before, new = new, best, before
    below = done % _SCORE
    rows = -(-below // _ROW)
    return (done // _SCORE) / _SCORE_UNIT, rows, rows * _ROW - below


def _smoothed(matrix: Float32Array, length: int) -> Float32Array:
    """Mean of each cell and the ``length - 1`` that follow it along the diagonal; beyond the matrix they are 0.

    Sums over 1, 2, 4, ... cells, each made of two of the one before, are put together to ``length``.
    """
    num_frames, total, done = len(matrix), np.zeros_like(matrix), 0
    block, size = matrix, 1
    while done < length:
        if length & size:
            total[: num_frames - done, : num_frames - done] += block[done:, done:]
            done += size
        if done < length:
            longer = block.copy()
            longer[: num_frames - size, : num_frames - size] += block[size:, size:]
            block, size = longer, 2 * size
    return total / np.float32(length)


METRICS = tuple(
    Metric(
        f"structureness_{name}",
        "fitness",
        f"how much of the piece returns to its best segment of {span}, and how exactly; on whatever level and in "
        "whatever tempo",
        moves={"shuffled": "down", "transposed": "down", "looped": "up"},
        high=1.0,
    )
    for name, span in (("short", "3 to 8 s"), ("middle", "8 to 15 s"), ("long", "15 to 120 s"))
)
