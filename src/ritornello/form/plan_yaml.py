"""Plans as YAML files.

Only what is set is written, in the order of the fields; short lists stand on one line. Reading refuses
unknown keys, repeated keys and aliases (which could make a small file mean a huge plan).
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError

from ritornello.errors import UserError
from ritornello.form.plan import Motif, Phrase, Plan, Section
from ritornello.scores.writing import write_atomically

MAX_BYTES = 1 << 20
_WIDTH = 120


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Reads a plan. Raises UserError (one line, naming the field) for anything that is not one."""
    where = str(path)
    try:
        size = Path(path).stat().st_size
        if size > MAX_BYTES:
            raise UserError("plan file is too large", where=where, limit=f"{MAX_BYTES} bytes")
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(error.strerror or "cannot be read", where=where) from error
    except UnicodeDecodeError as error:
        raise UserError("not a text file in UTF-8", where=where) from error
    return parse_plan(text, where)


def parse_plan(text: str, where: str = "plan") -> Plan:
    """Reads a plan from YAML text; ``where`` names it in errors."""
    try:
        data: object = _StrictLoader(text).get_single_data()
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"not YAML: {_first_problem(error)}", where=where) from error
    except RecursionError as error:
        raise UserError("nested too deeply", where=where) from error
    if not isinstance(data, dict):
        raise UserError("a plan is a mapping such as 'key: g minor'", where=where)
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        raise _user_error(error, where) from error


def format_plan(plan: Plan) -> str:
    """The plan as YAML text."""
    data = plan.model_dump(mode="json", exclude_none=True)
    return yaml.dump(_lay_out(data), Dumper=_PlanDumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def write_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Writes a plan; the file appears whole or not at all. Raises UserError if it cannot be written."""
    write_atomically(Path(path), format_plan(plan).encode())


class _Short(list[Any]):
    """A list that is written on one line."""


class _PlanDumper(yaml.SafeDumper):
    """Writes _Short lists in brackets and indents the others under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, never indentless
        super().increase_indent(flow, indentless=False)


_PlanDumper.add_representer(
    _Short, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)
)


class _StrictLoader(yaml.SafeLoader):
    """Safe loading that also refuses aliases and repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):  # pyright: ignore[reportUnknownMemberType]
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [str(key.value) for key, _ in node.value]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise yaml.YAMLError(f"{min(repeated)!r} stands twice in line {node.start_mark.line + 1} and after")
        return super().construct_mapping(node, deep)


def _lay_out(data: object) -> object:
    """Whole numbers without a decimal point, lists of plain values on one line."""
    if isinstance(data, dict):
        return {key: _lay_out(value) for key, value in cast("dict[str, object]", data).items()}
    if isinstance(data, list):
        items = [_lay_out(item) for item in cast("list[object]", data)]
        return items if any(isinstance(item, dict) for item in items) else _Short(items)
    if isinstance(data, float) and data.is_integer():
        return int(data)
    return data


def _first_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem} in line {mark.line + 1}" if mark is not None else problem


def _user_error(error: ValidationError, where: str) -> UserError:
    """One complaint as one line that names the field; a misspelt key explains a missing one, so it goes first."""
    first = min(error.errors(), key=lambda complaint: complaint["type"] != "extra_forbidden")
    field = _field_path(first["loc"])
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        known = list(_model_at(first["loc"][:-1]).model_fields)
        near = difflib.get_close_matches(name, known, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
        return UserError(f"unknown key {name[:40]!r}", where=f"{where}: {field}" if field else where, mend=mend)
    cause = first.get("ctx", {}).get("error")
    message = str(cause) if cause is not None else first["msg"]
    return UserError(message, where=f"{where}: {field}")


def _field_path(place: tuple[int | str, ...]) -> str:
    """``sections[2].phrases[0].beats``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _model_at(place: tuple[int | str, ...]) -> type[BaseModel]:
    names = [part for part in place if isinstance(part, str)]
    inner: dict[str, type[BaseModel]] = {"sections": Section, "phrases": Phrase, "motif": Motif}
    return inner[names[-1]] if names else Plan
