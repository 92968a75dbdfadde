"""Graphs survive JSON, and JSON that is no graph is explained."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from graphs import SPEC, Parts, small

from archdsl.diagnostics import CompileError
from archdsl.driver import compile_network, open_spec
from archdsl.elaborate.explain import explain
from archdsl.ir.dump import dump
from archdsl.ir.graph import Value
from archdsl.ir.serialize import from_json, to_json
from archdsl.report import render_line
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source


def test_nothing_is_lost() -> None:
    graph = small()
    text = to_json(graph)
    again = from_json(text)
    assert again == graph
    assert hash(again) == hash(graph)
    assert to_json(again) == text  # 1, 1.0 and true are equal in Python, and not in JSON
    assert dump(again) == dump(graph)
    assert again.node("stem.conv").span.text == "conv(16, 3"
    assert again.node("stem.conv").span.source.text == SPEC.text


@pytest.mark.sampled
@pytest.mark.parametrize("spec", sorted(path.stem for path in specs_folder().glob("*.arch")))
def test_nothing_of_a_spec_is_lost(spec: str) -> None:
    graph = compile_network(open_spec(spec)).graph
    text = to_json(graph)
    again = from_json(text)
    assert again == graph
    assert to_json(again) == text


def test_every_part_counts_in_equality() -> None:
    changes: list[Callable[[Parts], object]] = [
        lambda p: p.change_node("stem.bn", label="other"),
        lambda p: p.change_node("concat", inputs=(Value("split"), Value("split", 1))),
        lambda p: p.change_scope("body", title="The body"),
        lambda p: p.change_output(1, training=False),
        lambda p: p.scopes.reverse(),
    ]
    for change in changes:
        parts = Parts(small())
        change(parts)
        assert parts.graph() != small()
    assert small() != "a graph"


def edited(**changes: Any) -> str:
    """The small graph's JSON with `path__to__key` set to a value, or removed where that is `...`."""
    data = json.loads(to_json(small()))
    for path, value in changes.items():
        *keys, last = [int(key) if key.isdecimal() else key for key in path.split("__")]
        target = data
        for key in keys:
            target = target[key]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return json.dumps(data)


