"""Roman numerals as mathtext."""

import pytest

from ritornello.plotting.numeral import typeset


@pytest.mark.parametrize(
    ("name", "mathtext"),
    [
        ("I", r"$\mathrm{I}{}$"),
        ("V65", r"$\mathrm{V}{}^{6}_{5}$"),
        ("viio7/V", r"$\mathrm{vii}^{\mathrm{o}}{}^{7}/\mathrm{V}{}$"),
        ("bII6", r"$\flat \mathrm{II}{}^{6}$"),
        ("what", "what"),
    ],
)
def test_signs_and_figures(name: str, mathtext: str) -> None:
    assert typeset(name) == mathtext
