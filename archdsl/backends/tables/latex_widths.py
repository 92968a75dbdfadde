"""Widths of letters in TeX's own font, for columns that fit the page. In thousandths of the font's size.

They are those of Computer Modern at 8 points (cmr8.tfm and cmbx8.tfm, Knuth), for the characters from the blank to `~`.
At 9 and 10 points its letters are narrower for their size, and so are those of Times and most other fonts.
"""

from __future__ import annotations

from collections.abc import Mapping
from unicodedata import combining, normalize

FIRST = " "
"""The first of the characters."""

# fmt: off
REGULAR = (
    354, 295, 531, 885, 531, 885, 826, 295, 413, 413, 531, 826, 295, 354, 295, 531, 531, 531, 531,
    531, 531, 531, 531, 531, 531, 531, 295, 295, 826, 826, 826, 502, 826, 796, 752, 767, 811, 723,
    693, 834, 796, 383, 545, 825, 664, 973, 796, 826, 723, 826, 782, 590, 767, 796, 796, 1091, 796,
    796, 649, 295, 531, 295, 531, 360, 295, 531, 590, 472, 590, 472, 325, 531, 590, 295, 325, 561,
    295, 885, 590, 531, 590, 561, 414, 419, 413, 590, 561, 767, 561, 561, 472, 531, 295, 531, 531,
)
# fmt: on

# fmt: off
BOLD = (
    354, 373, 636, 1021, 613, 1021, 953, 340, 476, 476, 613, 953, 340, 408, 340, 613, 613, 613, 613,
    613, 613, 613, 613, 613, 613, 613, 340, 340, 826, 953, 826, 578, 953, 922, 869, 885, 938, 803,
    769, 962, 955, 459, 631, 956, 735, 1159, 955, 920, 835, 920, 915, 681, 852, 939, 922, 1263, 922,
    922, 749, 340, 531, 340, 531, 360, 340, 595, 681, 544, 681, 561, 374, 613, 681, 340, 374, 647,
    340, 1021, 681, 613, 681, 647, 506, 483, 476, 681, 647, 885, 647, 647, 544, 531, 295, 531, 531,
)
# fmt: on

OTHERS: Mapping[str, int] = {
    "\N{NO-BREAK SPACE}": 354,
    "×": 826,
    "→": 1063,
    "←": 1063,
    "—": 1063,
    "∞": 1063,
    "∑": 1320,
    "·": 295,
    "–": 531,
    "−": 826,
    "µ": 650,
    "φ": 692,
    "α": 682,
    "β": 596,
    "γ": 547,
    "⌊": 472,
    "⌋": 472,
    "⌈": 472,
    "⌉": 472,
}
"""Characters that LaTeX has as symbols, from cmsy8.tfm and cmmi8.tfm."""

KERNED = 1.03
"""Kerning moves a few pairs of letters apart, at most by this factor."""


def width(text: str, size: float, bold: bool = False) -> float:
    """The width of a text in points, at a font of `size` points. What is not known counts as a square."""
    return sum(_letter(letter, bold) for letter in normalize("NFD", text)) * KERNED * size / 1000


def _letter(letter: str, bold: bool) -> int:
    place = ord(letter) - ord(FIRST)
    if 0 <= place < len(REGULAR):
        return (BOLD if bold else REGULAR)[place]
    return OTHERS.get(letter, 0 if combining(letter) else 1000)