BAD: dict[str, tuple[str, str]] = {
    "empty": ("", "net.json:1:1: error[bad-graph-file]: this is not JSON: EOF while parsing a value"),
    "cut off": (
        '{"format":\n "archdsl',
        "net.json:2:9: error[bad-graph-file]: this is not JSON: EOF while parsing a string",
    ),
    "deep": ("[" * 9999, "net.json:1:202: error[bad-graph-file]: this is not JSON: recursion limit exceeded"),
    "a list": ("[]", "error[bad-graph-file]: net.json: should be an object"),
    "another format": (
        edited(format="onnx"),
        "error[bad-graph-file]: net.json: `format` should be 'archdsl-graph-1'",
    ),
    "missing key": (edited(nodes__0__id=...), "error[bad-graph-file]: net.json: `nodes[0].id` is missing"),
    "unknown key": (
        edited(nodes__0__name="x"),
        "error[bad-graph-file]: net.json: `nodes[0].name` is not a key of the format",
    ),
    "wrong type": (
        edited(nodes__1__span__start="7"),
        "error[bad-graph-file]: net.json: `nodes[1].span.start` should be a valid integer",
    ),
    "negative": (
        edited(nodes__1__outputs__0__dims=[-1]),
        "error[bad-graph-file]: net.json: `nodes[1].outputs[0].dims[0]` should be greater than or equal to 0",
    ),
    "place outside the text": (
        edited(nodes__1__span__end=10_000),
        "error[bad-graph-file]: net.json: node `stem.conv` points outside the texts of `sources`",
    ),
    "place in no source": (
        edited(scopes__1__span__source=7),
        "error[bad-graph-file]: net.json: scope `stem` points outside the texts of `sources`",
    ),
    "unknown op": (
        edited(nodes__1__op__op="convolve"),
        "error[bad-graph-file]: net.json: node `stem.conv`: no op is called",
    ),
    "unknown argument": (
        edited(nodes__1__op__arguments__kernl=3),
        "error[bad-graph-file]: net.json: node `stem.conv`: `kernl` is not a key of the format",
    ),
    "value with keys": (
        edited(header__settings__0__value={"tensor": [1]}),
        "error[bad-graph-file]: net.json: setting `classes` has a value of keys tensor; only a shape has keys",
    ),
    "twice the same id": (
        edited(nodes__2__id="stem.conv"),
        "error[bad-graph-file]: net.json: 2 nodes have the id `stem.conv`",
    ),
    "twice the same path": (
        edited(scopes__2__path="stem"),
        "error[bad-graph-file]: net.json: 2 scopes have the path `stem`",
    ),
    "missing input": (
        edited(nodes__2__inputs=["stem.relu"]),
        "error[broken-graph]: the network in net.json is broken: node stem.bn takes stem.relu, which does not",
    ),
    "stale shape": (
        edited(nodes__1__op__arguments__out=32),
        "error[broken-graph]: the network in net.json is broken: node stem.conv gives 32x4x4, not 16x4x4",
    ),
    "text that is not there": (
        edited(nodes__1__written__0__1__text="17"),
        "error[bad-graph-file]: net.json: node `stem.conv` has an expression `17` that does not stand at its place",
    ),
    "text that is no expression": (
        edited(nodes__1__written__0__1__place__start=10),
        "error[bad-graph-file]: net.json: node `stem.conv` has an expression `16` that does not stand at its place",
    ),
    "text of another scope": (
        edited(nodes__1__written__0__1__home="body"),
        "error[broken-graph]: the network in net.json is broken: `out` of node stem.conv uses the names of body",
    ),
    "text about nothing": (
        edited(nodes__1__written__0__1__values=[["it", "nothing"]]),
        "error[broken-graph]: the network in net.json is broken: `out` of node stem.conv gives output 0 of nothing",
    ),
    "setting of another scope": (
        edited(header__settings__1__written__home="stem"),
        "error[broken-graph]: the network in net.json is broken: `width` of scope '' uses the names of stem",
    ),
    "negative arm": (
        edited(scopes__0__steps__5__taken=-1),
        "error[bad-graph-file]: net.json: `scopes[0].steps[5].choice.taken` should be greater than or equal to 0",
    ),
    "infinite": (
        edited(header__settings__1__value=float("inf")),
        "error[broken-graph]: the network in net.json is broken: setting `width` is a float, not plain data",
    ),
    "nothing": (
        edited(nodes=[], outputs=[], scopes=[]),
        "error[broken-graph]: the network in net.json is broken: there is no scope for the network",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_graph_is_explained(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(CompileError) as caught:
        from_json(text, "net.json")
    assert render_line(caught.value.diagnostics[0]).startswith(message)


def test_several_problems_are_reported_at_once_but_not_thousands() -> None:
    data = json.loads(to_json(small()))
    for node in data["nodes"]:
        node["op"]["op"] += "!"
    data["nodes"] *= 10
    with pytest.raises(CompileError) as caught:
        from_json(json.dumps(data))
    assert len(caught.value.diagnostics) == 20


EVERYTHING = Source(
    "everything.arch",
    """\
def C(c) = round_to(c * 1.5, 8)
network Everything:
    param width: int = 16
    param unit: block = Residual
    scaling:
        twice = width * 2
    input image: 3 x 8 x 8
    let first = C(width)
    stage stem: conv(first, 3, stride=2) -> bn
    stage body: unit(it.channels) * 2
    for k in [1, 3]:
        conv(twice, k)
    if it.height > 2:
        max_pool(2) as pooled
    concat{it | for rate in [1, 2]: conv(8, 3, dilation=rate)}
    conv(pooled.channels, 1)

block Residual(width, half=width // 2, kernel=3):
    add{it | conv(half, 1) -> conv(width, kernel)}
""",
)
"""A network with every kind of expression that a graph keeps."""


def parts_of(data: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON document: what holds it, and its key or index there."""
    pairs = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ())
    return [place for key, value in pairs for place in ((data, key), *parts_of(value))]


def other_value(random: Random, places: list[tuple[Any, Any]]) -> Any:
    """Something of a wrong kind, or what stands elsewhere in the document."""
    holder, key = random.choice(places)
    return random.choice([None, -1, 0, 1, 7, 10**9, 0.5, True, "", "it", "stem", "body.0", [], {}, holder[key]])


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_file_is_a_graph_or_is_explained(seed: int) -> None:
    """Altered files are refused with an error, or are graphs that are written as they were read, and explained."""
    random, refused = Random(seed), 0
    graph = compile_network(resolve(EVERYTHING)).graph
    text = to_json(graph)
    for _ in range(60):
        data = json.loads(text)
        places = parts_of(data)
        holder, key = random.choice(places)
        if random.random() < 0.25:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(other_value(random, places))
        try:
            altered = from_json(json.dumps(data))
            assert from_json(to_json(altered)) == altered
            for node in altered:
                explain(altered, node.id)
        except CompileError:
            refused += 1
    assert 20 < refused <= 60
