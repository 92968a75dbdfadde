"""Tables with a row for each layer with weights: which rows there are, and that nothing is lost."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

import archdsl
from archdsl.analyses.layers import Chosen, is_layer, is_step
from archdsl.analyses.measures import summarize
from archdsl.analyses.rows import CUTS, rows
from archdsl.backends.tables import FORMATS, render
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.request import Request
from archdsl.backends.tables.table import Line, Table

SAMPLE = ("lenet", "vgg@D_bn", "googlenet", "preresnet@18", "textcnn", "efficientnet")

PUBLISHED = {"vgg@A": (11, 11), "vgg@D": (16, 16), "resnet@34": (34, 37), "resnet@50": (50, 54), "googlenet": (22, 58)}
"""Weighted layers in depth, as in the papers; and all convolutions and linear layers, with projections and branches."""

SUMS = ("params", "macs", "flops", "memory", "kept")


@pytest.mark.parametrize("spec", PUBLISHED)
def test_the_layers_of_papers(spec: str) -> None:
    graph, (depth, layers) = archdsl.load(spec).graph, PUBLISHED[spec]
    made = rows(summarize(graph), replace(CUTS["op"], joined=False, chosen=is_layer))
    assert sum(len(row.facts.members) for row in made if not row.opened) == layers
    notes = build(graph, Request(weighted_only=True)).notes
    assert any(note.startswith(f"{depth} weighted layers in depth") for note in notes)


@pytest.mark.parametrize("chosen", [is_layer, is_step], ids=["layers", "steps"])
@pytest.mark.parametrize("spec", SAMPLE)
def test_each_layer_has_one_row(spec: str, chosen: Chosen) -> None:
    summary = summarize(archdsl.load(spec).graph)
    for cut in CUTS.values():
        made = rows(summary, replace(cut, joined=False, chosen=chosen))
        shown = [node.id for row in made if not row.opened for node in summary.nodes_in(row.facts.members)]
        layers = [id for id in summary.nodes if chosen(summary, summary.graph.node(id))]
        assert sorted(shown) == sorted(set(layers) - {node.id for node in summary.graph.inputs})


@pytest.mark.parametrize("kind", CUTS)
@pytest.mark.parametrize("spec", SAMPLE)
def test_lines_add_up_to_the_network(spec: str, kind: str) -> None:
    graph = archdsl.load(spec).graph
    columns = ["path", *SUMS]
    made = build(graph, Request(rows=kind, weighted_only=True, columns=columns))
    whole = build(graph, Request(columns=columns)).total
    assert made.total == whole
    assert_sums([line for line in made.lines if line.level == 0], whole[1:] if whole else ())
    for index, line in enumerate(made.lines):
        if line.opened:
            assert_sums(parts(made, index), line.values[1:])


def assert_sums(lines: list[Line], values: tuple[int, ...] | list[int]) -> None:
    for index, value in enumerate(values, 1):
        assert sum(line.values[index] for line in lines) == value


def parts(table: Table, index: int) -> list[Line]:
    """The lines one level below a line."""
    around, after = table.lines[index], table.lines[index + 1 :]
    end = next((i for i, line in enumerate(after) if line.level <= around.level), len(after))
    return [line for line in after[:end] if line.level == around.level + 1]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_the_layers_and_the_others(format: str) -> None:
    printed = render(format, build(archdsl.load("vgg@D_bn").graph, Request(weighted_only=True, format=format)))
    assert "linear1" in printed
    assert "others" in printed
    assert "bn1" not in printed


def test_programs_can_add_up_the_lines() -> None:
    graph = archdsl.load("resnet@18").graph
    table = build(graph, Request(weighted_only=True, columns=["path", "params"]))
    (_, *lines) = csv.reader(io.StringIO(render("csv", table)))
    assert sum(int(line[-1]) for line in lines if line[0] == "0") == 11_689_512
    data = json.loads(render("json", table))
    assert data["rows"][-1]["path"] == "others"
    assert data["rows"][-1]["params"] == 9_600
