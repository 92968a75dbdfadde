"""Darknet's sections with windows: convolutions and pools."""

from __future__ import annotations

from math import prod

from archdsl.frontends.darknet.activations import activated
from archdsl.frontends.darknet.network import Network
from archdsl.frontends.darknet.sections import Section
from archdsl.frontends.flat import Ref, not_read, wrong
from archdsl.tensor import Tensor


def convolutional(net: Network, s: Section) -> Ref:
    """A convolution with its batch normalization and activation. `pad=1` pads by half the kernel."""
    s.refuse(("share_index", "it takes the weights of another layer"), ("antialiasing", "it blurs its output"))
    kernel, dilation = s.whole("size", 1, 1), s.whole("dilation", 1, 1)
    wanted = s.flag("batch_normalize")
    stride = s.whole("stride", 1, 1)
    strides = s.whole("stride_y", stride, 1), s.whole("stride_x", stride, 1)
    x = net.put(
        s,
        "conv",
        net.image(s),
        out=s.whole("filters", 1, 1),
        kernel=kernel,
        stride=strides[0] if strides[0] == strides[1] else strides,
        padding=_padding(s, kernel) * dilation,
        dilation=dilation if kernel > 1 else 1,
        groups=s.whole("groups", 1, 1),
        bias=not wanted,
    )
    return activated(net, s, normalized(net, s, x, wanted), "logistic")


def deconvolutional(net: Network, s: Section) -> Ref:
    kernel, wanted = s.whole("size", 1, 1), s.flag("batch_normalize")
    x = net.put(
        s,
        "up_conv",
        net.image(s),
        out=s.whole("filters", 1, 1),
        kernel=kernel,
        stride=s.whole("stride", 1, 1),
        padding=_padding(s, kernel),
        bias=not wanted,
    )
    return activated(net, s, normalized(net, s, x, wanted), "logistic")


def _padding(s: Section, kernel: int) -> int:
    padding = s.whole("padding", 0)
    return kernel // 2 if s.flag("pad") else padding


def normalized(net: Network, s: Section, x: Ref, wanted: bool) -> Ref:
    """A value after a batch normalization, if a section has one."""
    return net.put(s, "bn", x) if wanted else x


def local(net: Network, s: Section) -> Ref:
    """A convolution whose weights differ from place to place, which the language has no op for."""
    x, kernel, stride, out = net.image(s), s.whole("size", 1, 1), s.whole("stride", 1, 1), s.whole("filters", 1, 1)
    less = 1 if s.flag("pad") else kernel
    tensor = net.tensor(x)
    spatial = tuple((length - less) // stride + 1 for length in tensor.spatial)
    if min(spatial) < 1:
        raise wrong(f"a kernel of {kernel} does not fit {tensor}", s.place("size"))
    result = Tensor(out, *spatial)
    weights = result.size, tensor.channels * kernel**2
    made = net.put(
        s,
        "opaque",
        x,
        target="darknet.local",
        inputs=(tensor.dims,),
        results=(result.dims,),
        arguments=f"size={kernel}, stride={stride}, pad={int(less == 1)}",
        parameters=(weights, result.dims),
        multiply_adds=prod(weights),
    )
    return activated(net, s, made, "logistic")


def maxpool(net: Network, s: Section) -> Ref:
    """A pool whose padding, by default the kernel without 1, is shared out: half of it, rounded down, comes first."""
    s.refuse(("maxpool_depth", "it pools over channels"), ("antialiasing", "it blurs its output"))
    return _pool(net, s, "max_pool")


def local_avgpool(net: Network, s: Section) -> Ref:
    return _pool(net, s, "avg_pool", include_padding=False)


def _pool(net: Network, s: Section, op: str, **options: bool) -> Ref:
    x, stride = net.image(s), s.whole("stride", 1, 1)
    kernel = s.whole("size", stride, 1)
    total = s.whole("padding", kernel - 1)
    strides = s.whole("stride_y", stride, 1), s.whole("stride_x", stride, 1)
    if strides[0] != strides[1]:
        raise not_read("a pool with two strides is not read", s.place("stride_x"))
    sides = [_sides(length, kernel, strides[0], total) for length in net.tensor(x).spatial]
    padding: object = sides[0][0]
    if any(before != after for before, after in sides) or sides[0] != sides[1]:
        (top, bottom), (left, right) = sides
        padding = "tf_same" if strides[0] == 1 and total == kernel - 1 else [left, right, top, bottom]
    step = None if strides[0] == kernel else strides[0]
    return net.put(s, op, x, kernel=kernel, stride=step, padding=padding, **options)


def _sides(length: int, kernel: int, stride: int, total: int) -> tuple[int, int]:
    """The padding before and after, of which what no window reaches is left out where the two differ."""
    before, after = total // 2, total - total // 2
    windows = (length + total - kernel) // stride + 1
    reached = (windows - 1) * stride + kernel - length - before
    return (before, after) if before == after else (before, max(reached, 0))


def avgpool(net: Network, s: Section) -> Ref:
    return net.put(s, "global_avg_pool", net.image(s))
