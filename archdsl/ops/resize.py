"""Resampling to a given size, to the size of another value, or by a factor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from archdsl.ops.arguments import Mismatch, Size, compact, spread
from archdsl.ops.base import Example, Expression, Family, Module, Nodes, Op, Rest, Window
from archdsl.ops.crop import Target, target_size
from archdsl.ops.registry import register
from archdsl.ops.spatial import expect_map, resampling
from archdsl.tensor import Tensor

Mode = Annotated[
    Literal["nearest", "bilinear"],
    Field(
        description="`nearest`: output pixel o of m is input pixel floor(o * n / m) of n; `bilinear`: a weighted mean "
        "of the nearest two in each direction (PyTorch: linear, bilinear, trilinear)"
    ),
]
AlignCorners = Annotated[
    bool, Field(description="only with bilinear: align the centres of the corner pixels, not their outer corners")
]


class Resampling(Op):
    """The base class of resize and upsample, which checks their mode."""

    def _check_mode(self, mode: str, align_corners: bool) -> None:
        if align_corners and mode == "nearest":
            raise Mismatch(
                f"`{self.name}` aligns corners only with mode=bilinear", argument="align_corners", code="bad-choice"
            )


def resized(to: Nodes, x: Tensor, size: tuple[int, ...], mode: str, align_corners: bool, **options: Any) -> str:
    """Resampling of the positions to another size, as an ONNX node with further `options`."""
    if mode == "nearest":
        places: dict[str, Any] = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        places = {"coordinate_transformation_mode": "align_corners" if align_corners else "half_pixel"}
    sizes, axes = to.ints(*size), range(2, x.rank + 1)
    return to("Resize", to[0], "", "", sizes, mode=mode, axes=list(axes), **places, **options)


def _weighting(x: Tensor, output: Tensor, mode: str) -> Rest:
    """The operations: bilinear has a product for each of 2, 4 or 8 neighbours, and one sum less; nearest has none."""
    each = 2 ** (len(x.spatial) + 1) - 1 if mode == "bilinear" else 0
    return Rest(each * output.size, "bilinear: 7 per output number, 3 in one dimension, 15 in three; nearest: none")


def _seen(x: Tensor, size: tuple[int, ...], mode: str, align_corners: bool) -> Window:
    """The window on which an output position depends. Bilinear sampling at s uses the positions less than 1 from s."""
    if mode == "nearest":
        return resampling(x.spatial, size)
    axes = [(_aligned if align_corners else _centred)(n, out) for n, out in zip(x.spatial, size, strict=True)]
    kernel, stride, before, stretch = zip(*axes, strict=True)
    return Window(kernel, stride, (1,) * len(size), tuple((b, 0) for b in before), stretch=stretch)


def _centred(length: int, out: int) -> tuple[int, int, int, int]:
    """Output o samples at (o + 1/2) * length / out - 1/2."""
    return 4 * out - 1, 2 * length, 3 * out - 1 - length, 2 * out


def _aligned(length: int, out: int) -> tuple[int, int, int, int]:
    """Output o samples at o * (length - 1) / (out - 1)."""
    gaps = out - 1
    return (2 * gaps - 1, length - 1, gaps - 1, gaps) if gaps else (1, 1, 0, 1)


def _torch_mode(mode: str, x: Tensor) -> str:
    return {2: "linear", 3: "bilinear", 4: "trilinear"}[x.rank] if mode == "bilinear" else mode


@register
class Resize(Resampling):
    """Resampling to a size, or to the size of another value."""

    name = "resize"
    family = Family.RESHAPE

    size: Target
    mode: Mode = "nearest"
    align_corners: AlignCorners = False

    def shape(self, x: Tensor, like: Tensor | None = None) -> Tensor:
        self._check_mode(self.mode, self.align_corners)
        return Tensor(x.channels, *target_size(self.name, self.size, x, like))

    def window(self, x: Tensor, like: Tensor | None = None) -> Window:
        return _seen(x, self.shape(x, like).spatial, self.mode, self.align_corners)

    def rest(self, x: Tensor, like: Tensor | None = None) -> Rest:
        return _weighting(x, self.shape(x, like), self.mode)

    def torch(self, x: Tensor, like: Tensor | None = None) -> Module | Expression:
        mode = _torch_mode(self.mode, x)
        if like is None:
            size = compact(target_size(self.name, self.size, x, like))
            aligned = (True, None) if self.align_corners else (None, None)
            return Module.of("nn.Upsample", size=(size, None), mode=(mode, "nearest"), align_corners=aligned)
        options = "" if mode == "nearest" else f", mode={mode!r}"
        options += ", align_corners=True" if self.align_corners else ""
        return Expression(f"F.interpolate({{0}}, size={{1}}.shape[2:]{options})")

    def onnx(self, to: Nodes, x: Tensor, like: Tensor | None = None) -> str:
        mode = "nearest" if self.mode == "nearest" else "linear"
        return resized(to, x, self.shape(x, like).spatial, mode, self.align_corners)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(size=56), (Tensor(64, 28, 28),), Tensor(64, 56, 56))
        yield Example(cls(size="like", mode="bilinear"), (Tensor(256, 1, 1), Tensor(2048, 33, 33)), Tensor(256, 33, 33))
        yield Example(cls(size=(5, 9), mode="bilinear", align_corners=True), (Tensor(8, 7, 7),), Tensor(8, 5, 9))
        yield Example(cls(size=20, mode="bilinear"), (Tensor(8, 12),), Tensor(8, 20))
        yield Example(cls(size=(3, 8, 5)), (Tensor(8, 2, 4, 6),), Tensor(8, 3, 8, 5))


@register
class Upsample(Resampling):
    """Enlarges its input by a whole factor."""

    name = "upsample"
    family = Family.RESHAPE

    factor: Size = Field(default=2, description="output pixels for each input pixel: one number, or one per dimension")
    mode: Mode = "nearest"
    align_corners: AlignCorners = False

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        self._check_mode(self.mode, self.align_corners)
        factors = spread(self.factor, x, "factor")
        return Tensor(x.channels, *(n * factor for n, factor in zip(x.spatial, factors, strict=True)))

    def window(self, x: Tensor) -> Window:
        return _seen(x, self.shape(x).spatial, self.mode, self.align_corners)

    def rest(self, x: Tensor) -> Rest:
        return _weighting(x, self.shape(x), self.mode)

    def torch(self, x: Tensor) -> Module:
        return Module.of(
            "nn.Upsample",
            scale_factor=(compact(spread(self.factor, x, "factor")), None),
            mode=(_torch_mode(self.mode, x), "nearest"),
            align_corners=(True, None) if self.align_corners else (None, None),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        mode = "nearest" if self.mode == "nearest" else "linear"
        return resized(to, x, self.shape(x).spatial, mode, self.align_corners)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 28, 28),), Tensor(64, 56, 56))
        yield Example(cls(factor=(2, 3), mode="bilinear"), (Tensor(8, 7, 5),), Tensor(8, 14, 15))
        yield Example(cls(factor=4, mode="bilinear", align_corners=True), (Tensor(8, 6),), Tensor(8, 24))
        yield Example(cls(factor=(1, 2, 3), mode="bilinear"), (Tensor(4, 3, 5, 4),), Tensor(4, 3, 10, 12))
