"""Receptive fields: measured values of published networks, and the gradients of real forward passes."""

from __future__ import annotations

import itertools
import json
from random import Random

import pytest
import torch

import archdsl
from archdsl.analyses.measures import summarize
from archdsl.analyses.receptive_field import Field, receptive_fields
from archdsl.diagnostics import CompileError
from archdsl.elaborate.explain import explain

MEASURED = {
    "alexnet@single": 195,
    "vgg@D": 212,
    "resnet@18": 435,
    "resnet@34": 899,
    "resnet@50": 427,
    "densenet@121": 2071,
    "mobilenet_v2@1.0": 491,
}
"""Before the global pooling, measured on public implementations."""


@pytest.mark.parametrize("spec", MEASURED)
def test_measured_values(spec: str) -> None:
    fields = receptive_fields(archdsl.load(spec).graph).fields.values()
    placed = [field.size for field in fields if any(dimension.jump for dimension in field.largest)]
    assert max(placed) == (MEASURED[spec],) * 2


# --- gates -----------------------------------------------------------------------------------

EFFICIENTNET_B0 = [(3, 2), (3, 1), *[(3, 2), (3, 1)], *[(5, 2), (5, 1)], *[(3, 2), (3, 1), (3, 1)]]
EFFICIENTNET_B0 += [(5, 1)] * 3 + [(5, 2), (5, 1), (5, 1), (5, 1)] + [(3, 1)]
"""Kernel and stride of each convolution larger than 1x1, from Table 1 of the paper: all lie on one path."""


def test_the_field_by_convolutions_of_efficientnet() -> None:
    """By hand: each kernel adds (kernel - 1) times the product of the strides before it."""
    size, jump = 1, 1
    for kernel, stride in EFFICIENTNET_B0:
        size, jump = size + (kernel - 1) * jump, jump * stride
    part = archdsl.load("efficientnet@b0").summary.scopes["stage8"]
    assert (part.conv_field, part.field) == (size, "global") == (851, "global")


def test_gates_are_all_that_the_two_fields_differ_by() -> None:
    """Without a product of values of different shapes, both are equal; gated networks are as their plain forms."""
    for spec in ("googlenet", "densenet@121", "unet", "nasnet_cifar", "mobilenet_v2", "textcnn", "hourglass"):
        graph = archdsl.load(spec).graph
        assert not any(node.op.name == "mul" for node in graph)
        assert receptive_fields(graph, gates=False) == receptive_fields(graph)
    plain, gated = (summarize(archdsl.load(spec).graph) for spec in ("resnet@50", "senet@50"))
    for stage in ("conv2", "conv3", "conv4", "conv5"):
        assert gated.scopes[stage].conv_field == plain.scopes[stage].field == plain.scopes[stage].conv_field
        assert gated.scopes[stage].field == "global"


def test_a_table_has_both_fields_where_gates_make_them_differ() -> None:
    def fields(spec: str, path: str) -> dict[str, object]:
        rows = json.loads(str(archdsl.load(spec).table("json")))["rows"]
        return {name: value for row in rows if row["path"] == path for name, value in row.items() if "field" in name}

    assert fields("efficientnet@b0", "stage8") == {"conv_field": 851, "field": "global"}
    assert fields("resnet@50", "conv5") == {"field": 427}


def test_explain_names_the_gate() -> None:
    (field,) = [f for f in explain(archdsl.load("efficientnet@b0").graph, "stage8.0.conv2").costs if "field" in f.name]
    assert (field.value, field.origin) == ("global", "the gate at stage2.0.mul sees every position")
    assert [(reason.name, reason.value) for reason in field.because] == [("by convolutions alone", "851")]


def last_field(steps: str, input: str = "4 x 40") -> tuple[Field, ...]:
    graph = archdsl.loads(f"network Net:\n    input line: {input}\n    {steps}\n").graph
    return receptive_fields(graph).fields[graph.outputs[0].values[0].node].largest


