"""Every rule that graphs keep is checked, and a graph that breaks it is named as our bug."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from graphs import HEADER, Parts, at, op, small, text

from archdsl.ir.builder import Builder
from archdsl.ir.graph import Choice, Graph, Setting, Value
from archdsl.ir.verify import Bug, verify
from archdsl.tensor import Tensor


def test_a_sound_graph_passes() -> None:
    verify(small(), after="test")
    verify(Parts(small()).graph(), after="test")


def choice(parts: Parts, path: str) -> Choice:
    (scope,) = (scope for scope in parts.scopes if scope.path == path)
    (found,) = (step for step in scope.steps if isinstance(step, Choice))
    return found


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
    "step that is not there": (
        lambda p: p.change_scope("stem", steps=("stem.conv", "stem.relu")),
        "the steps of scope 'stem' are not what it holds",
    ),
    "names of a missing scope": (
        lambda p: p.change_node("stem.conv", written=(("out", text("16", "head")),)),
        "node stem.conv uses names of scope head, which does not exist",
    ),
    "text about a missing value": (
        lambda p: p.change_scope("body.0", written=(("width", text("16", "", ("it", Value("stem.relu")))),)),
        "scope 'body.0' gives output 0 of stem.relu, which does not exist",
    ),
    "choice after a missing value": (
        lambda p: p.change_scope(
            "body.0", steps=(replace(choice(p, "body.0"), before=(Value("head"),)), "body.0.conv2", "body.0.add")
        ),
        "scope 'body.0' gives output 0 of head, which does not exist",
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
    for number in range(length):
        (it,) = builder.node(op("conv", out=8, kernel=3), [it], at("conv"), f"conv{number}")
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
