"""The one-line form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.errors import UserError
from ritornello.form.names import legend
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


def _form(text: str) -> str:
    return format_form(parse_form(text))


def test_names_become_letters_by_the_custom_of_songs() -> None:
    text = "intro verse prechorus chorus verse chorus bridge chorus outro"
    assert _form(text) == "i8 A8 B4 C8 A8 C8 D8 C8 o4"
    assert legend(text) == "intro = i8, verse = A8, prechorus = B4, chorus = C8, bridge = D8, outro = o4"
    assert _form("Introduction, Verse | Pre-Chorus - Refrain; coda".replace(";", ",")) == "i8 A8 B4 C8 o4"
    assert _form("intro interlude solo outro") == "i8 a4 b8 o4"


def test_names_have_the_bars_that_are_stated_last() -> None:
    assert _form("intro 2 verse16 pre chorus chorus verse verse’ chorus12") == "i2 A16 B4 C8 A16 A'16 C12"
    assert legend("verse 4 verse' 6 verse") == "verse = A4, verse = A'6"


KNOWN = "known are intro, verse, prechorus, chorus, bridge, interlude, solo, outro"
ONE_KIND = "write for example 'intro 4 verse 8 chorus 8', all sections by name or all by letter"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vers chorus", "form: no section is called 'vers'; did you mean 'verse'?"),
        (
            "rondo",
            f"form: no section is called 'rondo'; {KNOWN}",
        ),
        ("verse 0", 'form: section A has 0 bars (limit: 1 to 512 bars); write for example "A8 A8 B12 A\'8"'),
        ("verse " * 65, "form: too many sections (limit: 64 sections)"),
        (
            "verse A8",
            f"form: cannot read 'A8'; {ONE_KIND}",
        ),
    ],
)
def test_what_is_no_name_is_one_line(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_form(text)
    assert str(caught.value) == says
