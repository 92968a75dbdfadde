"""When an emitted module computes each value at inference, and when Python releases it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from archdsl.analyses.memory import Step, flat
from archdsl.ir.graph import Graph


def emitted(graph: Graph) -> tuple[Step, ...]:
    """Every node that the emitted module runs at inference, in order, and the values that are released after it.

    An imported network with operations that the language has no op for has no emitted module. Its nodes are taken in
    the order of the graph, with each value released after its last use.
    """
    if any(node.op.name == "opaque" for node in graph):
        return flat(graph)
    from archdsl.backends.torch.classes import Classes
    from archdsl.backends.torch.holding import lay_out
    from archdsl.backends.torch.outline import Outline
    from archdsl.backends.torch.plain import Forwards, Plain

    outline = Outline((graph,))
    _, steps = lay_out(Classes(outline), "", Forwards(lambda body: Plain(outline, body)).written)
    return _without_moves(graph, steps)


def _without_moves(graph: Graph, steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps that are nodes of the graph: those that the emitter added are views, which take no memory."""
    kept: list[Step] = []
    for step in steps:
        if step.node in graph:
            kept.append(step)
        elif kept:
            kept[-1] = replace(kept[-1], freed=(*kept[-1].freed, *step.freed))
    return tuple(kept)