@pytest.mark.parametrize(
    ("steps", "size", "jump"),
    [
        ("conv(4, 3) -> conv(4, 3)", 5, 1),
        ("conv(4, 3) -> conv(4, 3) -> conv(4, 3)", 7, 1),
        ("conv(4, 3, dilation=2)", 5, 1),
        ("conv(4, 3, stride=2) -> conv(4, 3)", 7, 2),
        ("max_pool(2) -> max_pool(2)", 4, 4),
        ("conv(4, 3, stride=2) -> up_conv(4, 2, stride=2)", 3, 1),
    ],
)
def test_textbook_cases(steps: str, size: int, jump: float) -> None:
    (field,) = last_field(steps)
    assert (field.size, field.stride) == (size, jump)


def test_the_smallest_and_the_largest_way_are_told_apart() -> None:
    graph = archdsl.loads("network Net:\n    input line: 4 x 40\n    add{it | conv(4, 3) -> conv(4, 5)}\n").graph
    field = receptive_fields(graph).fields["add"]
    assert [one.size for one in field.smallest] == [1]
    assert [one.size for one in field.largest] == [7]


def test_after_global_pooling_everything_is_seen() -> None:
    (field,) = last_field("conv(4, 3) -> global_avg_pool")
    assert (field.jump, field.at(0)) == (0, (-1, 40))


@pytest.mark.parametrize(
    ("branches", "centres"),
    [
        ("conv(4, 3) | it", None),
        ("conv(4, 2, padding=[0, 1]) | it", ((0.5,), (0.0,))),
        ("conv(4, 3, stride=2) | conv(4, 1, stride=2)", None),
        ("trim([1, 0]) -> conv(4, 3, stride=2) | max_pool(2)", ((1.0,), (0.5,))),
    ],
)
def test_branches_that_look_elsewhere_are_reported(branches: str, centres: object) -> None:
    graph = archdsl.loads(f"network Net:\n    input line: 4 x 41\n    concat{{{branches}}}\n").graph
    found = [(m.node, m.centres) for m in receptive_fields(graph).misaligned]
    assert found == ([("concat", centres)] if centres else [])


# --- against gradients -----------------------------------------------------------------------

STEPS = (
    "conv(4, {k}, stride={s})",
    "conv(4, {k}, padding=valid)",
    "conv(4, {k}, dilation={d}, padding={d})",
    "conv(4, {k}, stride={s}, padding=tf_same)",
    "conv(4, {k}, stride={s}, padding=[{p}, 1])",
    "depthwise({o}, stride={s})",
    "avg_pool({k}, stride={s}, padding=0)",
    "avg_pool({k}, stride={s}, ceil=true)",
    "up_conv(4, 3, stride={s})",
    "up_conv(4, 4, stride={s}, padding=1)",
    "upsample({s})",
    "upsample({s}, mode=bilinear)",
    "upsample(2, mode=bilinear, align_corners=true)",
    "resize({n})",
    "resize({n}, mode=bilinear)",
    "adaptive_avg_pool({n})",
    "trim([{p}, 1])",
    "pad([{p}, 1])",
    "bn -> relu",
    "add{{it | conv(4, {o}) -> conv(4, {o})}}",
    "concat{{conv(2, {o}) | avg_pool(3, stride=1) -> conv(2, 1)}}",
    "concat{{conv(2, {o}, stride={s}) | conv(2, 1, stride={s})}}",
    "concat{{conv(3, {o}, padding=valid) -> resize(input) | it}}",
    "add{{it | avg_pool(2) -> conv(4, {o}) -> resize(it)}}",
    "concat{{conv(3, {o}) | trim(1) -> conv(1, 3) -> pad(1)}}",
    "concat(over=positions){{conv(4, {o}) | conv(4, {k}, dilation={d}, stride={s}, padding=valid)}}",
)
LENGTH = 127
INSIDE = range(24, LENGTH - 24)
"""Where neither the border of the image nor one that a step adds or cuts off is in sight."""


