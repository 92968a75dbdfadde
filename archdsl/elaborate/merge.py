"""Branches that start from one value and are joined by an op, or stay side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import elements
from archdsl.elaborate.steps import Result, Shell, apply
from archdsl.elaborate.values import FAILED, Flow, Problem
from archdsl.source import Span
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.elaborate.expand import Expander


def merge(
    expander: Expander, merge: tree.Merge, incoming: Result, environment: Environment, shell: Shell, label: str | None
) -> Result:
    """Every branch starts from what flows in; the op joins what they come to."""
    values: list[Flow] = []
    failed = False
    link = environment.link(it=incoming)
    for branch in merge.branches:
        for chain, place in _branches(expander, branch.clauses, branch.chain, link):
            result = expander.attempt(chain, place)
            failed = failed or not isinstance(result, Flow | tuple)
            spreads = isinstance(chain.steps[0].target, tree.Spread) and len(chain.steps) == 1
            values.extend(_branch_values(result, spreads or merge.op is None, branch.span))
    if failed:
        return FAILED
    if merge.op is None:
        return tuple(values)
    unit = expander.unit(merge.op, environment)
    return apply(expander, unit, tuple(values), merge.op.span, shell, label)


def _branches(
    expander: Expander, clauses: tuple[tree.Each | tree.When, ...], chain: tree.Chain, environment: Environment
) -> Iterator[tuple[tree.Chain, Environment]]:
    """A branch, or one for each element, where its conditions hold."""
    if not clauses:
        yield chain, environment.link(it=environment.find("it"))
        return
    clause, *rest = clauses
    if isinstance(clause, tree.When):
        if expander.decide(clause.condition, environment):
            yield from _branches(expander, tuple(rest), chain, environment)
        return
    for value in elements(clause.values, environment):
        expander.session.tick(clause.span)
        turn = environment.child()
        turn.values.update({"it": environment.find("it"), clause.name.name: value})
        yield from _branches(expander, tuple(rest), chain, turn)


def _branch_values(result: Result, spread: bool, span: Span) -> Iterable[Flow]:
    if isinstance(result, Flow):
        return (result,)
    if isinstance(result, tuple):
        if spread:
            return result
        raise Problem(
            "wrong-number-of-values",
            f"this branch gives {len(result)} values",
            span,
            help="name them and write *name, or join them inside the branch",
        )
    return ()
