"""Emitted modules held against their graphs: an interpreter that knows nothing of classes, and recorded calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archdsl.backends.torch.layouts import laid_out
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Expression


def example_inputs(graph: Graph, batch: int = 2, **where: Any) -> list[Tensor]:
    """Inputs as the graph declares them; tokens are below 10, and in the table that reads them."""
    made = []
    for node in graph.inputs:
        dims = (batch, *node.output.dims)
        if node.output.kind == "int":
            made.append(torch.randint(0, min(10, _table(graph, node)), dims, **{**where, "dtype": torch.long}))
        else:
            made.append(torch.randn(dims, **where))
    return made


def _table(graph: Graph, tokens: Node) -> int:
    """How many tokens the smallest embedding has that reads these; 10 where none does."""
    readers = (node for node in graph if Value(tokens.id) in graph.inputs_of(node.id))
    return min((node.op.count for node in readers if node.op.name == "embedding"), default=10)


def interpret(graph: Graph, module: nn.Module, inputs: Sequence[Tensor]) -> dict[Value, Tensor]:
    """Every value that serves an output, computed node by node with the modules that lie at the nodes' own paths.

    What serves only training comes last, as in the module: random numbers are drawn in the same order. All values are
    given with their channels first.
    """
    (graph,) = laid_out((graph,))
    serving = {value.node for output in graph.outputs for value in output.values}
    serving |= {node for end in tuple(serving) for node in nx.ancestors(graph.network, end)}
    names = {**vars(__import__(type(module).__module__)), "torch": torch, "nn": nn, "F": F}
    values = {Value(node.id): x for node, x in zip(graph.inputs, inputs, strict=True)}
    for node in sorted(graph, key=lambda node: node.id in graph.training_only):
        if node.op.name == "input" or node.id not in serving:
            continue
        taken = [values[value] for value in graph.inputs_of(node.id)]
        emission = node.op.torch(*graph.tensors_into(node.id))
        if isinstance(emission, Expression):
            texts = tuple(f"taken[{i}]" for i in range(len(taken)))
            lent = {"module": module.get_submodule(node.weights)} if emission.borrows else {}
            result = eval(emission.written(texts), names, {"taken": taken, **lent})
        elif emission.around:
            result = module.get_parameter(node.weights)
        else:
            result = module.get_submodule(node.weights)(*taken)
            result = result[0] if emission.pair else result
        outputs = result if isinstance(result, tuple | list) else (result,)
        values.update({Value(node.id, port): output for port, output in enumerate(outputs)})
    return {v: x.movedim(-1, 1) if graph.tensor(v).last else x for v, x in values.items()}


def called_shapes(graph: Graph, module: nn.Module, inputs: Sequence[Tensor]) -> dict[str, list[tuple[int, ...]]]:
    """By path: the shape, batch left out, of each call of a node's module during one forward pass."""
    shapes: dict[str, list[tuple[int, ...]]] = {}
    hooks = []
    (graph,) = laid_out((graph,))
    for path in {node.weights for node in graph if is_module(graph, node)}:

        def note(_: nn.Module, __: Any, result: Tensor | tuple[Tensor, ...], path: str = path) -> None:
            output = result[0] if isinstance(result, tuple) else result
            shapes.setdefault(path, []).append(tuple(output.shape[1:]))

        hooks.append(module.get_submodule(path).register_forward_hook(note))
    try:
        module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return shapes


def is_module(graph: Graph, node: Node) -> bool:
    """Whether a node is a module of its own in the emitted network."""
    if node.op.name == "input":
        return False
    emission = node.op.torch(*graph.tensors_into(node.id))
    return not isinstance(emission, Expression) and not emission.around


def predicted_shapes(graph: Graph) -> dict[str, list[tuple[int, ...]]]:
    """What `called_shapes` should find in a network that is training."""
    shapes: dict[str, list[tuple[int, ...]]] = {}
    (graph,) = laid_out((graph,))
    for node in graph:
        if is_module(graph, node):
            x = node.output
            shapes.setdefault(node.weights, []).append((*x.spatial, x.channels) if x.last else x.dims)
    return shapes


def predicted_parameters(graph: Graph) -> dict[str, int]:
    """Learned numbers by the path of the submodule that holds them, where there are any.

    A parameter that is no module of its own, such as a `learned` value, is held by the module around it.
    """
    counts: dict[str, int] = {}
    seen: set[str] = set()
    for node in graph:
        if node.op.name == "input" or node.weights in seen:
            continue
        seen.add(node.weights)
        for name, weight in node.op.weights(*graph.tensors_into(node.id)).items() if not node.op.is_tied() else ():
            inside = f"{node.weights}.{name}" if is_module(graph, node) else node.weights
            path = inside.rpartition(".")[0]
            if weight.learned:
                counts[path] = counts.get(path, 0) + weight.size
    return counts


def counted_parameters(module: nn.Module) -> dict[str, int]:
    """Learned numbers of a module by the path of the submodule that holds them."""
    counts: dict[str, int] = {}
    for name, parameter in module.named_parameters():
        path = name.rpartition(".")[0]
        counts[path] = counts.get(path, 0) + parameter.numel()
    return counts


def tensors_of(result: Any) -> list[Tensor]:
    """All tensors of what a network returned, in order; None stands for nothing."""
    if isinstance(result, Tensor):
        return [result]
    return [tensor for item in result if item is not None for tensor in tensors_of(item)]


def expected_outputs(graph: Graph, values: Mapping[Value, Tensor], training: bool) -> list[Tensor]:
    """What the network should return, out of all values of the graph."""
    outputs = [output for output in graph.outputs if training or not output.training]
    return [values[value] for output in outputs for value in output.values]
