"""The row of a named value is that value, in every table of every network.

The gallery names few values. So names are given to a share of the values of each network, chosen by their words and
the same in every copy; the graph is what it would be if the spec had an `as` after these steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from random_specs import spec, template

import archdsl
from archdsl.analyses.measures import summarize
from archdsl.analyses.rows import CUTS, Row, path_of, rows
from archdsl.backends.tables import render
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.request import Request
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.ir.steps import counted

SPECS = sorted(path.stem for path in (Path(__file__).parent.parent / "specs").glob("*.arch"))


def chosen(node: Node, salt: int) -> bool:
    return crc32(f"{salt}{node.name}".encode()) % 3 == 0


def with_names(graph: Graph, salt: int) -> Graph:
    """The graph with names for a third of its values."""
    nodes = [replace(node, label=node.name) if chosen(node, salt) else node for node in graph]
    given: dict[str, list[tuple[str, Value]]] = {}
    for node in nodes:
        if chosen(node, salt):
            given.setdefault(node.scope, []).append((node.name, Value(node.id)))
    scopes = [replace(s, names=(*s.names, *given.get(s.path, ()))) for s in graph.scopes.values()]
    return Graph(graph.header, scopes, ((node, graph.inputs_of(node.id)) for node in nodes), graph.outputs)


def named(graph: Graph, made: list[Row]) -> Iterator[tuple[Row, Value]]:
    """The rows whose name stands for a value in the spec, with that value."""
    for row in made:
        scope = graph.scopes[row.main.parent or ""] if isinstance(row.main, Scope) else graph.scopes[row.main.scope]
        meant = dict(scope.names[len(scope.ports) :]).get(row.main.name)
        if meant is None and isinstance(row.main, Scope) and row.main.kind == "stage":
            meant = row.main.results[-1]
        if meant is not None:
            yield row, meant


def check(graph: Graph) -> int:
    """Holds each row to the value that it is named after. How many rows there were."""
    summary, found = summarize(graph), 0
    for kind, cut in CUTS.items():
        for row, meant in named(graph, rows(summary, cut)):
            assert row.output == graph.tensor(meant), (kind, row.path)
            found += 1
    return found


@pytest.mark.parametrize("name", SPECS)
def test_rows_of_named_values(name: str) -> None:
    graph = counted(archdsl.load(name).graph)
    salt = next(salt for salt in range(20) if any(chosen(node, salt) for node in graph if node.op.name != "input"))
    assert check(with_names(graph, salt))


def test_rows_of_named_values_of_random_networks() -> None:
    found = 0
    for seed in range(20):
        try:
            graph = counted(archdsl.loads(spec(template(seed), 0)).graph)
        except CompileError:
            continue
        found += sum(check(with_names(graph, salt)) for salt in range(2))
    assert found > 200


def test_json_has_the_shape_of_the_named_value() -> None:
    kind = "stage"
    graph = with_names(counted(archdsl.load("vgg").graph), 0)
    table = build(graph, Request(rows=kind, columns=["path", "output"]))
    shapes = {row["path"]: row["output"] for row in json.loads(render("json", table))["rows"]}
    for row, meant in named(graph, rows(summarize(graph), CUTS[kind])):
        assert shapes[path_of(row.main)] == list(graph.tensor(meant).dims)
