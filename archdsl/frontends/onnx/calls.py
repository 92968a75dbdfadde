"""Operations of a file in PyTorch's words: calls that stand for those of a trace, so that its tables translate them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import getitem
from typing import Any

SIGNATURES: Mapping[str, str] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), "input weight bias stride padding dilation groups"),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        "input weight bias stride padding output_padding groups dilation",
    ),
    "linear": "input weight bias",
    "batch_norm": "input weight bias running_mean running_var training momentum eps",
    "instance_norm": "input weight bias running_mean running_var use_input_stats momentum eps",
    "group_norm": "input num_groups weight bias eps",
    "layer_norm": "input normalized_shape weight bias eps",
    "rms_norm": "input normalized_shape weight eps",
    "embedding": "weight indices padding_idx",
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), "self kernel_size stride padding dilation ceil_mode"),
    **dict.fromkeys(
        ("avg_pool1d", "avg_pool2d", "avg_pool3d"),
        "self kernel_size stride padding ceil_mode count_include_pad divisor_override",
    ),
    **dict.fromkeys(("mean", "amax", "amin", "sum"), "self dim keepdim"),
    **dict.fromkeys(("add", "sub"), "self other alpha"),
    **dict.fromkeys(("mul", "div", "maximum", "minimum", "matmul"), "self other"),
    "pow": "self exponent",
    **dict.fromkeys(("sqrt", "reciprocal", "log", "sin", "cos", "erf", "sign", "neg", "selu"), "self"),
    "softplus": "self beta threshold",
    "clamp": "self min max",
    "prelu": "self weight",
    "softmax": "self dim",
    "cat": "tensors dim",
    "split_with_sizes": "self split_sizes dim",
    "select": "self dim index",
    "slice": "self dim start end step",
    "view": "self size",
    "permute": "self dims",
    "expand": "self size",
    "roll": "self shifts dims",
    "pad": "self pad mode value",
    **dict.fromkeys(
        ("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"), "input output_size scale_factors"
    ),
    **dict.fromkeys(
        ("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d"),
        "input output_size align_corners scale_factors",
    ),
    "pixel_shuffle": "self upscale_factor",
    "pixel_unshuffle": "self downscale_factor",
    "dropout": "input p train",
    "scaled_dot_product_attention": "query key value attn_mask dropout_p is_causal scale enable_gqa",
    "index": "self indices",
    **dict.fromkeys(("lstm", "gru"), "input hx params has_biases num_layers dropout train bidirectional batch_first"),
    "onnx.layer": "self op",
}
"""The arguments of the operations that are called here, in PyTorch's order. `onnx.layer` is one of our ops as it is."""


@dataclass(frozen=True, slots=True)
class Type:
    """A value's shape, with the batch, and whether it holds numbers or tokens and the like."""

    shape: tuple[int, ...]
    dtype: str = "float"

    def is_floating_point(self) -> bool:
        return self.dtype == "float"

    def is_complex(self) -> bool:
        return False

    def dim(self) -> int:
        return len(self.shape)


@dataclass(frozen=True, slots=True)
class _Argument:
    name: str
    default_value: Any = None

    def has_default_value(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class _Schema:
    name: str
    arguments: tuple[_Argument, ...]


@dataclass(frozen=True, slots=True)
class _Target:
    _schema: _Schema


@dataclass(eq=False, slots=True)
class Value:
    """A value of a network: an input or a weight (`op` is `placeholder`), or the result of a call."""

    name: str
    op: str
    target: Any
    args: tuple[Any, ...]
    meta: dict[str, Any]
    all_input_nodes: list[Value] = field(default_factory=list)
    users: dict[Value, None] = field(default_factory=dict)
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.name


@dataclass
class Calls:
    """The values of a network, in an order in which each follows what it takes."""

    nodes: list[Value] = field(default_factory=list)

    def placeholder(self, name: str, given: Type) -> Value:
        value = Value(name, "placeholder", name, (), {"val": given})
        self.nodes.append(value)
        return value

    def call(self, operation: str, results: Type | Sequence[Type], args: Sequence[Any], stack: Any) -> Value:
        """A call of an operation with all its arguments, in the order of `SIGNATURES`, or of `inputs` and others.

        `stack` says which module makes it. Operations that are not listed take values and texts, and are opaque.
        """
        return self._made(operation, SIGNATURES[operation].split(), results, args, stack)

    def opaque(
        self, kind: str, results: Type | Sequence[Type], inputs: Sequence[Value], about: Mapping[str, Any], stack: Any
    ) -> Value:
        """A call of an operation that is not known. `about` are its attributes."""
        return self._made(f"onnx.{kind}", ["inputs", *about], results, [list(inputs), *about.values()], stack)

    def result(self, call: Value, index: int) -> Value:
        """One of a call's several results."""
        meta = {"val": call.meta["val"][index], "nn_module_stack": call.meta["nn_module_stack"]}
        return self._add(Value(f"{call.name}_{index}", "call_function", getitem, (call, index), meta))

    def drop_unused(self, outputs: Iterable[Value]) -> None:
        """Leaves out calls on which no output depends, also as users of others."""
        needed: set[Value] = set()
        pending = list(outputs)
        while pending:
            value = pending.pop()
            if value not in needed:
                needed.add(value)
                pending.extend(value.all_input_nodes)
        self.nodes = [value for value in self.nodes if value.op == "placeholder" or value in needed]
        for value in self.nodes:
            value.users = {user: None for user in value.users if user in needed}

    def _made(self, operation: str, names: Sequence[str], results: Any, args: Sequence[Any], stack: Any) -> Value:
        assert len(names) == len(args), (operation, names, args)
        schema = _Schema(operation if "." in operation else f"aten::{operation}", tuple(map(_Argument, names)))
        meta = {"val": results, "nn_module_stack": stack}
        return self._add(Value(f"{operation}_{len(self.nodes)}", "call_function", _Target(schema), tuple(args), meta))

    def _add(self, value: Value) -> Value:
        value.all_input_nodes = list(dict.fromkeys(_values(value.args)))
        for source in value.all_input_nodes:
            source.users[value] = None
        self.nodes.append(value)
        return value


def _values(given: Any) -> Iterator[Value]:
    if isinstance(given, Value):
        yield given
    elif isinstance(given, list | tuple):
        for one in given:
            yield from _values(one)
