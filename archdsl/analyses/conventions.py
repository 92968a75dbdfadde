"""The rules by which other tools count operations, to explain why their numbers differ.

Each rule is that of the release named in its text, applied to the PyTorch module that archdsl emits. Ops that a tool
does not know count 0 here as they do there. ResNet-50 at 224 pixels has 4.0892 G operations by the papers' rule,
4.1115 by fvcore's, 4.1337 by thop's, 8.1784 by torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from archdsl.ir.graph import Graph, Node
from archdsl.ops.arguments import spread
from archdsl.ops.base import Op
from archdsl.ops.recurrent import Recurrent
from archdsl.ops.recurrent_along import Along
from archdsl.tensor import Tensor

Further = Callable[[Op, tuple[Tensor, ...], Tensor], int]
"""Gives the operations of an op besides its MACs, from the op, its inputs and its (first) output."""


@dataclass(frozen=True, slots=True)
class Convention:
    """A tool's way to count: `factor` operations for each MAC, plus those that `further` gives for the op's name.

    `unit` is the tool's word for what it counts, and `rule` describes the rule.
    """

    name: str
    unit: str
    rule: str
    factor: int
    further: Mapping[str, Further]

    def count(self, graph: Graph, node: Node) -> int:
        """The operations of one node by this convention, for a batch of one."""
        tensors = graph.tensors_into(node.id)
        macs = self.factor * node.op.macs(*tensors)
        further = self.further.get(node.op.name)
        return macs + (further(node.op, tensors, node.output) if further else 0)


def _per_input(affine: int, plain: int) -> Further:
    """Counts `affine` operations for each input number if the op learns a scale and a shift, else `plain`."""
    return lambda op, inputs, _: inputs[0].size * (affine if getattr(op, "affine", False) else plain)


def _no_products(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """Takes off the products of attention: a tool that looks at modules and at calls it knows does not see them."""
    return -op.macs(*inputs)


def _fvcore_bn(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    known = bool(op.buffers(*inputs))
    return (_per_input(2, 1) if known else _per_input(5, 4))(op, inputs, output)


def _fvcore_average(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    return inputs[0].size if inputs[0].rank == 3 else 0


def _fvcore_resampling(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    mode = getattr(op, "mode", "nearest")
    return output.size * (4 if mode == "bilinear" else 1) if inputs[0].rank == 3 else 0


def _thop_adaptive_average(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """window + 1 for each output. As in thop, the window's size is input size / output size and may be a fraction."""
    window = prod(before / after for before, after in zip(inputs[0].spatial, output.spatial, strict=True))
    return int((window + 1) * output.size)


def _thop_transposed(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """thop counts it as a convolution with this output. The result is the difference to the true MACs."""
    (x,) = inputs
    made = output.size * (x.channels // getattr(op, "groups", 1)) * prod(spread(getattr(op, "kernel", 1), x, "kernel"))
    return made - op.macs(x)


def _thop_resampling(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """Not for a resize to the size of another value: that is emitted as a function call, which thop does not see."""
    if len(inputs) > 1:
        return 0
    each = {"nearest": 1, "bilinear": {2: 5, 3: 11}.get(inputs[0].rank, 0)}
    return output.size * each[getattr(op, "mode", "nearest")]


def _thop_softmax(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    return output.size // output.channels * (3 * output.channels - 1)


def _fvcore_recurrent(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """fvcore does not know it: the result takes the true MACs away."""
    return -op.macs(*inputs)


def _thop_recurrent(each: int) -> Further:
    """Counts `each` operations for each number that a layer remembers at a position."""

    def count(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
        assert isinstance(op, Recurrent | Along)
        return each * op.remembered(inputs[0])

    return count


def _thop_linear(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """A layer with the weight of a table is emitted as a function call, which thop does not see."""
    return -op.macs(*inputs) if op.is_tied() else 0


def _output_size(op: Op, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    return output.size


CONVENTIONS: Mapping[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            "paper",
            "MACs",
            "multiply-adds of convolutions and matrix products, without biases",
            1,
            {},
        ),
        Convention(
            "fvcore",
            "FLOPs",
            "as fvcore 0.1.5, which calls it FLOPs: multiply-adds; batch normalization 2 per number (1 without scale "
            "and shift), other normalizations 5 (4); adaptive average pooling 1 per input number; resampling 1 per "
            "output number, bilinear 4; recurrent layers 0, attention 0",
            1,
            {
                "attend": _no_products,
                **dict.fromkeys(("lstm", "gru", "lstm_along", "gru_along"), _fvcore_recurrent),
                "bn": _fvcore_bn,
                "instance_norm": _per_input(5, 4),
                "group_norm": _per_input(5, 4),
                "layer_norm": _per_input(5, 4),
                "global_avg_pool": _fvcore_average,
                "adaptive_avg_pool": _fvcore_average,
                "resize": _fvcore_resampling,
                "upsample": _fvcore_resampling,
            },
        ),
        Convention(
            "thop",
            "MACs",
            "as thop 0.1.1: multiply-adds, of transposed convolutions for each output position; normalization 4 per "
            "number (2 without scale and shift), but group normalization 0; average pooling 1 per output number, "
            "adaptive its window and 1; softmax 3 per number less 1 per position; PReLU 1 per number; resampling 1 per "
            "output number, linear 5, bilinear 11, trilinear 0; per number and layer 16 of an LSTM and 13 of a GRU; "
            "attention and layers with the weight of a table 0",
            1,
            {
                "attend": _no_products,
                "linear": _thop_linear,
                **dict.fromkeys(("lstm", "lstm_along"), _thop_recurrent(16)),
                **dict.fromkeys(("gru", "gru_along"), _thop_recurrent(13)),
                "up_conv": _thop_transposed,
                "bn": _per_input(4, 2),
                "instance_norm": _per_input(4, 2),
                "layer_norm": _per_input(4, 2),
                "avg_pool": _output_size,
                "global_avg_pool": _thop_adaptive_average,
                "adaptive_avg_pool": _thop_adaptive_average,
                "softmax": _thop_softmax,
                "prelu": _output_size,
                "resize": _thop_resampling,
                "upsample": _thop_resampling,
            },
        ),
        Convention(
            "torch",
            "FLOPs",
            "as torch.utils.flop_counter: 2 for each multiply-add of convolutions and matrix products, nothing else",
            2,
            {},
        ),
    )
}
