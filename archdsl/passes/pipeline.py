"""Passes one after the other, each followed by a check that the graph still holds together.

A pass is a function from a graph to a graph. It returns the graph it was given where it has nothing to do. One that
renames weights, or computes them anew, returns a `Rewritten`, which says so.
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
    """How one entry of a state_dict comes from entries of the one before: `formula` is called with those in `sources`.

    Without a formula it is the one source under another name. A formula uses `+`, `*` and the like, and methods that
    numpy's arrays and torch's tensors both have.
    """

    sources: tuple[str, ...]
    formula: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Rewritten:
    """What a pass made: a graph, and those entries of its state_dict that are not what they were."""

    graph: Graph
    weights: Mapping[str, Weight] = field(default_factory=dict)

    def state(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The state_dict of the new graph, from that of the graph before."""
        return {key: _value(self.weights.get(key, Weight((key,))), before) for key in state_keys(self.graph)}


Pass = Callable[[Graph], Graph | Rewritten]


@dataclass(frozen=True)
class Run:
    """The graph after several passes, and what each pass that changed anything made of it."""

    graph: Graph
    steps: tuple[Rewritten, ...] = ()

    def state(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The state_dict of the last graph, from that of the first."""
        state = dict(before)
        for step in self.steps:
            state = step.state(state)
        return state


def run(graph: Graph, passes: Iterable[Pass]) -> Run:
    """Runs passes in this order. Raises `Bug`, naming the pass and the rule, where one breaks the graph.

    What a pass has to say to the user it raises as `CompileError`.
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
    """The passes of these names: each is a function in the file of its name."""
    return [getattr(import_module(f"archdsl.passes.{name}"), name) for name in names]


def state_keys(graph: Graph) -> Iterator[str]:
    """The names in the state_dict of a graph's module, each once."""
    seen: set[str] = set()
    for node in graph:
        if node.weights not in seen:
            slots = node.op.state(*graph.tensors_into(node.id))
            if slots:
                seen.add(node.weights)
            yield from (f"{node.weights}.{slot}" for slot in slots)


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
