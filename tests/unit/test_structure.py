"""Structures: equal numbers exactly where networkx finds the same graph of equal ops."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import pytest

from archdsl.analyses.structure import identity, interfaces, structures
from archdsl.driver import compile_network, open_spec
from archdsl.ir.graph import Graph, Value


def network(spec: str, variant: str | None = None) -> Graph:
    return compile_network(open_spec(spec), variant).graph


def drawn(graph: Graph, path: str) -> nx.MultiDiGraph[str]:
    """A scope's ops as networkx sees them; what comes from outside and what goes there are nodes too."""
    border = interfaces(graph)[path]
    inside = {node.id for node in graph if node.id.startswith(f"{path}.")}
    picture: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for id in inside:
        picture.add_node(id, kind=identity(graph.node(id).op))
    for index, value in enumerate(border.inputs):
        picture.add_node(f"in {value}", kind=("in", index))
    for id in inside:
        for slot, value in enumerate(graph.inputs_of(id)):
            source = value.node if value.node in inside else f"in {value}"
            picture.add_edge(source, id, key=slot, wire=(slot, value.port))
    for index, value in enumerate(border.outputs):
        picture.add_node(f"out {index}", kind=("out", index))
        picture.add_edge(value.node, f"out {index}", key=0, wire=(0, value.port))
    return picture


def alike(graph: Graph, one: str, other: str) -> bool:
    return nx.is_isomorphic(
        drawn(graph, one),
        drawn(graph, other),
        node_match=lambda a, b: a["kind"] == b["kind"],
        edge_match=lambda a, b: sorted(e["wire"] for e in a.values()) == sorted(e["wire"] for e in b.values()),
    )


@pytest.mark.parametrize(
    ("spec", "variant", "kind"),
    [
        ("resnet", "34", "copy"),
        ("googlenet", "bn", "block"),
        ("shufflenet", None, "copy"),
        ("densenet", "121", "stage"),
    ],
)
def test_numbers_are_equal_where_the_graphs_are(spec: str, variant: str | None, kind: str) -> None:
    graph = network(spec, variant)
    numbers = structures(graph)
    paths = [path for path, scope in graph.scopes.items() if scope.kind == kind and scope.block]
    pairs = list(combinations(paths[:16], 2))
    assert pairs
    outcomes = {numbers[one] == numbers[other] for one, other in pairs}
    assert all((numbers[one] == numbers[other]) == alike(graph, one, other) for one, other in pairs)
    assert kind == "stage" or outcomes == {True, False}


def test_arguments_count_unless_told_otherwise() -> None:
    graph = network("resnet", "50")
    exact, rough = structures(graph), structures(graph, arguments=False)
    assert exact["conv3.1"] == exact["conv3.3"] != exact["conv4.1"]
    assert rough["conv3.1"] == rough["conv4.1"] != rough["conv4.0"]


def test_a_rate_that_follows_from_the_place_is_no_difference() -> None:
    """Drop path is more likely with every copy."""
    graph = network("efficientnet", "b0")
    rates = {node.op for node in graph if node.op.name == "drop_path"}
    assert len(rates) > 1
    assert structures(graph)["stage7.1"] == structures(graph)["stage7.3"]


def test_what_crosses_a_border() -> None:
    graph = network("googlenet", "paper")
    borders = interfaces(graph)
    assert borders["aux1"].inputs == (Value("inception4.i4a.concat"),)
    assert borders["inception4"].outputs[0] == Value("inception4.i4a.concat"), "the auxiliary output takes it"
    assert len(borders["inception4"].outputs) == 3
    assert borders[""].inputs == ()
    assert {value.node for value in borders[""].outputs} >= {output.values[0].node for output in graph.outputs}
