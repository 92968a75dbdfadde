"""Where emitted code keeps the channels of a value: no more moves than needed, and the same numbers as without."""

from __future__ import annotations

import itertools
import random
import re

import pytest
import torch
from emission import example_inputs, expected_outputs, interpret, tensors_of

import archdsl
from archdsl.backends.torch.layouts import has_positions, laid_out
from archdsl.backends.torch.moves import Moved
from archdsl.ir.graph import Graph

MOVE = re.compile(r"\.movedim\(|\.transpose\(")

CONVNEXT = """
network Net:
    input image: 3 x 32 x 32
    stage stem: conv(16, 3) -> layer_norm
    stage body: Block * 3
    stage head: global_avg_pool -> flatten -> linear(10)

block Block:
    path body = it -> depthwise(7) -> layer_norm -> MLP(4 * it.channels) -> layer_scale
    add{it | body}

block MLP(hidden):
    let width = it.channels
    linear(hidden, over=channels) -> gelu -> linear(width, over=channels)
"""

TRANSFORMER = """
network Net:
    param width: int = 16
    input tokens: 12 of int
    shared table = embedding(50, width)
    stage embed:
        learned position: width x 12 = normal(0.02)
        add{table | position}
    stage body: Block * 3 -> layer_norm
    linear(50, bias=false, weight=table)

block Block:
    let width = it.channels
    add{it | layer_norm -> linear(4 * width) -> gelu -> linear(width) -> dropout(0.1)}
"""


def moves(graph: Graph) -> int:
    """How often channels are moved while the network runs."""
    (laid,) = laid_out((graph,))
    return sum(isinstance(node.op, Moved) for node in laid)


def same_numbers(text: str) -> None:
    net = archdsl.loads(text)
    module = net.module().eval()
    inputs = example_inputs(net.graph)
    with torch.no_grad():
        values = interpret(net.graph, module, inputs)
        for wanted, found in zip(expected_outputs(net.graph, values, False), tensors_of(module(*inputs)), strict=True):
            torch.testing.assert_close(found, wanted)


def test_a_block_of_convnext_moves_its_channels_twice() -> None:
    source = archdsl.loads(CONVNEXT).source()
    assert len(MOVE.findall(source.partition("class Block")[2].partition("class Net")[0])) == 2
    assert "nn.LayerNorm(in_channels)" in source
    assert moves(archdsl.loads(CONVNEXT).graph) == 2 * 3
    same_numbers(CONVNEXT)


def test_a_transformer_moves_them_once_for_its_result() -> None:
    net = archdsl.loads(TRANSFORMER)
    assert moves(net.graph) == 1
    assert "nn.Parameter(nn.init.normal_(torch.empty(1, 12, width), std=0.02))" in net.source()
    assert {"embed.position", "table.weight"} < set(net.module().state_dict())
    same_numbers(TRANSFORMER)


def test_networks_without_such_layers_stay_as_they_are() -> None:
    graph = archdsl.load("resnet@18").graph
    assert laid_out((graph,)) == (graph,)


# --- the fewest moves, found by trying all -------------------------------------------------------

FIRST = ("conv(8, 1)", "bn", "conv(8, 3)")
LAST = ("linear(8)", "linear(8)")
JOINS = ("add{it | relu}", "add{it | linear(8)}", "concat{it | conv(8, 1)} -> linear(8)")
EITHER = ("relu", "layer_norm", "gelu", "dropout(0.1)", *JOINS)


def random_chain(seed: int) -> str:
    rng = random.Random(seed)
    steps = [rng.choice(rng.choice((FIRST, LAST, EITHER))) for _ in range(rng.randint(3, 6))]
    return "network Net:\n    input signal: 8 x 12\n    " + " -> ".join(steps) + "\n"


def fewest(graph: Graph) -> int:
    """The fewest moves of all ways to give each step that takes either a layout, and each value one."""
    steps = [node for node in graph if any(map(has_positions, (*node.outputs, *graph.tensors_into(node.id))))]
    free = [node.id for node in steps if node.op.name != "input" and node.op.layout() == "either"]
    best = len(steps) * 9
    for chosen in itertools.product(("first", "last"), repeat=len(free)):
        layout = {node.id: "first" if node.op.name == "input" else node.op.layout() for node in steps}
        layout |= dict(zip(free, chosen, strict=True))
        best = min(best, sum(_cost(graph, node.id, layout) for node in steps))
    return best


def _cost(graph: Graph, id: str, layout: dict[str, str]) -> int:
    """The moves for the value of a node: one that all readers of the other layout share, or one each."""
    readers = [layout[user.id] for user in graph.users(id)]
    readers += ["first" for output in graph.outputs for value in output.values if value.node == id]
    others = sum(reader != layout[id] for reader in readers)
    return min(others, 1 + sum(reader == layout[id] for reader in readers))


@pytest.mark.parametrize("seed", range(40))
def test_no_network_moves_channels_more_often_than_needed(seed: int) -> None:
    text = random_chain(seed)
    graph = archdsl.loads(text).graph
    assert moves(graph) == fewest(graph), text
    if seed % 8 == 0:
        same_numbers(text)
