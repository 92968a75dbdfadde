"""No rule of the proof changes a number: every form is run in PyTorch before and after each rule.

The networks are random, of what the rules look for: borders around windows, merges in merges, gates, slices, pools
over everything. All ops that work on each pixel alone are among them, so that a wrong fact about any of them shows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import torch
from emitted_ops import outputs
from forms import Runner, Values

import archdsl
from archdsl.diagnostics import CompileError
from archdsl.ir.dump import written
from archdsl.ir.graph import Graph
from archdsl.ops.registry import REGISTRY
from archdsl.prove import rules
from archdsl.prove.canonical import form
from archdsl.prove.form import Form
from archdsl.prove.numbers import WithoutChance
from archdsl.prove.sides import of_graph

POINTWISE = [
    name
    for name, kind in sorted(REGISTRY.items())
    if kind.pointwise and not kind.internal and kind.family.value in ("activation", "normalization")
]
WITH = {"group_norm": "group_norm(2)", "leaky_relu": "leaky_relu(0.2)", "scale": "scale(0.5)"}

NETWORKS = 45
"""Random networks that are tried, in groups of 15."""


def pixelwise(chance: random.Random) -> str:
    name = chance.choice(POINTWISE)
    return WITH.get(name, name)


class Chance(random.Random):
    """Draws for images, whose values have two dimensions besides the channels, or for clips, which have three."""

    dimensions = 2


class ChanceOfClips(Chance):
    dimensions = 3


def window(chance: Chance) -> str:
    kernel, stride, sides_of_all = chance.choice((1, 2, 3)), chance.choice((1, 1, 2)), range(2 * chance.dimensions)
    sides = [chance.randrange(kernel) if kernel > 1 else 0 for _ in sides_of_all]
    padding = chance.choice(("0", "same", str(sides)))
    further = f"{kernel}, stride={stride}, padding={padding}"
    return chance.choice(
        (
            f"conv(4, {further}, bias={chance.choice(('true', 'false'))})",
            f"conv(4, {further}, groups=2)",
            f"depthwise({further})",
            f"max_pool({further}{chance.choice(('', ', ceil=true'))})",
            f"avg_pool({further}, include_padding={chance.choice(('true', 'false'))})",
            f"lp_pool({kernel}, norm=2, stride={stride}, padding=0)",
            f"up_conv(4, 3, stride={stride}, padding={chance.choice((0, 1))})",
        )
    )


def border(chance: Chance) -> str:
    sides = [chance.choice((0, 0, 1, 2)) for _ in range(2 * chance.dimensions)]
    return chance.choice((f"pad({sides})", f"trim({sides})", "pad(1)", "trim(1)", "pad(1, value=1.0)"))


def step(chance: Chance, depth: int = 0) -> str:
    drawn = chance.random()
    if drawn < 0.3:
        return border(chance)
    if drawn < 0.5:
        return window(chance)
    if drawn < 0.72:
        return pixelwise(chance)
    if drawn < 0.8:
        return chance.choice(
            ("scale(0.5)", "scale(1.0)", "dropout(0.5)", "conv(4, 1)", "channel_slice(0, 2) -> conv(4, 1)")
        )
    if depth > 1:
        return "relu"
    return merge(chance, depth)


def merge(chance: Chance, depth: int) -> str:
    """Of branches that keep sizes."""
    branches = [
        chance.choice(("it", pixelwise(chance), "conv(it.channels, 1)", "conv(it.channels, 3)", "global_avg_pool"))
    ]
    branches += [chance.choice(("it", pixelwise(chance), "sigmoid", "hard_sigmoid", "max_pool(3, stride=1)"))]
    if depth < 2 and chance.random() < 0.6:
        branches.append(merge(chance, depth + 1))
    op = chance.choice(("add", "mul", "maximum", "mean", "concat", "mul", "add", "sub"))
    if op not in ("mul", "add", "sub"):
        branches = [branch for branch in branches if branch != "global_avg_pool"] or ["it"]
    chance.shuffle(branches)
    text = f"{op}{{{' | '.join(branches)}}}"
    if op == "concat":
        start = chance.randrange(4)
        return f"{text} -> channel_slice({start}, {chance.randrange(start + 1, 9)}) -> conv(4, 1)"
    return text


ENDS = (
    "",
    " -> global_avg_pool",
    " -> avg_pool(it.height)",
    " -> global_max_pool -> conv(3, 1) -> relu",
    " -> conv(3, it.height, padding=0) -> sigmoid",
    " -> adaptive_avg_pool(2)",
    " -> flatten -> linear(3)",
    " -> tokens -> layer_norm -> conv(3, 1) -> relu -> linear(2, over=positions)",
)


def network(seed: int, kind: type[Chance] = Chance) -> str:
    chance = kind(seed)
    steps = " -> ".join(step(chance) for _ in range(chance.randrange(2, 7)))
    shape = " x ".join(["4", *["7"] * chance.dimensions])
    return f"network Net:\n    input image: {shape}\n    {steps}{chance.choice(ENDS)}\n"


def networks(start: int, count: int, kind: type[Chance] = Chance) -> Iterator[str]:
    """Those of the seeds from `start` that compile."""
    for seed in range(start, start + count):
        try:
            archdsl.loads(text := network(seed, kind))
        except CompileError:
            continue
        yield text


def beside_borders(name: str) -> Iterator[str]:
    """An op in two of its examples, before and after zeros and cuts, and in itself where it joins values."""
    kind = REGISTRY[name]
    calls = dict.fromkeys(written(example.op) for example in kind.examples() if example.inputs)
    several = kind.family.value == "merge"
    steps = [f"{name}{{tanh | {name}{{it | sigmoid}} | {name}{{relu | it}}}}"] if several else list(calls)[:2]
    for step in steps:
        for edge in ("pad([1, 1, 2, 0])", "trim([1, 0, 0, 2])", "trim([1, 0, 2, 0])"):
            for steps_of_it in (f"{edge} -> {step}", f"{step} -> {edge}"):
                yield f"network Net:\n    input image: 4 x 8 x 8\n    {steps_of_it}\n"


def same(one: Values, other: Values) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.allclose(a.flatten(), b.flatten(), rtol=1e-9, atol=1e-9) for a, b in pairs)


def of_module(graph: Graph, runner: Runner, image: torch.Tensor, training: bool) -> Values:
    """What PyTorch gives with a form's weights: the outputs, and the gradient of the input."""
    side = of_graph(graph)
    module = side.make().train(training)
    given = {side.key(node, name): value for node, name, value in runner.state(graph)}
    module.load_state_dict(given, assign=True)
    leaf = image.clone().requires_grad_()
    torch.manual_seed(1)  # as a form's runner does before an op that chooses by chance
    with WithoutChance():
        results = outputs(module(leaf))
    total = torch.stack([result.square().sum() for result in results]).sum()
    return (*results, *torch.autograd.grad(total, [leaf]))


