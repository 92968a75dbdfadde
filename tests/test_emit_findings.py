"""Faults that emitted modules once had, each as a small case of its kind. The properties look for further ones."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from typing import Any

import pytest
import torch
from check_random import check, ports
from emission import example_inputs, tensors_of
from emit_properties import Module, computes
from torch import nn

import archdsl

IMAGE = "network N:\n    input image: 4 x 8 x 8\n"


def emitted(text: str) -> Module:
    """The module of a spec, after it was seen to compute what the graph says."""
    module = Module(archdsl.loads(text).graph)
    computes(module, ports(text))
    return module


def classes(module: Module) -> list[str]:
    return re.findall(r"^class (\w+)\(nn\.Module\)", module.text, re.M)


def signature(module: Module, name: str, method: str = "__init__") -> str:
    """The arguments of a method as they are written, in one line."""
    body = module.text.split(f"class {name}(nn.Module)")[1]
    return " ".join(re.search(rf"def {method}\((.*?)\) ->", body, re.S)[1].split()).removeprefix("self, ").strip(", ")  # type: ignore[index]


# --- shared blocks -------------------------------------------------------------------------

HEAD = "block Head:\n    conv(4, 3) -> relu\nblock Through(m: block):\n    conv(4, 1) -> m\n"
SHARED = {
    "once": "head -> head",
    "only in outputs": "conv(4, 1) as a\n    output one: a -> head\n    output two training: a -> head\n    conv(2, 1)",
    "in two stages": "stage one: conv(4, 1) -> head\n    stage two: conv(4, 3) -> head -> relu",
    "is a stage": "stage one: head\n    stage two: conv(4, 1) -> head",
    "in a repeat": "repeat 3:\n        conv(4, 1) -> head",
    "in a repeat, alone": "repeat 2:\n        head",
    "in copies of a block": "Through(head) * 3",
    "in a path": "path side = head\n    concat{it | side -> head}",
    "in branches": "add{head | conv(4, 1) -> head}",
    "in a branch for each": "concat{for k in [1, 3]: conv(4, k) -> head}",
    "as an argument": "Through(head) -> head",
    "as an argument in a stage": "stage one:\n        Through(head) -> relu\n        Through(head)",
    "not at all in evaluation": "output aux training: head -> conv(2, 1)\n    conv(4, 1)",
}


@pytest.mark.parametrize("module", ["Head", "conv(4, 3)"])
@pytest.mark.parametrize("use", SHARED)
def test_a_shared_module_compiles_wherever_it_is_used(use: str, module: str) -> None:
    found = emitted(f"{IMAGE}    shared head = {module}\n    {SHARED[use]}\n{HEAD}")
    weights = {name for name, _ in found.make().named_parameters() if name.startswith("head.")}
    assert len(weights) == 2


def test_a_block_is_two_classes_where_it_is_given_a_shared_block_and_one_of_its_own() -> None:
    uses = "stage one: Through(Head) -> Through(head)\n    stage two: Through(Head)"
    found = emitted(f"{IMAGE}    shared head = Head\n    {uses}\n{HEAD}")
    assert [name for name in classes(found) if name.startswith("Through")] == ["Through", "Through2"]


def test_inputs_that_are_one_value_in_a_use_are_told_apart_by_another() -> None:
    found = emitted(
        f"{IMAGE}    conv(4, 1) as a\n    (a, a) -> Join\n    conv(4, 1) as b\n    (a, b) -> Join\n"
        "block Join from first, *others:\n    concat{first}\n"
    )
    assert "torch.cat([first], dim=1)" in found.text


def test_a_class_without_copies_refuses_some() -> None:
    found = emitted(
        f"{IMAGE}    U([8])\nblock U(ws):\n    concat{{for c in ws[1:]: conv(c, 3) | conv(ws[0], 1)}}\n"
        "    repeat len(ws) - 1: relu\n"
    )
    unit = found.load().U
    unit(4, (16,))
    with pytest.raises(ValueError, match="U has no layers for ws=\\(8, 16\\)"):
        unit(4, (8, 16))


def test_what_only_the_formula_needs_is_defined() -> None:
    """A kernel of 3 at stride 1 is padded alike on both sides; whatever the kernel is, only a class of ours can."""
    found = emitted(
        f"{IMAGE}    U(8, 3) -> U(8, 5)\nblock U(w, kernel, padding=tf_same):\n    conv(w, kernel, padding=padding)\n"
    )
    assert "class PaddedConv2d(" in found.text
    found.make()


def test_what_two_copies_have_in_common_by_chance_is_no_rule() -> None:
    """The second takes what the first gives, which is also what came before the first; the third takes another."""
    found = emitted(f"{IMAGE}    U([8, 4])\nblock U(ws):\n    conv(ws[0], 1)\n    for w in ws: conv(w, 1)\n")
    unit = found.load().U
    with pytest.raises(ValueError, match=r"U has no layers for ws=\(8, 4, 2\)"):
        unit(4, (8, 4, 2))


def test_uses_that_differ_are_as_few_classes_as_they_can_be() -> None:
    """A list of one branch is not one of two; the uses with two are one class, whose `if` says the rest."""
    found = emitted(
        f"{IMAGE}    stage one: U(4, [16]) -> U(4, [4, 8]) -> U(8, [4, 8])\nblock U(w, ws):\n"
        "    concat{it | for c in ws: conv(c, 3)}\n"
        "    mul:\n        | if input.channels == w: conv(w, 3)\n        | conv(w, 3)\n"
    )
    assert len([name for name in classes(found) if name.startswith("U")]) == 2


# --- formulas ------------------------------------------------------------------------------


def test_an_unused_step_that_is_sometimes_none_makes_no_second_class() -> None:
    text = f"{IMAGE}    B(4) -> B(12)\nblock B(w):\n    path aside = Maybe(w)\n    conv(w, 3)\n"
    module = emitted(f"{text}block Maybe(w):\n    if w > 8:\n        relu\n")
    assert classes(module) == ["B", "N"]
    assert "Maybe" not in module.text


LOOP = "    for c in ws: conv(c + 4, 3)\n"


def test_a_condition_on_channels_without_a_formula_is_kept() -> None:
    """How many channels the loop gives hangs on its last element; with as many as `w` the shortcut is another one."""
    block = f"block U(w, ws=[4, 8], stride=1):\n{LOOP}    path body = conv(w, 3)\n"
    found = emitted(f"{IMAGE}    U(16)\n{block}    add{{body | if stride != 1 or it.channels != w then conv(w, 1)}}\n")
    assert "self.has_conv2 = stride != 1 or conv1_in_channels != w" in found.text
    found = emitted(f"{IMAGE}    U(16)\n{block}    body -> if body.channels != w then relu else conv(w, 1)\n")
    assert "if" in found.text.split("class U")[1].split("class N")[0]


def test_channels_that_a_network_cannot_follow_are_no_setting() -> None:
    """What the copies hand on hangs on how many they are; the network has the number and keeps its input as it is."""
    found = emitted(
        f"{IMAGE}    U(16, n=1) -> U(8)\nblock U(w, n=2):\n"
        "    repeat n as i: if i > 0 then conv(w, 1) else relu\n    conv(w, 3)\n"
    )
    assert signature(found, "N") == "self"
    assert "conv_in_channels: int" in signature(found, "U")


def test_channels_that_are_equal_by_chance_are_two_arguments() -> None:
    found = emitted(
        f"{IMAGE}    U(8)\nblock U(w, ws=[4, 8], vs=[8, 8]):\n    path a:\n    {LOOP}    path b:\n"
        f"    {LOOP.replace('ws', 'vs')}    add{{a -> conv(w, 3) | b -> conv(w, 3)}}\n"
    )
    assert "conv1_in_channels: int, conv2_in_channels: int" in signature(found, "U")


def test_a_condition_that_no_use_comes_to_is_refused() -> None:
    found = emitted(
        f"{IMAGE}    U(12)\nblock U(w, ws=[4, 8]):\n{LOOP}    if w > 8:\n        conv(8, 3)\n"
        "    elif it.channels != w:\n        relu\n"
    )
    unit = found.load().U
    with pytest.raises(ValueError, match="U has no layers for w=8"):
        unit(4, 8, 12)


def test_a_loop_that_only_a_later_use_has_is_found_in_the_class() -> None:
    """The first use has no copies: the loop is named as seen from the second."""
    found = emitted(
        f"{IMAGE}    relu -> U(8)\n    stage two:\n        U(12, k=5)\n        relu\n"
        "block V:\n    depthwise(1) -> sigmoid\nblock U(w, k=1):\n    if k > 1 then V * 2 else dropout(0.3)\n"
    )
    assert "in self.v:" in found.text


def agree(text: str) -> Counter[str]:
    """All properties of a template; what was compared."""
    counts: Counter[str] = Counter()
    check(text, counts)
    return counts


@pytest.mark.parametrize(
    "text",
    [
        # A stride that is half of the kernel by chance.
        f"{IMAGE}    ⟨Unit(3, 8) -> Unit(5, 16, stride=2)¦Unit(5, 8, stride=1) -> Unit(3, 4, stride=2)⟩\n"
        "block Unit(kernel, width, stride=1):\n    conv(width, kernel, stride=stride)\n",
        # The widths of a list, one of which is the width of the input.
        "network N:\n    input image: 8 x 8 x 8\n    ⟨U([8, 16]) -> U([16, 32])¦U([4, 12]) -> U([6, 2])⟩\n"
        "block U(ws):\n    for g in ws: conv(g, 3) -> group_norm(g)\n",
        # A number that follows from two parameters.
        f"{IMAGE}    ⟨U(8, 2) -> U(8, 4)¦U(16, 2) -> U(4, 4)⟩\nblock U(w, cardinality):\n"
        "    let g = w // cardinality\n    conv(w, 3) -> group_norm(g) -> relu\n",
        # A condition that held in every use, or in none.
        f"{IMAGE}    ⟨U(8) -> U(16, stride=2)¦U(4) -> U(4)⟩\nblock U(w, stride=1):\n    conv(w, 3, stride=stride)\n"
        "    if stride != 1 or input.channels != w:\n        conv(w, 1)\n",
    ],
)
def test_formulas_hold_for_other_arguments(text: str) -> None:
    counts = agree(text)
    assert counts["honest"] + counts["refused"] == 2
    assert counts["honest"] >= 1


def test_a_rule_of_the_spec_is_kept_by_the_class() -> None:
    found = emitted(
        "network N:\n    param width: int = 8\n    param layers: int = 2\n"
        '    require width % 4 == 0 and width > 0 "the groups are four"\n    require layers < 4 "it is small"\n'
        "    input image: 8 x 8 x 8\n    conv(width, 1, groups=4) * layers\n"
    )
    found.make(width=12)
    with pytest.raises(ValueError, match=r"^width = 6: the groups are four$"):
        found.make(width=6)
    assert "it is small" not in found.text  # the number of layers is fixed in the class


@pytest.mark.parametrize(
    ("width", "wrong", "comes_to"), [("4 * log2(n)", 10, "13.28"), ("n / 4", 10, "2.5"), ("8 * f", 1.1, "8.8")]
)
def test_a_fraction_of_a_channel_is_refused_as_the_spec_does(width: str, wrong: float, comes_to: str) -> None:
    text = (
        "network N:\n    param n: int = 16\n    param f: float = 1.0\n"
        f"    input image: 4 x 8 x 8\n    conv({width}, 3) -> bn\n    conv(n, 1) -> conv(round(4 * f), 1)\n"
    )
    found, setting = emitted(text), "f" if "f" in width else "n"
    found.make(**{setting: 8 if setting == "n" else 2.0})
    with pytest.raises(archdsl.CompileError, match=f"a whole number, got {comes_to}"):
        archdsl.loads(text, **{setting: wrong})
    with pytest.raises(ValueError, match=f"a whole number, and comes to {comes_to}"):
        found.make(**{setting: wrong})


def test_what_stays_the_same_is_no_argument() -> None:
    found = emitted(
        f"{IMAGE}    U -> conv(8, 1) -> U\nblock U:\n    let width = it.channels\n"
        "    conv(4 * width, 1) -> relu -> conv(width, 1)\n"
    )
    assert signature(found, "U") == "in_channels: int"


def test_sums_are_collected() -> None:
    joined = "concat{conv(w, 1) | conv(w, 3) | conv(w, 1) | conv(w, 3)}"
    text = f"{IMAGE}    U(4) -> U(8)\nblock U(w):\n    {joined} -> conv(w, 1)\n"
    assert "4 * w" in emitted(text).text
    assert "w + w" not in emitted(text).text


def test_fractions_are_written_as_in_the_spec() -> None:
    text = emitted(
        f"{IMAGE}    repeat 3 as i: dropout(0.05 * (i + 1))\n    dropout(0.05 * 3) -> dropout(0.1 + 0.2)\n"
    ).text
    for written in ("Dropout(0.05 * (i + 1))", "Dropout(0.05 * 3)", "Dropout(0.1 + 0.2"):
        assert written in text


def test_a_value_that_needs_other_layers_is_an_error_with_the_command() -> None:
    """The command that it names writes a file that takes the value."""
    text = (
        f"{IMAGE}    param width: int = 16\n    param rate: float = 0.1\n    conv(8, 3) -> dropout(rate)\n"
        "    Unit(2 * width) -> Unit(64)\n\n"
        "block Unit(out):\n    conv(out, 3)\n    if out == 32:\n        relu\n    elif out == 256:\n        silu\n"
        "    else:\n        gelu\n"
    )
    network = emitted(text).load()
    network.N(width=64)
    with pytest.raises(ValueError, match=r"^Unit has no layers for out=256; to have them, run: ") as found:
        network.N(width=128)
    assert str(found.value).endswith("archdsl compile spec.arch --width ...")
    archdsl.loads(text, width=128)
    Module(archdsl.loads(text, width=128).graph).load().N(width=128)


def test_drop_paths_are_a_share_of_their_rate() -> None:
    """By their place among all of the network, in a class that the network gives it to."""
    text = emitted(
        f"{IMAGE}    param rate: float = 0.2\n    Stage(2) -> Stage(4)\n    Unit(rate) * 3\n\n"
        "block Stage(n):\n    Unit(0.1) * n\n\n"
        "block Unit(drop):\n    add{it | conv(4, 3) -> drop_path(drop, schedule=linspace)}\n"
    ).text
    assert "(0.1 * 0 / 8, 0.1 * 1 / 8)" in text
    assert "(0.1 * 2 / 8, 0.1 * 3 / 8, 0.1 * 4 / 8, 0.1 * 5 / 8)" in text
    assert "(i + 6) * rate / 8) for i in range(3)" in text


# --- what could not be made or run ---------------------------------------------------------


def test_init_where_some_have_a_bias() -> None:
    flow = "conv(4, 3) -> conv(4, 3, bias=false)"
    module = emitted(f"network N:\n    init: conv(kaiming)\n    input image: 4 x 8 x 8\n    {flow}\n")
    made: nn.Module = module.load().N()
    assert not made.get_parameter("conv1.bias").any()


@pytest.mark.parametrize("flow", ["trim(1) -> center_crop(5)", "trim(1) -> trim(2)", "center_crop(7) -> trim(1)"])
def test_crops_of_one_dimension(flow: str) -> None:
    emitted(f"network N:\n    input x1: 8 x 12\n    {flow}\n")


@pytest.mark.parametrize("given", [r'"a\\"', r'"say \"hi\""', '"it\'s"'])
def test_texts_with_quotes(given: str) -> None:
    emitted(f"{IMAGE}    U({given})\nblock U(s):\n    conv(4, 3)\n")


def test_a_join_of_many_branches() -> None:
    emitted(f"{IMAGE}    concat{{for i in range(500): conv(4, 1)}}\n")


def test_an_output_of_several_values() -> None:
    """It is an error of the spec with a place, or it compiles."""
    text = f"{IMAGE}    conv(4, 1)\n    output two: split(2) as (a, b)\n"
    assert "bug in archdsl" not in said_of(text)


def said_of(text: str) -> str:
    try:
        emitted(text)
    except archdsl.CompileError as error:
        return str(error)
    return ""


# --- how it reads --------------------------------------------------------------------------


INVERTED = """\
block Inverted(w, stride=1, expand=4, gate=false, act: op = relu):
    let hidden = input.channels * expand
    path body:
        if expand != 1:
            conv(hidden, 1) -> bn -> act
        depthwise(3, stride=stride) -> bn -> act
        if gate:
            mul{it | global_avg_pool -> conv(hidden, 1) -> sigmoid}
        conv(w, 1) -> bn
    if stride == 1 and input.channels == w:
        add{input | body}
    else:
        body
