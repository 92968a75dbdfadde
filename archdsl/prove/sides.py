"""The two networks that are compared: each a graph, the names of its parameters, and a way to make a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from torch import nn

from archdsl.diagnostics import CompileError
from archdsl.frontends.buffers import weights_on_meta
from archdsl.frontends.load import advising
from archdsl.frontends.parametrized import with_plain_weights
from archdsl.frontends.torch import imported, stand_ins, traced_reference
from archdsl.ir.graph import Graph
from archdsl.ir.imported import Imported
from archdsl.outputs import passed, prepared
from archdsl.readers import is_reference, read_network, reader_of
from archdsl.tensor import Tensor


@dataclass(frozen=True)
class Side:
    """One of the two networks.

    `keys` has the name of each weight in the state_dict, by node and by the op's name for the weight (`bias`); a name
    that is missing is the node's path and the op's name. `make` returns a new module of the network, with arbitrary
    weights or with weights on `meta`, which have no numbers. `unused` are entries of the state_dict that no output
    depends on. `drop_paths` are the probabilities of drop paths that are not nodes of the graph. `inference` tells that
    normalizations may be folded into the layers before them.
    """

    title: str
    graph: Graph
    make: Callable[[], nn.Module] = field(compare=False)
    keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    drop_paths: tuple[float, ...] = ()
    inference: bool = False

    def key(self, node: str, slot: str) -> str:
        """The name of a parameter or buffer in the module's state_dict."""
        return self.keys.get(node, {}).get(slot) or self.graph.node(node).key(slot)


def of_graph(graph: Graph) -> Side:
    """The side of a graph, compiled or imported. Its module is made from the source that is emitted for the graph."""
    header = graph.header
    variant = f"@{header.variant}" if header.variant else ""
    given = "".join(f", {s.name}={s.value}" for s in header.settings if s.origin == "given")
    return Side(f"{header.spec}{variant}{given}", graph, lambda: _emitted(graph), _keys_as_written(graph))


def _keys_as_written(graph: Graph) -> dict[str, dict[str, str]]:
    """Names of parameters in the emitted source, for those that differ from the graph's; none if it is not emitted."""
    try:
        steps = passed(graph, "torch").steps
    except CompileError:
        return {}
    names: dict[str, str] = {}
    for step in steps:
        new = {weight.sources[0]: key for key, weight in step.weights.items()}
        names = {**new, **{old: new.get(key, key) for old, key in names.items()}}
    found = {node.id: {slot: node.key(slot) for slot in node.op.state(*graph.tensors_into(node.id))} for node in graph}
    changed = {id: {slot: names[key] for slot, key in row.items() if key in names} for id, row in found.items()}
    return {id: row for id, row in changed.items() if row}


INPUTS = (
    "the inputs are passed in the order of the spec, as batch x channels x positions; a function that returns a "
    "wrapper module adapts other arguments, as docs/prove.md shows"
)
"""What helps where a reference does not take the inputs of a spec."""


def of_reference(reference: str, inputs: Sequence[Tensor], meta: bool = False) -> Side:
    """The side of a public network, given by name, which is traced with inputs of these shapes, or that of a file.

    With `meta`, its weights have no values and take no memory. Executes the network's code. Raises `CompileError`.
    """
    if reader_of(reference) and not is_reference(reference):
        found = read_network(reference, inputs)
        return replace(of_graph(found.graph), inference=found.inference)
    with advising(INPUTS):
        module, found = traced_reference(reference, lambda _: inputs, meta)
    return of_imported(found, reference, lambda: module)


def of_module(module: nn.Module, inputs: Sequence[Tensor], name: str | None = None) -> Side:
    """The side of a module. The module is traced and not changed; a copy of it is run. Raises `CompileError`."""
    module = with_plain_weights(module)
    found = imported(module, stand_ins(module, inputs), name)
    return of_imported(found, found.graph.header.spec, lambda: deepcopy(module))


def of_imported(found: Imported, title: str, make: Callable[[], nn.Module]) -> Side:
    """The side of a module that is imported already; `make` gives a module to run."""
    return Side(title, found.graph, make, found.keys, found.unused, found.drop_paths, found.inference)


def _emitted(graph: Graph) -> nn.Module:
    from archdsl.backends.torch.load import module

    with weights_on_meta():
        return module(prepared(graph, "torch"), device="cpu")
