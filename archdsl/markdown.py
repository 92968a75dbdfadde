"""Pieces of Markdown of GitHub's kind."""

from __future__ import annotations

from collections.abc import Iterable


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Text that is not to mean anything but itself."""
    for character in "\\|*_`<[":
        text = text.replace(character, f"\\{character}")
    return text
