"""Compares an emitted module with the interpreter in numpy, on random weights and inputs, in double precision."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from emission import expected_outputs, interpret, tensors_of
from interpreter import Array, interpreted
from torch import nn

import archdsl
from archdsl.backends.torch.load import module
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph, Value
from archdsl.tensor import Tensor

BATCH = 3
"""No size that is likely to be another dimension's, and enough for the statistics of a batch."""

TOLERANCE = 1e-9
"""Of the largest number of a value. Double precision has 1e-16; sums of thousands of terms, one after the other, lose
some of it."""

MODERATE = 1e100
"""Products of a few numbers below this do not overflow."""

LARGEST = 200
"""Nodes; larger networks are left out."""


class Differs(AssertionError):
    """A module and the interpreter give different numbers. The message names the op, its arguments and shapes."""


def check_spec(text: str, counts: Counter[str], seed: int = 0) -> None:
    """Compiles a spec and compares. What the compiler refuses is counted. Raises `Differs`."""
    try:
        graph = archdsl.loads(text).graph
    except CompileError:
        counts["refused"] += 1
        return
    if len(graph) > LARGEST:
        counts["too large"] += 1
        return
    check_graph(graph, seed)
    counts["compared"] += 1
    counts["nodes"] += len(graph) - len(graph.inputs)


def check_graph(graph: Graph, seed: int = 0) -> None:
    """Compares the outputs of a network with the interpreter's, and its shapes with the graph's. Raises `Differs`."""
    random = torch.Generator().manual_seed(seed)
    network = module(graph, dtype=torch.float64).eval()
    randomize(network, random)
    inputs = [drawn(node.output, random, vocabulary(graph)) for node in graph.inputs]
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()} | draws(graph, network, random)
    with np.errstate(all="ignore"):
        ours = interpreted(graph, weights, [x.numpy() for x in inputs])
    shapes_are_those_of(graph, ours)
    expected = [ours[value] for output in graph.outputs if not output.training for value in output.values]
    with torch.no_grad():
        theirs = [result.numpy() for result in tensors_of(network(*(x.clone() for x in inputs)))]
    if len(theirs) != len(expected) or any(map(difference, expected, theirs)):
        raise Differs(first_difference(graph, network, ours, inputs))
    results_are_numbers(graph, ours)


# --- what both are given -------------------------------------------------------------------------


def randomize(network: nn.Module, random: torch.Generator) -> None:
    """Random weights, small enough that values keep their size, and random running statistics."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not tensor.is_floating_point():
                continue
            tensor.normal_(generator=random)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.1)
            elif tensor.dim() > 1:
                tensor.div_(max(tensor[0].numel(), 1) ** 0.5)


def drawn(tensor: Tensor, random: torch.Generator, tokens: int) -> torch.Tensor:
    dims = (BATCH, *tensor.dims)
    if tensor.kind == "int":
        return torch.randint(tokens, dims, generator=random)
    return torch.randn(dims, generator=random, dtype=torch.float64)


def vocabulary(graph: Graph) -> int:
    """The smallest vocabulary of a network: tokens are below it."""
    return min((node.op.count for node in graph if node.op.name == "embedding"), default=1)


def draws(graph: Graph, network: nn.Module, random: torch.Generator) -> dict[str, Array]:
    """The places of fractional pools are drawn in evaluation too: here both sides get the same draws."""
    found: dict[str, Array] = {}
    for node in graph:
        if node.op.name == "fractional_max_pool":
            (x,) = graph.tensors_into(node.id)
            numbers = torch.rand(BATCH, x.channels, len(x.spatial), generator=random, dtype=torch.float64)
            network.get_submodule(node.weights)._random_samples = numbers
            found[f"{node.weights}.draws"] = numbers.numpy()
    return found


# --- comparing -----------------------------------------------------------------------------------


def shapes_are_those_of(graph: Graph, values: Mapping[Value, Array]) -> None:
    for node in graph:
        for port, tensor in enumerate(node.outputs):
            found = values[Value(node.id, port)].shape
            if found != (BATCH, *tensor.dims):
                raise Differs(f"the interpreter gives {found[1:]}: {described(graph, node.id)}")


def results_are_numbers(graph: Graph, values: Mapping[Value, Array]) -> None:
    """An op makes numbers of numbers, unless those are so large that it overflows: squares of squares of squares do."""
    for node in graph:
        made = [values[Value(node.id, port)] for port in range(len(node.outputs))]
        taken = [values[value] for value in graph.inputs_of(node.id)]
        if all(np.abs(x).max() < MODERATE for x in taken) and not all(np.isfinite(x).all() for x in made):
            raise Differs(f"not a number, or infinite: {described(graph, node.id)}")


def difference(expected: Array, found: Array) -> str:
    """What is wrong with an array, or nothing."""
    if expected.shape != found.shape:
        return f"PyTorch gives the shape {found.shape[1:]}, the interpreter {expected.shape[1:]}"
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    if np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * largest, equal_nan=True):
        return ""
    with np.errstate(all="ignore"):
        off = np.nan_to_num(np.abs(found - expected), nan=np.inf)
    place = np.unravel_index(off.argmax(), off.shape)
    return f"at {tuple(map(int, place))} PyTorch has {found[place]:.12g}, the interpreter {expected[place]:.12g}"


def first_difference(graph: Graph, network: nn.Module, ours: Mapping[Value, Array], inputs: list[torch.Tensor]) -> str:
    """The first node that PyTorch computes otherwise. Where there is none, `forward` joins the nodes otherwise."""
    network = copy.deepcopy(network)
    for part in network.modules():
        if hasattr(part, "inplace"):
            part.inplace = False  # so that every value is still there when it is compared
    with torch.no_grad():
        theirs = interpret(graph, network, inputs)
    for value, tensor in theirs.items():
        if said := difference(ours[value], tensor.numpy()):
            return f"{said}: {described(graph, value.node)}"
    count = len(expected_outputs(graph, theirs, training=False))
    return f"no node differs by itself, so the emitted `forward` computes something else ({count} outputs)"


def described(graph: Graph, id: str) -> str:
    """A node with its arguments and shapes."""
    node = graph.node(id)
    taken = ", ".join(map(str, graph.tensors_into(id)))
    arguments = ", ".join(described_arguments(node.op.model_dump()))
    return f"{node.op.name}({arguments}) of {taken} gives {', '.join(map(str, node.outputs))}, at {id}"


def described_arguments(arguments: Mapping[str, object]) -> Iterator[str]:
    return (f"{name}={value}" for name, value in arguments.items() if value is not None)
