"""Measures and wraps text for a terminal, where a character takes up no column, one or two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache


def columns(text: str) -> int:
    """How many columns `text` takes up in a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


@cache
def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def wrap(text: str, width: int, indent: str = "", fold: bool = False) -> Iterator[str]:
    """Lines of at most `width` columns, broken at blanks (but not at non-breaking ones); each `\\n` ends a line too.

    `indent` is put before the lines that wrapping adds. With `fold`, words that are too wide are broken too.

    >>> list(wrap("one two three", 8, "  ")), list(wrap("  abcdefgh", 6, fold=True))
    (['one two', '  three'], ['  abcd', 'efgh'])
    """
    for paragraph in text.split("\n"):
        line = ""
        for word in re.findall(" *[^ ]+", paragraph):
            if line.strip() and columns(line + word) > width:
                yield line
                line = indent + word.lstrip(" ")
            else:
                line += word
            while fold and columns(line) > width:
                cut = max(_fitting(line, width), len(indent) + 1)
                yield line[:cut]
                line = indent + line[cut:]
        yield line


def _fitting(text: str, width: int) -> int:
    """How many characters at the start of `text` fit into `width` columns."""
    used = 0
    for index, character in enumerate(text):
        used += columns(character)
        if used > width:
            return index
    return len(text)
