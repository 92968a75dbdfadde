"""Converts settings from outside (texts of the command line, or Python values) to values of the language."""

from __future__ import annotations

from math import isfinite
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate
from archdsl.elaborate.settings import setting_names
from archdsl.elaborate.values import Given, Problem
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.model import Block, File, Network
from archdsl.source import Source, Span
from archdsl.suggest import help_for_step
from archdsl.syntax.parser import parse_expression
from archdsl.text import code_point, hidden, shown


def given_outside(name: str, value: Any, network: Network, budget: Budget | None = None) -> Given:
    """The setting `name` with its value. A text is read as in a spec, except that words need no quotes.

    Evaluating it is paid for from `budget`. Raises `CompileError` if it is not a value that a setting can have.
    """
    if name not in setting_names(network):
        return Given(name, value, None)  # an unknown setting: reported later, with the other errors in settings
    if not isinstance(value, str):
        if _is_plain(value):
            return Given(name, value, None)
        raise _unfit(name, f"got {shown(repr(value))}")
    source = Source(f"--{name}", value)
    span = Span(source, 0, len(value))
    place = hidden(value)
    if place is not None:
        message = f"{code_point(value[place])} is a character that cannot be seen"
        raise CompileError([Diagnostic("hidden-character", message, Span(source, place, place + 1))])
    kind = next((parameter.type for parameter in network.parameters if parameter.name == name), None)
    if kind == "str" and not value.startswith('"'):
        return Given(name, value, span)
    try:
        expression, environment = parse_expression(source), Environment.of(network.file, budget=budget)
        found = evaluate(expression, environment)
    except (Problem, CompileError) as problem:
        if kind in ("block", "op") and value.isidentifier():
            raise _unknown_unit(kind, value, network.file, span) from None
        if kind is not None and value.isidentifier():
            return Given(name, value, span)
        raise _reworded(problem) from None
    if not _is_finite(found):
        raise _unfit(name, f"got {shown(value)}", span)
    return Given(name, found, span, expression, environment)


def _reworded(problem: Problem | CompileError) -> CompileError:
    return CompileError([problem.diagnostic]) if isinstance(problem, Problem) else problem


def _unknown_unit(kind: str, value: str, file: File, span: Span) -> CompileError:
    known = [name for name, found in file.definitions.items() if isinstance(found, Block)]
    known += [] if kind == "block" else [*REGISTRY.written()]
    message = f"{file.source.name} knows no {kind} `{value}`"
    return CompileError([Diagnostic("unknown-name", message, span, help=help_for_step(value, known))])


def _unfit(name: str, found: str, span: Span | None = None) -> CompileError:
    takes = "a number, true or false, a word, a list or a shape"
    return CompileError([Diagnostic("wrong-type", f"the setting `{name}` takes {takes}, {found}", span)])


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, str):
        return hidden(value) is None
    return isinstance(value, bool | int | float) and _is_finite(value)


def _is_finite(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or isfinite(value)