"""


def test_one_block_is_one_class() -> None:
    uses = "Inverted(4) -> Inverted(8, expand=1) -> Inverted(8, gate=true) -> Inverted(16, stride=2)"
    assert classes(emitted(f"{IMAGE}    {uses} -> Inverted(16, stride=2, gate=true)\n{INVERTED}")) == ["Inverted", "N"]


def test_one_class_for_each_op_given_to_a_block() -> None:
    found = emitted(f"{IMAGE}    Inverted(4) -> Inverted(8, act=silu) -> Inverted(8, act=silu, gate=true)\n{INVERTED}")
    assert len(classes(found)) <= 3


def test_several_values_keep_their_order_and_names() -> None:
    found = emitted(
        f"{IMAGE}    conv(4, 1) as a\n    conv(6, 1) as b\n    (a, b) -> Fuse(4) as (c, d)\n    concat{{c | d}}\n"
        "block Fuse(w) from first, second:\n    path q = second -> conv(w, 1)\n    concat{first | q} -> conv(w, 3)\n"
        "    return it, q\n"
    )
    assert signature(found, "Fuse", "forward") == "first: Tensor, second: Tensor"
    assert re.search(r"return (x|self\.conv2\(.*\)), q\n", found.text)


def test_any_number_of_values_count_from_zero() -> None:
    found = emitted(
        f"{IMAGE}    parallel{{conv(4, 1) | conv(4, 3)}} -> Fuse([4, 8]) as (a, b)\n    concat{{a | b}}\n"
        "block Fuse(ws) from *xs:\n    parallel:\n"
        "        | for i in range(len(ws)): add{for j in range(len(xs)): xs[j] -> conv(ws[i], 3)}\n"
    )
    takes = signature(found, "Fuse", "forward")
    assert takes in ("xs0: Tensor, xs1: Tensor", "*xs: Tensor")


def test_settings_are_arguments() -> None:
    found = emitted(
        "network N:\n    param classes: int = 5\n    param rate: float = 0.25\n    input image: 4 x 8 x 8\n"
        "    conv(4, 3) -> global_avg_pool -> flatten -> dropout(rate) -> linear(classes)\n"
    )
    assert signature(found, "N") == "in_channels: int = 4, rate: float = 0.25, classes: int = 5"


def test_nothing_is_named_only_to_be_returned() -> None:
    text = emitted(f"{IMAGE}    U -> U\nblock U:\n    path body = conv(4, 3) -> bn\n    body\n").text
    assert not re.search(r"(\w+) = [^\n]*\n        return \1\n", text.split("class N(")[0])


def test_copies_that_differ_in_a_literal_are_one_class() -> None:
    found = emitted(
        "network N:\n    input image: 4 x 32 x 32\n    for k in [1, 2, 3]:\n"
        "        conv(4, 3) -> trim(k)\n        add{it | relu -> conv(4, 1)}\n"
    )
    assert len(classes(found)) <= 2


# --- where it runs -------------------------------------------------------------------------

LENT = {use for use in SHARED if use not in ("once", "only in outputs", "in a path", "in branches")}
"""Where a shared module is passed to the `forward` that calls it. TorchScript has no type for that."""

BORDERS = ("stride=2, padding=tf_same", "stride=1x2, padding=tf_same", "padding=[0, 1, 1, 0]")
"""What torch's own layers cannot pad: by the size of the input, and by a number for each side."""

