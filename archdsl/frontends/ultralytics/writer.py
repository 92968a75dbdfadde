"""Writes the layers of a YAML file as steps of a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archdsl.frontends.ultralytics.document import Part, refused
from archdsl.frontends.ultralytics.heads import HEADS
from archdsl.frontends.ultralytics.modules import LATER, LAYERS, MODULES, Module
from archdsl.frontends.ultralytics.pieces import Line, Piece
from archdsl.frontends.ultralytics.rows import Row, layer
from archdsl.frontends.ultralytics.settings import LARGEST, Settings
from archdsl.frontends.ultralytics.switches import switch
from archdsl.ops.reference import literal
from archdsl.text import shown

PLAIN = frozenset(
    ("width", "widths", "middle", "inner", "hidden", "classes", "kernel", "kernels", "out", "n", "heads", "sides", "p")
)
"""Arguments that are written without their names, as long as all before them are."""


class Writer:
    """Writes rows as steps."""

    def __init__(self, settings: Settings, rows: Sequence[Row]) -> None:
        self.settings = settings
        self.rows = rows
        self.used: set[str] = set()
        """The blocks that were written."""

    @property
    def is_light(self) -> bool:
        """Whether heads are those since YOLOv10, whose convolutions are depthwise."""
        return any(row.module.value in LATER for row in self.rows)

    def step(self, row: Row, start: str) -> Line:
        """The step of a layer, which begins with the text `start`."""
        name = row.module.value
        if name == "Concat":
            return self.concat(row)
        if name == "CBFuse":
            return self.fuse(row)
        if name in HEADS:
            raise refused(f"`{name}` ends a network: it is the last layer of `head`", row.module.span)
        if len(row.takes) > 1:
            raise refused(f"`{name}` takes one layer", row.module.span)
        if name in MODULES:
            step = self.block(row, MODULES[name])
        elif name == "nn.Upsample":
            step = self.upsample(row)
        elif name == "nn.BatchNorm2d":
            step = [Piece("bn(eps=0.001, momentum=0.03)", row.span)]
        else:
            step = self.layer(row)
        repeats = name in MODULES and MODULES[name].repeats
        copies = [Piece(" * "), self.number(row)] if row.number.value > 1 and not repeats else []
        return [Piece(start), *step, *copies]

    def concat(self, row: Row) -> Line:
        if any(part.value != 1 for part in row.arguments[:1]):
            raise refused("layers are joined over dimension 1, their channels", row.arguments[0].span)
        names = " | ".join(self.taken(row, number) for number in row.takes)
        return [Piece(f"concat{{{names}}}", row.span)]

    def fuse(self, row: Row) -> Line:
        """The sum of one value of each layer, at the size of the last one."""
        *sources, last = row.takes
        places = row.arguments[0].plain if row.arguments else None
        if not isinstance(places, list) or len(places) != len(sources):
            raise refused("`CBFuse` has a list of places, one for each layer but the last", row.span)
        size = self.taken(row, last)
        parts = [f"{self.one_of(row, *pair)} -> resize({size})" for pair in zip(sources, places, strict=True)]
        return [Piece(f"add{{{' | '.join([*parts, size])}}}", row.span)]

    def one_of(self, row: Row, number: int, place: Any) -> str:
        """One of the values of a `CBLinear`, which gives several."""
        source = self.rows[number] if number >= 0 else None
        if source is None or source.module.value != "CBLinear" or not source.arguments:
            raise refused(f"`CBFuse` takes layers of `CBLinear`, and layer {number} is none", row.span)
        widths = source.arguments[0].value
        count = len(widths) if isinstance(widths, tuple) else 0
        if type(place) is not int or not 0 <= place < count:
            raise refused(f"layer {number} gives {count} values, counted from 0, and none is {place}", row.span)
        return layer(number) if count == 1 else f"{layer(number)}[{place}]"

    def taken(self, row: Row, number: int) -> str:
        """A layer, in a row that joins several."""
        return "it" if number == row.index - 1 else layer(number)

    # --- blocks -----------------------------------------------------------------------------

    def block(self, row: Row, module: Module) -> Line:
        """The call of a block of the library."""
        name, names = row.module.value, module.arguments
        self.used.add(name)
        if not row.arguments:
            raise refused(f"`{name}` has no arguments, and the first is its {names[0].lstrip('_')}", row.span)
        self.refuse_more(row, len(names))
        given = {key: part for key, part in zip(names, row.arguments, strict=False) if not key.startswith("_")}
        pieces = {
            argument: None
            if part.value is None
            else self.channels(part)
            if argument == "width" and module.scaled
            else self.argument(argument, part)
            for argument, part in given.items()
        }
        if module.repeats and (row.number.value > 1 or module.always):
            pieces = _counted(pieces, self.number(row))
        if name == "SPPF" and len(row.arguments) > 2:
            pieces["activated"] = Piece("false")
        if self.settings.scales:
            switch(row, pieces, self.settings.scales)
        return self.called(row, name, pieces)

    def called(self, row: Row, name: str, pieces: Mapping[str, Piece | None]) -> Line:
        """`name(first, second=...)`; what is None keeps its usual value."""
        written: Line = [Piece(name, row.module.span), Piece("(")]
        is_plain = True
        for argument, piece in pieces.items():
            is_plain = is_plain and piece is not None and argument in PLAIN
            if piece is not None:
                written += [Piece(", ")] if len(written) > 2 else []
                written += [Piece("" if is_plain else f"{argument}="), piece]
        return [*written, Piece(")")]

    def refuse_more(self, row: Row, most: int) -> None:
        if len(row.arguments) > most:
            message = f"`{row.module.value}` is read with at most {most} arguments, not with {len(row.arguments)}"
            raise refused(message, row.arguments[most].span)

    # --- modules of torch.nn ----------------------------------------------------------------

    def upsample(self, row: Row) -> Line:
        size, factor, mode = (*(part.value for part in row.arguments), None, None, None)[:3]
        how = "" if mode in (None, "nearest") else ", mode=bilinear"
        if mode not in (None, "nearest", "bilinear"):
            raise refused("the mode is `nearest` or `bilinear`", row.arguments[2].span)
        op, sizes = ("upsample", factor) if size in (None, "None") else ("resize", row.arguments[0].plain)
        if type(sizes) is not int or not 0 < sizes <= LARGEST:
            raise refused("`nn.Upsample` has three arguments: a size or None, a whole factor, and the mode", row.span)
        return [Piece(f"{op}({sizes}{how})", row.span)]

    def layer(self, row: Row) -> Line:
        """The op of another module of `torch.nn`."""
        name = row.module.value
        if name == "nn.Conv2d":
            message = "Ultralytics takes the channels after `nn.Conv2d` to be those before it; write `Conv`"
            raise refused(message, row.module.span)
        op, names = LAYERS[name]
        self.refuse_more(row, len(names))
        if not names:
            return [Piece(op, row.module.span)]
        rows = zip(names, row.arguments, strict=False)
        given = {name: self.channels(part) if name == "out" else self.argument(name, part) for name, part in rows}
        if op in ("max_pool", "avg_pool"):
            given.setdefault("padding", Piece("0"))
        return self.called(row, op, given)

    # --- numbers ----------------------------------------------------------------------------

    def number(self, row: Row) -> Piece:
        """How often a layer is repeated."""
        number = row.number.value
        return Piece(f"N({number})" if self.settings.is_scaled else str(number), row.number.span)

    def channels(self, part: Part) -> Piece:
        """Channels, multiplied by the width of the scale and rounded up to a multiple of 8."""
        if part.value == "nc":
            raise refused("the width is a number of channels", part.span)
        if type(part.value) is not int or not 0 < part.value <= LARGEST:
            raise refused(f"{shown(str(part.plain), 40)} is not a number of channels", part.span)
        return Piece(f"C({part.value})" if self.settings.is_scaled else str(-part.value // 8 * -8), part.span)

    def argument(self, name: str, part: Part) -> Piece:
        """An argument: a number, a truth value, a list of numbers, or one of the names that stand for such."""
        value = part.plain
        if name == "act" and value in (True, False):
            return Piece("identity" if value is False else self.settings.activation or "silu", part.span)
        if value == "nc":
            return Piece("classes", part.span)
        if value == "kpt_shape":
            return Piece(literal(self.settings.points), part.span)
        numbers = value if isinstance(value, list) else [value]
        if not numbers or not all(type(one) in (int, float, bool) and abs(one) <= LARGEST for one in numbers):
            raise refused(f"{shown(str(value), 40)} is neither a number nor a list of numbers", part.span)
        if isinstance(value, list) and name in ("kernel", "stride", "padding") and len(value) == 2:
            return Piece("x".join(map(str, value)), part.span)
        return Piece(literal(value), part.span)


def _counted(pieces: Mapping[str, Piece | None], number: Piece) -> dict[str, Piece | None]:
    """The arguments with the number of repetitions, which comes after the width."""
    names = list(pieces)
    place = names.index("width") + 1
    return (
        {name: pieces[name] for name in names[:place]} | {"n": number} | {name: pieces[name] for name in names[place:]}
    )
