"""An activation that is added as docs/adding_an_op.md says is imported and proven without another line of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import test_memory
import test_traits
import torch
from running_onnx import TOLERANCE, difference
from torch import nn
from torch.nn import functional as F

import archdsl
from archdsl.driver import compile_network
from archdsl.frontends.torch import from_torch
from archdsl.ops.registry import REGISTRY
from archdsl.prove.prove import prove
from archdsl.resolve.resolve import resolve
from archdsl.source import Source

DOCUMENT = Path(__file__).parent.parent / "docs" / "adding_an_op.md"

SOFTPLUS = """
from collections.abc import Iterator

from archdsl.ops.activation import Activation
from archdsl.ops.base import Example, Module
from archdsl.ops.registry import register
from archdsl.tensor import Tensor


@register
class Softplus(Activation):
    name = "softplus"
    operations = 4

    beta: float = 1.0

    def torch(self, x: Tensor) -> Module:
        return Module.of("nn.Softplus", beta=(self.beta, 1.0))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 56, 56),), Tensor(64, 56, 56))
        yield Example(cls(beta=2.0), (Tensor(10),), Tensor(10))
"""


@pytest.fixture
def activations() -> Iterator[None]:
    """The document's activation and one with an argument, until the test is over."""
    known = set(REGISTRY)
    (written,) = (
        code for code in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S) if "@register" in code
    )
    try:
        for code in (written, SOFTPLUS):
            exec(compile(code, "<a new file>", "exec"), {"__name__": "new"})
        yield
    finally:
        for name in set(REGISTRY) - known:
            del REGISTRY._ops[name]


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.softplus = nn.Softplus(beta=2.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return F.softsign(x) + self.softplus(x)


SPEC = """\
network Branches:
    input image: 3 x 16 x 16
    conv(4, 3)
    add{softsign | softplus(2.5)}
"""


@pytest.mark.usefixtures("activations")
def test_it_is_imported() -> None:
    graph = from_torch(Branches(), torch.zeros(2, 3, 16, 16))
    assert [node.op.name for node in graph] == ["input", "conv", "softsign", "softplus", "add"]
    assert graph.node("softplus").op == REGISTRY["softplus"](beta=2.5)


@pytest.mark.usefixtures("activations")
def test_another_formula_is_not_it() -> None:
    class Almost(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / (x.abs() + 2)

    graph = from_torch(Almost(), torch.zeros(2, 3, 16, 16))
    assert "softsign" not in [node.op.name for node in graph]


@pytest.mark.usefixtures("activations")
def test_it_is_proven() -> None:
    graph = compile_network(resolve(Source("branches.arch", SPEC))).graph
    report = prove(graph, Branches())
    assert report.ok
    assert report.numbers is not None


@pytest.mark.usefixtures("activations")
@pytest.mark.parametrize("name", ["softsign", "softplus"])
def test_its_traits_are_compared_with_torch(name: str) -> None:
    test_traits.test_pointwise(name)
    test_traits.test_keeps_zero(name)
    test_traits.test_in_place(name)


@pytest.mark.usefixtures("activations")
def test_its_memory_is_compared_with_torch() -> None:
    for example in REGISTRY["softsign"].examples():
        test_memory.test_an_op_holds_its_outputs_and_its_own("softsign", example)
        test_memory.test_an_op_keeps_what_it_says("softsign", example, False)


def test_it_is_gone_again() -> None:
    graph = from_torch(nn.Softsign(), torch.zeros(2, 3, 16, 16))
    assert [node.op.name for node in graph][1:2] != ["softsign"]
    assert "softsign" not in REGISTRY


@pytest.mark.usefixtures("activations")
def test_the_document_s_activation_is_written_in_onnx_and_the_other_one_says_that_it_cannot() -> None:
    assert difference(archdsl.loads("network N:\n    input vector: 9\n    softsign\n")) <= TOLERANCE
    with pytest.raises(archdsl.CompileError, match="`softplus` cannot be written in ONNX: it has no method `onnx`"):
        archdsl.loads("network N:\n    input vector: 9\n    softplus\n").onnx()
