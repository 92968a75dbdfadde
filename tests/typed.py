"""Texts as they are typed: a spec of the library, changed at random, key by key and line by line."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from archdsl.resources import specs_folder

SPECS = sorted(specs_folder().glob("*.arch")) + sorted(specs_folder().glob("blocks/*.arch"))
KEYS = (*"abcxyz0123456789 ()[]{}:,=->|#.@*/+~^_\n\t", '"', "    ", "😀", "\u2028", "é", '"""', "\r\n")
SNIPPETS = (
    "conv(16, 3)",
    " -> relu",
    "stage more: ",
    "network N:",
    "block B(a, b=2):",
    "repeat 3:",
    "expect params == 1",
    "from blocks.residual import Basic",
    "concat{it | it}",
    "if width > 3:",
    "param p: int = 3",
    "@50",
    "add:",
)


def typed(seed: int, edits: int) -> tuple[Path, Iterator[str]]:
    """A spec's file, and its text after each of so many edits: of the text before, or of the file's, as if undone."""
    choose = random.Random(seed)
    path = choose.choice(SPECS)
    return path, _texts(choose, path.read_text(encoding="utf-8"), edits)


def _texts(choose: random.Random, text: str, edits: int) -> Iterator[str]:
    clean = text
    for _ in range(edits):
        text = choose.choice((text, clean))
        at = choose.randrange(len(text) + 1)
        match choose.randrange(8):
            case 0 | 1 | 2:
                text = text[:at] + choose.choice(KEYS) + text[at:]
            case 3:
                text = text[:at] + text[at + choose.randrange(1, 9) :]
            case 4:
                text = text[:at] + choose.choice(SNIPPETS) + text[at:]
            case 5:
                lines = text.split("\n")
                del lines[choose.randrange(len(lines))]
                text = "\n".join(lines)
            case 6:
                lines = text.split("\n")
                lines.insert(choose.randrange(len(lines)), choose.choice(lines))
                text = "\n".join(lines)
            case 7:
                other = choose.randrange(len(text) + 1)
                text = text[: min(at, other)] + text[max(at, other) :] if choose.random() < 0.05 else text
        yield text