def random_spec(seed: int) -> str:
    chance = Random(seed)
    lines = []
    for _ in range(chance.randint(2, 5)):
        numbers = {
            "k": chance.randint(1, 5),
            "o": chance.choice((1, 3, 5)),
            "s": chance.randint(1, 3),
            "d": chance.randint(1, 3),
            "p": chance.randint(0, 2),
            "n": chance.randint(20, 150),
        }
        lines.append(f"    {chance.choice(STEPS).format(**numbers)}")
    return "\n".join(["network Net:", f"    input line: 4 x {LENGTH}", *lines, ""])


def seen(module: torch.nn.Module, dims: tuple[int, ...]) -> torch.Tensor:
    """Whether each output position (rows) sees each input position: with positive weights nothing cancels.

    Bilinear sampling at a pixel gives its neighbour a weight of 0, or of a rounding error.
    """
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0 if parameter.dim() > 1 else 0.5)
    positions = module(torch.ones(1, *dims, dtype=torch.float64)).shape[-1]
    # One copy of the input for each output position, so that one backward pass gives all gradients.
    x = torch.ones(positions, *dims, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(x).sum(1).diagonal().sum(), x)
    gradient = gradient.sum(1)
    return gradient > 1e-12 * gradient.amax(1, keepdim=True)


def test_fields_are_where_the_gradient_is() -> None:
    """On random networks, for every position that the borders do not touch."""
    tested = 0
    for seed in range(70):
        try:
            net = archdsl.loads(random_spec(seed))
        except CompileError:  # random steps that do not fit each other
            continue
        output = net.graph.tensor(net.graph.outputs[0].values[0])
        if output.spatial[0] > 2 * LENGTH:
            continue
        (field,) = receptive_fields(net.graph).fields[net.graph.outputs[0].values[0].node].largest
        for position, row in enumerate(seen(net.module(dtype=torch.float64).eval(), net.graph.inputs[0].output.dims)):
            first, last = field.at(position)
            if first in INSIDE and last in INSIDE:
                pixels = row.nonzero().flatten().tolist()
                assert (pixels[0], pixels[-1]) == (first, last), (random_spec(seed), position)
                tested += 1
    assert tested > 2000, tested


IMAGE, CLIP = "4 x 41 x 43", "2 x 17 x 19 x 21"


def exactly_seen(text: str) -> list[tuple[int, int]]:
    """The first and the last pixel that each position sees, by gradients; compared with the fields."""
    net = archdsl.loads(f"network Net:\n    input line: 4 x 24\n    {text}\n")
    (field,) = receptive_fields(net.graph).fields[net.graph.outputs[0].values[0].node].largest
    rows = [row.nonzero().flatten().tolist() for row in seen(net.module(dtype=torch.float64).eval(), (4, 24))]
    inside = [tuple(min(max(pixel, 0), 23) for pixel in field.at(place)) for place in range(len(rows))]
    assert [(row[0], row[-1]) for row in rows] == inside
    return [(row[0], row[-1]) for row in rows]


ASK = "linear(12) -> split(3) -> attend(2, scale=0.0001"
"""With scores so small that no weight of the softmax is 0."""


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (f"{ASK})", [(0, 23)] * 24),
        (f"{ASK}, causal=true)", [(0, place) for place in range(24)]),
        (f"conv(4, 3) -> {ASK}, causal=true) -> {ASK}, causal=true)", [(0, min(place + 1, 23)) for place in range(24)]),
        (
            f"conv(4, 3, stride=2) -> {ASK}, causal=true) -> conv(4, 3, padding=valid)",
            [(0, 2 * place + 5) for place in range(10)],
        ),
        (f"concat(over=positions){{conv(4, 3) | {ASK}, causal=true) -> linear(4)}} -> {ASK})", [(0, 23)] * 48),
    ],
)
def test_what_attention_sees(steps: str, expected: list[tuple[int, int]]) -> None:
    assert exactly_seen(steps) == expected


