"""Warns of joins that are left with one branch. They join nothing, and no shape or count shows it."""

from __future__ import annotations

from archdsl.diagnostics import Note
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.expansion import Expansion
from archdsl.elaborate.values import Unit
from archdsl.ops.base import Family
from archdsl.ops.registry import REGISTRY
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text


def warn_of_lone(
    expander: Expansion, merge: tree.Merge, unit: Unit, absent: list[tree.Branch], environment: Environment
) -> None:
    """Warns of a join that has one branch, or has one left because the conditions of the others are false.

    In the latter case there is no warning if the missing branches would only have passed on a value.
    """
    if merge.op is None or not _joins(unit) or any(map(_is_list, merge.branches)):
        return
    name = unit.definition.name
    if len(merge.branches) == 1:
        message = f"`{name}` has one branch, so there is nothing to join"
        branch = merge.branches[0]
        joined, alone = f"{name}{{it | {_on_one_line(branch)}}}", _on_one_line(branch.chain)
        help = f"instead of `{_on_one_line(merge)}` write `{joined}` or `{alone}`"
        expander.session.warn("lone-branch", message, merge.op.span, help=help)
        return
    lost = [branch for branch in absent if _computes(expander, branch.chain, environment)]
    if lost:
        message = f"`{name}` is left with one branch, so nothing is joined"
        notes = tuple(Note(f"`{branch.span.text}` is left out: its condition is false", branch.span) for branch in lost)
        edit = f"instead of `{_on_one_line(lost[0])}` write `{_with_then(lost[0])}`"
        help = f"{edit}: if the condition is false, the value is passed on"
        expander.session.warn("lone-branch", message, merge.op.span, notes=notes, help=help)


def _with_then(branch: tree.Branch) -> str:
    """The branch `| if c: a -> b` written as a choice: `if c then (a -> b)`."""
    conditions = [expression_text(clause.condition) for clause in branch.clauses if isinstance(clause, tree.When)]
    step = _on_one_line(branch.chain)
    return f"if {' and '.join(conditions)} then {step if len(branch.chain.steps) == 1 else f'({step})'}"


def _on_one_line(part: tree.Merge | tree.Branch | tree.Chain) -> str:
    return " ".join(part.span.text.split())


def _joins(unit: Unit) -> bool:
    return isinstance(unit.definition, type) and unit.definition.family is Family.MERGE


def _is_list(branch: tree.Branch) -> bool:
    """Whether a branch stands for several values: it has a `for`, or spreads a list."""
    spread = isinstance(branch.chain.steps[0].target, tree.Spread)
    return spread or any(isinstance(clause, tree.Each) for clause in branch.clauses)


def _computes(expander: Expansion, chain: tree.Chain, environment: Environment) -> bool:
    """Whether a chain changes the value that it begins with, at inference."""
    return not all(_hands_on(expander, step, environment) for step in chain.steps)


def _hands_on(expander: Expansion, step: tree.Step, environment: Environment) -> bool:
    target = step.target
    if expander.is_value(target, environment):
        return True
    name = target.function if isinstance(target, tree.Call) else target
    unit = (
        environment.file.definitions.get(name.name) or REGISTRY.get(name.name) if isinstance(name, tree.Name) else None
    )
    return isinstance(unit, type) and unit.identity_at_inference
