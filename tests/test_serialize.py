"""Graphs survive JSON, and JSON that is no graph is explained."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from graphs import SPEC, Parts, small

from archdsl.diagnostics import CompileError
from archdsl.driver import compile_network, open_spec
from archdsl.ir.dump import dump
from archdsl.ir.graph import Value
from archdsl.ir.serialize import from_json, to_json
from archdsl.report import render_line
from archdsl.resources import specs_folder


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


def test_the_environment_is_not_part_of_a_graph() -> None:
    parts = Parts(small())
    parts.change_node("stem.bn", environment={"width": 16})
    assert parts.graph() == small()
    assert "environment" not in to_json(parts.graph())


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
    "empty": ("", "net.json:1:1: error[bad-graph-file]: this is no JSON: EOF while parsing a value"),
    "cut off": (
        '{"format":\n "archdsl',
        "net.json:2:9: error[bad-graph-file]: this is no JSON: EOF while parsing a string",
    ),
    "deep": ("[" * 9999, "net.json:1:202: error[bad-graph-file]: this is no JSON: recursion limit exceeded"),
    "a list": ("[]", "error[bad-graph-file]: net.json: should be an object"),
    "another format": (
        edited(format="onnx"),
        "error[bad-graph-file]: net.json: `format` should be 'archdsl-graph-1'",
    ),
    "missing key": (edited(nodes__0__id=...), "error[bad-graph-file]: net.json: `nodes[0].id` is missing"),
    "unknown key": (
        edited(nodes__0__name="x"),
        "error[bad-graph-file]: net.json: `nodes[0].name` is no key of the format",
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
        "error[bad-graph-file]: net.json: node `stem.conv`: `kernl` is no key of the format",
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
