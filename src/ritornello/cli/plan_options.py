"""The plan that options ask for: from a file, a form, another piece, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from ritornello.errors import UserError
from ritornello.form.key import Key
from ritornello.form.plan import MAX_NOTES_PER_BAR, Place, Plan
from ritornello.form.plan_yaml import Lines, read_with_lines
from ritornello.form.style import Style
from ritornello.generation.faults import faults_of, place_in_words
from ritornello.generation.section_densities import as_dense_as
from ritornello.generation.unusual import remarks_on


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What may be said of a plan on the command line; None = not said."""

    plan: Path | None = None
    form: str | None = None
    plan_from: Path | None = None
    key: str | None = None
    style: Style | None = None
    notes_per_bar: float | None = None


def plan_of_options(options: PlanOptions) -> Plan:
    """The plan to complete; what is only unusual in it is said on stderr, a line each.

    Raises UserError where the options contradict each other or their plan, or where that contradicts itself.

    A plan file keeps its own style, the plan of another piece takes that of the options; where nothing says one, a form
    in names is a song, and every other piece a chorale.
    """
    if sum(option is not None for option in (options.plan, options.form, options.plan_from)) > 1:
        raise UserError("--plan, --form and --plan-from each name a plan", mend="give one of them")
    wanted, lines = _source_plan(options), None
    if options.plan is not None:
        wanted, lines = read_with_lines(options.plan)
        wanted = _of_style(wanted, options.style)
    if options.key is not None:
        home = Key.parse(options.key)
        if wanted.key not in (None, home):
            what = f"the plan is in {wanted.key}, --key says {home}"
            raise UserError(what, where="--key", mend="leave one of them out")
        wanted = wanted.model_copy(update={"key": home})
    if options.notes_per_bar is not None:
        wanted = _as_dense(wanted, options.notes_per_bar)
    _check(wanted, lines)
    return wanted


def _check(plan: Plan, lines: Lines | None) -> None:
    """Refuses contradictions and warns, once each, of what is unusual, with lines where the plan has them."""

    def where(place: Place) -> str:
        named = place_in_words(place)
        return named if lines is None else lines.of(place) + ("" if named == "plan" else f", {named}")

    for fault in faults_of(plan):
        raise UserError(fault.what, where=where(fault.place), limit=fault.limit, mend=fault.mend)
    said: set[str] = set()
    for remark in remarks_on(plan):
        if remark.text not in said:
            typer.echo(f"unusual: {where(remark.place)}: {remark.text}", err=True)
            said.add(remark.text)


def _source_plan(options: PlanOptions) -> Plan:
    """The plan of a form or a piece, or nothing in particular. What a piece is taken for is said on stderr."""
    style = options.style
    if options.form is not None:
        from ritornello.form.names import has_names
        from ritornello.form.shorthand import parse_form

        usual = "song" if has_names(options.form) else "chorale"
        return Plan(style=style or usual, sections=parse_form(options.form))
    if options.plan_from is not None:
        from ritornello.form.analyse import analyse
        from ritornello.scores import read_score

        found = analyse(read_score(options.plan_from))
        if style is None:
            typer.echo(f"{options.plan_from}: taken for the style {found.style}; --style says otherwise", err=True)
        return found.model_copy(update={"style": style or found.style})
    return Plan(style=style or "chorale")


def _as_dense(plan: Plan, notes_per_bar: float) -> Plan:
    """The plan with so many notes in a bar."""
    if plan.style == "chorale":
        what = "how many notes a bar has cannot be asked of a chorale"
        raise UserError(what, where="--notes-per-bar", mend="leave it out, or give --style song or bach")
    if not 0 < notes_per_bar <= MAX_NOTES_PER_BAR:
        raise UserError(
            f"{notes_per_bar:g}", where="--notes-per-bar", limit=f"more than 0, at most {MAX_NOTES_PER_BAR}"
        )
    if plan.notes_per_bar not in (None, notes_per_bar):
        what = f"the plan has {plan.notes_per_bar:g} notes in a bar, --notes-per-bar says {notes_per_bar:g}"
        raise UserError(what, where="--notes-per-bar", mend="leave one of them out")
    return plan if plan.notes_per_bar == notes_per_bar else as_dense_as(plan, notes_per_bar)


def _of_style(plan: Plan, style: Style | None) -> Plan:
    """The plan of a file, in the style that was asked for if the file says none."""
    if style is None or style == plan.style:
        return plan
    if "style" in plan.model_fields_set:
        what = f"the plan's style is {plan.style}, --style says {style}"
        raise UserError(what, where="--style", mend="leave it out, or change the plan")
    return plan.model_copy(update={"style": style})
