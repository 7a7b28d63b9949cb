"""The house: a folder is a stage of the line and imports only from the stages before it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ritornello"

_LINE = ["errors", "atomic", "scores", "form", "tokenizers", "data", "modules", "models", "training", "generation"]
ALLOWED = {stage: set(_LINE[:i]) for i, stage in enumerate(_LINE)}
ALLOWED["modules"] = set()  # integers and tensors only
ALLOWED["models"] = {"modules"}
ALLOWED["plotting"] = ALLOWED["audio"] = {"errors", "scores", "form"}
ALLOWED["evaluation"] = {
    "errors",
    "atomic",
    "scores",
    "form",
    "tokenizers",
    "data",
    "plotting",
    "audio",
    "training.likelihood",
}
ALLOWED["cli"] = {*_LINE, "plotting", "audio", "evaluation", "weights"}
ALLOWED["weights"] = {"errors"}
ALLOWED["generation"] |= {"weights"}

OWNERS = {  # a parser is touched by one folder only
    "symusic": {"scores", "audio"},
    "music21": {"evaluation"},
    "scipy": {"evaluation"},
    "matplotlib": {"plotting"},
    "verovio": {"plotting"},
    "pyarrow": {"data"},
    "soundfile": {"audio"},
    "lightning_fabric": {"training"},
    "typer": {"cli"},
    "rich": {"cli", "training", "data"},
}
TORCH_FREE = {"errors", "atomic", "scores", "form", "tokenizers", "plotting", "audio", "weights"}
NEVER = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}


def imported_names(file: Path) -> list[str]:
    """Dotted names that the file imports, inside functions too."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_imports_go_left_only(file: Path) -> None:
    stage = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    for name in imported_names(file):
        root, _, rest = name.partition(".")
        assert root not in NEVER, f"{name}: nothing is ever unpickled"
        if root == "torch":
            assert stage not in TORCH_FREE, f"{stage} does not know torch"
        assert stage in OWNERS.get(root, {stage}), f"{name} is not for {stage}"
        if root == "ritornello" and stage != "__init__":
            other = rest.split(".")[0]
            fine = other == stage or any(rest == a or rest.startswith(a + ".") for a in ALLOWED[stage])
            assert fine or other == "__version__", f"{stage} may not import {name}"


def test_no_folder_without_a_meaning() -> None:
    for file in FILES:
        assert not {"utils", "helpers", "common", "misc"} & {*file.parts, file.stem}, file


def test_every_test_file_is_collected() -> None:
    for file in Path(__file__).parent.rglob("*.py"):
        holds_tests = any(
            isinstance(n, ast.FunctionDef) and n.name.startswith("test") for n in ast.walk(ast.parse(file.read_text()))
        )
        assert not holds_tests or file.name.startswith("test_"), f"{file} would never run"
