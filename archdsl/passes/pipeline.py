"""Runs passes one after the other, and verifies the graph after each.

A pass is a function from a graph to a graph. If there is nothing to do, it returns the graph that it was given. A pass
that renames weights or computes new ones returns a `Rewritten`, which says how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph
from archdsl.ir.verify import Bug, verify


class Weight(NamedTuple):
    """How an entry of the new state_dict follows from the old one: `formula` is called with the entries in `sources`.

    Without a formula, it is the only source under another name. A formula may use only operators and methods that both
    numpy's arrays and torch's tensors have.
    """

    sources: tuple[str, ...]
    formula: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Rewritten:
    """The result of a pass that changes weights: the graph, and the entries of its state_dict that differ."""

    graph: Graph
    weights: Mapping[str, Weight] = field(default_factory=dict)

    def state(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The state_dict of the new graph, computed from that of the graph before."""
        return {key: _value(self.weights.get(key, Weight((key,))), before) for key in state_keys(self.graph)}


Pass = Callable[[Graph], Graph | Rewritten]


@dataclass(frozen=True)
class Run:
    """The graph after several passes, and the result of each pass that changed it."""

    graph: Graph
    steps: tuple[Rewritten, ...] = ()

    def state(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The state_dict of the last graph, computed from that of the first."""
        state = dict(before)
        for step in self.steps:
            state = step.state(state)
        return state


def run(graph: Graph, passes: Iterable[Pass]) -> Run:
    """Runs passes in this order. Raises `Bug`, with the pass and the broken rule, if a pass makes an invalid graph.

    A pass may raise `CompileError` for an error that the user can mend.
    """
    steps: list[Rewritten] = []
    for each in passes:
        made = _applied(each, graph)
        if made.graph is not graph:
            verify(made.graph, after=each.__name__)
            steps.append(made)
            graph = made.graph
    return Run(graph, tuple(steps))


def named(names: Iterable[str]) -> list[Pass]:
    """The passes with these names. Each is the function of that name in the file of that name."""
    return [getattr(import_module(f"archdsl.passes.{name}"), name) for name in names]


def state_keys(graph: Graph) -> Iterator[str]:
    """The keys in the state_dict of a graph's module, each once."""
    seen: set[str] = set()
    for node in graph:
        if node.weights not in seen:
            slots = node.op.state(*graph.tensors_into(node.id))
            if slots:
                seen.add(node.weights)
            yield from (node.key(slot) for slot in slots)


def _applied(each: Pass, graph: Graph) -> Rewritten:
    try:
        made = each(graph)
    except (CompileError, Bug):
        raise
    except Exception as error:
        raise Bug(f"it failed with {type(error).__name__}: {error}", each.__name__) from error
    return made if isinstance(made, Rewritten) else Rewritten(made)


def _value(weight: Weight, before: Mapping[str, Any]) -> Any:
    values = [before[source] for source in weight.sources]
    return weight.formula(*values) if weight.formula else values[0]
