"""Makes the form (`form.py`) of a graph: equal operations get the same name and arguments, however they are written.

Of a window's padding, only the pixels before the input are kept (negative if the window skips some). The pixels after
the input follow from the size of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, TypeAlias

from archdsl.ir.graph import Graph, Node
from archdsl.ops.activation import Prelu
from archdsl.ops.arguments import sides, spread
from archdsl.ops.attend import Attend
from archdsl.ops.base import Op, Window
from archdsl.ops.conv import Conv, Depthwise
from archdsl.ops.crop import CenterCrop, Crop, Pad, Trim
from archdsl.ops.internal import RESHAPES, Opaque
from archdsl.ops.linear import Linear
from archdsl.ops.pool import AvgPool
from archdsl.ops.pool_adaptive import AdaptivePool
from archdsl.ops.relative import BucketBias
from archdsl.ops.reshape import ChannelSlice
from archdsl.ops.resize import Resize, Upsample
from archdsl.ops.scale import LayerScale
from archdsl.ops.tokens import Token
from archdsl.ops.transposed import UpConv
from archdsl.ops.windows import Windows
from archdsl.prove.form import Dims, Form, Part, Wire, squeezed
from archdsl.tensor import Tensor

Canonical: TypeAlias = tuple[str, dict[str, Any]]


def form(graph: Graph, training: bool = True) -> Form:
    """The form of a graph: its outputs and all they depend on. With `training`, it has the training outputs too."""
    wires: dict[tuple[str, int], Wire] = {}
    inputs = 0
    for rank, node in enumerate(graph):
        taken = [wires[value.node, value.port] for value in graph.inputs_of(node.id)]
        if node.op.name == "input":
            made = [Wire(_input(node, rank, inputs))]
            inputs += 1
        else:
            made = _wires(node, rank, taken, graph.tensors_into(node.id))
        wires.update({(node.id, port): wire for port, wire in enumerate(made)})
    outputs: list[Part] = []
    for output in graph.outputs:
        if output.training and not training:
            continue
        for value in output.values:
            # Training outputs are compared by the operations that compute them, not by order or name; all others in
            # the order in which they are returned, whether or not some of them are in a list of their own.
            arguments = {"training": True} if output.training else {"index": len(outputs)}
            dims = graph.tensor(value).dims
            wire = wires[value.node, value.port]
            outputs.append(Part("output", arguments, [wire], (dims,), value.node, len(graph) + len(outputs)))
    return Form(outputs)


def _input(node: Node, rank: int, index: int) -> Part:
    return Part("input", {"index": index, "of": node.output.kind}, [], (node.output.dims,), node.id, rank)


def _wires(node: Node, rank: int, taken: list[Wire], tensors: tuple[Tensor, ...]) -> list[Wire]:
    """The values of the form for a node's outputs: those of a new part, or the node's inputs if it does nothing."""
    if node.op.identity_at_inference:
        return taken  # random ops are left out of the comparison, in training too
    if isinstance(node.op, Opaque):
        return _opaque(node, node.op, rank, taken)
    if node.op.name == "split":
        return _split(node, rank, taken)
    if node.op.name == "sub":
        taken = [taken[0], *(_negative(node, rank, wire) for wire in taken[1:])]
    name, arguments = CANONICAL.get(node.op.name, _as_it_is)(node.op, tensors)
    if name in ("resize", "border"):
        taken = taken[:1]  # only the size of the second input matters
    if node.op.reads_shape_alone:
        (x,), taken = tensors, []
        arguments = {**arguments, "positions": x.dims if x.kind == "int" else x.spatial}
    if len(node.outputs) > 1:
        part = Part(name, arguments, taken, tuple(squeezed(tensor.dims) for tensor in node.outputs), node.id, rank)
        return [Wire(part, port) for port in range(len(node.outputs))]
    dims = squeezed(node.output.dims)
    if name in ("flatten", "reshape", "resize") and taken[0].dims == dims:
        return taken
    if isinstance(node.op, Attend) and node.op.windows is None:
        return [_reshaped(_attended(node, rank, arguments, taken), dims, node, rank)]
    names = tuple(node.op.state(*tensors))
    return [Wire(Part(name, arguments, taken, (dims,), node.id, rank, node.weights if names else "", names))]


def _attended(node: Node, rank: int, arguments: dict[str, Any], taken: list[Wire]) -> Wire:
    """Attention of all positions, which is that of a sequence, also where they are the pixels of a map."""
    channels, *positions = squeezed(node.output.dims)
    taken = [_reshaped(wire, _in_a_row(wire.dims), node, rank) for wire in taken]
    return Wire(Part("attend", arguments, taken, (_in_a_row((channels, *positions)),), node.id, rank))


def _in_a_row(dims: Dims) -> Dims:
    return (dims[0], prod(dims[1:])) if len(dims) > 2 else dims


def _reshaped(wire: Wire, dims: Dims, node: Node, rank: int) -> Wire:
    return wire if wire.dims == dims else Wire(Part("reshape", {}, [wire], (dims,), node.id, rank))


def _opaque(node: Node, op: Opaque, rank: int, taken: list[Wire]) -> list[Wire]:
    dims = tuple(squeezed(tensor.dims) for tensor in node.outputs)
    if op.target.removeprefix("aten.") in {*RESHAPES, "expand"} and len(taken) == 1 and dims == (taken[0].dims,):
        return taken
    arguments = {"arguments": op.arguments, "parameters": op.parameters, "kept": op.kept}
    part = Part(op.target, arguments, taken, dims, node.id, rank, node.weights if op.parameters else "")
    return [Wire(part, port) for port in range(len(dims))]


def _negative(node: Node, rank: int, wire: Wire) -> Wire:
    """What is subtracted is added with a factor of -1."""
    return Wire(Part("scale", {"factor": -1.0}, [wire], (wire.dims,), node.id, rank))


def _split(node: Node, rank: int, taken: list[Wire]) -> list[Wire]:
    """Writes a split as one slice of channels for each output."""
    start, made = 0, []
    for tensor in node.outputs:
        arguments = {"start": start, "stop": start + tensor.channels}
        made.append(Wire(Part("channel_slice", arguments, taken, (squeezed(tensor.dims),), node.id, rank)))
        start += tensor.channels
    return made


# --- names and arguments of ops ------------------------------------------------------------


def _as_it_is(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    arguments = {name: value for name, value in op if name not in op.training_arguments}
    return op.name, {name: _number(value) for name, value in arguments.items()}


def _number(value: Any) -> Any:
    """A fraction rounded to 12 digits: the same factor, computed in two ways, may differ in the last digits."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _window(window: Window) -> dict[str, Any]:
    return {
        "kernel": window.kernel,
        "stride": window.stride,
        "padding": tuple(before for before, _ in window.padding),
        "dilation": window.dilation,
    }