SLIDING = ("conv(4, 3, {})", "depthwise(3, {})", "max_pool(3, {})", "max_pool(2x3, {}, dilation=2)", "lp_pool(3, {})")
AVERAGES = ("avg_pool(3, {})", "avg_pool(3, {}, include_padding=false)")

RUNS = {
    "channel shuffle": f"{IMAGE}    conv(8, 1) -> channel_shuffle(2) -> conv(4, 3)\n",
    **{
        f"{step.format(border)}": f"{IMAGE}    {step.format(border)}\n"
        for step in (*SLIDING, *AVERAGES)
        for border in BORDERS
    },
    "pools of one dimension": "network N:\n    input x1: 4 x 13\n    max_pool(3, stride=2, padding=tf_same)\n"
    "    lp_pool(3, stride=2, padding=tf_same) -> avg_pool(2, stride=1, padding=[1, 0])\n",
    "copies opened in their loop": "network N:\n    input image: 3 x 16 x 16\n    stage s: U(8) * 2 -> max_pool(2)\n"
    "    conv(2, 1)\nblock U(w):\n    conv(w, 3) -> bn -> relu\n",
    "a block opened by its caller": "network N:\n    input image: 3 x 16 x 16\n    conv(8, 1)\n    stage s: U(16)\n"
    "block U(w):\n    conv(w, 3) -> bn -> relu\n",
    **{
        f"shared {module}, {use}": f"{IMAGE}    shared head = {module}\n    {SHARED[use]}\n{HEAD}"
        for use in SHARED
        if use not in LENT
        for module in ("Head", "conv(4, 3)")
    },
}


