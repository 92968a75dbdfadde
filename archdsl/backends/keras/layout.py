"""The outline of a graph for Keras: ops are written as layers of Keras, and the channels are last everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archdsl.backends.torch.outline import Outline
from archdsl.ir.graph import Graph, Value
from archdsl.ops.base import Expression, Module, Op
from archdsl.ops.keras_layers import layer
from archdsl.tensor import Tensor


class KerasOutline(Outline):
    """Answers questions about a graph that is written in Keras."""

    def __init__(self, graph: Graph) -> None:
        super().__init__((graph,))
        self.overwriting = frozenset()  # layers of Keras do not write over their input

    def prepared(self, graphs: Sequence[Graph]) -> Sequence[Graph]:
        """The graphs as they are, since no layer moves channels."""
        return graphs

    def spelled(self, op: Op, tensors: Sequence[Tensor]) -> Module | Expression:
        """How an op is written for these inputs."""
        return layer(op, tensors)

    def shape_text(self, rows: Iterable[Iterable[Value]]) -> str:
        """The shapes of values for a comment, channels last; "" if one has different shapes in different uses."""
        shapes = [{self.graph.tensor(value).dims for value in row} for row in rows]
        if any(len(row) > 1 for row in shapes):
            return ""
        return ", ".join("x".join(map(str, (*dims[1:], dims[0]))) for row in shapes for dims in row)
