"""Pools with a sliding window, 1-D, 2-D and 3-D. As in PyTorch, the stride is the kernel size unless it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Annotated, Any, ClassVar

from pydantic import Field

from archdsl.ops.arguments import Mismatch, Padding, Size, compact, times
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Store, Window
from archdsl.ops.conv import Dilation, Kernel
from archdsl.ops.registry import register
from archdsl.ops.spatial import (
    Padder,
    dimensions,
    expect_map,
    follows_input,
    is_even,
    lengths,
    padded_size,
    padding_text,
    pads,
    sides_argument,
    slide,
    unused,
)
from archdsl.tensor import Tensor

Stride = Annotated[Size | None, Field(description="pixels from one window to the next; unset: the kernel")]
Border = Annotated[
    Padding | None,
    Field(
        description="border around the input, at most half the window: `same` is dilation * (kernel - 1) // 2 on each "
        "side (0 for windows of even size that do not overlap), `tf_same` is TensorFlow's rule, `valid` is 0; or "
        "pixels: one number, one for each dimension (frames, height, width), or one for each side (left, right, top, "
        "bottom, front, back); unset: `same`, but 0 if `ceil` is true"
    ),
]
Ceil = Annotated[
    bool, Field(description="round the output size up: the last window may reach beyond the end if it starts inside")
]


MAX_RULE = "a comparison for each number in a window except the first"
AVERAGE_RULE = "1 for each number in a window: sums, and a division"


class Pool(Op):
    """An op with a window that slides over each channel. Subclasses say what is computed in the window, and whether
    the output size is rounded up."""

    family: ClassVar[Family] = Family.POOL
    has_padding: ClassVar[bool] = True
    """Whether PyTorch's class has an argument `padding`."""

    kernel: Kernel
    stride: Stride = None
    padding: Border = None

    @property
    def _rounds_up(self) -> bool:
        return False

    @property
    def _rule(self) -> Padding:
        """The padding that is given, or else the default."""
        if self.padding is None:
            return "valid" if self._rounds_up else "same"
        return self.padding

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        window = self.window(x)
        self._check_padding(window)
        return Tensor(x.channels, *lengths(x, window, self._rounds_up))

    def _check_padding(self, window: Window) -> None:
        for kernel, dilation, borders in zip(window.kernel, window.dilation, window.padding, strict=True):
            if max(borders) > (dilation * (kernel - 1) + 1) // 2:
                raise Mismatch(
                    f"padding {padding_text(window)} is more than half the kernel of {kernel}: "
                    "a window would lie outside the input",
                    argument="padding",
                    code="bad-padding",
                )
        if self._rounds_up and not _torch_pads(window):
            raise Mismatch(
                f"`{self.name}` rounds up only with the same padding on both sides, at most half the kernel, "
                f"got {padding_text(window)} with a kernel of {times(window.kernel)}",
                argument="ceil",
                code="bad-padding",
            )

    def window(self, x: Tensor) -> Window:
        return slide(x, self.kernel, self.stride or self.kernel, self._rule)

    def dropped(self, x: Tensor) -> tuple[int, ...]:
        return unused(x, self.window(x), self._rounds_up)

    def _outputs(self, x: Tensor) -> int:
        return self.shape(x).size

    def _taps(self, x: Tensor) -> int:
        """How many numbers are in one window."""
        return prod(self.window(x).kernel)

    def _copy(self, x: Tensor, suffices: bool = True) -> int:
        """How many numbers the padded copy of the input has; 0 if none is made."""
        window = self.window(x)
        if not follows_input(self._rule, window) and self._torch_suffices(window, suffices):
            return 0
        return padded_size(x, window)

    def _torch_suffices(self, window: Window, suffices: bool) -> bool:
        """Whether torch's class can be used: it `suffices` for the computation, and can pad in this way."""
        unpadded = not any(map(any, window.padding))
        return suffices and _torch_pads(window) and (self.has_padding or unpadded)

    def _module(self, x: Tensor, base: Padder, *args: Any, suffices: bool = True, **options: Any) -> Module:
        """torch's class if it `suffices` and can pad in this way, else a subclass that pads.

        `options` are as in `Module.of`. Subclasses get a size for each dimension, because TorchScript needs lists.
        """
        window = self.window(x)
        follows = follows_input(self._rule, window)
        if not follows and self._torch_suffices(window, suffices):
            kernel = compact(window.kernel)
            padding = compact(tuple(before for before, _ in window.padding))
            strides: dict[str, Any] = {"stride": (compact(window.stride), kernel)}
            borders: dict[str, Any] = {"padding": (padding, 0)} if self.has_padding else {}
            return Module.of(base.target, *args, kernel, support=base.definition, **strides, **borders, **options)
        support = base.same() if follows else base.padded()
        borders = {} if follows else {"sides": (sides_argument(window), ...)}
        strides = {"stride": (window.stride, ...)}
        return Module.of(support.name, *args, window.kernel, support=support, **strides, **borders, **options)

    def pooled(self, to: Nodes, x: Tensor, kind: str, value: str, window: Window, **options: Any) -> str:
        """The ONNX node of this kind with this window, and with further attributes."""
        strides, sides = window.stride, pads(window)
        return to(kind, value, kernel_shape=window.kernel, strides=strides, pads=sides, **options)


