"""Computes a network's settings from parameters, variants and scaling formulas, each with where it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from archdsl.diagnostics import Diagnostic, Note
from archdsl.elaborate.arguments import check_kind
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.compare import tolerance
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate, truth, word_or_value
from archdsl.elaborate.values import Given, Problem, Quiet
from archdsl.elaborate.written import written_as
from archdsl.ir.builder import Builder
from archdsl.ir.graph import Setting
from archdsl.resolve.model import Network, Parameter
from archdsl.suggest import nearest
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text

Chosen = Mapping[str, Given]
"""Settings given from outside, by name."""


def settle(
    network: Network, variant: str | None, chosen: Chosen, builder: Builder, budget: Budget, scope: str = ""
) -> tuple[Environment, tuple[Setting, ...]]:
    """The environment of the network's body, and every setting with its origin.

    `scope` is the path of the network's scope. `builder` knows the values of the network that `chosen` settings may
    name (if the network is used as a block), and evaluation is paid for from `budget`. Chosen settings win over the
    variant, and the variant over scaling formulas and defaults. Raises `Problem` for an unknown variant, a wrong or
    missing value, and a `require` that does not hold.
    """
    environment = Environment(network.file, Environment.of(network.file, budget=budget), network.functions, scope=scope)
    assigned = _assignments(network, variant)
    for name, given in chosen.items():
        for diagnostic in unknown_settings(network, [name]):
            raise Problem.of(replace(diagnostic, span=given.span))
    settings = []
    for parameter in network.parameters:
        given = _parameter(network, parameter, variant, assigned, chosen, environment)
        settings.append(_setting(parameter.name, given, environment, builder))
    for formula in network.scaling:
        given = _coefficient(formula, variant, assigned, chosen, environment)
        settings.append(_setting(formula.name.name, given, environment, builder))
    for require in network.requires:
        _hold(require, environment, settings)
    return environment, tuple(settings)


def setting_names(network: Network) -> tuple[str, ...]:
    """The names of all settings: parameters, then scaling coefficients."""
    return (*(p.name for p in network.parameters), *(a.name.name for a in network.scaling))


def _assignments(network: Network, variant: str | None) -> dict[str, tree.Assignment]:
    if variant is None:
        return {}
    if variant not in network.variants:
        meant = nearest(variant, network.variants)
        known = ", ".join(network.variants)
        raise Problem(
            "unknown-variant",
            f"{network.name} has no variant `{variant}`",
            None,
            help=f"did you mean `{meant}`?" if meant else (f"it has {known}" if known else "it has no variants"),
        )
    return {assignment.name.name: assignment for assignment in network.variants[variant].assignments}


def unknown_settings(network: Network, names: Iterable[str], options: Iterable[str] = ()) -> tuple[Diagnostic, ...]:
    """An error for each of `names` that is not a setting. `options` are the command's, which may have been meant."""
    known = setting_names(network)
    return tuple(_unknown(network.name, name, known, tuple(options)) for name in names if name not in known)


def _unknown(network: str, name: str, known: tuple[str, ...], options: tuple[str, ...]) -> Diagnostic:
    meant = nearest(f"--{name}", [*(f"--{one}" for one in known), *options]) if options else nearest(name, known)
    help = f"did you mean `{meant}`?" if meant else (f"it has {', '.join(known)}" if known else None)
    return Diagnostic("unknown-parameter", f"{network} has no parameter `{name}`", help=help)


def _parameter(
    network: Network,
    parameter: Parameter,
    variant: str | None,
    assigned: dict[str, tree.Assignment],
    chosen: Chosen,
    environment: Environment,
) -> Given:
    name = parameter.name
    if name in chosen:
        source = replace(chosen[name], origin="given")
    elif name in assigned:
        source = _source(assigned[name].value, f"variant {variant}", environment)
    elif parameter.default is not None:
        source = _source(parameter.default, "default", environment)
    else:
        raise Problem(
            "missing-setting",
            f"{network.name} needs a value for `{name}`",
            parameter.span,
            help=f"give one with --{name}",
        )
    return replace(source, value=check_kind(network.name, parameter, source))


def _coefficient(
    formula: tree.Assignment,
    variant: str | None,
    assigned: dict[str, tree.Assignment],
    chosen: Chosen,
    environment: Environment,
) -> Given:
    name = formula.name.name
    if name in chosen:
        return replace(chosen[name], origin="given")
    if name in assigned:
        return _source(assigned[name].value, f"variant {variant}", environment)
    return _source(formula.value, "", environment)


def _setting(name: str, given: Given, environment: Environment, builder: Builder) -> Setting:
    """Defines a setting in the environment. A setting that is computed from others has its formula as origin."""
    environment.define(name, given.value)
    if given.span is not None:
        environment.budget.take(given.value, given.span)
    origin = given.origin or (expression_text(given.expression) if given.expression else "")
    return Setting(name, _shown(given.value), origin, written_as(given, builder))


def _source(expression: tree.Expression, origin: str, environment: Environment) -> Given:
    """The value of a setting's expression, with its place and origin."""
    value = word_or_value(expression, environment) if origin else evaluate(expression, environment)
    return Given(None, value, expression.span, expression, environment, origin)


def _shown(value: Any) -> Any:
    """A setting's value as plain data, with blocks and ops by name, in which form the graph stores it."""
    if isinstance(value, bool | int | float | str):
        return value
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else str(value)


def _hold(require: tree.Require, environment: Environment, settings: Iterable[Setting]) -> None:
    try:
        if truth(require.condition, environment):
            return
    except Quiet:
        return
    raise Problem(
        "requirement-broken",
        f"the settings break a rule of the network: {require.reason.value}",
        require.condition.span,
        label=_found(require.condition, environment),
        notes=tuple(_settings_in(require.condition, settings)),
    )


def _settings_in(condition: tree.Expression, settings: Iterable[Setting]) -> Iterator[Note]:
    """A note for each setting that a rule uses, with its value and where that came from."""
    text = expression_text(condition)
    for setting in settings:
        if re.search(rf"\b{re.escape(setting.name)}\b", text):
            yield Note(f"{setting.name} = {shown_number(setting.value)} ({setting.origin})")


def _found(condition: tree.Expression, environment: Environment) -> str:
    """The values in a rule that does not hold, if it is a comparison: `1.728 is not 2 ± 0.1`."""
    if not isinstance(condition, tree.Compare):
        return "does not hold"
    left, right = evaluate(condition.left, environment), evaluate(condition.right, environment)
    if condition.operator == "~":
        allowed = f"{shown_number(right)} ± {shown_number(tolerance(condition, right))}"
        return f"{shown_number(left)} is not {allowed}"
    return f"`{expression_text(condition.left)}` is {shown_number(left)}"


def shown_number(value: Any) -> str:
    """A number as text: six significant digits of a fraction, every digit of a whole number."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:_}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
