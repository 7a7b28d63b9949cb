"""Plans as YAML files.

Only what is set is written, in the order of the fields; short lists stand on one line. Reading refuses
unknown keys, repeated keys and aliases (which could make a small file mean a huge plan).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError

from ritornello.errors import UserError
from ritornello.form.plan import Motif, Phrase, Place, Plan, Section
from ritornello.scores.writing import write_atomically

MAX_BYTES = 1 << 20
_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Lines:
    """In which line of a file each field of a plan stands."""

    where: str
    """The file."""
    numbers: Mapping[Place, int]

    def of(self, place: Place) -> str:
        """``my.yaml: line 12``; the line of what the field belongs to where it has none."""
        known = next((place[:end] for end in range(len(place), 0, -1) if place[:end] in self.numbers), None)
        return self.where if known is None else f"{self.where}: line {self.numbers[known]}"


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Reads a plan. Raises UserError (one line, naming line and field) for anything that is not one."""
    return read_with_lines(path)[0]


def read_with_lines(path: str | os.PathLike[str]) -> tuple[Plan, Lines]:
    """Reads a plan as ``read_plan`` does, with the lines of its fields."""
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
    return _parsed(text, where)


def parse_plan(text: str, where: str = "plan") -> Plan:
    """Reads a plan from YAML text; ``where`` names it in errors."""
    return _parsed(text, where)[0]


def format_plan(plan: Plan) -> str:
    """The plan as YAML text."""
    data = plan.model_dump(mode="json", exclude_none=True)
    return yaml.dump(_lay_out(data), Dumper=_PlanDumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def write_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Writes a plan; the file appears whole or not at all. Raises UserError if it cannot be written."""
    write_atomically(Path(path), format_plan(plan).encode())


def _parsed(text: str, where: str) -> tuple[Plan, Lines]:
    try:
        loader = _StrictLoader(text)
        node = loader.get_single_node()
        data: object = node and loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        lines = Lines(where, dict(_line_numbers(node)))
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"not YAML: {_first_problem(error)}", where=where) from error
    except RecursionError as error:
        raise UserError("nested too deeply", where=where) from error
    if not isinstance(data, dict):
        raise UserError("a plan is a mapping such as 'key: g minor'", where=where)
    try:
        return Plan.model_validate(data), lines
    except ValidationError as error:
        raise _user_error(error, lines) from error


def _line_numbers(node: yaml.Node | None, place: Place = ()) -> Iterator[tuple[Place, int]]:
    """Every field with the line in which it is named, counted from 1."""
    items: list[tuple[str | int, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        items = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        items = [(number, item, item) for number, item in enumerate(node.value)]
    for name, named, value in items:
        yield (*place, name), named.start_mark.line + 1
        yield from _line_numbers(value, (*place, name))


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


def _user_error(error: ValidationError, lines: Lines) -> UserError:
    """One complaint as one line that names the field; a misspelt key explains a missing one, so it goes first."""
    first = min(error.errors(), key=lambda complaint: complaint["type"] != "extra_forbidden")
    field, line = _field_path(first["loc"]), lines.of(first["loc"])
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        known = list(_model_at(first["loc"][:-1]).model_fields)
        near = difflib.get_close_matches(name, known, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
        return UserError(f"unknown key {name[:40]!r}", where=line, mend=mend)
    cause = first.get("ctx", {}).get("error")
    message = str(cause) if cause is not None else first["msg"]
    return UserError(message, where=f"{line}, {field}" if field else line)


def _field_path(place: tuple[int | str, ...]) -> str:
    """``sections[2].phrases[0].beats``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _model_at(place: tuple[int | str, ...]) -> type[BaseModel]:
    names = [part for part in place if isinstance(part, str)]
    inner: dict[str, type[BaseModel]] = {"sections": Section, "phrases": Phrase, "motif": Motif}
    return inner[names[-1]] if names else Plan
