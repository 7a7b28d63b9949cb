"""The one-line form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.form.plan import Section
from ritornello.form.shorthand import format_form, parse_form


def test_spaced_and_run_together() -> None:
    assert format_form(parse_form("A8 A8 B12 A'8")) == "A8 A8 B12 A'8"
    assert format_form(parse_form("i4A4A4B8b4A4B8o4")) == "i4 A4 A4 B8 b4 A4 B8 o4"
    assert [s.bars for s in parse_form("A4, B’16 | C''2")] == [4, 16, 2]


@given(
    st.lists(
        st.builds(Section, label=st.from_regex(r"[A-Za-z]'{0,3}", fullmatch=True), bars=st.integers(1, 512)),
        min_size=1,
        max_size=64,
    )
)
def test_round_trip(sections: list[Section]) -> None:
    assert parse_form(format_form(sections)) == tuple(sections)
    assert parse_form(format_form(sections).replace(" ", "")) == tuple(sections)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no sections"),
        ("  ", "no sections"),
        ("A0", "0 bars"),
        ("A8 B0", "B has 0 bars"),
        ("A513", "1 to 512"),
        ("A99999999999999999999", "bars"),
        ("A", "cannot read 'A'"),
        ("8A", "cannot read '8A'"),
        ("A8 ?", "cannot read '\\?'"),
        ("A''''8", "cannot read"),
        ("A8" * 65, "too many sections"),
        ("A8 " * 1000, "too long"),
        ("A-8", "cannot read"),
    ],
)
def test_rubbish_is_one_line(text: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        parse_form(text)
    assert "\n" not in str(caught.value)