@pytest.mark.parametrize("before", ["identity", "conv(12, 3)"])
def test_what_windows_see(before: str) -> None:
    """Each position by its own gradient: a window, and shifted by 2 the union of those that it touches."""
    ask = "split(3) -> attend(scale=0.0001, windows=4"
    net = archdsl.loads(
        f"network Net:\n    input image: 12 x 12 x 8\n    {before}\n    {ask})\n    linear(12, over=channels)\n"
        f"    {ask}, shift=2x1)\n    {ask.replace('split(3) -> ', 'parallel{it | it | it} -> ')}, shift=1)\n"
    )
    module = net.module(dtype=torch.float64).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0 if parameter.dim() > 1 else 0.5)
    fields = receptive_fields(net.graph).fields[net.graph.outputs[0].values[0].node].largest
    x = torch.ones(1, 12, 12, 8, dtype=torch.float64, requires_grad=True)
    output = module(x).sum(1)
    for place in itertools.product(range(12), range(8)):
        (gradient,) = torch.autograd.grad(output[0, *place], x, retain_graph=True)
        for dimension, field in enumerate(fields):
            pixels = gradient[0].sum((0, 2 - dimension)).abs().gt(1e-12).nonzero().flatten().tolist()
            length = x.shape[2 + dimension]
            seen_here = tuple(min(max(pixel, 0), length - 1) for pixel in field.at(place[dimension]))
            assert (pixels[0], pixels[-1]) == seen_here, (place, dimension)


@pytest.mark.parametrize(
    ("steps", "shape"),
    [
        ("conv(4, 3x5, stride=2) -> conv(4, 5x1, dilation=2)", IMAGE),
        ("avg_pool(3, stride=2x1) -> conv(4, 1x7)", IMAGE),
        ("Inverted(4) -> Inverted(4) -> adaptive_avg_pool(5x9)", IMAGE),
        ("conv(4, 1x3x5, stride=1x2x1) -> conv(4, 3x1x1, dilation=2) -> avg_pool(3, stride=2x1x1)", CLIP),
        ("conv(2, 3, stride=2) -> up_conv(2, 2x3x4, stride=2x1x2) -> adaptive_avg_pool(5x3x7)", CLIP),
        ("conv(2, 3) -> upsample(1x2x2, mode=bilinear) -> trim(1x0x2) -> depthwise(3x1x1)", CLIP),
    ],
)
def test_fields_in_several_dimensions(steps: str, shape: str) -> None:
    net = archdsl.loads(
        f"network Net:\n    input image: {shape}\n    {steps}\n"
        "block Inverted(w):\n    add{it | conv(8, 1) -> relu -> depthwise(3) -> relu -> conv(w, 1)}\n"
    )
    module = net.module(dtype=torch.float64).eval()
    x = torch.ones(1, *net.graph.inputs[0].output.dims, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0)
    output = module(x)
    middle = tuple(length // 2 for length in output.shape[2:])
    (gradient,) = torch.autograd.grad(output[(0, slice(None), *middle)].sum(), x)
    seen = gradient.sum((0, 1)) > 1e-12 * gradient.max()
    for dimension, field in enumerate(receptive_fields(net.graph).fields[net.graph.outputs[0].values[0].node].largest):
        others = tuple(other for other in range(seen.dim()) if other != dimension)
        pixels = seen.sum(others).nonzero().flatten().tolist()
        assert (pixels[0], pixels[-1]) == field.at(middle[dimension])


def boxes_seen(net: archdsl.Network) -> list[list[tuple[int, int]]]:
    """For each position of the output, one after the other, the first and last row and column of the image that the
    gradient reaches."""
    module = net.module(dtype=torch.float64).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0)
    x = torch.ones(1, *net.graph.inputs[0].output.dims, dtype=torch.float64, requires_grad=True)
    found = []
    for place in module(x)[0].flatten(1).unbind(1):
        (gradient,) = torch.autograd.grad(place.sum(), x, retain_graph=True)
        sums = (gradient.sum((0, 1, 3 - dimension)).nonzero().flatten().tolist() for dimension in (0, 1))
        found.append([(pixels[0], pixels[-1]) for pixels in sums])
    return found


