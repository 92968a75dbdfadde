"""A small graph with every kind of part, and ways to break it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archdsl.ir.builder import Builder, Home, Ref
from archdsl.ir.graph import Graph, Header, Node, Output, Scope, Setting, Value
from archdsl.ops.base import REGISTRY, Op
from archdsl.source import Source, Span

SPEC = Source(
    "specs/small.arch",
    """\
network Small:
    input image: 3 x 8 x 8
    shared gate = conv(16, 1)
    stage stem "The stem": conv(16, 3, stride=2) -> bn as start
    stage body: Residual(16) * 2
    output aside training: start -> gate
    split(2) as (l, r)
    concat{r | l} -> gate
block Residual(width):
    let half = width // 2
    add{it | conv(half, 1) -> conv(width, 1x3)}
""",
)
HEADER = Header(
    "Small",
    SPEC.name,
    doc="Line one.\nLine two: × φ.",
    source="Nobody 2024",
    variant="tiny",
    settings=(
        Setting("classes", 10, "default"),
        Setting("width", 1.25, "variant tiny"),
        Setting("layers", [3, 4], "given"),
        Setting("kernel", (1, 3), "given"),
        Setting("unit", "Residual", "default"),
        Setting("deep", False, "default"),
        Setting("act", None, "default"),
    ),
)


def op(name: str, **arguments: Any) -> Op:
    return REGISTRY[name](**arguments)


def at(text: str) -> Span:
    start = SPEC.text.index(text)
    return Span(SPEC, start, start + len(text))


def small() -> Graph:
    """Two stages, copies of a block, a split, a shared convolution, and an output for training."""
    builder = Builder(at("Small"))

    def add(name: str, base: str, inputs: list[Ref], text: str, **more: Any) -> list[Ref]:
        options = {key: more.pop(key) for key in ("label", "written", "home") if key in more}
        return list(builder.node(op(name, **more), inputs, at(text), base, **options))

    (image,) = add("input", "image", [], "image", dims=(3, 8, 8), label="image")
    with builder.within("stage", "stem", at("stem"), title="The stem", doc="Halves the image."):
        (conv,) = add("conv", "conv", [image], "conv(16, 3", out=16, kernel=3, stride=2, bias=False)
        (start,) = add("bn", "bn", [conv], "bn", label="start")
        builder.current.results = (start,)
    with builder.within("stage", "body", at("body")):
        it = start
        for index in range(2):
            facts = {"arguments": (("width", 16),), "written": (("width", "16"),), "copy": (index, 2)}
            with builder.within("copy", str(index), at("Residual(16)"), block="Residual", defined=at("block"), **facts):
                builder.current.lets.append(("half", "width // 2", 8))
                builder.current.decisions.append(("width > 8", True))
                written = {"written": (("out", "half"),)}
                (inner,) = add("conv", "conv", [it], "conv(half, 1)", out=8, kernel=1, **written)
                (inner,) = add("conv", "conv", [inner], "conv(width", out=16, kernel=(1, 3))
                (it,) = add("add", "add", [it, inner], "add")
                builder.current.results = (it,)
        builder.current.results = (it,)
    shared = {"home": Home(0, "gate"), "out": 16, "kernel": 1}
    with builder.within("output", "aside", at("aside")):
        aside = add("conv", "gate", [start], "start -> gate", **shared)
        builder.current.results = tuple(aside)
    left, right = add("split", "split", [it], "split(2)", parts=2)
    (joined,) = add("concat", "concat", [right, left], "concat")
    gated = add("conv", "gate", [joined], "} -> gate", **shared)
    builder.current.results = tuple(gated)
    return builder.finish(HEADER, [("output", gated, False, False), ("aside", aside, True, False)])


class Parts:
    """A graph taken apart, to be changed in ways in which a builder would never make it."""

    def __init__(self, graph: Graph) -> None:
        self.header = graph.header
        self.scopes: list[Scope] = list(graph.scopes.values())
        self.nodes: list[tuple[Node, tuple[Value, ...]]] = [(node, graph.inputs_of(node.id)) for node in graph]
        self.outputs: list[Output] = list(graph.outputs)

    def graph(self) -> Graph:
        return Graph(self.header, self.scopes, self.nodes, self.outputs)

    def change_node(self, id: str, /, *, inputs: tuple[Value, ...] | None = None, **fields: Any) -> None:
        (index,) = (i for i, (node, _) in enumerate(self.nodes) if node.id == id)
        node, before = self.nodes[index]
        self.nodes[index] = replace(node, **fields), before if inputs is None else inputs

    def change_scope(self, path: str, /, **fields: Any) -> None:
        (index,) = (i for i, scope in enumerate(self.scopes) if scope.path == path)
        self.scopes[index] = replace(self.scopes[index], **fields)

    def change_output(self, index: int, **fields: Any) -> None:
        self.outputs[index] = replace(self.outputs[index], **fields)
