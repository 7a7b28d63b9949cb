"""Freed memory stays: a block that is taken again costs no new pages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, torch
from ritornello.training.allocation import keep_memory
if sys.argv[1] == "kept":
    keep_memory()
for _ in range(16):
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _new_pages(kind: str) -> int:
    command = [sys.executable, "-c", SCRIPT, kind]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back that eagerly")
def test_kept_memory_is_used_again() -> None:
    assert _new_pages("kept") < _new_pages("given back") / 4
