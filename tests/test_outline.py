"""Blocks and stages that are found where a network has no scopes: the text is the same network, and short."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archdsl
from archdsl.decompile.spec import spec_of
from archdsl.frontends.dominators import Dominators
from archdsl.frontends.naming import ModuleCall, names
from archdsl.frontends.nodes import NewNode
from archdsl.frontends.outline import outlined
from archdsl.frontends.scopes import Tree
from archdsl.ir.graph import Graph
from archdsl.ir.verify import verify
from archdsl.prove.prove import prove_sides
from archdsl.prove.report import report_text
from archdsl.prove.sides import of_graph

LINES = Path(__file__).parent / "data" / "outlined_lines.csv"
"""The most lines of the specs that are written of networks of the gallery without scopes. They may not rise."""


def flattened(graph: Graph) -> Graph:
    """The graph without its scopes, in which blocks and stages are then looked for."""
    places = graph.places
    made = [
        NewNode(
            node.op,
            tuple((places[value.node], value.port) for value in graph.inputs_of(node.id)),
            node.outputs,
            {
                slot: f"w{node.weights.replace('.', '_')}.{slot}"
                for slot in node.op.weights(*graph.tensors_into(node.id))
            }
            | ({"weight": f"w{node.weights.replace('.', '_')}.weight"} if node.op.is_tied() else {}),
            ModuleCall("", "", node.op.name),
        )
        for node in graph
    ]
    rows = [(output.name, value, output.training) for output in graph.outputs for value in output.values]
    results = [(name, (places[value.node], value.port)) for name, value, _ in sorted(rows, key=lambda row: row[2])]
    placed, classes = outlined(made, [value for _, value in results])
    named = names([node.place for node in placed], {node.place.module for node in placed} - classes.keys())
    tree = Tree(placed, named, {**classes, "": graph.header.name}, {}, "flat")
    return tree.graph(results, sum(not training for _, _, training in rows))


def sampled() -> list[tuple[str, int]]:
    with LINES.open() as file:
        return [(row["network"], int(row["lines"])) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("name", "lines"), sampled())
def test_a_network_without_scopes_is_written_again(name: str, lines: int) -> None:
    graph = archdsl.load(name).graph
    flat = flattened(graph)
    verify(flat, "outlining")
    text = spec_of(flat)
    proof = prove_sides(of_graph(archdsl.loads(text).graph), of_graph(graph), structure_only=True)
    assert proof.ok, f"{report_text(proof)}\n{text}"
    assert len(text.splitlines()) <= lines, text


@st.composite
def dags(draw: st.DrawFn) -> list[list[int]]:
    """For each node the earlier nodes that it takes; node 0 takes none."""
    count = draw(st.integers(1, 40))
    return [[], *(sorted(draw(st.sets(st.integers(0, node - 1), min_size=1, max_size=3))) for node in range(1, count))]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(dags())
def test_dominators_are_those_of_networkx(inputs: list[list[int]]) -> None:
    graph = nx.DiGraph((source, node) for node, sources in enumerate(inputs) for source in sources)
    graph.add_node(0)
    theirs = nx.immediate_dominators(graph, 0)
    assert Dominators(inputs).parents == [None, *(theirs[node] for node in range(1, len(inputs)))]


def test_several_inputs_have_no_dominator() -> None:
    assert Dominators([[], [], [0, 1], [2], [2, 3]]).parents == [None, None, None, 2, 2]


def test_work_grows_as_the_network_does() -> None:
    """Each node jumps at most about twice the logarithm of the depth: a comb of skips over everything before it."""

    class Counted(list[int]):
        reads = 0

        def __getitem__(self, index: int) -> int:  # type: ignore[override]
            Counted.reads += 1
            return super().__getitem__(index)

    counts = []
    for length in (2_000, 4_000):
        dominators = Dominators([[]])
        dominators._depths = Counted(dominators._depths)
        Counted.reads = 0
        for node in range(1, length):
            dominators.add([node - 1, 0] if node % 2 else [node - 1])
        counts.append(Counted.reads)
    assert all(after < 2.5 * before for before, after in pairwise(counts))
