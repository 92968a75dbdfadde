"""Writes the layers of a YAML file, rows of `[from, number, module, arguments]`, as steps of a spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.ultralytics.document import Part, refused
from archdsl.frontends.ultralytics.modules import HEADS, LAYERS, MODULES
from archdsl.frontends.ultralytics.pieces import Line, Piece
from archdsl.frontends.ultralytics.settings import LARGEST, Settings
from archdsl.ops.reference import literal
from archdsl.suggest import nearest
from archdsl.text import shown

PLAIN = frozenset({"width", "classes", "kernel", "kernels", "out", "n", "masks", "points", "sides", "p"})
"""Arguments that are written without their names, since they come first."""

KNOWN = (*MODULES, "Concat", "nn.Upsample", "nn.BatchNorm2d", "nn.Conv2d", *LAYERS)


@dataclass(frozen=True)
class Row:
    """One layer: its number, the numbers of the layers that it takes (-1 is the image), and its parts in the file."""

    index: int
    takes: tuple[int, ...]
    number: Part
    module: Part
    arguments: tuple[Part, ...]
    span: Any


def row_of(part: Part, index: int) -> Row:
    """The layer with this number. Raises `CompileError` if its row is not one."""
    if not part.is_list or len(part.value) != 4 or not part.value[3].is_list:
        raise refused("a layer is a list of four: from, number, module, and the list of its arguments", part.span)
    source, number, module, arguments = part.value
    if type(number.value) is not int or not 0 < number.value <= 1000:
        raise refused(f"a layer is repeated from 1 to 1,000 times, not {shown(str(number.plain), 40)}", number.span)
    if not isinstance(module.value, str):
        raise refused(f"{shown(str(module.plain), 40)} is not the name of a module", module.span)
    if module.value not in KNOWN:
        meant = nearest(module.value, KNOWN)
        help = f"did you mean `{meant}`?" if meant else f"these are: {', '.join(KNOWN)}"
        message = f"the module `{shown(module.value, 60)}` is not among those that are read"
        raise CompileError([Diagnostic("unknown-layer", message, module.span, help=help)])
    sources = source.value if source.is_list else (source,)
    return Row(index, tuple(_taken(one, index) for one in sources), number, module, arguments.value, part.span)


def _taken(part: Part, index: int) -> int:
    number = part.value
    if type(number) is not int:
        raise refused("`from` is the number of a layer, -1 for the one before, or a list of these", part.span)
    found = index + number if number < 0 else number
    if found == -1 and index == 0:
        return -1
    if not 0 <= found < index:
        which = "no layer before it" if index == 0 else f"those before it are 0 to {index - 1}"
        raise refused(f"layer {index} takes layer {number}, and {which}", part.span)
    return found


class Writer:
    """Writes rows as steps. `newer` says whether heads are those since YOLO11, whose convolutions are depthwise."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.newer = False
        self.used: set[str] = set()
        """The blocks that were written."""
        self.masks: tuple[Row, Piece] | None = None
        """The layer that guesses masks, and how wide what they are made of is."""

    def step(self, row: Row, start: str) -> Line:
        """The step of a layer, which begins with the text `start`."""
        name = row.module.value
        several = len(row.takes) > 1
        if name == "Concat":
            return self.concat(row)
        if several != (name in MODULES and MODULES[name].maps) and not (name in HEADS and not several):
            raise refused(f"`{name}` takes {'one layer' if several else 'several layers'}", row.module.span)
        if name in MODULES:
            step = self.block(row, MODULES[name].arguments)
        elif name == "nn.Upsample":
            step = self.upsample(row)
        elif name == "nn.BatchNorm2d":
            step = [Piece("bn(eps=0.001, momentum=0.03)", row.span)]
        else:
            step = self.layer(row)
        copies = [Piece(" * "), self.number(row)] if row.number.value > 1 and not self.repeats(name) else []
        return [Piece(start), *step, *copies]

    def repeats(self, name: str) -> bool:
        return name in MODULES and MODULES[name].repeats

    def concat(self, row: Row) -> Line:
        if any(part.value != 1 for part in row.arguments[:1]):
            raise refused("layers are joined over dimension 1, their channels", row.arguments[0].span)
        names = " | ".join("it" if number == row.index - 1 else layer(number) for number in row.takes)
        return [Piece(f"concat{{{names}}}", row.span)]

    # --- blocks -----------------------------------------------------------------------------

    def block(self, row: Row, names: Sequence[str]) -> Line:
        """The call of a block of the library."""
        name = row.module.value
        self.newer = self.newer or name == "C3k2"
        called = "AnchorDetect" if name == "Detect" and self.settings.boxes else name
        self.used.add(called)
        if not row.arguments:
            raise refused(f"`{name}` has no arguments, and the first is its {names[0]}", row.span)
        given = {key: part for key, part in zip(names, row.arguments, strict=False) if not key.startswith("_")}
        if name in HEADS:
            return self.called(row, called, self.head(row, given))
        self.refuse_more(row, len(names))
        width = {"width": self.channels(given.pop("width"))} if MODULES[name].scaled else {}
        given = {argument: part for argument, part in given.items() if part.value is not None}
        pieces = width | {argument: self.argument(argument, part) for argument, part in given.items()}
        if MODULES[name].repeats and row.number.value > 1:
            pieces = {"width": pieces.pop("width"), "n": self.number(row), **pieces}
        if name == "C3k2" and self.settings.scales and getattr(given.get("c3k"), "value", False) is not True:
            pieces["c3k"] = Piece("c3k", given["c3k"].span if "c3k" in given else row.module.span)
        return self.called(row, called, pieces)

    def head(self, row: Row, given: dict[str, Part]) -> dict[str, Piece]:
        """The arguments of a module that guesses boxes."""
        self.settings.refuse_twins()
        pieces = {"classes": self.argument("classes", given.pop("classes"))}
        if self.settings.boxes and row.module.value == "Detect":
            return {**pieces, "anchors": Piece(str(self.settings.boxes))}
        self.refuse_more(row, 3 if row.module.value == "Segment" else 2)
        pieces |= {name: self.argument(name, part) for name, part in given.items()}
        if row.module.value == "Segment" and len(row.arguments) == 3:
            self.masks = row, self.channels(row.arguments[2])
            self.used.add("Proto")
        if (bins := self.settings.whole("reg_max", 16)) != 16:
            pieces["bins"] = Piece(str(bins))
        if self.newer:
            pieces["light"] = Piece("true")
        return pieces

    def called(self, row: Row, name: str, pieces: dict[str, Piece]) -> Line:
        """`name(first, second=...)`."""
        written: Line = [Piece(name, row.module.span), Piece("(")]
        for place, (argument, piece) in enumerate(pieces.items()):
            written += [Piece(", ")] if place else []
            written += [Piece("" if argument in PLAIN else f"{argument}="), piece]
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
        """Channels, multiplied by the width of the scale."""
        if part.value == "nc":
            raise refused("the width is a number of channels", part.span)
        if type(part.value) is not int or not 0 < part.value <= LARGEST:
            raise refused(f"{shown(str(part.plain), 40)} is not a number of channels", part.span)
        return Piece(f"C({part.value})" if self.settings.is_scaled else str(part.value), part.span)

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


def layer(number: int) -> str:
    """The name of a layer's value."""
    return "image" if number < 0 else f"layer{number}"


def named(rows: Sequence[Row]) -> Iterator[int]:
    """The layers whose values need a name: those that a later layer takes, other than the one after."""
    for row in rows:
        yield from (number for number in row.takes if number != row.index - 1 or row.module.value in HEADS)
