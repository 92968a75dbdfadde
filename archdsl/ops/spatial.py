"""Sliding windows: the arithmetic and the padding that convolutions and pools share.

The output length is (n + before + after - extent) / stride + 1, rounded down, with
extent = dilation * (kernel - 1) + 1. `before` and `after` are the padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archdsl.ops.arguments import BORDERS, Mismatch, Padding, compact, form, sides, spread, times
from archdsl.ops.base import Window
from archdsl.ops.emission import Support
from archdsl.tensor import Tensor

MAPS = (2, 3, 4)
"""The ranks of values that have positions: channels x length, a map and a clip (see `Tensor`)."""

IMAGES = (3,)
"""The rank of channels x height x width, alone."""


def expect_map(op: str, x: Tensor, ranks: tuple[int, ...] = MAPS) -> None:
    """Raises `Mismatch` unless `x` has positions and its rank is one of `ranks`."""
    if x.rank not in ranks:
        *others, last = map(form, ranks)
        wanted = f"{', '.join(others)} or {last}" if others else last
        found = f"the vector {x}" if x.rank == 1 else str(x)
        raise Mismatch(f"`{op}` takes {wanted}, got {found}", code="wrong-rank", help=_other_rank(x.rank))


def _other_rank(rank: int) -> str | None:
    """The help for a value of a rank that an op does not take."""
    if rank == 1:
        return "a vector has no positions any more: put this before the step that made it one"
    if rank == 4:
        return "this step takes no clips: make the frames further channels, or give them one by one"
    return "beside frames, height and width, what else there is are further channels, or inputs" if rank > 4 else None


def dimensions(x: Tensor) -> str:
    """The suffix of PyTorch's classes: `1d` for channels x length, `2d` for a map, `3d` for a clip."""
    return f"{len(x.spatial)}d"


def slide(
    x: Tensor,
    kernel: int | tuple[int, ...],
    stride: int | tuple[int, ...],
    padding: Padding,
    dilation: int | tuple[int, ...] = 1,
) -> Window:
    """The window that these arguments give on `x`. Raises `Mismatch` if they contradict each other."""
    kernels = spread(kernel, x, "kernel")
    strides = spread(stride, x, "stride")
    dilations = spread(dilation, x, "dilation")
    if padding == "valid":
        borders = sides(0, x, "padding")
    elif padding == "same":
        borders = tuple(map(_same, kernels, strides, dilations))
    elif padding == "tf_same":
        borders = tuple(map(_tf_same, x.spatial, kernels, strides, dilations))
    else:
        borders = sides(padding, x, "padding")
    return Window(kernels, strides, dilations, borders)


