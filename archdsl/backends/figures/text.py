"""How wide a text is in Helvetica (Arial's widths are the same), and where to break it. In points."""

from __future__ import annotations

from unicodedata import combining, normalize

# Adobe's metrics of Helvetica and Helvetica-Bold for the characters from space to tilde, in thousandths of the size.
REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)
BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 "
    "584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 "
    "333 611 556 778 556 556 500 389 280 389 584"
)
FURTHER = {"×": 584, "·": 278, "–": 556, "…": 1000, "²": 333, "±": 584, "’": 278, "“": 500, "”": 500, "→": 1000}

WIDTHS = tuple(
    {chr(32 + index): int(width) for index, width in enumerate(table.split())} | FURTHER for table in (REGULAR, BOLD)
)
WIDEST = 1000
"""For what the tables lack: no Latin letter is wider than the size."""


def width(text: str, size: float, bold: bool = False) -> float:
    """
    >>> round(width("3×3, 64", 14), 1)
    47.1
    """
    table = WIDTHS[bold]
    letters = (letter for letter in normalize("NFD", text) if not combining(letter))
    return sum(table.get(letter, WIDEST) for letter in letters) * size / 1000


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
