"""Colours and the typeface of all pictures.

The voices have the colours of Okabe and Ito (Color Universal Design, 2008), which readers with
colour-blindness can tell apart; neighbouring voices are one warm and one cool. The typeface comes with
matplotlib, so that a picture is the same on every machine.
"""

VOICES = ("#D55E00", "#0072B2", "#E69F00", "#009E73")
"""Soprano vermilion, alto blue, tenor orange, bass green; further parts begin again."""
LETTERS = ("#D9E6F2", "#F8E7CD", "#DCEBDD", "#F0DEE9", "#E4E0F2", "#F2EFCB")
"""Grounds of sections; the same letter has the same one."""
INK, GREY, FAINT, BLACK_KEY = "#222222", "#767676", "#DCDCDC", "#F5F5F5"
FONT = "DejaVu Sans"
NUMERALS = "dejavuserif"


def letter_tint(letter: str) -> str:
    """The ground for a section's letter; white where there is none."""
    return LETTERS[(ord(letter.upper()) - ord("A")) % len(LETTERS)] if letter else "#FFFFFF"
