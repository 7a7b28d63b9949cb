"""The plan that options ask for: from a file, a form, another piece, or nothing at all."""

from __future__ import annotations

from pathlib import Path

from ritornello.errors import UserError
from ritornello.form.key import Key
from ritornello.form.plan import Plan


def plan_of_options(plan: Path | None, form: str | None, plan_from: Path | None, key: str | None) -> Plan:
    """The plan to complete; raises UserError where the options contradict each other."""
    if sum(option is not None for option in (plan, form, plan_from)) > 1:
        raise UserError("--plan, --form and --plan-from each name a plan", mend="give one of them")
    wanted = _source_plan(plan, form, plan_from)
    if key is None:
        return wanted
    home = Key.parse(key)
    if wanted.key not in (None, home):
        raise UserError(f"the plan is in {wanted.key}, --key says {home}", where="--key", mend="leave one of them out")
    return wanted.model_copy(update={"key": home})


def _source_plan(plan: Path | None, form: str | None, plan_from: Path | None) -> Plan:
    if plan is not None:
        from ritornello.form.plan_yaml import read_plan

        return read_plan(plan)
    if form is not None:
        from ritornello.form.shorthand import parse_form

        return Plan(sections=parse_form(form))
    if plan_from is not None:
        from ritornello.form.analyse import analyse
        from ritornello.scores import read_score

        return analyse(read_score(plan_from))
    return Plan()
