"""A small graph with every kind of part, and ways to break it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archdsl.ir.builder import Builder, Home, Ref
from archdsl.ir.graph import Choice, Graph, Header, Let, Node, Output, Scope, Setting, Value, Written
from archdsl.ops.base import Op
from archdsl.ops.registry import REGISTRY
from archdsl.source import Source, Span
from archdsl.syntax.parser import parse_expression_at

SPEC = Source(
    "specs/small.arch",
    """\
network Small:
    input image: 3 x 8 x 8
    param width = 1
    variants:
        tiny: width=1.25
    shared gate = conv(16, 1)
    stage stem "The stem": conv(16, 3, stride=2) -> bn as start
    stage body: Residual(16) * 2
    output aside training: start -> gate
    split(2) as (l, r)
    if depth > 1 and it.channels == 16:
        concat{r | l} as joined
    joined -> gate
block Residual(width):
    let half = width // 2
    add{it | conv(half, 1) -> conv(width, 1x3)}
""",
)


def at(text: str) -> Span:
    start = SPEC.text.index(text)
    return Span(SPEC, start, start + len(text))


def said(text: str, home: str | None = None, within: str = "", **values: Value) -> Written:
    """An expression of the spec, the first in `within`, with the values that it asks about."""
    start = at(within).start + within.index(text) if within else at(text).start
    span = Span(SPEC, start, start + len(text))
    return Written(parse_expression_at(span), home, tuple(values.items()))


HEADER = Header(
    "Small",
    SPEC.name,
    doc="Line one.\nLine two: × φ.",
    source="Nobody 2024",
    variant="tiny",
    settings=(
        Setting("classes", 10, "default"),
        Setting("width", 1.25, "variant tiny", said("1.25", "", "width=1.25")),
        Setting("layers", [3, 4], "given"),
        Setting("kernel", (1, 3), "given"),
        Setting("unit", "Residual", "default"),
        Setting("deep", False, "default"),
        Setting("act", None, "default"),
    ),
)


def op(name: str, **arguments: Any) -> Op:
    return REGISTRY[name](**arguments)


def small() -> Graph:
    """Two stages, copies of a block, a split, a choice, a shared convolution, and an output for training."""
    builder = Builder(at("Small"))

    def add(name: str, base: str, inputs: list[Ref], text: str, **more: Any) -> list[Ref]:
        options = {key: more.pop(key) for key in ("label", "written", "home") if key in more}
        return list(builder.node(op(name, **more), inputs, at(text), base, **options))

    (image,) = add("input", "image", [], "image", dims=(3, 8, 8), label="image")
    with builder.within("stage", "stem", at("stem"), title="The stem", doc="Halves the image.") as stem:
        written = {"written": (("out", said("16", within="conv(16, 3")),)}
        (conv,) = add("conv", "conv", [image], "conv(16, 3", out=16, kernel=3, stride=2, bias=False, **written)
        (start,) = add("bn", "bn", [conv], "bn", label="start")
        stem.ports, stem.results = (("input", image),), (start,)
        stem.names.append(("start", start))
    with builder.within("stage", "body", at("body"), count=said("2", "", "* 2")) as body:
        it = start
        for index in range(2):
            it = residual(builder, it, index)
        body.results = (it,)
    shared = {"home": Home("", "gate"), "out": 16, "kernel": 1}
    with builder.within("output", "aside", at("aside")) as output:
        aside = add("conv", "gate", [start], "start -> gate", **shared)
        output.results = tuple(aside)
    left, right = add("split", "split", [it], "split(2)", parts=2)
    several = {"it.channels": builder.value(it)}
    condition = said("depth > 1 and it.channels == 16", "", **several)
    with builder.choice(at("if depth"), (condition,), 1, 0, (left, right)) as gives:
        (joined,) = add("concat", "concat", [right, left], "concat")
        gives["it"] = (joined,)
    gated = add("conv", "gate", [joined], "joined -> gate", **shared)
    builder.current.results = tuple(gated)
    return builder.finish(HEADER, [("output", gated, False, False), ("aside", aside, True, False)])


def residual(builder: Builder, it: Ref, index: int) -> Ref:
    """A copy of the block."""
    facts: dict[str, Any] = {"block": "Residual", "defined": at("Residual(width)"), "copy": (index, 2)}
    facts |= {"arguments": (("width", 16),), "written": (("width", said("16", within="Residual(16)")),)}
    with builder.within("copy", str(index), at("Residual(16)"), **facts) as scope:
        home = scope.path
        scope.ports = (("input", it),)
        scope.lets.append(Let("half", said("width // 2", home), 8))
        written = (("out", said("half", home, "conv(half, 1)")),)
        half, whole = op("conv", out=8, kernel=1), op("conv", out=16, kernel=(1, 3))
        (inner,) = builder.node(half, [it], at("conv(half, 1)"), "conv1", written=written)
        (inner,) = builder.node(whole, [inner], at("conv(width"), "conv2")
        (joined,) = builder.node(op("add"), [it, inner], at("add"), "add")
        scope.results = (joined,)
    return joined


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

    def change_choice(self, **fields: Any) -> None:
        """Changes the `if` in the text of the network."""
        steps = self.scopes[0].steps
        self.change_scope("", steps=tuple(replace(s, **fields) if isinstance(s, Choice) else s for s in steps))

    def change_output(self, index: int, **fields: Any) -> None:
        self.outputs[index] = replace(self.outputs[index], **fields)
