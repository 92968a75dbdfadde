"""What ops compute, against definitions written independently of them in numpy (`tests/interpreter`).

`make fuzz` does the same for many more random networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import check_interpreter
import pytest
from check_interpreter import Differs, check_graph, check_spec
from interpreter import DEFINITIONS
from random_ops import OPS, ROUND, network_of_one_op, networks_of_examples
from random_specs import spec, template
from torch import nn

import archdsl
from archdsl.backends.torch.load import module
from archdsl.ir.graph import Graph
from archdsl.ops.registry import REGISTRY

TEMPLATES = 3
"""Random specs, of two networks each."""


def check(texts: Iterable[str]) -> Counter[str]:
    """Compares all of these networks. What differs is said with its spec."""
    counts: Counter[str] = Counter()
    said = []
    for text in texts:
        try:
            check_spec(text, counts)
        except Differs as error:
            said.append(f"{error}\n{text}")
    assert not said, "\n".join(said)
    return counts


def test_every_op_is_defined() -> None:
    """An op that a spec can use has a definition in tests/interpreter, which says where it is from."""
    assert set(DEFINITIONS) == {name for name, op in REGISTRY.items() if not op.internal}


@pytest.mark.parametrize("name", OPS)
def test_documented_examples(name: str) -> None:
    texts = networks_of_examples(name)
    assert check(texts)["compared"] == len(texts)


def test_random_networks_of_one_op() -> None:
    assert check(map(network_of_one_op, range(len(ROUND))))["compared"] > len(ROUND) // 2


def test_random_networks() -> None:
    texts = [spec(template(seed), side) for seed in range(TEMPLATES) for side in (0, 1)]
    assert check(texts)["compared"] > TEMPLATES


# --- the check itself ----------------------------------------------------------------------------

PLAIN = (
    "network Net:\n    input image: 4 x 5 x 6\n    conv(4, 3) -> relu\n    add{it | global_max_pool -> resize(it)}\n"
)


def test_the_first_node_that_differs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEFINITIONS, "relu", lambda a, w, x: abs(x))
    with pytest.raises(Differs, match=r"PyTorch has 0, the interpreter .*: relu\(\) of 4x5x6 gives 4x5x6, at relu"):
        check_graph(archdsl.loads(PLAIN).graph)


def test_nodes_that_are_joined_otherwise_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every node is right by itself, and the network is not."""

    def emitted_otherwise(graph: Graph, **options: Any) -> nn.Module:
        made = module(graph, **options)
        monkeypatch.setattr(type(made), "forward", lambda self, x: self.conv(x))
        return made

    monkeypatch.setattr(check_interpreter, "module", emitted_otherwise)
    with pytest.raises(Differs, match="no node differs by itself"):
        check_graph(archdsl.loads(PLAIN).graph)


def test_a_number_that_is_none_is_found() -> None:
    text = "network Net:\n    input v: 2 x 3\n    lrn(1, alpha=-1, k=0)\n"
    with pytest.raises(Differs, match="not a number, or infinite: lrn"):
        check_spec(text, Counter())


def test_another_shape_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEFINITIONS, "relu", lambda a, w, x: x[:, 1:])
    with pytest.raises(Differs, match=r"the interpreter gives \(3, 5, 6\): relu"):
        check_graph(archdsl.loads(PLAIN.partition("    add")[0]).graph)
