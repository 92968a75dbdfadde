"""How wide a text is in the font that figures carry, and where to break it. In points.

The font is Arimo, whose letters are as wide as Arial's; the files in fonts/ come from scripts/subset_fonts.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unicodedata import combining, normalize

FONTS = Path(__file__).parent / "fonts"

CAPITAL = 0.36
"""Half the height of a capital letter, of the size: from the middle of a line down to its baseline."""


class Metrics(NamedTuple):
    """What is known of the font: widths of letters in `units` of the size, and the letters of most figures."""

    units: int
    usual: frozenset[str]
    regular: Mapping[str, int]
    bold: Mapping[str, int]


@cache
def metrics() -> Metrics:
    """The font's numbers, read once."""
    facts = json.loads((FONTS / "widths.json").read_text(encoding="utf-8"))
    return Metrics(facts["units"], frozenset(facts["usual"]), **facts["widths"])


def letters(text: str) -> str:
    """The letters to draw: an accent is part of its letter; one that belongs to none in the font is left out."""
    return "".join(letter for letter in normalize("NFC", text) if not combining(letter))


def lacking(text: str) -> str:
    """The letters of a text that the font does not have, each once.

    >>> lacking("Îmbinări 3×3"), lacking("猫 cat")
    ('', '猫')
    """
    return "".join(sorted(set(letters(text)) - metrics().regular.keys()))


def width(text: str, size: float, bold: bool = False) -> float:
    """How wide a line of text is. A letter that the font lacks counts as a square.

    >>> round(width("3×3, 64", 14), 1)
    47.1
    """
    units, _, *tables = metrics()
    table = tables[bold]
    return sum(table.get(letter, units) for letter in letters(text)) * size / units


def wrap(text: str, size: float, limit: float, bold: bool = False) -> list[str]:
    """Lines of at most `limit` points, broken at spaces; a longer word stays whole, on a line of its own.

    >>> wrap("Transition layer 1", 14, 80)
    ['Transition', 'layer 1']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and width(f"{lines[-1]} {word}", size, bold) <= limit:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def balanced(text: str, size: float, limit: float, bold: bool = False) -> list[str]:
    """`wrap` with lines as even as may be: no more of them, each as short as it can.

    >>> balanced("Dense block number 1", 14, 120)
    ['Dense block', 'number 1']
    """
    lines = wrap(text, size, limit, bold)
    words = text.split()
    parts = {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    for shorter in sorted(width(part, size, bold) for part in parts):
        tried = wrap(text, size, shorter, bold)
        if len(tried) == len(lines) and all(width(line, size, bold) <= shorter for line in tried):
            return tried
    return lines
