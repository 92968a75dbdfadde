"""A graph made by hand whose blocks decide something: for what changes graphs."""

from __future__ import annotations

from typing import Any

from graphs import op

from archdsl.ir.builder import Builder, Home, Ref
from archdsl.ir.graph import Graph, Header, Let, Setting, Value, Written
from archdsl.source import Source, Span
from archdsl.syntax.parser import parse_expression_at

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
    if width > 8:
        conv(half, 1) as inner
    else:
        identity as inner
    add{input | inner -> conv(width, 1x3)}
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


def at(text: str) -> Span:
    start = SPEC.text.index(text)
    return Span(SPEC, start, start + len(text))


def text(expression: str, home: str | None, *values: tuple[str, Value]) -> Written:
    """An expression of the spec, with names of the scope `home`."""
    return Written(parse_expression_at(at(expression)), home, values)


def small() -> Graph:
    """Two stages, copies of a block with an `if`, a split, a shared convolution, and an output for training."""
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
            facts = {"arguments": (("width", 16),), "written": (("width", text("16", "")),), "copy": (index, 2)}
            with builder.within("copy", str(index), at("Residual(16)"), block="Residual", defined=at("block"), **facts):
                here, flow = f"body.{index}", ("it", builder.value(it))
                builder.current.ports = (("input", it),)
                builder.current.lets.append(Let("half", text("width // 2", here), 8))
                condition = text("width > 8", here, flow)
                with builder.choice(at("if width"), (condition,), arms=2, taken=0, before=[it]) as gives:
                    written = {"written": (("out", text("half", here, flow)),)}
                    (inner,) = add("conv", "conv1", [it], "conv(half, 1)", out=8, kernel=1, **written)
                    gives["inner"] = (inner,)
                builder.current.names.append(("inner", inner))
                (inner,) = add("conv", "conv2", [inner], "conv(width", out=16, kernel=(1, 3))
                (it,) = add("add", "add", [it, inner], "add")
                builder.current.results = (it,)
        builder.current.results = (it,)
    shared = {"home": Home("", "gate"), "out": 16, "kernel": 1}
    with builder.within("output", "aside", at("aside")):
        aside = add("conv", "gate", [start], "start -> gate", **shared)
        builder.current.results = tuple(aside)
    left, right = add("split", "split", [it], "split(2)", parts=2)
    (joined,) = add("concat", "concat", [right, left], "concat")
    gated = add("conv", "gate", [joined], "} -> gate", **shared)
    builder.current.results = tuple(gated)
    return builder.finish(HEADER, [("output", gated, False, False), ("aside", aside, True, False)])
