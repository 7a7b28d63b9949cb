"""``ritornello`` starts quickly: help needs neither torch nor a parser."""

from __future__ import annotations

import subprocess
import sys


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, ritornello.cli as cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'symusic', 'matplotlib', 'scipy', 'lightning_fabric'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "compose" in done.stdout
