"""The plan that options ask for: from a file, a form, another piece, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ritornello.errors import UserError
from ritornello.form.key import Key
from ritornello.form.plan import Plan
from ritornello.form.style import Style


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What may be said of a plan on the command line; None = not said."""

    plan: Path | None = None
    form: str | None = None
    plan_from: Path | None = None
    key: str | None = None
    style: Style | None = None


def plan_of_options(options: PlanOptions) -> Plan:
    """The plan to complete; raises UserError where the options contradict each other or their plan.

    A plan file keeps its own style, the plan of another piece takes that of the options; where nothing says one, a form
    in names is a song, and every other piece a chorale.
    """
    if sum(option is not None for option in (options.plan, options.form, options.plan_from)) > 1:
        raise UserError("--plan, --form and --plan-from each name a plan", mend="give one of them")
    wanted = _source_plan(options)
    if options.key is None:
        return wanted
    home = Key.parse(options.key)
    if wanted.key not in (None, home):
        raise UserError(f"the plan is in {wanted.key}, --key says {home}", where="--key", mend="leave one of them out")
    return wanted.model_copy(update={"key": home})


def _source_plan(options: PlanOptions) -> Plan:
    style = options.style
    if options.plan is not None:
        from ritornello.form.plan_yaml import read_plan

        return _of_style(read_plan(options.plan), style)
    if options.form is not None:
        from ritornello.form.names import has_names
        from ritornello.form.shorthand import parse_form

        usual = "song" if has_names(options.form) else "chorale"
        return Plan(style=style or usual, sections=parse_form(options.form))
    if options.plan_from is not None:
        from ritornello.form.analyse import analyse
        from ritornello.scores import read_score

        found = analyse(read_score(options.plan_from))
        return found.model_copy(update={"style": style or found.style})
    return Plan(style=style or "chorale")


def _of_style(plan: Plan, style: Style | None) -> Plan:
    """The plan of a file, in the style that was asked for if the file says none."""
    if style is None or style == plan.style:
        return plan
    if "style" in plan.model_fields_set:
        what = f"the plan's style is {plan.style}, --style says {style}"
        raise UserError(what, where="--style", mend="leave it out, or change the plan")
    return plan.model_copy(update={"style": style})
