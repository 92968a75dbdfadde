"""Puts the parts of a trace that ran in a context of PyTorch back among its other operations.

What ran in `with torch.autocast(...)` or `with torch.enable_grad()` is a graph of its own in a trace of `torch.export`,
which one node of the trace calls. These contexts decide about the precision and the gradients of operations, and not
about which operations there are.
"""

from __future__ import annotations

from typing import Any

from torch import fx

CONTEXTS = frozenset({"wrap_with_autocast", "wrap_with_set_grad_enabled"})
"""The names of PyTorch's operators that call a graph in a context."""


def without_contexts(module: fx.GraphModule) -> fx.Graph:
    """The graph of a trace, changed so that it has the operations of the graphs that it calls in a context."""
    for node in list(module.graph.nodes):
        if node.op == "call_function" and getattr(node.target, "__name__", "") in CONTEXTS:
            _open(module, node)
    return module.graph


def _open(module: fx.GraphModule, call: fx.Node) -> None:
    """Replaces a call by what it calls. It has settings of the context, the graph, and the values that the graph takes.

    Its results are a tuple, whose entries are taken one by one.
    """
    place, held = next((i, one) for i, one in enumerate(call.args) if isinstance(one, fx.Node))
    assert isinstance(held, fx.Node)
    called = module.get_submodule(str(held.target))
    assert isinstance(called, fx.GraphModule)
    inner = without_contexts(called)
    inputs = [node for node in inner.nodes if node.op == "placeholder"]
    values: dict[fx.Node, Any] = dict(zip(inputs, call.args[place + 1 :], strict=True))
    with module.graph.inserting_before(call):
        results: Any = module.graph.graph_copy(inner, values)
    for user in list(call.users):
        user.replace_all_uses_with(results[user.args[1]])
        module.graph.erase_node(user)
    module.graph.erase_node(call)
    module.graph.erase_node(held)
