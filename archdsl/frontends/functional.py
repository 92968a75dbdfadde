"""Removes in-place operations from a trace, so that no operation changes a value that another one reads."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

from torch import fx
from torch.export.graph_signature import OutputKind

from archdsl.frontends.contexts import without_contexts

# In evaluation these return the input itself, which their schemas do not say.
RETURN_THEIR_INPUT = frozenset({"dropout", "feature_dropout", "alpha_dropout"})


def without_mutation(program: Any) -> tuple[fx.Graph, tuple[Any, ...]]:
    """The graph without in-place operations, and the values that the user gets.

    After `relu_(x)`, operations that read `x` read its result instead. If views of `x` are read later too, PyTorch's
    own functionalization is used, which takes as long as the export did.
    """
    graph = without_contexts(program.graph_module)
    if not replace_in_place(graph):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = program.run_decompositions({})
        graph = without_contexts(program.graph_module)
    (output,) = (node for node in graph.nodes if node.op == "output")
    kinds = [spec.kind for spec in program.graph_signature.output_specs]
    return graph, tuple(v for v, kind in zip(output.args[0], kinds, strict=True) if kind is OutputKind.USER_OUTPUT)


def replace_in_place(graph: fx.Graph) -> bool:
    """Makes each operation read the newest version of a value. Returns False if this is not enough because of views."""
    versions = _Versions(graph)
    for node in graph.nodes:
        for source in set(node.all_input_nodes):
            newest = versions.newest(source)
            if newest is not source:
                node.replace_input_with(source, newest)
        if not versions.add(node):
            return False
    return True


class _Versions:
    """Which values share memory, and which of them was written last."""

    def __init__(self, graph: fx.Graph) -> None:
        self._position = {node: index for index, node in enumerate(graph.nodes)}
        self._root: dict[fx.Node, fx.Node] = {}
        self._sharing: dict[fx.Node, list[fx.Node]] = defaultdict(list)
        self._next: dict[fx.Node, fx.Node] = {}

    def newest(self, node: fx.Node) -> fx.Node:
        while node in self._next:
            node = self._next[node]
        return node

    def add(self, node: fx.Node) -> bool:
        """Records a node. Returns False if it changes a value that is read through another view later."""
        source = _aliased(node)
        root = node if source is None else self._root[source]
        self._root[node] = root
        if _writes(node) and source is not None and source.op != "placeholder":
            if any(self._is_read_after(other, node) for other in self._sharing[root] if other is not source):
                return False
            self._next[source] = node
        self._sharing[root].append(node)
        return True

    def _is_read_after(self, value: fx.Node, writer: fx.Node) -> bool:
        if value in self._next:
            return False
        return any(self._position[user] > self._position[writer] for user in value.users)


def _schema(node: fx.Node) -> Any:
    return getattr(node.target, "_schema", None) if node.op == "call_function" else None


def _writes(node: fx.Node) -> bool:
    schema = _schema(node)
    return schema is not None and bool(schema.is_mutable)


def _aliased(node: fx.Node) -> fx.Node | None:
    """The argument with which the result (or one of several) shares memory, or may share it."""
    schema = _schema(node)
    if schema is None:
        is_item = node.op == "call_function" and getattr(node.target, "__name__", "") == "getitem"
        return node.args[0] if is_item and isinstance(node.args[0], fx.Node) else None
    shares = any(result.alias_info is not None for result in schema.returns)
    name = schema.name.removeprefix("aten::").rstrip("_")
    if (shares or name in RETURN_THEIR_INPUT) and node.args and isinstance(node.args[0], fx.Node):
        return node.args[0]
    return None
