"""Checks the `expect` lines of a spec on its graph: `expect 50: params == 25_557_032; conv5.shape == 2048x7x7`."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from archdsl.analyses import totals
from archdsl.diagnostics import Diagnostic, Note
from archdsl.elaborate.compare import compare, tolerance
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate
from archdsl.elaborate.settings import shown_number
from archdsl.elaborate.values import Problem, describe
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.resolve.model import Network
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text

FACTS = {
    "params": totals.parameters,
    "buffers": totals.buffers,
    "macs": totals.macs,
    "layers": totals.layers,
}


def expectations(
    network: Network, graph: Graph, environment: Environment, known: Container[Span] = ()
) -> Iterator[Diagnostic]:
    """Every fact that does not hold for the graph's variant; `known` are the places of those to say nothing of."""
    for fact in facts_of(network, graph):
        if fact.span in known:
            continue
        try:
            yield from _check(fact, graph, environment)
        except Problem as problem:
            yield problem.diagnostic


def facts_of(network: Network, graph: Graph) -> Iterator[tree.Compare]:
    """The facts that the graph's variant is held to. A network with changed settings has none to keep."""
    if any(setting.origin == "given" for setting in graph.header.settings):
        return
    for expect in network.expectations:
        if expect.variant in (None, graph.header.variant):
            yield from expect.facts


def _check(fact: tree.Compare, graph: Graph, environment: Environment) -> Iterator[Diagnostic]:
    found = fact_value(fact.left, graph)
    expected = evaluate(fact.right, environment)
    if not compare(fact, found, expected):
        from archdsl.elaborate.wrong_fact import meant_otherwise

        advice = meant_otherwise(graph, lambda other: compare(fact, fact_value(fact.left, other), expected))
        yield Diagnostic(
            "expectation-failed",
            f"`{expression_text(fact.left)}` is {_shown(found)}, expected {fact.operator} {_expected(fact, expected)}",
            fact.span,
            label=_difference(found, expected),
            notes=(Note(advice.why),) if advice else (),
            help=advice.help if advice else _other_number(fact, found, graph),
        )


def _expected(fact: tree.Compare, expected: Any) -> str:
    """What is expected as it is written, with what that comes to or allows where it is not plain."""
    text = expression_text(fact.right)
    if fact.operator == "~":
        return f"{text}, which allows {shown_number(expected)} ± {shown_number(tolerance(fact, expected))}"
    is_plain = isinstance(fact.right, tree.Number | tree.Shape)
    return text if is_plain else f"{text}, which is {_shown(expected)}"


def _other_number(fact: tree.Compare, found: Any, graph: Graph) -> str:
    """The fact that would hold, and where to look if the one that is written should."""
    variant = f"@{graph.header.variant}" if graph.header.variant else ""
    what = "the shape after each step" if isinstance(found, tuple) else "what each step adds"
    return (
        f"if the spec is right write `{expression_text(fact.left)} == {_shown(found)}`; if not, "
        f"`archdsl table {graph.header.spec}{variant} --rows op` shows {what}"
    )


def _shown(value: Any) -> str:
    return describe(value) if isinstance(value, tuple) else shown_number(value)


def _difference(found: Any, expected: Any) -> str:
    if isinstance(found, int | float) and isinstance(expected, int | float):
        difference = found - expected
        return f"{'+' if difference > 0 else '-'}{shown_number(abs(difference))}"
    return ""


def fact_value(expression: tree.Expression, graph: Graph) -> Any:
    """`params`, `training.params`, `conv5.shape`, `conv5.params`: a number or a shape. Raises `Problem`."""
    scope, what, training = _parts(expression)
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


def named_part(expression: tree.Expression, graph: Graph) -> Scope | Node | None:
    """The stage, block or step of the graph that a fact is about; None for the network, and where there is none."""
    try:
        scope, _, _ = _parts(expression)
    except Problem:
        return None
    if not scope or any(output.name == scope for output in graph.outputs):
        return None
    return graph.scopes.get(scope) or (graph.node(scope) if scope in graph else _named(graph, scope))


def _parts(expression: tree.Expression) -> tuple[str, str, bool]:
    """`training.conv5.params`: of what, which number, and whether in training."""
    *where, what = _path(expression)
    training = where[:1] == ["training"]
    return ".".join(where[1:] if training else where), what, training


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
