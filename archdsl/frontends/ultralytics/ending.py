"""Writes the last row of a YAML file, if it is a head, as the lines of its stage and its outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archdsl.frontends.ultralytics.document import Part, refused
from archdsl.frontends.ultralytics.heads import ANCHORED, HEADS, USUAL, Head
from archdsl.frontends.ultralytics.pieces import Line, Piece
from archdsl.frontends.ultralytics.rows import Row, layer
from archdsl.frontends.ultralytics.settings import joints
from archdsl.frontends.ultralytics.writer import Writer

WORD = re.compile(r"\$(\w+)|\b([A-Z]\w*)")
"""A word of a line that stands for something else, or the name of a block."""


@dataclass(frozen=True)
class Ending:
    """The last row of a file, and its lines."""

    writer: Writer
    row: Row

    @property
    def head(self) -> Head:
        name = self.row.module.value
        return ANCHORED if name == "Detect" and self.writer.settings.boxes else HEADS[name]

    def lines(self) -> Iterator[Line]:
        """The lines of its outputs and of its stage. Raises `CompileError` if the row is not as it should be."""
        row, names = self.row, self.head.arguments.split()
        if not row.arguments:
            raise refused(f"`{row.module.value}` has no arguments, and the first is its {names[0]}", row.span)
        self.writer.refuse_more(row, len(names))
        given = dict(zip(names, row.arguments, strict=False))
        is_twin = self.head.twins or (self.writer.settings.has_twins and bool(self.head.twin))
        for line in (*self.head.lines, *(self.head.twin if is_twin else ())):
            yield [Piece("    "), *self.line(line, given)]

    def line(self, text: str, given: Mapping[str, Part]) -> Line:
        """A line with what its words stand for."""
        pieces: Line = []
        at = 0
        for found in WORD.finditer(text):
            pieces.append(Piece(text[at : found.start()]))
            if found[2]:
                self.writer.used.add(found[2])
                pieces.append(Piece(found[2], self.row.module.span))
            else:
                pieces.append(self.word(found[1], given))
            at = found.end()
        return [*pieces, Piece(text[at:])]

    def word(self, word: str, given: Mapping[str, Part]) -> Piece:
        """What a word stands for."""
        if word in ("maps", "first", "second"):
            return Piece(self.layers(word))
        if word == "kind":
            return Piece(self.kind)
        if word == "anchors":
            return Piece(str(self.writer.settings.boxes))
        if word in ("more", "spread", "points"):
            return self.numbers(word, given)
        part = given.get(word)
        if part is None and word in USUAL:
            return Piece(USUAL[word])
        if part is None:
            raise refused(f"`{self.row.module.value}` has the arguments {self.head.arguments}", self.row.span)
        return self.writer.channels(part) if word == "width" else self.writer.argument(word, part)

    def layers(self, word: str) -> str:
        takes = self.row.takes
        if word == "maps":
            return f"({', '.join(map(layer, takes))})" if len(takes) > 1 else layer(takes[0])
        place = ("first", "second").index(word)
        if place >= len(takes):
            raise refused(f"`{self.row.module.value}` takes two layers", self.row.span)
        return layer(takes[place])

    @property
    def kind(self) -> str:
        bins = self.writer.settings.whole("reg_max", 16)
        several = f", bins={bins}" if bins != 16 and not self.head.twins else ""
        return several + (", light=true" if self.writer.is_light or self.head.twins else "")

    def numbers(self, word: str, given: Mapping[str, Part]) -> Piece:
        """The joints of a body, or how many numbers each position has beside a box and the scores."""
        if "points" not in self.head.arguments:
            (name,) = {"masks", "angles"} & set(self.head.arguments.split())
            return self.word(name, given)
        part = given.get("points")
        if part is None or part.value == "kpt_shape":
            count, each = self.writer.settings.points
        else:
            count, each = joints(part)
        found = {"more": count * each, "spread": 2 * count, "points": [count, each]}[word]
        return Piece(str(found), None if part is None else part.span)
