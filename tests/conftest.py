"""What all tests share: the data folder, and one thread so that figures do not depend on the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of corpora; tests that need it skip where RITORNELLO_DATA is unset."""
    folder = os.environ.get("RITORNELLO_DATA")
    if not folder:
        pytest.skip("RITORNELLO_DATA is not set")
    return Path(folder)
