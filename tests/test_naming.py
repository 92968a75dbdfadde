"""Names of steps become attributes of modules, so none may be taken."""

from __future__ import annotations

import keyword

import pytest
from torch import nn

import archdsl
from archdsl.naming import RESERVED, snake_case


def test_what_a_module_already_has_is_reserved() -> None:
    # Packages that were imported before may have put methods of theirs on the class.
    found = ((name, getattr(nn.Module(), name)) for name in dir(nn.Module()) if not name.startswith("__"))
    taken = {name for name, value in found if getattr(value, "__module__", "torch").startswith(("torch", "typing"))}
    assert taken <= RESERVED
    assert set(keyword.kwlist) <= RESERVED


def test_nothing_else_is_reserved() -> None:
    known = {*dir(nn.Module()), *nn.Module.__annotations__, *keyword.kwlist, *keyword.softkwlist, "checkpointing"}
    assert known >= RESERVED


@pytest.mark.parametrize(
    ("block", "step"),
    [("MBConv", "mb_conv"), ("SqueezeGate", "squeeze_gate"), ("conv", "conv"), ("Conv2", "conv2"), ("VGG", "vgg")],
)
def test_blocks_are_named_in_snake_case(block: str, step: str) -> None:
    assert snake_case(block) == step


def test_no_step_is_named_like_a_shared_module() -> None:
    """The second `conv` would be called `conv2`, and would have shared the weights of the module of that name."""
    text = """\
network Net:
    input image: 4 x 8 x 8
    shared conv2 = conv(4, 3)
    conv(4, 1)
    conv(4, 3) -> conv2 -> conv2
"""
    assert archdsl.loads(text).params == (4 * 4 + 4) + 2 * (4 * 4 * 9 + 4)


def test_names_that_end_in_a_line_are_numbered_with_those_that_end_in_a_digit() -> None:
    """`conv1_1` is the first use of `conv1`, and was that of `conv1_`, too."""
    text = """\
network Net:
    input image: 4 x 8 x 8
    shared conv1 = conv(4, 3)
    shared conv1_ = conv(4, 1)
    conv1 -> conv1_ -> conv1 -> conv1_
"""
    ids = [node.id for node in archdsl.loads(text).graph]
    assert len(set(ids)) == len(ids) == 5
