"""When an emitted module computes each value at inference, and when Python releases it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    return tuple(_of(graph, steps))


def _of(graph: Graph, steps: Iterable[Step]) -> Iterator[Step]:
    """The steps at nodes of the graph itself. What the emitted code adds are views; what they release is released
    after the step before."""
    waiting: Step | None = None
    for step in steps:
        if step.node not in graph:
            assert waiting is not None, "a view comes after the value that it shows"
            waiting = replace(waiting, freed=(*waiting.freed, *step.freed))
            continue
        if waiting is not None:
            yield waiting
        waiting = step
    if waiting is not None:
        yield waiting
