"""A spec that grows: its base, each coefficient alone, and all at once, each compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archdsl.analyses import totals
from archdsl.analyses.notation import plain
from archdsl.backends.figures.charts.scaling import Change, Growth, Scaling
from archdsl.backends.figures.known import FigureError
from archdsl.diagnostics import CompileError
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.outside import given_outside
from archdsl.elaborate.settings import setting_names, settle
from archdsl.elaborate.values import Problem
from archdsl.ir.builder import Builder
from archdsl.ir.graph import Graph
from archdsl.studies.subject import Subject
from archdsl.syntax.printer import expression_text

Settings = Mapping[str, Any]


def scaling(subject: Subject) -> Scaling:
    """What the variant and the settings of a subject grow, and the same spec without them.

    What grows is the `scaling` of the spec, if these are numbers; where it has none, every number or list of numbers
    that is set. A setting that is neither (a block, a number of classes beside a `scaling`) is set in the base too.
    A coefficient that alone makes no network (the width of attention, which the base's heads do not divide) is changed
    only where all are. Raises `CompileError`, and `FigureError` where nothing grows, or
    there is no network to grow from.
    """
    spec = subject.with_network()
    grown = spec.compile().graph
    asked = {**_of_variant(subject), **subject.settings}
    bare = Subject(spec.file, None, {}, spec.limits)
    kept = _kept(bare, asked)
    base = _base(bare, kept)
    before, after = _values(bare, kept), _values(bare, asked)
    names = _coefficients(bare, after) or [name for name in asked if name not in kept]
    alone, changes = [], []
    for name in names:
        if before[name] == after[name]:
            continue
        change = Change(name, _short(before[name]), _short(after[name]))
        network = _if_possible(bare, {**kept, name: after[name]})
        if network is not None and _size(network) != _size(base):
            alone.append(Growth((change,), network))
        if network is None or _size(network) != _size(base):
            changes.append(change)
    if not changes:
        raise FigureError(_nothing(subject))
    together = (Growth(tuple(changes), grown),) if len(changes) > 1 or not alone else ()
    return Scaling((Growth((), base), *alone, *together))


def _base(bare: Subject, kept: Settings) -> Graph:
    """The spec with what is set, but for what grows. Raises `FigureError` where that is no network."""
    try:
        return bare.compile(kept).graph
    except CompileError as error:
        of = " with " + ", ".join(f"{name} = {_short(value)}" for name, value in kept.items()) if kept else ""
        raise FigureError(
            f"there is nothing to grow from: {bare.network.name}{of}, all else as the spec has it, is no network "
            f"({error}); draw a variant whose blocks go with the numbers of the spec"
        ) from None


def _if_possible(bare: Subject, settings: Settings) -> Graph | None:
    """The network with these settings; none where they do not go together."""
    try:
        return bare.compile(settings).graph
    except CompileError:
        return None


def _of_variant(subject: Subject) -> dict[str, str]:
    """What the variant sets, as a spec would write it."""
    if subject.variant is None:
        return {}
    return {a.name.name: expression_text(a.value) for a in subject.network.variants[subject.variant].assignments}


def _kept(bare: Subject, asked: Settings) -> dict[str, Any]:
    """Of what is set, that which is no part of the growth."""
    after = _values(bare, asked)
    coefficients = _coefficients(bare, after)
    if not coefficients:
        return {name: value for name, value in asked.items() if not _is_number(after[name])}
    kept = {}
    for name, value in asked.items():
        without = _values(bare, {other: v for other, v in asked.items() if other != name})
        if all(without[c] == after[c] for c in coefficients):
            kept[name] = value
    return kept


def _coefficients(bare: Subject, values: Settings) -> list[str]:
    """The scaling coefficients of a spec; none where one is a block, or the like: then its parameters say more."""
    names = [formula.name.name for formula in bare.network.scaling]
    return names if all(_is_number(values[name]) for name in names) else []


def _values(bare: Subject, asked: Settings) -> dict[str, Any]:
    """What every setting comes to, without a look at the network."""
    network = replace(bare.network, requires=())
    chosen = {name: given_outside(name, value, network) for name, value in asked.items()}
    try:
        _, settings = settle(network, None, chosen, Builder(network.span), Budget())
    except Problem as problem:
        raise CompileError([problem.diagnostic]) from None
    return {setting.name: setting.value for setting in settings}


def _is_number(value: Any) -> bool:
    """A number, or a list of them: what a network can have more of."""
    if isinstance(value, list | tuple):
        return all(map(_is_number, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _size(graph: Graph) -> tuple[Any, ...]:
    """What growth changes: a rate of dropout, or a bound of rounding, does not."""
    nodes = totals.nodes_in(graph)
    shapes = tuple(node.output for node in graph.inputs)
    return totals.parameters(graph, nodes), totals.macs(graph, nodes), shapes


def _short(value: Any) -> str:
    return plain(round(value, 2) if isinstance(value, float) else value)


def _nothing(subject: Subject) -> str:
    names = ", ".join(f"--{name}" for name in setting_names(subject.network))
    has = f"its settings are {names}" if names else "it has no settings"
    return f"nothing makes {subject.network.name} larger or smaller here: set what does, or name a variant ({has})"
