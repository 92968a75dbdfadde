"""Reads a YAML file of Ultralytics as the text of a spec, which uses the blocks of `specs/blocks/ultralytics.arch`.

The rows of the file are the rows of the spec, and its scales are variants. Every piece of the text knows which part of
the file it was made of, so that what is wrong is told in that file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from archdsl.frontends.ultralytics.channels import check_channels
from archdsl.frontends.ultralytics.document import Part, read_yaml, refused
from archdsl.frontends.ultralytics.modules import HEADS
from archdsl.frontends.ultralytics.pieces import Line, Piece, assembled
from archdsl.frontends.ultralytics.rows import Row, Writer, layer, named, row_of
from archdsl.frontends.ultralytics.settings import CLASSES, Settings
from archdsl.source import Source
from archdsl.text import as_name

MOST_ROWS = 1000
"""Layers of a file. The largest published ones have 50."""

PARTS = ("backbone", "head")
ACTIVATED = frozenset({"Conv", "ConvTranspose", "GhostConv"})
"""Blocks that `activation` is for. All others are made of them."""
DEEPER = frozenset("mlx")
"""Scales that have C3k in every C3k2."""


def read(source: Source) -> Source:
    """The text of a spec for a YAML file's text. Raises `CompileError` if it describes no network that is read."""
    table = read_yaml(source).value
    return assembled(source, _Spec(source, table).lines())


class _Spec:
    def __init__(self, source: Source, table: Mapping[str, Part]) -> None:
        self.source = source
        self.settings = Settings(table, source.name)
        self.parts = {part: self.rows(table, part) for part in PARTS}
        self.all: list[Row] = []
        for rows in self.parts.values():
            for part in rows:
                self.all.append(row_of(part, len(self.all)))
        if not self.all:
            raise refused("the file has no layers", table["backbone"].span)
        check_channels(self.all, self.settings)
        self.names = set(named(self.all))
        self.writer = Writer(self.settings)

    def rows(self, table: Mapping[str, Part], part: str) -> tuple[Part, ...]:
        found = table.get(part)
        if found is None:
            message = f"{self.source.name} has no `{part}`; only model files of Ultralytics are read from YAML"
            raise refused(message)
        if not found.is_list or len(found.value) > MOST_ROWS:
            raise refused(f"`{part}` is a list of at most {MOST_ROWS:,} layers", found.span)
        rows: tuple[Part, ...] = found.value
        return rows

    def lines(self) -> Iterator[Line]:
        """The lines of the spec."""
        flow = list(self.flow())
        if self.settings.activation not in (None, "silu"):
            self.writer.used.add("Conv")
        if self.writer.used:
            yield _plain(f"from blocks.ultralytics import {', '.join(sorted(self.writer.used))}")
            yield _plain("")
        yield _plain(f"network {self.name}:")
        yield from (_plain(f"    {line}") for line in self.head())
        yield from flow

    @property
    def name(self) -> str:
        """`YOLOv8` for `yolov8n.yaml`."""
        name = as_name(PurePath(self.source.name).stem)
        return f"YOLO{name[4:]}" if name.lower().startswith("yolo") else name[:1].upper() + name[1:]

    def head(self) -> Iterator[str]:
        settings = self.settings
        depth, width, most = settings.multiples
        resolution = 224 if "Classify" in self.writer.used else 640
        yield f"param resolution: int = {resolution}"
        yield f"param classes: int = {settings.whole('nc', CLASSES)}"
        if settings.is_scaled:
            yield f'param depth: float = {depth} "multiplies the repetitions"'
            yield f'param width: float = {width} "multiplies the channels"'
        if most is not None:
            yield f'param most: float = {most} "the most channels, before they are multiplied"'
        if self.has_depths:
            yield f'param c3k: bool = {self.deeper(settings.scale)} "C3k in place of every bottleneck of C3k2"'
        if settings.scales:
            yield "variants:"
            yield from (f"    {name}: {self.variant(name, row)}" for name, row in settings.scales.items())
        if settings.is_scaled:
            limited = "c" if most is None else "min(c, most)"
            yield f"def C(c) = ceil({limited} * width / 8) * 8"
            yield "def N(n) = max(round(n * depth), 1)"
        if settings.activation not in (None, "silu"):
            names = sorted(self.writer.used & ACTIVATED)
            yield f"defaults: {', '.join(f'{name}(act={settings.activation})' for name in names)}"
        yield f"input image: {settings.whole('ch', 3)} x resolution x resolution"

    @property
    def has_depths(self) -> bool:
        return "C3k2" in self.writer.used and bool(self.settings.scales)

    def deeper(self, scale: str | None) -> str:
        return "true" if scale in DEEPER else "false"

    def variant(self, name: str, row: tuple[Any, ...]) -> str:
        depth, width, most = row
        deeper = f", c3k = {self.deeper(name)}" if self.has_depths else ""
        return f"depth = {depth}, width = {width}, most = {most}{deeper}"

    def flow(self) -> Iterator[Line]:
        """The stages: the backbone, what joins its maps, and the layer that guesses."""
        guess = self.all[-1] if self.all[-1].module.value in HEADS else None
        rows = iter(self.all)
        for part, written in self.parts.items():
            count = len(written) - (guess is not None and part == "head")
            if count:
                yield _plain(f"    stage {part}:")
            for _ in range(count):
                yield [Piece("        "), *self.row(next(rows))]
        if guess is None:
            return
        takes = ", ".join(map(layer, guess.takes))
        start = f"({takes}) -> " if len(guess.takes) > 1 else f"{takes} -> "
        step = self.writer.step(guess, start)
        if self.writer.masks:
            _, width = self.writer.masks
            masks = self.all[-1].arguments[1]
            proto: Line = [Piece(f"    output prototypes: {layer(guess.takes[0])} -> Proto("), width, Piece(", ")]
            yield [*proto, self.writer.argument("masks", masks), Piece(")")]
        yield [Piece("    stage detect: "), *step]

    def row(self, row: Row) -> Line:
        before = row.takes[0] == row.index - 1 or row.module.value == "Concat"
        start = "" if before else f"{layer(row.takes[0])} -> "
        if len(row.takes) > 1 and row.module.value != "Concat":
            start = f"({', '.join(map(layer, row.takes))}) -> "
        end = f" as {layer(row.index)}" if row.index in self.names else ""
        return [*self.writer.step(row, start), Piece(end)]


def _plain(text: str) -> Line:
    return [Piece(text)]
