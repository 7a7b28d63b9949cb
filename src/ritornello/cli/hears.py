"""``ritornello hears``: who hears what in a model, as a picture; and what a trained one hears of a piece."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ritornello.plotting.attention import Passage
    from ritornello.training.attention import MeanDistance, ReadPiece


def hears(
    source: Annotated[Path, typer.Argument(help="Recipe (YAML), run or weights folder.")],
    out: Annotated[Path, typer.Option(help="The picture (PNG).")],
    length: Annotated[int, typer.Option(help="Positions drawn.")] = 96,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value: --set model.config.window=24.")
    ] = None,
    piece: Annotated[
        Path | None, typer.Option(help="Instead, what trained weights hear of this piece (.mid .musicxml .krn).")
    ] = None,
    note: Annotated[int | None, typer.Option(min=1, help="--piece: the note that asks, counted from 1.")] = None,
    at: Annotated[float | None, typer.Option(min=0, help="--piece: the first note from this second on.")] = None,
) -> None:
    """Draw who hears what in a model, stage by stage; --set scales its windows down to what can be seen.

    With --piece: what one note heard of the notes before it, for each layer and head, on the piano roll; a map of how
    far each hears on average beside it (OUT-distances.png), and the same as a table. Unless --note or --at says which
    note asks, it is one amid a passage that was heard before, and the earlier statement is marked.
    """
    if piece is not None:
        if set_:
            raise typer.BadParameter("--set goes with a recipe: a piece is heard by weights as they are")
        if note is not None and at is not None:
            raise typer.BadParameter("--note and --at exclude each other")
        _draw_piece(source, piece, note, at, out)
        return
    if note is not None or at is not None:
        raise typer.BadParameter("--note and --at go with --piece")
    from ritornello.plotting.hearing import draw_hearing
    from ritornello.training.hearing import hearing_of

    hearing = hearing_of(source, length, set_ or [])
    draw_hearing(hearing.stages, out, hearing.title)
    typer.echo(out)


def _draw_piece(source: Path, file: Path, note: int | None, at: float | None, out: Path) -> None:
    """Two pictures and a table."""
    from ritornello.plotting.attention import HeardNotes, RollNotes, draw_attention, draw_distances
    from ritornello.scores import read_score
    from ritornello.training.attention import MOST_INFLUENCE_TOKENS, Listener

    listener = Listener.load(source)
    piece = listener.read(read_score(file))
    asking, passages = _asking(piece, note, at)
    heard = listener.heard_by_note(piece, asking)
    panels = [
        HeardNotes(f"{layer}, head {head}", share_N)
        for layer, share_HN in heard.layers.items()
        for head, share_N in enumerate(share_HN, start=1)
    ]
    within = "" if heard.sees_all else f" (of the last {MOST_INFLUENCE_TOKENS:,} tokens)"
    large = HeardNotes(f"what the prediction depends on, through all layers{within}", heard.influence_N)
    panels = panels or [HeardNotes("the same, where most of it lies", heard.influence_N)]
    notes = RollNotes(piece.start_seconds, piece.end_seconds, piece.pitch)
    seconds = float(piece.start_seconds[asking])
    title = f"{source.name} hears {file.name}: note {asking + 1:,} at {int(seconds) // 60}:{seconds % 60:04.1f}"
    draw_attention(notes, asking, panels, out, large=large, passages=passages, title=title)
    typer.echo(out)
    rows = listener.mean_distances(piece)
    if not rows:
        return
    units = {unit: {row.layer: getattr(row, unit) for row in rows} for unit in ("seconds", "notes", "tokens")}
    beside = out.with_name(f"{out.stem}-distances{out.suffix}")
    draw_distances(units, beside, f"{source.name} hears {file.name}: mean distance heard")
    typer.echo(beside)
    typer.echo(_table(rows))


def _asking(piece: ReadPiece, note: int | None, at: float | None) -> tuple[int, Sequence[Passage]]:
    """Which note asks, and the passages to be marked: the statements of what returns at that note."""
    import numpy as np

    from ritornello.errors import UserError
    from ritornello.evaluation.recurrence import returns
    from ritornello.plotting.attention import Passage

    last = piece.num_notes - 1
    if note is not None and note > piece.num_notes:
        raise UserError(f"note {note:,}", where="--note", limit=f"1 to {piece.num_notes:,}")
    if at is not None and at > piece.start_seconds[last]:
        raise UserError(f"second {at:g}", where="--at", limit=f"at most {piece.start_seconds[last]:.1f}")
    order = piece.chord_order
    found = returns(piece.pitch[order])
    if note is None and at is None:
        longest = max(found, key=lambda one: one.length, default=None)
        asking = int(order[longest.start + longest.length * 2 // 3]) if longest else last
    else:
        asking = note - 1 if note is not None else int(np.searchsorted(piece.start_seconds, at or 0.0))
    place = int(np.flatnonzero(order == asking)[0])
    here = [one for one in found if one.start <= place < one.start + one.length]
    passages: list[Passage] = []
    for one in here[:1]:
        statements = {one.start: "returns here", one.nearest: "heard before", one.first: "first heard"}
        for begin, name in sorted(statements.items()):
            onsets = piece.start_seconds[order[begin : begin + one.length]]
            passages.append(Passage(float(onsets.min()), float(onsets.max()), name))
    return asking, passages


def _table(rows: Sequence[MeanDistance]) -> str:
    """Mean distances heard, one line for each layer and head."""
    width = max(len(row.layer) for row in rows)
    lines = [f"{'mean distance heard':{width}}  head   seconds     notes    tokens"]
    for row in rows:
        for head, (seconds, notes, tokens) in enumerate(zip(row.seconds, row.notes, row.tokens, strict=True), start=1):
            lines.append(f"{row.layer:{width}}  {head:4}  {seconds:8.2f}  {notes:8.1f}  {tokens:8.1f}")
    return "\n".join(lines)