@pytest.mark.parametrize(
    ("steps", "border"),
    [
        ("tokens", 0),
        ("conv(4, 3, stride=2) -> tokens", 0),
        ("conv(4, 3) -> tokens -> conv(2, 3)", 1),
        ("tokens -> conv(2, 3, stride=2, padding=0)", 0),
        ("upsample(2) -> tokens -> max_pool(2)", 0),
        ("conv(4, 3) -> tokens -> reshape(4 x 6 x 7)", 0),
        ("conv(4, 3, stride=2) -> tokens -> relu -> reshape(4 x 3 x 4) -> conv(2, 1)", 0),
        ("add{tokens | conv(4, 3) -> tokens}", 0),
    ],
)
def test_positions_that_are_numbered_anew(steps: str, border: int) -> None:
    """A map as a sequence, and back. At the borders of a sequence its padding counts as further positions."""
    net = archdsl.loads(f"network Net:\n    input image: 4 x 6 x 7\n    {steps}\n")
    value = net.graph.outputs[0].values[0]
    fields, spatial = receptive_fields(net.graph).fields[value.node].largest, net.graph.tensor(value).spatial
    boxes = boxes_seen(net)
    for number, box in enumerate(boxes[border : len(boxes) - border], start=border):
        places = (number, number) if len(spatial) == 1 else divmod(number, spatial[1])
        told = [field.at(place) for field, place in zip(fields, places, strict=True)]
        assert box == [(max(first, 0), min(last, size - 1)) for (first, last), size in zip(told, (6, 7), strict=True)]


def test_one_token_sees_what_it_saw_in_the_sequence() -> None:
    rows, columns = last_field("conv(4, 3) -> tokens -> token(16)", "4 x 6 x 7")
    assert (rows.jump, rows.at(0), columns.jump, columns.at(0)) == (0, (1, 3), 0, (1, 3))
    (last,) = last_field("conv(4, 3) -> token(-1)")
    assert last.at(0) == (38, 40)


def test_a_vector_has_no_field_and_adds_none() -> None:
    text = (
        "network Net:\n    input image: 4 x 9 x 9\n    input time: 8\n    path clock = time -> linear(4)\n"
        "    add{image -> conv(4, 3) | clock} as sum\n    clock -> reshape(4 x 1 x 1) -> up_conv(4, 9) as made\n"
        "    sub{sum | made}\n"
    )
    graph = archdsl.loads(text).graph
    found = receptive_fields(graph)
    assert found.fields["linear"].largest == ()
    assert found.fields["made"].size == ()
    assert found.fields["sum"].size == found.fields["sub"].size == (3, 3)
    assert not found.misaligned
    assert [(f.value, f.origin) for f in explain(graph, "made").costs if "field" in f.name] == [
        ("none", "it depends on no input with positions")
    ]
    table = json.loads(str(archdsl.loads(text).table("json", rows="op")))
    assert [row.get("field") for row in table["rows"] if row["path"] in ("made", "sub")] == [None, 3]


def test_inputs_of_other_dimensions() -> None:
    """An image and a text: what depends on both is told in pixels of the image."""
    text = (
        "network Net:\n    input image: 4 x 9 x 9\n    input words: 20 of int\n"
        "    path said = words -> embedding(10, 4) -> conv(4, 5) -> global_avg_pool -> flatten\n"
        "    add{image -> conv(4, 3) | said}\n"
    )
    assert receptive_fields(archdsl.loads(text).graph).fields["add"].size == (3, 3)
