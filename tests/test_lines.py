"""What stands at the ends of lines: shapes that papers state, and costs that add up to those of the network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archdsl.analyses import totals
from archdsl.editing.checking import Spec
from archdsl.editing.lines import LineFacts, lines
from archdsl.resources import specs_folder
from archdsl.syntax.parser import parse

SPECS = sorted(specs_folder().glob("*.arch"))
STAGE = re.compile(r"^    stage (\w+)[ :\"]")
SHAPE = re.compile(r"(?:^|[ ;])(\w+)\.shape == (\d+(?:x\d+)*)(?=;|$)")


def compiled(path: Path) -> tuple[Spec, dict[int, LineFacts]]:
    spec = Spec(path.read_text(encoding="utf-8"), path)
    network = spec.file.network
    assert network is not None
    if any(parameter.default is None for parameter in network.parameters):
        spec = spec.of_variant(next(iter(network.variants)))
    found = lines(spec.compiled.graph, spec.file.source, parse(spec.file.source))
    return spec, {facts.line: facts for facts in found}


@pytest.mark.sampled
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_costs_of_statements_add_up(path: Path) -> None:
    """The lines of a network's own statements have all its parameters and multiply-adds, between them."""
    spec, found = compiled(path)
    text = spec.text.splitlines()
    graph = spec.compiled.graph
    assert graph.scopes[""].span.source.path == path
    begins = next(i for i, line in enumerate(text, 1) if line.startswith("network"))
    ends = next((i for i, line in enumerate(text, 1) if i > begins and re.match(r"\w", line)), len(text) + 1)
    own = [facts for line, facts in found.items() if begins < line < ends and re.match(r" {4}\S", text[line - 1])]
    shared = len({node.weights for node in graph}) < len(graph)
    loops = any(re.match(r" +(repeat|for|if) ", line) for line in text[begins:ends])
    if not shared and not loops and not graph.training_only:
        nodes = totals.nodes_in(graph)
        assert sum(facts.params for facts in own) == totals.parameters(graph, nodes)
        assert sum(facts.macs for facts in own) == totals.macs(graph, nodes)
    assert found[begins].params == totals.parameters(graph, totals.nodes_in(graph))


@pytest.mark.sampled
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_shapes_are_those_that_the_spec_expects(path: Path) -> None:
    """`expect conv1.shape == 64x112x112` is read as text, and compared with what stands at the stage's line."""
    spec, found = compiled(path)
    stages = {match[1]: i for i, line in enumerate(spec.text.splitlines(), 1) if (match := STAGE.match(line))}
    for line in spec.text.splitlines():
        if line.startswith("    expect ") and ":" not in line:
            for name, shape in SHAPE.findall(line):
                if name in stages:
                    assert found[stages[name]].shapes == (shape.replace("x", "×"),), name


def test_lines_of_each_kind() -> None:
    text = (
        "network N:\n"
        "    input image: 3 x 16 x 16\n"
        "    let width = 4 * 2\n"
        "    conv(width, 3) as skip\n"
        "    add{conv(8, 3) -> bn | it}  # a comment\n"
        "    concat:\n"
        "        | conv(4, 1)\n"
        "        | it -> conv(2, 1)\n"
        "    stage body:\n"
        "        Unit(8) -> Unit(16, stride=2)\n"
        "        conv(32,\n"
        "             3) * 2\n"
        "    split(2) as (left, right)\n"
        "    left -> global_avg_pool -> flatten -> linear(10)\n"
        "\n"
        "block Unit(out, stride=1):\n"
        "    conv(out, 3, stride=stride)\n"
        "    relu\n"
    )
    spec = Spec(text)
    found = lines(spec.compiled.graph, spec.file.source, parse(spec.file.source))
    assert {facts.line: " ".join(facts.text.split()) for facts in found} == {
        1: "16.5 K params, 1.28 M MACs",
        2: "3×16×16",
        3: "= 8",
        4: "8×16×16 224 params, 55.3 K MACs",
        5: "8×16×16 600 params, 147 K MACs",
        6: "6×16×16",
        7: "4×16×16 36 params, 8.19 K MACs",
        8: "2×16×16 18 params, 4.10 K MACs",
        9: "32×8×8 15.5 K params, 1.07 M MACs",
        10: "16×8×8 1.61 K params, 184 K MACs",
        12: "32×8×8 13.9 K params, 885 K MACs",
        13: "16×8×8, 16×8×8",
        14: "10 170 params, 160 MACs",
        17: "8×16×16 … 16×8×8 1.61 K params, 184 K MACs",
        18: "8×16×16 … 16×8×8",
    }


def test_a_join_gives_what_it_joins_and_not_its_last_branch() -> None:
    """A join on one line, over several lines, and with its branches on lines of their own."""
    text = (
        "network N:\n"
        "    input image: 3 x 8 x 8\n"
        "    concat{conv(4, 3) | it -> conv(2, 1)}\n"
        "    concat{conv(4, 3) |\n"
        "           conv(8, 1)}\n"
        "    concat:\n"
        "        | conv(5, 1)\n"
        "        | it\n"
    )
    spec = Spec(text)
    found = {facts.line: facts.shapes for facts in lines(spec.compiled.graph, spec.source, parse(spec.source))}
    assert found[3] == ("6×8×8",)
    assert found[5] == ("12×8×8",)
    assert found[6] == ("17×8×8",)
    assert found[7] == ("5×8×8",)