def reaching(window: Window, x: Tensor, output: Tensor) -> Window:
    """The window with as much padding at the ends as the last of its places reaches into.

    Where sizes are rounded up, this is more than the padding that was asked for. So no ONNX node has to round up, which
    tools do in several ways.
    """
    rows = zip(output.spatial, window.stride, window.extents, x.spatial, window.padding, strict=True)
    ends = [max((count - 1) * stride + extent - n - sides[0], sides[1]) for count, stride, extent, n, sides in rows]
    starts = [before for before, _ in window.padding]
    return replace(window, padding=tuple(zip(starts, ends, strict=True)))


def _torch_pads(window: Window) -> bool:
    """Whether torch's pools can pad in this way: equally on both sides, and by at most half the kernel (undilated)."""
    return is_even(window) and all(b <= k // 2 for (b, _), k in zip(window.padding, window.kernel, strict=True))


def _only_padding(length: int, count: int, dilation: int, stride: int, before: int) -> bool:
    """Whether one of `count` windows has taps before and after the input, and none inside it.

    This is only possible if the taps are further apart than the input is long. As long as it is below `dilation`, the
    position first + i * stride is that of the first tap of window i that does not lie before the input. Later windows
    have a tap inside the input, so only these have to be checked.
    """
    first = -before % dilation
    beyond = max(-(-(length - first) // stride), 0)
    return beyond < count and first + beyond * stride < dilation


def _each_dilation(x: Tensor) -> str:
    """A line for the emitted `forward`: torch's pools store a dilation that is one number as one number."""
    count = max(len(x.spatial), 2)
    return f"dilation = [self.dilation] * {count} if isinstance(self.dilation, int) else self.dilation"


@register
class MaxPool(Pool):
    """The largest value of each window. Padding is never the largest."""

    name = "max_pool"

    dilation: Dilation = 1
    ceil: Ceil = False

    @property
    def _rounds_up(self) -> bool:
        return self.ceil

    def shape(self, x: Tensor) -> Tensor:
        output = super().shape(x)
        window = self.window(x)
        for n, count, dilation, stride, (before, _) in zip(
            x.spatial, output.spatial, window.dilation, window.stride, window.padding, strict=True
        ):
            if _only_padding(n, count, dilation, stride, before):
                raise Mismatch(
                    f"a window would cover only padding: its taps, {dilation} apart, step over the length {n} of {x}",
                    argument="dilation",
                    code="bad-padding",
                    help=f"with a dilation of at most {n} every window sees the input",
                )
        return output

    def window(self, x: Tensor) -> Window:
        return slide(x, self.kernel, self.stride or self.kernel, self._rule, self.dilation)

    def rest(self, x: Tensor) -> Rest:
        return Rest((self._taps(x) - 1) * self._outputs(x), MAX_RULE)

    def scratch(self, x: Tensor) -> Store:
        return Store(self._copy(x), indices=self._outputs(x))

    def keeps(self, x: Tensor) -> Kept:
        copied = self._copy(x)
        return Kept(() if copied else (0,), further=Store(copied, indices=self._outputs(x)))

    def torch(self, x: Tensor) -> Module:
        pool = f"F.max_pool{dimensions(x)}"
        sizes = "self.kernel_size, self.stride, 0, self.dilation, self.ceil_mode"
        forward = f'x = F.pad(x, {{sides}}, value=float("-inf"))\nreturn {pool}(x, {sizes})'
        return self._module(
            x,
            Padder(f"MaxPool{dimensions(x)}", "Max pooling", forward, "dilation", _each_dilation(x)),
            dilation=(compact(self.window(x).dilation), 1),
            ceil_mode=(self.ceil, False),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        window = reaching(self.window(x), x, self.shape(x))
        value = to[0]
        if any(max(sides) >= kernel for sides, kernel in zip(window.padding, window.kernel, strict=True)):
            # ONNX's pool takes no padding as wide as its kernel, which a dilated one may have.
            border, axes = to.ints(*pads(window)), to.ints(*range(2, x.rank + 1))
            value = to("Pad", value, border, to.number(float("-inf")), axes, mode="constant")
            window = replace(window, padding=((0, 0),) * len(window.kernel))
        return self.pooled(to, x, "MaxPool", value, window, dilations=window.dilation)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(kernel=3, stride=2), (Tensor(64, 112, 112),), Tensor(64, 56, 56))
        yield Example(cls(kernel=3, stride=2, ceil=True), (Tensor(64, 112, 112),), Tensor(64, 56, 56))
        yield Example(cls(kernel=2), (Tensor(8, 20),), Tensor(8, 10))
        yield Example(cls(kernel=3, stride=1, padding=2, dilation=2), (Tensor(8, 9, 9),), Tensor(8, 9, 9))
        yield Example(cls(kernel=(2, 3), stride=2, padding="tf_same"), (Tensor(8, 9, 10),), Tensor(8, 5, 5))
        yield Example(cls(kernel=3, stride=2, padding=(0, 1, 0, 1)), (Tensor(8, 8, 8),), Tensor(8, 4, 4))
        yield Example(cls(kernel=(1, 3, 3), stride=(1, 2, 2)), (Tensor(4, 6, 9, 9),), Tensor(4, 6, 5, 5))
        yield Example(cls(kernel=2, dilation=2, padding="tf_same"), (Tensor(2, 5, 6, 7),), Tensor(2, 3, 3, 4))


AVERAGE_FORWARD = """\
padded = F.avg_pool{rank}(F.pad(x, {sides}), self.kernel_size, self.stride)
if self.count_include_pad:
    return padded
inside = F.pad(torch.ones_like(x[:1, :1]), {sides})
return padded / F.avg_pool{rank}(inside, self.kernel_size, self.stride)"""


@register
class AvgPool(Pool):
    """The mean of each window. With `ceil`, the part of a window that lies beyond the end does not count."""

    name = "avg_pool"

    ceil: Ceil = False
    include_padding: bool = Field(
        default=True, description="padding counts as zeros; else the mean is over the pixels inside (as in TensorFlow)"
    )

    @property
    def _rounds_up(self) -> bool:
        return self.ceil

    def shape(self, x: Tensor) -> Tensor:
        output = super().shape(x)
        if self.ceil and not self._has_room(x):
            raise Mismatch(
                f"`avg_pool` rounds up only where the window of {times(self.window(x).kernel)} fits into the clip {x}",
                argument="ceil",
                code="kernel-too-large",
            )
        return output

    def _has_room(self, x: Tensor) -> bool:
        """Whether torch's class takes the value: it takes no clip smaller than a window, whatever the padding."""
        return x.rank < 4 or all(k <= n for k, n in zip(self.window(x).kernel, x.spatial, strict=True))

    def rest(self, x: Tensor) -> Rest:
        return Rest(self._taps(x) * self._outputs(x), AVERAGE_RULE)

    def scratch(self, x: Tensor) -> Store:
        copied, places = self._copy(x, self._has_room(x)), self._places(x)
        return Store(max(copied, self._outputs(x) + places) if places else copied)

    def keeps(self, x: Tensor) -> Kept:
        copied = self._copy(x, self._has_room(x))
        return Kept((), further=Store(copied), once=Store(self._places(x))) if copied else Kept((0,))

    def _places(self, x: Tensor) -> int:
        """For how many windows the emitted class counts the pixels inside, to divide by them; 0 if it need not."""
        copied = self._copy(x, self._has_room(x))
        return 0 if self.include_padding or not copied else self._outputs(x) // x.channels

    def torch(self, x: Tensor) -> Module:
        return self._module(
            x,
            Padder(f"AvgPool{dimensions(x)}", "Average pooling", AVERAGE_FORWARD.replace("{rank}", dimensions(x))),
            suffices=self._has_room(x),
            ceil_mode=(self.ceil, False),
            count_include_pad=(self.include_padding, True),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        asked = self.window(x)
        window = reaching(asked, x, self.shape(x))
        if window == asked or not self.include_padding:
            counted = int(self.include_padding)
            return self.pooled(to, x, "AveragePool", to[0], window, count_include_pad=counted)
        # The padding counts, and what lies beyond it does not.
        border, axes = to.ints(*pads(asked)), to.ints(*range(2, x.rank + 1))
        value = to("Pad", to[0], border, to.number(0), axes, mode="constant")
        beyond = tuple((0, end - after) for (_, end), (_, after) in zip(window.padding, asked.padding, strict=True))
        return self.pooled(to, x, "AveragePool", value, replace(window, padding=beyond), count_include_pad=0)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(kernel=5, stride=3, padding=0), (Tensor(512, 14, 14),), Tensor(512, 4, 4))
        yield Example(cls(kernel=3, stride=1, include_padding=False), (Tensor(8, 9, 9),), Tensor(8, 9, 9))
        yield Example(cls(kernel=3, stride=2, ceil=True), (Tensor(8, 10),), Tensor(8, 5))
        yield Example(
            cls(kernel=3, stride=2, padding="tf_same", include_padding=False), (Tensor(8, 8, 9),), Tensor(8, 4, 5)
        )
        yield Example(cls(kernel=2, stride=1, padding=(0, 1, 0, 1)), (Tensor(8, 8, 9),), Tensor(8, 8, 9))
        yield Example(cls(kernel=(1, 2, 2)), (Tensor(4, 6, 8, 8),), Tensor(4, 6, 4, 4))
        yield Example(cls(kernel=3, stride=(1, 2, 2)), (Tensor(2, 2, 5, 6),), Tensor(2, 2, 3, 3))
        yield Example(
            cls(kernel=3, stride=2, padding="tf_same", include_padding=False),
            (Tensor(2, 4, 5, 6),),
            Tensor(2, 2, 3, 3),
        )


@register
class LpPool(Pool):
    """(sum of |x|^norm over each window)^(1 / norm) (Sermanet et al. 2012). Padding adds nothing."""

    name = "lp_pool"
    has_padding = False

    norm: float = Field(default=2.0, ge=1, description="the exponent: 1 is a sum, larger ones approach the maximum")

    def rest(self, x: Tensor) -> Rest:
        return Rest(2 * self._taps(x) * self._outputs(x), "2 for each number in a window: a power, and a sum or a root")

    def scratch(self, x: Tensor) -> Store:
        copied, outputs = self._copy(x, self._is_even), self._outputs(x)
        return Store(max(2 * copied, copied + 3 * outputs) if copied else max(x.size, 3 * outputs))

    def keeps(self, x: Tensor) -> Kept:
        powers = 2 * self._copy(x, self._is_even) or x.size
        return Kept((0,), further=Store(powers + 4 * self._outputs(x)))

    @property
    def _is_even(self) -> bool:
        """Whether the exponent is even. Only then is torch's class right, because it does not take absolute values."""
        return self.norm % 2 == 0

    def torch(self, x: Tensor) -> Module:
        sizes = "self.kernel_size, self.stride"
        if len(x.spatial) == 1:
            sizes = "self.kernel_size[0], self.stride[0]"  # torch's function takes numbers here
        call = f"F.lp_pool{dimensions(x)}(x, self.norm_type, {sizes})"
        forward = f"x = F.pad(x.abs(), {{sides}})\nreturn {call}"
        base = Padder(f"LPPool{dimensions(x)}", "Lp pooling of absolute values", forward)
        return self._module(x, base, self.norm, suffices=self._is_even)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        if self.norm.is_integer():
            return self.pooled(to, x, "LpPool", to[0], self.window(x), p=int(self.norm))
        powers = to("Pow", to("Abs", to[0]), to.number(self.norm))
        mean = self.pooled(to, x, "AveragePool", powers, self.window(x), count_include_pad=1)
        return to("Pow", to("Mul", mean, to.number(self._taps(x))), to.number(1 / self.norm))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(kernel=2), (Tensor(16, 28, 28),), Tensor(16, 14, 14))
        yield Example(cls(kernel=3, stride=2, norm=3.0), (Tensor(8, 9, 9),), Tensor(8, 5, 5))
        yield Example(cls(kernel=3, stride=2, padding="tf_same"), (Tensor(8, 10),), Tensor(8, 5))
        yield Example(cls(kernel=2), (Tensor(4, 6, 8, 4),), Tensor(4, 3, 4, 2))
