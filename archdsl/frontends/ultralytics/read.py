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
from archdsl.frontends.ultralytics.ending import Ending
from archdsl.frontends.ultralytics.heads import FILES, HEADS
from archdsl.frontends.ultralytics.modules import JOINS, MODULES
from archdsl.frontends.ultralytics.pieces import Line, Piece, assembled
from archdsl.frontends.ultralytics.rows import Row, layer, named, row_of
from archdsl.frontends.ultralytics.settings import CLASSES, Settings
from archdsl.frontends.ultralytics.switches import SWITCHES, Switch
from archdsl.frontends.ultralytics.writer import Writer
from archdsl.source import Source
from archdsl.text import as_name

MOST_ROWS = 1000
"""Layers of a file. The largest published ones have 50."""

PARTS = ("backbone", "head")
ACTIVATED = ("Conv", "DWConv", "GhostConv")
"""Blocks that `activation` is for. All others are made of them, or have an activation of their own."""


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
        self.writer = Writer(self.settings, self.all)

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
        if self.has_activation:
            self.writer.used.update(ACTIVATED)
        yield from map(_plain, self.imports())
        yield _plain(f"network {self.name}:")
        yield from (_plain(f"    {line}") for line in self.head())
        yield from flow

    def imports(self) -> Iterator[str]:
        """A line for each file of blocks, and an empty one."""
        files: dict[str, list[str]] = {}
        for block in sorted(self.writer.used):
            file = MODULES[block].file if block in MODULES else FILES.get(block, "ultralytics")
            files.setdefault(file, []).append(block)
        for file in sorted(files):
            yield f"from blocks.{file} import {', '.join(files[file])}"
        if files:
            yield ""

    @property
    def has_activation(self) -> bool:
        return self.settings.activation not in (None, "silu")

    @property
    def switches(self) -> list[Switch]:
        """The parameters that the scales set beside depth and width."""
        used = self.writer.used if self.settings.scales else set()
        return [switch for name in SWITCHES if name in used for switch in SWITCHES[name]]

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
        yield from (switch.declared(settings.scale) for switch in self.switches)
        if settings.scales:
            yield "variants:"
            yield from (f"    {name}: {self.variant(name, row)}" for name, row in settings.scales.items())
        if settings.is_scaled:
            limited = "c" if most is None else "min(c, most)"
            yield f"def C(c) = ceil({limited} * width / 8) * 8"
            yield "def N(n) = max(round(n * depth), 1)"
        if self.has_activation:
            yield f"defaults: {', '.join(f'{name}(act={settings.activation})' for name in ACTIVATED)}"
        yield f"input image: {settings.whole('ch', 3)} x resolution x resolution"

    def variant(self, name: str, row: tuple[Any, ...]) -> str:
        depth, width, most = row
        switched = "".join(f", {switch.name} = {switch.value(name)}" for switch in self.switches)
        return f"depth = {depth}, width = {width}, most = {most}{switched}"

    def flow(self) -> Iterator[Line]:
        """The stages: the backbone, what joins its maps, and the layer that guesses."""
        last = self.all[-1]
        has_head = last.module.value in HEADS
        rows = iter(self.all)
        for part, written in self.parts.items():
            count = len(written) - (has_head and part == self.last_part)
            if count:
                yield _plain(f"    stage {part}:")
            for _ in range(count):
                yield [Piece("        "), *self.row(next(rows))]
        if has_head:
            yield from Ending(self.writer, last).lines()

    @property
    def last_part(self) -> str:
        """The part of the file that has the last row."""
        return next(part for part in reversed(PARTS) if self.parts[part])

    def row(self, row: Row) -> Line:
        before = row.takes[0] == row.index - 1 or row.module.value in JOINS
        start = "" if before else f"{layer(row.takes[0])} -> "
        end = f" as {layer(row.index)}" if row.index in self.names else ""
        return [*self.writer.step(row, start), Piece(end)]


def _plain(text: str) -> Line:
    return [Piece(text)]
