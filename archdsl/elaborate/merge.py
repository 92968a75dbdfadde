"""Branches that start from one value and are joined by an op, or stay side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
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
    origins: list[tree.Chain] = []
    failed = False
    link = environment.link(it=incoming)
    for branch in merge.branches:
        for chain, place in _branches(expander, branch.clauses, branch.chain, link):
            result = expander.attempt(chain, place)
            failed = failed or not isinstance(result, Flow | tuple)
            spreads = isinstance(chain.steps[0].target, tree.Spread) and len(chain.steps) == 1
            values.extend(_branch_values(result, spreads or merge.op is None, branch.span))
            origins.extend([chain] * (len(values) - len(origins)))
    if failed:
        return FAILED
    if merge.op is None:
        return tuple(values)
    unit = expander.unit(merge.op, environment)
    try:
        return apply(expander, unit, tuple(values), merge.op.span, shell, label)
    except Problem as problem:
        if problem.diagnostic.code == "shape-mismatch" and problem.diagnostic.help is None:
            problem.diagnostic = replace(problem.diagnostic, help=_mend(values, origins))
        raise


def _mend(values: list[Flow], origins: list[tree.Chain]) -> str | None:
    """An edit of one of two branches that makes them fit, where there can be no other."""
    if len(values) != 2 or any(len(value.tensor.spatial) != 2 for value in values):
        return None
    large, small = sorted(zip(values, origins, strict=True), key=lambda pair: -pair[0].tensor.size)
    text, sizes = large[1].span.text, list(zip(large[0].tensor.spatial, small[0].tensor.spatial, strict=True))
    factors = {-(-ours // theirs) for ours, theirs in sizes if theirs <= ours}
    if large[0].tensor.spatial == small[0].tensor.spatial:
        return None
    if len(factors) == 1 and factors != {1} and len(large[1].steps) == 1:
        (factor,) = factors
        if all(ours == factor * theirs for ours, theirs in sizes):
            return f"`{text}` is {factor} times as high and wide as the other branch: give it a stride of {factor}"
    named = isinstance(large[1].steps[0].target, tree.Name) and len(large[1].steps) == 1
    if named and small[1].span.text == "it" and all(ours >= theirs for ours, theirs in sizes):
        return f"crop the larger one: {text} -> center_crop(it)"
    return None


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