@pytest.mark.parametrize("name", RUNS)
def test_scripts(name: str) -> None:
    module = emitted(RUNS[name])
    network: nn.Module = getattr(module.load(), module.name)().eval()
    inputs = example_inputs(module.graph)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Any = torch.jit.script(network)(*inputs)
        assert all(map(torch.equal, tensors_of(found), tensors_of(network(*inputs))))


def shared(use: str) -> tuple[nn.Module, list[torch.Tensor]]:
    module = emitted(f"{IMAGE}    shared head = Head\n    {SHARED[use]}\n{HEAD}")
    network: nn.Module = getattr(module.load(), module.name)().eval()
    return network, example_inputs(module.graph)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use", sorted(LENT))
def test_a_module_that_is_passed_on_is_traced_and_exported_but_not_scripted(use: str) -> None:
    """As `docs/emitter.md` says. Whoever finds a way to script it has to change that, too."""
    network, inputs = shared(use)
    with torch.no_grad():
        expected = tensors_of(network(*inputs))
        traced = torch.jit.trace(network, tuple(inputs), check_trace=False)
        exported = torch.export.export(network, tuple(inputs)).module()
        for found in (traced, exported):
            assert all(map(torch.equal, tensors_of(found(*inputs)), expected))
    with pytest.raises(RuntimeError, match=r"Unknown type name 'nn\.Module'"):
        torch.jit.script(network)


def test_a_default_is_kept_under_a_name_that_the_file_needs_itself() -> None:
    """`time` is imported there, so the parameter is `time_`."""
    block = "\nblock B(c, time=1):\n    conv(c, 1 + 2 * time)\n"
    module = emitted(f"{IMAGE}    B(4) -> B(4, time=2) -> B(4)\n{block}")
    assert signature(module, "B") == "in_channels: int, c: int, time_: int = 1"


def test_values_are_passed_in_the_order_of_a_blocks_parameters() -> None:
    """And not in the order in which the block uses them."""
    text = """\
network N:
    input image: 8 x 16
    input first: 8
    input second: 8
    stage body: image -> Modulated(first, second) -> Modulated(gain=second, shift=first)

block Modulated(shift, gain):
    layer_norm as normal
    add{normal | mul{normal | gain} | shift}
"""
    source = archdsl.loads(text).source()
    assert "def forward(self, x: Tensor, shift: Tensor, gain: Tensor) -> Tensor:" in source
    assert "self.modulated2(self.modulated1(image, first, second), first, second)" in source
