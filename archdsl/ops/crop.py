"""Ops that add pixels at the borders or cut them off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from archdsl.ops.arguments import Like, Mismatch, Pixels, Sides, Size, compact, sides, spread, times
from archdsl.ops.base import Example, Expression, Family, Kept, Module, Nodes, Rearrangement, Support, View, Window
from archdsl.ops.registry import register
from archdsl.ops.spatial import dimensions, expect_map, pads
from archdsl.tensor import Tensor

Target = Annotated[Size | Like, Field(description="output size in pixels, or a value of the network to take it from")]


def target_size(op: str, size: Size | Like, x: Tensor, like: Tensor | None) -> tuple[int, ...]:
    """The wanted spatial size: that given as numbers, or that of the value `like`."""
    expect_map(op, x)
    if size != "like":
        return spread(size, x, "size")
    if like is None or like.rank != x.rank:
        found = "none" if like is None else f"{like} for {x}"
        raise Mismatch(f"`{op}` takes its size from a value of as many dimensions, got {found}", argument="size")
    return like.spatial


def _shift(pairs: tuple[tuple[int, int], ...]) -> Window:
    """The window of an op that only shifts positions: one pixel, with padding `pairs` (negative where it cuts off)."""
    ones = (1,) * len(pairs)
    return Window(ones, ones, ones, pairs)


def _cut(to: Nodes, window: Window, output: Tensor) -> str:
    """The part of the input that a window of one pixel sees, as an ONNX node."""
    starts = [-before for before, _ in window.padding]
    ranges = [(axis, start, start + n) for axis, (start, n) in enumerate(zip(starts, output.spatial, strict=True), 2)]
    return to.cut(to[0], *ranges)


@register
class Pad(Rearrangement):
    """Pixels added at the borders. `reflect` mirrors the input without its edge, `replicate` repeats the edge."""

    name = "pad"
    family = Family.RESHAPE

    sides: Sides = Field(
        description="pixels: one number, one per dimension, or one per side (left, right, top, bottom, front, back)"
    )
    mode: Literal["constant", "reflect", "replicate", "circular"] = Field(default="constant", description="what to add")
    value: float = Field(default=0.0, description="the constant that is added")

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        pairs = sides(self.sides, x, "sides")
        available = {"reflect": -1, "circular": 0}.get(self.mode)
        for length, pair in zip(x.spatial, pairs, strict=True):
            if available is not None and max(pair) > length + available:
                raise Mismatch(
                    f"a {self.mode} border of {max(pair)} needs more than the {length} pixels of {x}",
                    argument="sides",
                    code="out-of-bounds",
                )
        return Tensor(x.channels, *(n + sum(pair) for n, pair in zip(x.spatial, pairs, strict=True)))

    def window(self, x: Tensor) -> Window:
        return _shift(sides(self.sides, x, "sides"))

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,) if self.mode in ("reflect", "replicate") else ())

    def torch(self, x: Tensor) -> Module:
        pairs = sides(self.sides, x, "sides")
        border = compact(tuple(pixels for pair in reversed(pairs) for pixels in pair))
        if self.mode == "constant" and self.value:
            return Module(f"nn.ConstantPad{dimensions(x)}", (border, self.value))
        kind = {"constant": "Zero", "reflect": "Reflection", "replicate": "Replication", "circular": "Circular"}
        return Module(f"nn.{kind[self.mode]}Pad{dimensions(x)}", (border,))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[self.mode]
        axes = to.ints(*range(2, x.rank + 1))
        return to("Pad", to[0], to.ints(*pads(self.window(x))), to.number(self.value), axes, mode=mode)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(sides=1), (Tensor(64, 28, 28),), Tensor(64, 30, 30))
        yield Example(cls(sides=(0, 1, 0, 1), value=1.0), (Tensor(8, 7, 8),), Tensor(8, 8, 9))
        yield Example(cls(sides=(2, 3), mode="reflect"), (Tensor(3, 8, 9),), Tensor(3, 12, 15))
        yield Example(cls(sides=(1, 2), mode="circular"), (Tensor(3, 8),), Tensor(3, 11))
        yield Example(cls(sides=(1, 0, 2), mode="replicate"), (Tensor(3, 4, 6, 5),), Tensor(3, 6, 6, 9))
        yield Example(cls(sides=(0, 0, 0, 0, 2, 0)), (Tensor(3, 4, 6, 5),), Tensor(3, 6, 6, 5))


@register
class Trim(View):
    """Cuts pixels off at the borders."""

    name = "trim"
    family = Family.RESHAPE

    sides: Sides = Field(
        description="pixels: one number, one per dimension, or one per side (left, right, top, bottom, front, back)"
    )

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        pairs = sides(self.sides, x, "sides")
        spatial = tuple(n - sum(pair) for n, pair in zip(x.spatial, pairs, strict=True))
        if min(spatial) < 1:
            cut = times(tuple(map(sum, pairs)))
            raise Mismatch(f"cutting {cut} pixels leaves nothing of {x}", argument="sides", code="out-of-bounds")
        return Tensor(x.channels, *spatial)

    def window(self, x: Tensor) -> Window:
        return _shift(tuple((-before, -after) for before, after in sides(self.sides, x, "sides")))

    def torch(self, x: Tensor) -> Expression:
        ranges: list[str] = []
        values: dict[str, int] = {}
        for i, (before, after) in enumerate(sides(self.sides, x, "sides")):
            start = _slot(values, f"before{i + 1}", before)
            end = _slot(values, f"after{i + 1}", -after)
            ranges.append(f"{start}:{end}")
        return Expression(f"{{0}}[..., {', '.join(ranges)}]", values=tuple(values.items()))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return _cut(to, self.window(x), self.shape(x))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(sides=1), (Tensor(64, 30, 30),), Tensor(64, 28, 28))
        yield Example(cls(sides=(1, 0, 1, 0)), (Tensor(64, 29, 30),), Tensor(64, 28, 29))
        yield Example(cls(sides=(0, 4)), (Tensor(64, 30),), Tensor(64, 26))
        yield Example(cls(sides=(0, 1, 0, 0, 2, 0)), (Tensor(3, 4, 6, 5),), Tensor(3, 2, 6, 4))


def _slot(values: dict[str, int], name: str, number: int) -> str:
    """The text of a number in a slice, which `values` then has under that name; empty for 0."""
    if number == 0:
        return ""
    values[name] = number
    return f"{{{name}}}"


@register
class Crop(View):
    """A region of the given size that begins `offset` pixels from the top left (Long et al. 2015, FCN)."""

    name = "crop"
    family = Family.RESHAPE

    size: Target
    offset: Pixels = Field(
        default=0,
        description="pixels left out at the top and left, and frames at the start: one number or one per dimension",
    )

    def shape(self, x: Tensor, like: Tensor | None = None) -> Tensor:
        size = target_size(self.name, self.size, x, like)
        offset = self._offset(x)
        if any(o + s > n for o, s, n in zip(offset, size, x.spatial, strict=True)):
            place = f" at offset {times(offset)}" if any(offset) else ""
            raise Mismatch(f"a crop of {times(size)}{place} does not fit {x}", argument="size", code="out-of-bounds")
        return Tensor(x.channels, *size)

    def _offset(self, x: Tensor) -> tuple[int, ...]:
        return spread(self.offset, x, "offset")

    def window(self, x: Tensor, like: Tensor | None = None) -> Window:
        return _shift(tuple((-offset, 0) for offset in self._offset(x)))

    def torch(self, x: Tensor, like: Tensor | None = None) -> Expression:
        ranges: list[str] = []
        values: dict[str, int] = {}
        for i, offset in enumerate(self._offset(x)):
            start = _slot(values, f"start{i + 1}", offset)
            if like is None:
                end = _slot(values, f"end{i + 1}", offset + target_size(self.name, self.size, x, like)[i])
            else:
                length = f"{{1}}.shape[{i - len(x.spatial)}]"
                end = f"{start} + {length}" if start else length
            ranges.append(f"{start}:{end}")
        return Expression(f"{{0}}[..., {', '.join(ranges)}]", values=tuple(values.items()))

    def onnx(self, to: Nodes, x: Tensor, like: Tensor | None = None) -> str:
        return _cut(to, self.window(x, like), self.shape(x, like))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(size=28), (Tensor(64, 30, 31),), Tensor(64, 28, 28))
        like = Tensor(21, 34, 30)
        yield Example(cls(size="like", offset=5), (Tensor(21, 44, 44), like), Tensor(21, 34, 30))
        yield Example(cls(size=10, offset=2), (Tensor(8, 12),), Tensor(8, 10))
        yield Example(cls(size=(2, 5, 5), offset=(1, 0, 1)), (Tensor(8, 4, 6, 6),), Tensor(8, 2, 5, 5))


CENTER_CROP = Support(
    "center_crop",
    '''\
def center_crop(x: Tensor, size: list[int]) -> Tensor:
    """The middle of `x`; of an odd number of rows or columns to cut, the last one more."""
    for dim, length in enumerate(size, start=2):
        x = x.narrow(dim, (x.shape[dim] - length) // 2, length)
    return x
''',
)


@register
class CenterCrop(View):
    """The middle of the value. If an odd number of pixels is cut, one more is cut at the end.

    The skips of U-Net need it (Ronneberger et al. 2015).
    """

    name = "center_crop"
    family = Family.RESHAPE

    size: Target

    def shape(self, x: Tensor, like: Tensor | None = None) -> Tensor:
        size = target_size(self.name, self.size, x, like)
        if any(s > n for s, n in zip(size, x.spatial, strict=True)):
            raise Mismatch(f"a crop of {times(size)} does not fit {x}", argument="size", code="out-of-bounds")
        return Tensor(x.channels, *size)

    def window(self, x: Tensor, like: Tensor | None = None) -> Window:
        size = target_size(self.name, self.size, x, like)
        cuts = tuple(n - s for n, s in zip(x.spatial, size, strict=True))
        return _shift(tuple((-(cut // 2), cut // 2 - cut) for cut in cuts))

    def torch(self, x: Tensor, like: Tensor | None = None) -> Expression:
        if like is not None:
            return Expression("center_crop({0}, {1}.shape[2:])", support=CENTER_CROP)
        size = target_size(self.name, self.size, x, like)
        return Expression("center_crop({0}, {size})", values=(("size", size),), support=CENTER_CROP)

    def onnx(self, to: Nodes, x: Tensor, like: Tensor | None = None) -> str:
        return _cut(to, self.window(x, like), self.shape(x, like))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(size=56), (Tensor(512, 64, 64),), Tensor(512, 56, 56))
        yield Example(cls(size="like"), (Tensor(16, 65, 30), Tensor(8, 56, 29)), Tensor(16, 56, 29))
        yield Example(cls(size=20), (Tensor(16, 31),), Tensor(16, 20))
        yield Example(cls(size="like"), (Tensor(8, 5, 6, 7), Tensor(4, 2, 6, 4)), Tensor(8, 2, 6, 4))
