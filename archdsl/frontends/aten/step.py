"""What translations return and name: values and calls of a trace, values of the graph, and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from archdsl.frontends.arrangement import Arrangement
from archdsl.ops.base import Op

TraceNode: TypeAlias = Any
"""A `torch.fx.Node`."""


@dataclass(frozen=True, slots=True)
class Made:
    """A value of the graph: an output of the op that a call became."""

    call: TraceNode
    port: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """An op and its inputs: values of the graph, further steps, or values of the trace, as batch, channels, positions.

    `weights` tells which value of the trace is which of the op's parameters and buffers. `arrangements` tell how the
    call's results lie in the op's outputs, where they are not as batch, channels, positions. A step that belongs to an
    earlier call than the one that needs it names this `call`. As an input it stands for its output number `port`.
    """

    op: Op
    inputs: tuple[Source, ...]
    weights: Mapping[str, TraceNode] = field(default_factory=dict)
    arrangements: tuple[Arrangement, ...] = ()
    call: TraceNode | None = None
    port: int = 0


Source: TypeAlias = TraceNode | Made | Step


def operation(node: TraceNode) -> str:
    """The name of a call's operation: `conv2d` for `aten.conv2d.default`, `relu` for `aten.relu_.default`, `getitem`;
    "" if it is not a call."""
    if getattr(node, "op", "") != "call_function":
        return ""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return str(node.target.__name__)
    name = str(schema.name).removeprefix("aten::")
    return name if name.endswith("__") else name.rstrip("_")
