"""Flowcharts for Mermaid, read back by Mermaid's own parser (its JavaScript, in a process of its own)."""

from __future__ import annotations

import html
import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

import archdsl
from archdsl.ir.graph import Graph
from archdsl.outputs import written

PARSE = """
import json, sys
from mermaid_parser.parser import MermaidParser
parser = MermaidParser()
print(json.dumps([parser.parse(text)["graph_data"] for text in json.load(sys.stdin)]))
"""

SPECS = [
    "resnet@50",
    "unet",
    "googlenet",
    "yolov5",
    "vae",
    "siamese",
    "hourglass",
    "nasnet",
    "gpt2",
    "t5",
    "detr",
    "gru",
]

HOSTILE = """\
network Hostile:
    input click: 3 x 8 x 8
    stage style "a #1; <i> & `c`": conv(4, 3)
    stage graph: conv(4, 3)
    stage end: add{it | style}
    output subgraph: graph -> conv(2, 1)
"""


@cache
def parsed() -> dict[str, Any]:
    """What Mermaid reads in each flowchart; all are read by one process."""
    graphs = {spec: archdsl.load(spec).graph for spec in SPECS} | {"hostile": archdsl.loads(HOSTILE).graph}
    if subprocess.run([sys.executable, "-c", "import mermaid_parser.parser"], capture_output=True).returncode:
        pytest.skip("Mermaid's own parser cannot be had here")
    texts = [written(graph, "mermaid") for graph in graphs.values()]
    done = subprocess.run(
        [sys.executable, "-c", PARSE], input=json.dumps(texts), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(graphs, json.loads(done.stdout.splitlines()[-1]), strict=True))


def between_stages(graph: Graph) -> set[tuple[str, str]]:
    """Which stage takes values of which, and which gives the output, read from the graph edge by edge."""

    def home(node: str) -> str:
        scopes = graph.ancestry(graph.node(node).scope)
        return scopes[-2].path if len(scopes) > 1 else node

    edges = {(home(value.node), home(node.id)) for node in graph for value in graph.inputs_of(node.id)}
    return {(one, other) for one, other in edges if one != other} | {(home(graph.outputs[0].values[0].node), "output")}


@pytest.mark.parametrize("spec", SPECS)
def test_mermaid_reads_a_flowchart(spec: str) -> None:
    found = parsed()[spec]
    names = set(found["vertices"])
    lines = {(edge["start"], edge["end"]) for edge in found["edges"]}
    assert len(found["edges"]) == len(lines)
    assert {name for line in lines for name in line} == names
    assert found["direction"] == "TB"


@pytest.mark.parametrize("spec", ["resnet@50", "googlenet", "siamese", "t5"])
def test_lines_are_those_of_the_network(spec: str) -> None:
    found = parsed()[spec]
    lines = {(edge["start"], edge["end"]) for edge in found["edges"]}
    assert lines == between_stages(archdsl.load(spec).graph)


def test_lines_have_shapes_and_training_is_dotted() -> None:
    edges = {(edge["start"], edge["end"]): edge for edge in parsed()["googlenet"]["edges"]}
    assert edges["image", "stem"]["text"] == "3×224×224"
    assert edges["inception5", "head"]["stroke"] == "normal"
    assert edges["inception4", "aux1"]["stroke"] == "dotted"


def test_words_and_signs_of_mermaid_do_no_harm() -> None:
    found = parsed()["hostile"]
    texts = {name: vertex["text"] for name, vertex in found["vertices"].items()}
    assert {"click_", "style_", "graph_", "end_", "subgraph_", "output"} == set(texts)
    assert texts["click_"] == "click"
    shown = html.unescape(texts["style_"].replace("ﬂ°°", "&#").replace("¶ß", ";"))  # as Mermaid does for the page
    assert shown == "a #1; <i> & `c`<br/>3×3, 4"