def _conv(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, Conv | Depthwise)
    (x,) = inputs
    out, groups = (op.out, op.groups) if isinstance(op, Conv) else (x.channels * op.multiplier, x.channels)
    return "conv", {"out": out, **_window(op.window(x)), "groups": groups, "bias": op.bias}


def _linear(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    """A layer at every position is the convolution of kernel 1 that it may be written as."""
    assert isinstance(op, Linear)
    x, arguments = inputs[0], {"out": op.out, "bias": op.bias}
    if op.weight is not None:
        return "tied linear", {"out": op.out}  # which weight it takes is known by where that is kept
    if op.over == "positions":
        return _as_it_is(op, inputs)
    if x.rank == 1:
        return "linear", arguments
    return _conv(Conv(out=op.out, kernel=1, bias=op.bias), inputs)


def _up_conv(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, UpConv)
    (x,) = inputs
    arguments = {name: spread(getattr(op, name), x, name) for name in ("kernel", "stride", "dilation")}
    padding = tuple(before for before, _ in sides(op.padding, x, "padding"))
    return "up_conv", {"out": op.out, **arguments, "padding": padding, "groups": op.groups, "bias": op.bias}


def _pool(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    window = op.window(*inputs)
    assert window is not None
    return op.name, _window(window) | ({"norm": op.norm} if hasattr(op, "norm") else {})


def _avg_pool(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    """An average pool. `counted` is the number of pixels after the input that count as zeros; at most the padding."""
    assert isinstance(op, AvgPool)
    (x,) = inputs
    window, size = op.window(x), op.shape(x).spatial
    places = zip(x.spatial, size, window.kernel, window.stride, window.padding, strict=True)
    over = [max((out - 1) * s - before + k - n, 0) for n, out, k, s, (before, _) in places]
    counted = tuple(min(o, after) for o, (_, after) in zip(over, window.padding, strict=True))
    include = op.include_padding or not (any(over) or any(before for before, _ in window.padding))
    arguments = {"include_padding": include, "counted": counted if op.include_padding else (0,) * len(over)}
    return "avg_pool", _window(window) | arguments


def _named(name: str) -> Callable[[Op, tuple[Tensor, ...]], Canonical]:
    return lambda op, inputs: (name, {})


def _adaptive(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    """An adaptive pool is written as an ordinary one if the sizes divide, since all windows are then equal."""
    assert isinstance(op, AdaptivePool)
    (x,) = inputs
    size = spread(op.size, x, "size")
    if any(n % out for n, out in zip(x.spatial, size, strict=True)):
        return op.name, {"size": size}
    kernel = tuple(n // out for n, out in zip(x.spatial, size, strict=True))
    none, ones = (0,) * len(size), (1,) * len(size)
    window = {"kernel": kernel, "stride": kernel, "padding": none, "dilation": ones}
    if op.name == "adaptive_avg_pool":
        return "avg_pool", window | {"include_padding": True, "counted": none}
    return "max_pool", window


def _resize(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, Resize | Upsample)
    return "resize", {"mode": op.mode, "align_corners": op.align_corners}


def _pad(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, Pad)
    pairs = sides(op.sides, inputs[0], "sides")
    if op.mode == "constant" and op.value == 0:
        return "border", {"sides": pairs}
    return "pad", {"sides": pairs, "mode": op.mode, "value": op.value}


def _cut(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, Trim | Crop | CenterCrop)
    window, x = op.window(*inputs), inputs[0]
    out = op.outputs(*inputs)[0].spatial
    cuts = tuple(before for before, _ in window.padding)
    places = zip(x.spatial, out, cuts, strict=True)
    return "border", {"sides": tuple((cut, out - n - cut) for n, out, cut in places)}


def _attend(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, Attend)
    q = inputs[0]
    scale = (q.channels // op.heads) ** -0.5 if op.scale is None else op.scale
    arguments = {"heads": op.heads, "causal": op.causal, "bias": op.bias is not None, "scale": _number(scale)}
    return op.name, arguments | (_in_windows(op, q) if op.windows is not None else {})


def _in_windows(op: Attend, q: Tensor) -> dict[str, Any]:
    """Windows as they lie: one that is as large as the map is not shifted, and no grid."""
    windows = Windows.of(q, op.windows or 1, op.shift)
    spreads = any(1 < window < length for window, length in zip(windows.size, q.spatial, strict=True))
    return {
        "windows": windows.size,
        "shift": windows.shift,
        "grid": op.grid and spreads,
        "relative": op.relative,
    }


def _channel_slice(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, ChannelSlice)
    return op.name, {"start": op.start, "stop": inputs[0].channels if op.stop is None else op.stop}


def _reshape(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    """A reshape is known by the sizes of what it gives, a flatten by its name."""
    return ("flatten" if len(squeezed(op.outputs(*inputs)[0].dims)) == 1 else "reshape"), {}


def _bucket_bias(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    """A bias is known by the buckets of the distances that there are: farther ones may be told apart in any way."""
    assert isinstance(op, BucketBias)
    length = inputs[0].dims[-1]
    return op.name, {"heads": op.heads, "count": op.buckets, "buckets": op.buckets_of(length)}


def _token(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, Token)
    return op.name, {"index": op.index % inputs[0].spatial[0]}


def _learned_factor(op: Op, inputs: tuple[Tensor, ...]) -> Canonical:
    assert isinstance(op, LayerScale | Prelu)
    return op.name, {"per_channel": op.per_channel and inputs[0].channels > 1}


CANONICAL: Mapping[str, Callable[[Op, tuple[Tensor, ...]], Canonical]] = {
    "conv": _conv,
    "depthwise": _conv,
    "linear": _linear,
    "up_conv": _up_conv,
    "max_pool": _pool,
    "lp_pool": _pool,
    "stochastic_pool": _pool,
    "avg_pool": _avg_pool,
    "global_avg_pool": _named("global_avg_pool"),
    "global_max_pool": _named("global_max_pool"),
    "adaptive_avg_pool": _adaptive,
    "adaptive_max_pool": _adaptive,
    "resize": _resize,
    "upsample": _resize,
    "pad": _pad,
    "trim": _cut,
    "crop": _cut,
    "center_crop": _cut,
    "attend": _attend,
    "channel_slice": _channel_slice,
    "reshape": _reshape,
    "tokens": _reshape,
    "token": _token,
    "bucket_bias": _bucket_bias,
    "sub": _named("add"),
    "layer_scale": _learned_factor,
    "prelu": _learned_factor,
}
"""How to name the ops that can be written in several ways. Any other op keeps its name and arguments."""
