"""A form, run in PyTorch: what tests compare before and after a rule of the proof has changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from emitted_ops import build
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from archdsl.ir.graph import Graph
from archdsl.ops.base import Op
from archdsl.ops.registry import REGISTRY
from archdsl.prove.form import Form, Part
from archdsl.tensor import Tensor

Values = tuple[torch.Tensor, ...]


class Runner:
    """Runs the forms of one network, whose weights are made when they are first asked for, and stay."""

    def __init__(self) -> None:
        self.weights: dict[str, dict[str, torch.Tensor]] = {}

    def run(self, form: Form, inputs: Sequence[torch.Tensor], training: bool) -> Values:
        """The outputs, and then the gradients of the inputs by the sum of their squares."""
        leaves = [value.clone().requires_grad_() for value in inputs]
        values: dict[Part, torch.Tensor] = {}
        for part in form.parts():
            taken = [values[wire.part] for wire in part.inputs]
            values[part] = leaves[part.arguments["index"]] if part.op == "input" else self._part(part, taken, training)
        results = [values[output] for output in form.outputs]
        gradients = torch.autograd.grad(sum(result.square().sum() for result in results), leaves, allow_unused=True)
        return (*results, *(torch.zeros(1) if gradient is None else gradient for gradient in gradients))

    def state(self, graph: Graph) -> Iterator[tuple[str, str, torch.Tensor]]:
        """The weights of a graph's nodes that were run: the node, its own name of the weight, and the numbers."""
        for node in graph:
            for name, shape in node.op.state(*graph.tensors_into(node.id)).items():
                given = self.weights[node.weights].get(name)
                counts = torch.zeros(shape, dtype=torch.int64)
                yield node.id, name, counts if given is None else _in_range(name, given.reshape(shape))

    def _part(self, part: Part, taken: list[torch.Tensor], training: bool) -> torch.Tensor:
        run = RUNS.get(part.op)
        if run is not None:
            result = run(part, taken, lambda name, *shape: self._weight(part, name, shape))
        else:
            result = self._call(part, taken, training)
        assert result.numel() == len(taken[0]) * _size(part.dims[0]), (part, result.shape, part.dims)
        return result.reshape(len(taken[0]), *part.dims[0])

    def _weight(self, part: Part, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """A weight in any shape of its size: a convolution's may be a linear layer's."""
        own = self.weights.setdefault(part.home, {})
        if name not in own:
            own[name] = torch.randn(_size(shape), dtype=torch.float64, generator=_chance(f"{part.home}.{name}"))
        return own[name].reshape(shape)

    def _call(self, part: Part, taken: Sequence[torch.Tensor], training: bool) -> torch.Tensor:
        """What an op gives that forms call as specs do."""
        kind = REGISTRY[part.op]
        op = kind(**{name: value for name, value in part.arguments.items() if name in kind.model_fields})
        torch.manual_seed(1)
        module = _built(op, tuple(Tensor(*value.shape[1:]) for value in taken)).train(training)
        state: dict[str, torch.Tensor] = {}
        for name, value in module.state_dict().items():
            state[name] = value.clone()
            if value.is_floating_point():
                given = self._weight(part, name.removeprefix("op."), tuple(value.shape))
                state[name] = _in_range(name, given)
        result: torch.Tensor = functional_call(module, state, tuple(taken))
        return result


def _in_range(name: str, given: torch.Tensor) -> torch.Tensor:
    """A copy of a weight as an op takes it: variances are positive."""
    return given.abs() + 0.5 if name.endswith("var") else given.clone()


@cache
def _built(op: Op, inputs: tuple[Tensor, ...]) -> nn.Module:
    return build(op, inputs, dtype=torch.float64)


def _chance(text: str) -> torch.Generator:
    return torch.Generator().manual_seed(sum(ord(letter) * 31**place for place, letter in enumerate(text)) % 2**31)


def _size(dims: Sequence[int]) -> int:
    size = 1
    for length in dims:
        size *= length
    return size


def _of(function: str, dimensions: int) -> Callable[..., torch.Tensor]:
    """A function of PyTorch's, for images or for clips: `F.conv2d`, `F.conv3d`."""
    found: Callable[..., torch.Tensor] = getattr(F, f"{function}{dimensions}d")
    return found


def _map(value: torch.Tensor, dimensions: int) -> torch.Tensor:
    """A value with its height and width (and frames), which forms leave out where all are 1."""
    return value.reshape(*value.shape, *[1] * (dimensions + 2 - value.dim()))


def _padded(value: torch.Tensor, sides: Sequence[tuple[int, int]], fill: float) -> torch.Tensor:
    """With pixels added or, where a side is negative, cut off."""
    return F.pad(value, [side for pair in reversed(sides) for side in pair], value=fill)


def _reached(part: Part, value: torch.Tensor, fill: float) -> torch.Tensor:
    """The pixels that the windows of a part reach: what the padding after the input is follows from the output."""
    arguments = part.arguments
    kernel = arguments.get("kernel", (1,) * len(arguments["padding"]))
    dilation = arguments.get("dilation", (1,) * len(kernel))
    sizes = part.dims[0][1:] or (1,) * len(kernel)
    value = _map(value, len(kernel))
    places = zip(sizes, kernel, arguments["stride"], dilation, arguments["padding"], value.shape[2:], strict=True)
    sides = [(before, (out - 1) * s + d * (k - 1) + 1 - before - n) for out, k, s, d, before, n in places]
    return _padded(value, sides, fill)


def _conv(part: Part, taken: Sequence[torch.Tensor], weight: Callable[..., torch.Tensor]) -> torch.Tensor:
    arguments, value = part.arguments, _reached(part, taken[0], 0.0)
    out, groups = arguments["out"], arguments["groups"]
    kernel = weight("weight", out, value.shape[1] // groups, *arguments["kernel"])
    bias = weight("bias", out) if arguments["bias"] else None
    convolve = _of("conv", len(arguments["kernel"]))
    return convolve(value, kernel, bias, arguments["stride"], 0, arguments["dilation"], groups)


def _up_conv(part: Part, taken: Sequence[torch.Tensor], weight: Callable[..., torch.Tensor]) -> torch.Tensor:
    arguments, count = part.arguments, len(part.arguments["kernel"])
    value = _map(taken[0], count)
    out, groups = arguments["out"], arguments["groups"]
    kernel = weight("weight", value.shape[1], out // groups, *arguments["kernel"])
    bias = weight("bias", out) if arguments["bias"] else None
    convolve = _of("conv_transpose", count)
    whole = convolve(value, kernel, bias, arguments["stride"], 0, 0, groups, arguments["dilation"])
    sizes = part.dims[0][1:] or (1,) * count
    places = zip(arguments["padding"], sizes, whole.shape[2:], strict=True)
    return _padded(whole, [(-before, before + out - n) for before, out, n in places], 0.0)


def _linear(part: Part, taken: Sequence[torch.Tensor], weight: Callable[..., torch.Tensor]) -> torch.Tensor:
    out, value = part.arguments["out"], taken[0]
    return F.linear(
        value, weight("weight", out, value.shape[-1]), weight("bias", out) if part.arguments["bias"] else None
    )


def _max_pool(part: Part, taken: Sequence[torch.Tensor], _: Any) -> torch.Tensor:
    arguments = part.arguments
    value = _reached(part, taken[0], float("-inf"))
    pool = _of("max_pool", len(arguments["kernel"]))
    return pool(value, arguments["kernel"], arguments["stride"], 0, arguments["dilation"])


def _avg_pool(part: Part, taken: Sequence[torch.Tensor], _: Any) -> torch.Tensor:
    """The sum of a window over how many of its pixels count: those of the input, and padding as far as that counts."""
    arguments, count = part.arguments, len(part.arguments["kernel"])
    value, pool = _map(taken[0], count), _of("avg_pool", count)
    ones = torch.ones_like(value[:1, :1])
    if arguments["include_padding"]:
        sides = tuple(zip(arguments["padding"], arguments["counted"], strict=True))
        ones = _padded(ones, sides, 1.0)
        counts = _reached(_with(part, padding=tuple(0 for _ in sides)), ones, 0.0)
    else:
        counts = _reached(part, ones, 0.0)
    window = {"kernel_size": arguments["kernel"], "stride": arguments["stride"]}
    return pool(_reached(part, value, 0.0), **window) / pool(counts, **window)


def _lp_pool(part: Part, taken: Sequence[torch.Tensor], _: Any) -> torch.Tensor:
    arguments, value = part.arguments, _reached(part, taken[0].abs(), 0.0)
    return _of("lp_pool", len(arguments["kernel"]))(
        value, float(arguments["norm"]), arguments["kernel"], arguments["stride"]
    )


def _with(part: Part, **arguments: Any) -> Part:
    return Part(part.op, part.arguments | arguments, part.inputs, part.dims, part.node, part.rank)


def _resize(part: Part, taken: Sequence[torch.Tensor], _: Any) -> torch.Tensor:
    count = max(len(part.dims[0]) - 1, taken[0].dim() - 2, 2)
    mode = {"nearest": "nearest"}.get(part.arguments["mode"], "bilinear" if count == 2 else "trilinear")
    corners = None if mode == "nearest" else part.arguments["align_corners"]
    return F.interpolate(_map(taken[0], count), part.dims[0][1:] or (1,) * count, mode=mode, align_corners=corners)


def _subsample(part: Part, taken: Sequence[torch.Tensor], _: Any) -> torch.Tensor:
    steps = [slice(None, None, step) for step in part.arguments["stride"]]
    return _reached(part, taken[0], 0.0)[:, :, *steps]


def _border(part: Part, taken: Sequence[torch.Tensor], _: Any) -> torch.Tensor:
    return _padded(_map(taken[0], len(part.arguments["sides"])), part.arguments["sides"], 0.0)


RUNS: Mapping[str, Callable[[Part, list[torch.Tensor], Any], torch.Tensor]] = {
    "output": lambda part, taken, _: taken[0],
    "conv": _conv,
    "up_conv": _up_conv,
    "linear": _linear,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "lp_pool": _lp_pool,
    "resize": _resize,
    "pad": lambda part, taken, _: _padded(
        _map(taken[0], len(part.arguments["sides"])), part.arguments["sides"], part.arguments["value"]
    ),
    "subsample": _subsample,
    "border": _border,
    "flatten": lambda part, taken, _: taken[0].flatten(1),
    "reshape": lambda part, taken, _: taken[0].reshape(len(taken[0]), *part.dims[0]),
    "channel_slice": lambda part, taken, _: taken[0][:, part.arguments["start"] : part.arguments["stop"]],
    "global_avg_pool": lambda part, taken, _: _map(taken[0], 2).flatten(2).mean(2),
    "global_max_pool": lambda part, taken, _: _map(taken[0], 2).flatten(2).amax(2),
    "scale": lambda part, taken, _: taken[0] * part.arguments["factor"],
    "add": lambda part, taken, _: _sum(taken),
    "mean": lambda part, taken, _: sum(taken[1:], taken[0]) / len(taken),
    "mul": lambda part, taken, _: _product(taken),
    "concat": lambda part, taken, _: _concat(part, taken),
}
"""What forms call otherwise than specs do, or what their rules make."""


def _sum(taken: Sequence[torch.Tensor]) -> torch.Tensor:
    """A vector is the same at every position."""
    rank = max(value.ndim for value in taken)
    values = [value.reshape(*value.shape, *(1,) * (rank - value.ndim)) for value in taken]
    return sum(values[1:], values[0])


def _concat(part: Part, taken: Sequence[torch.Tensor]) -> torch.Tensor:
    if part.arguments["over"] == "channels":
        return torch.cat(list(taken), 1)
    return torch.cat([_map(value, 1) for value in taken], 2)


def _product(taken: Sequence[torch.Tensor]) -> torch.Tensor:
    count = max(value.dim() for value in taken) - 2
    result = _map(taken[0], count)
    for value in taken[1:]:
        result = result * _map(value, count)
    return result