def wrong(text: str) -> str | None:
    """The first rule that changes a number of this network, if any does, or "form" where the form itself does."""
    graph = archdsl.loads(text).graph
    found: Form = form(graph)
    runner, image = Runner(), torch.randn(2, *graph.inputs[0].output.dims, dtype=torch.float64)
    before = [runner.run(found, [image], training) for training in (False, True)]
    for was, training in zip(before, (False, True), strict=True):
        if not same(was, of_module(graph, runner, image, training)):
            return "form"
    changed = True
    while changed:
        changed = False
        for rule in rules.RULES:
            if rule(found):
                changed = True
                if not all(
                    same(was, runner.run(found, [image], mode)) for was, mode in zip(before, (False, True), strict=True)
                ):
                    return rule.__name__
    return None


@pytest.mark.parametrize("start", range(0, NETWORKS, 15))
def test_no_rule_changes_a_number(start: int) -> None:
    torch.manual_seed(start)
    for text in networks(start, 15):
        assert wrong(text) is None, text


def test_a_border_before_a_slice_keeps_the_channels_of_the_slice() -> None:
    text = "network Net:\n    input image: 4 x 7 x 7\n    pad(1) -> relu -> channel_slice(0, 2) -> conv(3, 1)\n"
    assert wrong(text) is None


def test_no_rule_changes_a_number_of_clips() -> None:
    texts = list(networks(100, 12, ChanceOfClips))
    assert len(texts) > 8
    for text in texts:
        assert wrong(text) is None, text


CHOSEN = (kind for _, kind in sorted(REGISTRY.items()) if not kind.internal and kind.name != "stochastic_pool")
OPS = [kind.name for kind in CHOSEN if not kind.reads_shape_alone]
"""All but the op that chooses pixels by chance, of which no rule speaks, and those that read no number of the image."""


@pytest.mark.sampled
@pytest.mark.parametrize("name", OPS)
def test_no_rule_mistakes_an_op(name: str) -> None:
    """So no op can be told wrongly to be a window, to keep zeros or to work on each pixel alone."""
    for text in beside_borders(name):
        try:
            archdsl.loads(text)
        except CompileError:
            continue
        assert wrong(text) is None, text


RARE = (
    "network Net:\n    input image: 4 x 7 x 7\n    relu -> channel_slice(0, 3) -> channel_slice(1, 3) -> conv(4, 1)\n",
    "network Net:\n    input image: 4 x 7 x 7\n    tanh -> reshape(2 x 98) -> flatten -> linear(3)\n",
    "network Net:\n    input image: 4 x 4 x 6\n    tokens\n"
    "    add{it | conv(4, 1) | image -> tanh -> tokens} -> linear(3)\n",
    "network Net:\n    input image: 4 x 4 x 6\n    tanh -> tokens as row\n    path map = row -> reshape(4 x 4 x 6)\n"
    "    add{map | mul{image | image -> global_avg_pool}} -> mul{it | map} -> conv(4, 3)\n",
)
"""What random networks seldom have: a slice of a slice, shapes changed twice, and sums of maps and of rows."""


@pytest.mark.parametrize("text", RARE)
def test_no_rule_changes_a_number_of_what_is_rare(text: str) -> None:
    assert wrong(text) is None


def test_every_rule_is_tried() -> None:
    used: set[str] = set()
    for text in (*networks(0, 45), *RARE):
        found = form(archdsl.loads(text).graph)
        for _ in range(6):
            used |= {rule.__name__ for rule in rules.RULES if rule(found)}
    assert used == {rule.__name__ for rule in rules.RULES}