def _same(kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    reach = dilation * (kernel - 1)
    if reach % 2 and stride == 1:
        raise Mismatch(
            f"a kernel of {kernel} at stride 1 cannot keep the size with the same padding on both sides",
            argument="kernel",
            code="lopsided-padding",
            help="choose padding=valid, padding=tf_same (the odd pixel at the end) or the pixels of each side",
        )
    if reach % 2 and stride > reach:
        return 0, 0  # the windows do not overlap: padding on one side would only shift all of them
    half = kernel // 2 if kernel % 2 and dilation == 1 else reach // 2
    return half, half


def _tf_same(length: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    windows = -(-length // stride)
    total = max((windows - 1) * stride + dilation * (kernel - 1) + 1 - length, 0)
    return total // 2, total - total // 2


def lengths(x: Tensor, window: Window, ceil: bool = False) -> tuple[int, ...]:
    """The output's length in each dimension. Raises `Mismatch` if the kernel does not fit.

    With `ceil`, the last window may reach beyond the end, if it starts inside the input or the padding before it. This
    is PyTorch's rule.
    """
    out = []
    for length, extent, stride, (before, after) in zip(
        x.spatial, window.extents, window.stride, window.padding, strict=True
    ):
        free = length + before + after - extent
        count = (-(-free // stride) if ceil else free // stride) + 1
        if ceil and (count - 1) * stride >= length + before:
            count -= 1
        if count < 1:
            raise _does_not_fit(x, window)
        out.append(count)
    return tuple(out)


def unused(x: Tensor, window: Window, ceil: bool = False) -> tuple[int, ...]:
    """For each dimension, how many rows or columns at the end no window reaches.

    Padding does not count, nor do the pixels between windows that a stride longer than the kernel skips.
    """
    counts = lengths(x, window, ceil)
    left = []
    for dimension, extent in enumerate(window.extents):
        stride = window.stride[dimension]
        end = (counts[dimension] - 1) * stride - window.padding[dimension][0] + max(extent, stride)
        left.append(max(x.spatial[dimension] - end, 0))
    return tuple(left)


def _does_not_fit(x: Tensor, window: Window) -> Mismatch:
    article = "a kernel of" if len(window.kernel) == 1 else "a"
    kernel = times(window.kernel) + ("" if len(window.kernel) == 1 else " kernel")
    spread_out = f" spread to {times(window.extents)}" if window.extents != window.kernel else ""
    return Mismatch(
        f"{article} {kernel}{spread_out} does not fit {_input(x)} with padding {padding_text(window)}",
        argument="kernel",
        code="kernel-too-large",
        help="pad more, take a smaller kernel, or shrink the map less before it",
    )


def _input(x: Tensor) -> str:
    return f"a {times(x.spatial)} input" if len(x.spatial) > 1 else f"an input of length {x.spatial[0]}"


def padding_text(window: Window) -> str:
    """The padding as a spec would write it: `1`, `1x2` or `[0, 1, 0, 1]`."""
    if not is_even(window):
        return str(list(sides_argument(window)))
    each = compact(tuple(before for before, _ in window.padding))
    return times(each) if isinstance(each, tuple) else str(each)


def is_even(window: Window) -> bool:
    """Whether both ends of each dimension have the same padding. PyTorch's argument `padding` can say nothing else."""
    return all(before == after for before, after in window.padding)


def pads(window: Window) -> tuple[int, ...]:
    """The padding as ONNX's attribute `pads`: before each dimension, then after each."""
    return (*(before for before, _ in window.padding), *(after for _, after in window.padding))


def sides_argument(window: Window) -> tuple[int, ...]:
    """The padding as an argument of `F.pad`: left, right, top, bottom, front, back."""
    return tuple(pixels for pair in reversed(window.padding) for pixels in pair)


def follows_input(padding: Padding | None, window: Window) -> bool:
    """Whether the padding changes with the input's size, so that it must be computed at run time."""
    steady = all(s == 1 or extent == 1 for s, extent in zip(window.stride, window.extents, strict=True))
    return padding == "tf_same" and not steady


def padded_size(x: Tensor, window: Window) -> int:
    """How many numbers `x` has together with its padding."""
    return x.channels * prod(n + sum(pair) for n, pair in zip(x.spatial, window.padding, strict=True))


def so_far(x: Tensor) -> Window:
    """The window of an op that reads a sequence in order: each output depends on its position and all before it."""
    return Window(x.spatial, (1,), (1,), ((x.spatial[0] - 1, 0),), so_far=True)


def whole(x: Tensor) -> Window | None:
    """The window of an op in which each output depends on every position; None for a vector."""
    ones = (1,) * len(x.spatial)
    return Window(x.spatial, ones, ones, ((0, 0),) * len(x.spatial), everything=True) if x.spatial else None


def resampling(lengths_in: tuple[int, ...], lengths_out: tuple[int, ...]) -> Window:
    """The window of nearest-neighbour sampling: output position o takes input position floor(o * in / out)."""
    return Window(
        lengths_out,
        lengths_in,
        (1,) * len(lengths_in),
        tuple((length - 1, 0) for length in lengths_out),
        stretch=lengths_out,
    )


SAME_PADDING = Support(
    "same_padding",
    '''\
def same_padding(
    x: Tensor, kernel: list[int], stride: list[int], dilation: list[int] = (1, 1, 1)
) -> list[int]:
    """TensorFlow's padding for ceil(length / stride) windows: (left, right, top, bottom)."""
    sides: list[int] = []
    for i in range(x.dim() - 3, -1, -1):
        length, step = x.shape[i + 2], stride[i]
        reach = dilation[i] * (kernel[i] - 1)
        total = max((-(-length // step) - 1) * step + reach + 1 - length, 0)
        sides += [total // 2, total - total // 2]
    return sides
''',
)


@dataclass(frozen=True, slots=True)
class Padder:
    """Writes subclasses of the torch class `nn.{base}` (or of `definition`) that pad in ways that it cannot.

    Their docstrings begin with `sentence`. `forward` is the body of their method, with `{sides}` for the padding.
    """

    base: str
    sentence: str
    forward: str
    dilation: str = ""
    """The expression for the dilation in each dimension, if the op has one. `before` is a line that computes it."""
    before: str = ""
    definition: Support | None = None
    even: str = ""
    """The body of `forward` if both sides are equal: it needs no padded copy. `{sides}` has a number per dimension."""

    @property
    def target(self) -> str:
        return self.base if self.definition else f"nn.{self.base}"

    @property
    def _needs(self) -> tuple[Support, ...]:
        return (self.definition,) if self.definition else ()

    def padded(self) -> Support:
        """The subclass that pads each side by its own number, given as `sides`."""
        name = f"Padded{self.base}"
        source = f'''\
class {name}({self.target}):
    """{self.sentence}, with a padding for each side: {", ".join(self._borders)}."""

    def __init__(self, *args, sides, **kwargs):
        super().__init__(*args, **kwargs)
        self.sides = sides

    def forward(self, x):
{self._body("self.sides")}
'''
        return Support(name, source, self._needs)

    def same(self) -> Support:
        """The subclass that pads by TensorFlow's rule, which depends on the size of each input."""
        name = f"Same{self.base}"
        dilation = f", {self.dilation}" if self.dilation else ""
        before = f"        {self.before}\n" if self.before else ""
        source = f'''\
class {name}({self.target}):
    """{self.sentence}, padded as TensorFlow does: ceil(length / stride) outputs."""

    def forward(self, x):
{before}        sides = same_padding(x, self.kernel_size, self.stride{dilation})
{self._evenly()}{self._body("sides")}
'''
        return Support(name, source, (*self._needs, SAME_PADDING))

    @property
    def _borders(self) -> tuple[str, ...]:
        return BORDERS if self.base.endswith("3d") else BORDERS[:4]

    def _evenly(self) -> str:
        if not self.even:
            return ""
        lines = self.even.format(sides="sides[-2::-2]").splitlines()
        return "".join(["        if sides[::2] == sides[1::2]:\n", *(f"            {line}\n" for line in lines)])

    def _body(self, sides: str) -> str:
        return "\n".join(f"        {line}" for line in self.forward.format(sides=sides).splitlines())
