"""Literate cases: Markdown files whose `## ` sections each hold blocks of code and the output expected of them.

`pytest --update` writes what came out in place of what was expected, for review with `git diff`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CASES = Path(__file__).parent / "cases"

HEADING = re.compile(r"^## +(?P<title>.+)$", re.MULTILINE)
BLOCK = re.compile(
    r"^(?P<fence>`{3,})(?P<kind>[\w-]+)(?: +(?P<info>\S.*?))? *\n(?P<text>.*?)^(?P=fence) *$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One fenced block: ```` ```arch specs/resnet.arch ```` has kind `arch` and info `specs/resnet.arch`."""

    kind: str
    info: str
    text: str


@dataclass(frozen=True)
class Case:
    """One section of a file. `line` is where its heading stands."""

    path: Path
    title: str
    line: int
    blocks: tuple[Block, ...]

    def __str__(self) -> str:
        return f"{self.path.stem}:{self.line}: {self.title}"

    def all(self, kind: str) -> list[Block]:
        return [block for block in self.blocks if block.kind == kind]

    def one(self, kind: str) -> str:
        """The text of the only block of this kind."""
        (block,) = self.all(kind)
        return block.text

    def expect(self, kind: str, got: str, *, update: bool) -> None:
        """Holds `got` against the case's block of this kind, or writes it there."""
        got = got.rstrip("\n") + "\n" if got else ""
        if update and got != self.one(kind):
            self._write(kind, got)
        else:
            assert got == self.one(kind), f"{self.path}:{self.line}"

    def _write(self, kind: str, got: str) -> None:
        text = self.path.read_text(encoding="utf-8")
        start = next(m.end() for m in HEADING.finditer(text) if m["title"].strip() == self.title)
        block = next(m for m in BLOCK.finditer(text, start) if m["kind"] == kind)
        self.path.write_text(text[: block.start("text")] + got + text[block.end("text") :], encoding="utf-8")


def cases(folder: str) -> list[Case]:
    """Every section of every Markdown file of one folder of cases, in order; titles are unique within a file."""
    found = [case for path in sorted((CASES / folder).glob("*.md")) for case in read(path)]
    titles = Counter((case.path, case.title) for case in found)
    assert max(titles.values(), default=1) == 1, f"two cases have one title: {titles.most_common(1)}"
    return found


def read(path: Path) -> Iterator[Case]:
    text = path.read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=True):
        blocks = tuple(Block(m["kind"], m["info"] or "", m["text"]) for m in BLOCK.finditer(text, heading.end(), end))
        yield Case(path, heading["title"].strip(), text.count("\n", 0, heading.start()) + 1, blocks)
