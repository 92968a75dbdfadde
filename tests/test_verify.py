"""Every rule that graphs keep is checked, and a graph that breaks it is named as our bug."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from graphs import HEADER, Parts, at, op, said, small

from archdsl.ir.builder import Builder
from archdsl.ir.graph import Graph, Let, Setting, Value
from archdsl.ir.verify import Bug, verify
from archdsl.tensor import Tensor


def test_a_sound_graph_passes() -> None:
    verify(small(), after="test")
    verify(Parts(small()).graph(), after="test")


BROKEN: dict[str, tuple[Callable[[Parts], object], str]] = {
    "no root": (lambda p: p.scopes.pop(0), "there is no scope for the network"),
    "orphan scope": (
        lambda p: p.change_scope("body.1", parent="head"),
        "scope body.1 lies in head, which does not exist",
    ),
    "scope outside its parent": (
        lambda p: p.change_scope("body.1", parent="stem"),
        "scope body.1 has no legal name in its parent 'stem'",
    ),
    "copy beyond the count": (lambda p: p.change_scope("body.1", copy=(2, 2)), "scope body.1 is copy 2 of 2"),
    "copy without a number": (
        lambda p: p.change_scope("body.1", copy=None),
        "scope body.1 is a copy without a number",
    ),
    "two networks": (lambda p: p.change_scope("stem", kind="network"), "scope stem is a second network"),
    "network with a path of weights": (
        lambda p: p.change_scope("", weights="a"),
        "there is no scope for the network",
    ),
    "another kind among copies": (
        lambda p: p.change_scope("body.1", kind="block"),
        "body.1 stands among the copies in scope body",
    ),
    "copies of a block": (
        lambda p: p.change_scope("body", block="Body"),
        "scope 'body' has copies, and is a block",
    ),
    "code as a path of weights": (
        lambda p: p.change_node("stem.bn", weights="f(1)"),
        "node stem.bn has the path of weights `f(1)`, which is not one",
    ),
    "code as an output": (
        lambda p: p.change_output(1, name="a=1"),
        "the network has the output `a=1`, which is not one",
    ),
    "output named as a method": (lambda p: p.change_output(1, name="half"), "output `half` has no legal name"),
    "hidden character": (
        lambda p: p.change_scope("stem", title="The\x1b stem"),
        "scope 'stem' has the title `The� stem`, with a control character in it",
    ),
    "weights of a scope and a node": (
        lambda p: p.change_node("stem.bn", weights="body"),
        "the weights body are both those of a scope and those of a node",
    ),
    "node in no scope": (
        lambda p: p.change_node("stem.bn", scope="root"),
        "node stem.bn lies in scope root, which does not exist",
    ),
    "node outside its scope": (
        lambda p: p.change_node("stem.bn", scope="body"),
        "node stem.bn has no legal name in its scope 'body'",
    ),
    "illegal name": (lambda p: p.change_node("split", id="a-b"), "node a-b has no legal name in its scope ''"),
    "reserved name": (lambda p: p.change_node("split", id="half"), "node half has no legal name in its scope ''"),
    "node named as a scope": (lambda p: p.change_node("split", id="body"), "body is both a scope and a node"),
    "missing input": (
        lambda p: p.change_node("stem.bn", inputs=(Value("stem.relu"),)),
        "node stem.bn takes stem.relu, which does not come before it",
    ),
    "order": (
        lambda p: p.nodes.insert(1, p.nodes.pop(2)),
        "node stem.bn takes stem.conv, which does not come before it",
    ),
    "port": (
        lambda p: p.change_node("concat", inputs=(Value("split", 0), Value("split", 2))),
        "node concat takes output 2 of split, which has 2",
    ),
    "too few inputs": (
        lambda p: p.change_node("stem.bn", inputs=()),
        "node stem.bn cannot take its inputs: `bn` takes 1 value, got 0",
    ),
    "op that does not fit": (
        lambda p: p.change_node("stem.conv", op=op("conv", out=16, kernel=3, groups=2)),
        "node stem.conv cannot take its inputs: ",
    ),
    "stale shape": (
        lambda p: p.change_node("stem.conv", op=op("conv", out=32, kernel=3, stride=2)),
        "node stem.conv gives 32x4x4, not 16x4x4 as recorded",
    ),
    "stale kind": (
        lambda p: p.change_node("gate", outputs=(Tensor(16, 4, 4, kind="int"),)),
        "node gate gives 16x4x4, not 16x4x4 of int as recorded",
    ),
    "weights of another op": (
        lambda p: p.change_node("gate", op=op("conv", out=16, kernel=1, bias=False)),
        "nodes aside.gate, gate share the weights gate but differ",
    ),
    "no output": (lambda p: p.outputs.clear(), "the first output is not the main one"),
    "main output last": (lambda p: p.outputs.reverse(), "the first output is not the main one"),
    "two outputs of one name": (lambda p: p.outputs.append(p.outputs[1]), "2 outputs are named aside"),
    "empty output": (lambda p: p.change_output(1, values=()), "output aside has 0 values"),
    "output of a missing node": (
        lambda p: p.change_output(0, values=(Value("head"),)),
        "output output gives output 0 of head, which does not exist",
    ),
    "result of a missing node": (
        lambda p: p.change_scope("stem", results=(Value("stem.bn", 1),)),
        "scope stem gives output 1 of stem.bn, which does not exist",
    ),
    "name of a missing value": (
        lambda p: p.change_scope("body", names=(("early", Value("stem.relu")),)),
        "scope body gives output 0 of stem.relu, which does not exist",
    ),
    "port that is no name": (
        lambda p: p.change_scope("stem", ports=("image",)),
        "scope 'stem' has the ports image, which are not the first of its names",
    ),
    "names of an inner scope": (
        lambda p: p.change_node("stem.conv", written=(("out", said("16", "body.0")),)),
        "`out` of node stem.conv uses the names of body.0, which is no scope around it",
    ),
    "names of no scope": (
        lambda p: p.change_scope("body", count=said("2", "bod")),
        "`count` of scope 'body' uses the names of bod, which is no scope around it",
    ),
    "text about a missing value": (
        lambda p: p.change_node("stem.bn", written=(("eps", said("16", it=Value("split", 2))),)),
        "`eps` of node stem.bn gives output 2 of split, which does not exist",
    ),
    "named number of a missing value": (
        lambda p: p.change_scope("stem", lets=(Let("c", said("16", it=Value("stem.relu")), 16),)),
        "`c` of scope 'stem' gives output 0 of stem.relu, which does not exist",
    ),
    "setting of an inner scope": (
        lambda p: p.change_scope("stem", settings=(Setting("c", 16, "given", said("16", "body")),)),
        "`c` of scope 'stem' uses the names of body, which is no scope around it",
    ),
    "condition about a missing value": (
        lambda p: p.change_choice(conditions=(said("depth > 1", "", it=Value("split", 3)),)),
        "`if` of scope '' gives output 3 of split, which does not exist",
    ),
    "argument that the op does not take": (
        lambda p: p.change_node("stem.bn", written=(("out", said("16")),)),
        "node stem.bn was given out, which `bn` does not take",
    ),
    "argument that the block does not take": (
        lambda p: p.change_scope("body.0", omitted=("depth",)),
        "scope 'body.0' was given depth, which are not among its arguments",
    ),
    "step of another scope": (
        lambda p: p.change_scope("body", steps=("body.0", "body.1.add")),
        "scope 'body' has the step body.1.add, which is not one of its members",
    ),
    "step that does not exist": (
        lambda p: p.change_scope("body", steps=("body.0", "body.2")),
        "scope 'body' has the step body.2, which is not one of its members",
    ),
    "step twice": (lambda p: p.change_scope("body", steps=("body.0",) * 2), "scope 'body' has the step body.0 2 times"),
    "step left out": (
        lambda p: p.change_scope("body.0", steps=("body.0.conv1", "body.0.add")),
        "scope 'body.0' has the step body.0.add, where the nodes have body.0.conv2",
    ),
    "steps in another order": (
        lambda p: p.change_scope("body.0", steps=("body.0.conv1", "body.0.add", "body.0.conv2")),
        "scope 'body.0' has the step body.0.add, where the nodes have body.0.conv2",
    ),
    "last step left out": (
        lambda p: p.change_scope("body.0", steps=("body.0.conv1", "body.0.conv2")),
        "scope 'body.0' has no step more, where the nodes have body.0.add",
    ),
    "scope that is left and entered again": (
        lambda p: p.nodes.insert(2, p.nodes.pop(-1)) or p.change_node("gate", inputs=(Value("stem.conv"),)),
        "scope '' has the step body, where the nodes have gate",
    ),
    "arm's step of another scope": (
        lambda p: p.change_choice(steps=("stem.bn",)),
        "scope '' has the step stem.bn, which is not one of its members",
    ),
    "arm that is none": (lambda p: p.change_choice(taken=2), "an `if` of scope '' took arm 2, and has 1"),
    "arms without conditions": (
        lambda p: p.change_choice(arms=3),
        "an `if` of scope '' has 3 arms and 1 conditions",
    ),
    "arm that gives a missing value": (
        lambda p: p.change_choice(gives=(("it", (Value("concat", 1),)),)),
        "an `if` of scope '' gives output 1 of concat, which does not exist",
    ),
    "block that gives what it has not": (
        lambda p: p.change_scope("body.1", results=(Value("stem.conv"),)),
        "scope body.1 gives stem.conv, which it neither makes nor takes",
    ),
    "value that a stage keeps to itself": (
        lambda p: p.change_node("body.0.conv1", inputs=(Value("stem.conv"),)),
        "node body.0.conv1 takes stem.conv, which scope stem neither gives nor names",
    ),
    "argument that is no data": (
        lambda p: p.change_scope("body.0", arguments=(("width", [16, object()]),)),
        "`width` of scope 'body.0' is a list, not plain data",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_graph_is_our_bug(name: str) -> None:
    damage, violation = BROKEN[name]
    parts = Parts(small())
    damage(parts)
    with pytest.raises(Bug) as caught:
        verify(parts.graph(), after="fold_batchnorm")
    assert caught.value.violation.startswith(violation)
    assert str(caught.value).startswith("this is a bug in archdsl: after fold_batchnorm, ")


def test_infinite_numbers_are_no_settings() -> None:
    parts = Parts(small())
    parts.header = HEADER.__class__("Small", "x", settings=(Setting("width", float("inf"), "given"),))
    with pytest.raises(Bug, match="setting `width` is a float, not plain data"):
        verify(parts.graph(), after="test")


@pytest.mark.parametrize("edge", [("image", "stem.bn", 0), ("image", "stem.bn", 1)])
def test_edges_of_networkx_are_those_of_the_graph(edge: tuple[str, str, int]) -> None:
    graph = small()
    source, target, slot = edge
    graph.network.add_edge(source, target, key=slot, port=0)
    with pytest.raises(Bug, match=r"networkx has other edges into stem\.bn"):
        verify(graph, after="test")


def test_nodes_of_networkx_are_those_of_the_graph() -> None:
    graph = small()
    graph.network.add_node("ghost")
    with pytest.raises(Bug, match="networkx has other nodes"):
        verify(graph, after="test")


def test_ids_and_paths_are_unique() -> None:
    parts = Parts(small())
    parts.nodes.append(parts.nodes[-1])
    with pytest.raises(AssertionError, match="two nodes have the id gate"):
        parts.graph()
    parts = Parts(small())
    parts.scopes.append(parts.scopes[-1])
    with pytest.raises(AssertionError, match="two scopes have one path"):
        parts.graph()


def chain(length: int) -> Graph:
    builder = Builder(at("Small"))
    (it,) = builder.node(op("input", dims=(8, 4, 4)), (), at("image"), "image")
    for index in range(length):
        (it,) = builder.node(op("conv", out=8, kernel=3), [it], at("conv"), f"conv{index}")
    return builder.finish(HEADER, [("output", [it], False, False)])


def calls(graph: Graph) -> int:
    """Function calls that `verify` makes: a measure of its work that no other process disturbs."""
    count = 0

    def profile(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(profile)
    verify(graph, after="test")
    sys.setprofile(None)
    return count


def test_work_follows_the_number_of_nodes() -> None:
    short, long = chain(100), chain(1_000)
    calls(short)  # what is cached on the way is cached now
    assert calls(long) < 10.5 * calls(short)
