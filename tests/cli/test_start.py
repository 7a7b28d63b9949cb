"""``ritornello`` starts quickly: help needs neither torch nor a parser."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ritornello.cli import main


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, ritornello.cli as cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'symusic', 'matplotlib', 'scipy', 'lightning_fabric', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "compose" in done.stdout


def test_no_verb_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 0
    assert capsys.readouterr().out.count("\n") > 10
