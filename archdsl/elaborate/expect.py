"""Checks the `expect` lines of a spec on its graph: `expect 50: params == 25_557_032; conv5.shape == 2048x7x7`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.analyses import totals
from archdsl.diagnostics import Diagnostic, Note
from archdsl.elaborate.compare import compare, tolerance
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate
from archdsl.elaborate.settings import shown_number
from archdsl.elaborate.values import Problem, describe
from archdsl.ir.graph import Graph, Scope
from archdsl.resolve.model import Network
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text

FACTS = {
    "params": totals.parameters,
    "buffers": totals.buffers,
    "macs": totals.macs,
    "layers": totals.layers,
}


def expectations(network: Network, graph: Graph, environment: Environment) -> Iterator[Diagnostic]:
    """An error for every fact that does not hold for the graph's variant. If settings were changed, none is checked."""
    if any(setting.origin == "given" for setting in graph.header.settings):
        return
    for expect in network.expectations:
        if expect.variant in (None, graph.header.variant):
            for fact in expect.facts:
                try:
                    yield from _check(fact, graph, environment)
                except Problem as problem:
                    yield problem.diagnostic


def _check(fact: tree.Compare, graph: Graph, environment: Environment) -> Iterator[Diagnostic]:
    found = fact_value(fact.left, graph)
    expected = evaluate(fact.right, environment)
    if not compare(fact, found, expected):
        allowed = ""
        if fact.operator == "~":
            allowed = f", which allows {shown_number(expected)} ± {shown_number(tolerance(fact, expected))}"
        from archdsl.elaborate.unpadded import meant_unpadded

        padding = meant_unpadded(graph, lambda other: compare(fact, fact_value(fact.left, other), expected))
        yield Diagnostic(
            "expectation-failed",
            f"`{expression_text(fact.left)}` is {_shown(found)}, expected {fact.operator} "
            f"{expression_text(fact.right)}{allowed}",
            fact.span,
            label=_difference(found, expected),
            notes=(Note("where no padding is written it is `same` here, and 0 in PyTorch, Keras and Caffe"),)
            * bool(padding),
            help=padding,
        )


def _shown(value: Any) -> str:
    return describe(value) if isinstance(value, tuple) else shown_number(value)


def _difference(found: Any, expected: Any) -> str:
    if isinstance(found, int | float) and isinstance(expected, int | float):
        difference = found - expected
        return f"{'+' if difference > 0 else '-'}{shown_number(abs(difference))}"
    return ""


def fact_value(expression: tree.Expression, graph: Graph) -> Any:
    """The value of a fact, a number or a shape: `params`, `training.params`, `conv5.shape`, `conv5.params`.

    Raises `Problem` if the network has no such fact.
    """
    path = _path(expression)
    *where, what = path
    training = where[:1] == ["training"]
    scope = ".".join(where[1:] if training else where)
    if what == "shape":
        return _shape(expression, graph, scope)
    if what not in FACTS:
        raise Problem(
            "unknown-name",
            f"there is no fact `{what}` to expect",
            expression.span,
            help=f"facts are {', '.join(FACTS)} and shape, of the network or of a stage: conv5.shape",
        )
    if scope and scope not in graph.scopes and scope not in graph:
        raise _unknown_scope(expression, graph, scope)
    return FACTS[what](graph, totals.nodes_in(graph, scope, training))


def _path(expression: tree.Expression) -> list[str]:
    if isinstance(expression, tree.Name):
        return [expression.name]
    if isinstance(expression, tree.Attribute):
        return [*_path(expression.value), expression.name]
    if isinstance(expression, tree.Index):
        return [*_path(expression.value), expression_text(expression.index)]
    raise Problem("wrong-type", f"`{expression_text(expression)}` is not a fact of the network", expression.span)


def _shape(expression: tree.Expression, graph: Graph, scope: str) -> tuple[int, ...]:
    for output in graph.outputs:
        if output.name == (scope or "output"):
            return graph.tensor(output.values[0]).dims
    if scope in graph and scope:
        return graph.node(scope).output.dims
    found = graph.scopes.get(scope) or _named(graph, scope)
    if found is None or not found.results:
        raise _unknown_scope(expression, graph, scope)
    return graph.tensor(found.results[-1]).dims


def _named(graph: Graph, name: str) -> Scope | None:
    """The only scope whose path ends with `name` (`i3a` for `inception3.i3a`); None if there is none or several."""
    found = [scope for scope in graph.scopes.values() if scope.name == name]
    return found[0] if len(found) == 1 else None


def _unknown_scope(expression: tree.Expression, graph: Graph, scope: str) -> Problem:
    stages = ", ".join(stage.path for stage in graph.stages)
    return Problem(
        "unknown-name",
        f"the network has no stage, block or output `{scope}`",
        expression.span,
        help=f"its stages are {stages}" if stages else None,
    )
