"""Expands branches, which all start from one value and are joined by an op, or stay side by side (`parallel`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import truth, turns_of
from archdsl.elaborate.expansion import Expansion, Result, Shell
from archdsl.elaborate.loops import Turn, plain_turn
from archdsl.elaborate.regions import lone_step
from archdsl.elaborate.session import Place
from archdsl.elaborate.steps import apply, input_port, refs_of
from archdsl.elaborate.values import FAILED, Flow, Problem, Unit
from archdsl.elaborate.whose_it import starts_from_it
from archdsl.elaborate.written import written
from archdsl.source import Span
from archdsl.syntax import tree


def merge(
    expander: Expansion, merge: tree.Merge, incoming: Result, environment: Environment, shell: Shell, label: str | None
) -> Result:
    """Expands the branches from the value that flows in, and joins their values by the op."""
    values: list[Flow] = []
    origins: list[tree.Chain] = []
    failed = False
    absent: list[tree.Branch] = []
    _note_matching(expander, merge, environment)
    for branch in merge.branches:
        results = _results(expander, branch, environment.link(it=incoming))
        if not results:
            absent.append(branch)
        for result in results:
            failed = failed or not isinstance(result, Flow | tuple)
            target = branch.chain.steps[0].target
            spreads = isinstance(target, tree.Spread) and len(branch.chain.steps) == 1
            values.extend(_branch_values(result, spreads or merge.op is None, branch.span))
            expander.session.budget.draw(len(values) - len(origins), branch.span)
            origins.extend([branch.chain] * (len(values) - len(origins)))
    if failed:
        return FAILED
    if merge.op is None:
        return tuple(values)
    unit = expander.unit(merge.op, environment)
    if len(values) == 1:
        from archdsl.elaborate.lone_branch import warn_of_lone

        warn_of_lone(expander, merge, unit, absent, environment)
    try:
        return apply(expander, unit, tuple(values), merge.op.span, shell, label)
    except Problem as problem:
        if problem.diagnostic.code in ("shape-mismatch", "wrong-rank") and problem.diagnostic.help is None:
            help = _meant_by_it(expander, merge) or _help(expander, unit, values, origins, environment)
            problem.diagnostic = replace(problem.diagnostic, help=help)
        raise


def _meant_by_it(expander: Expansion, merge: tree.Merge) -> str | None:
    """The edit of an `it` that was warned of in a branch: where branches do not fit, that is the likely reason."""
    warned = expander.session.warned("ambiguous-it", merge.span)
    edit = re.match(r"write `([\w.]+)`", warned.help or "") if warned else None
    if warned is None or warned.span is None or edit is None:
        return None
    return f"instead of `{warned.span.text}` write `{edit[1]}`: `it` is what flows into this line"


def _help(
    expander: Expansion, unit: Unit, values: list[Flow], origins: list[tree.Chain], environment: Environment
) -> str | None:
    """A change that makes the branches fit (padding for a window, or another text for a branch); None if unknown."""
    from archdsl.elaborate.lost_pixels import kept
    from archdsl.elaborate.mend import mended
    from archdsl.elaborate.mend_tokens import in_a_row, learned_alike

    builder, op = expander.session.builder, unit.definition.name

    def strides(call: tree.Call) -> bool:
        definition = expander.unit(call, environment).definition
        names = definition.model_fields if isinstance(definition, type) else (p.name for p in definition.parameters)
        return "stride" in names

    return (
        kept(builder, values)
        or in_a_row(values, origins, same_size=op != "concat")
        or (learned_alike(builder, values) if op != "concat" else None)
        or mended(op, values, origins, strides)
    )


def _note_matching(expander: Expansion, merge: tree.Merge, environment: Environment) -> None:
    """Notes the branches of a join with a branch that starts from `it`: these may ask for `it.channels`.

    They have to match that branch, so no warning says that `it` is not what they begin with.
    """
    chains = [branch.chain for branch in merge.branches]
    if any(starts_from_it(chain, expander.is_value(chain.steps[0].target, environment)) for chain in chains):
        expander.session.matching.update(map(id, chains))


def _results(expander: Expansion, branch: tree.Branch, environment: Environment) -> list[Result]:
    """The results of a branch: none if its condition does not hold, and one for each turn if it has a loop."""
    if not branch.clauses:
        return [expander.attempt(branch.chain, environment.link(it=environment.find("it")))]
    clause, rest = branch.clauses[0], expander.rest_of(branch)
    if isinstance(clause, tree.Each):
        return _turns(expander, branch, clause, rest, environment)
    holds = truth(clause.condition, environment)
    with expander.arm(clause.span, (clause.condition,), 1, 0 if holds else 1, environment, ()) as gives:
        results = _results(expander, rest, environment) if holds else []
        gives["it"] = tuple(ref for result in results for ref in refs_of(result))
    return results


def _turns(
    expander: Expansion, branch: tree.Branch, clause: tree.Each, rest: tree.Branch, environment: Environment
) -> list[Result]:
    """The results of `| for rate in rates: conv(8, 3, dilation=rate)`. Each turn is a copy with its own names."""
    builder, turns = expander.session.builder, turns_of(clause.names, clause.values, environment)
    count = written(clause.values, environment, builder)
    results: list[Result] = []
    with builder.within("copies", expander.name_of(branch.chain), branch.span, count=count) as copies:
        for index, variables in enumerate(turns):
            expander.session.tick(clause.span, copies.path)
            turn = _turn_environment(environment, variables, copies.path)
            lone = None if rest.clauses else lone_step(expander, rest.chain, turn)
            if lone is None:
                turn = _turn_environment(environment, variables, builder.path(str(index)))
            results += _turn(expander, rest, lone, variables, turn, (index, len(turns)))
        copies.results = tuple(ref for result in results for ref in refs_of(result))
    return results


def _turn_environment(environment: Environment, variables: Turn, scope: str) -> Environment:
    turn = environment.child(scope)
    turn.values["it"] = environment.find("it")
    turn.values.update(variables)
    return turn


def _turn(
    expander: Expansion,
    rest: tree.Branch,
    lone: tuple[tree.Step | None, tree.Step] | None,
    variables: Turn,
    turn: Environment,
    copy: tuple[int, int],
) -> list[Result]:
    """The results of one turn. If the branch is only one block, the turn's scope is that of the block."""
    arguments = plain_turn(variables)
    with expander.session.inside(Place("branch", arguments, rest.span, copy)):
        if lone is not None:
            head, step = lone
            incoming = turn.find("it") if head is None else expander.head(head, turn)
            shell = Shell("copy", str(copy[0]), "branch", {"copy": copy, "turn": arguments}, copy)
            return [expander.step(step, incoming, turn, shell)]
        with (
            expander.session.builder.within("copy", str(copy[0]), rest.span, copy=copy, arguments=arguments) as scope,
            expander.names_of(rest),
        ):
            scope.ports = input_port(turn.find("it"))
            results = _results(expander, rest, turn)
            scope.results = tuple(ref for result in results for ref in refs_of(result))
    return results


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
            help="name them and hand them on by `*name`, or join them inside the branch",
        )
    return ()
