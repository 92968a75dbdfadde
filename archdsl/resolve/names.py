"""What is known about names before values are computed. Both `resolve` and `elaborate` use this."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from archdsl.diagnostics import Diagnostic
from archdsl.limits import ELEMENTS
from archdsl.ops.base import required_inputs
from archdsl.ops.registry import REGISTRY
from archdsl.source import Span
from archdsl.suggest import help_for_argument
from archdsl.syntax import tree
from archdsl.syntax.node import Node, nodes_in

DIGITS = "0123456789"

LONGEST_VALUE = 40
"""Letters of an argument's value that advice repeats."""

# --- names that a body defines -------------------------------------------------------------


def bound_names(statement: Any) -> Iterator[str]:
    """The names that a statement defines in its body. Names inside a loop are known only there."""
    return (name.name for name in bound(statement))


def bound(statement: Any) -> Iterator[tree.Name]:
    """The same names as parts of the tree, with their places."""
    match statement:
        case tree.Chain(steps=steps):
            for step in steps:
                yield from _step_names(step)
        case tree.Let(name=name) | tree.Shared(name=name) | tree.Learned(name=name):
            yield name
        case tree.Path(name=name, flow=flow):
            yield name
            yield from bound(flow)
        case tree.Stage(name=name, number=number, flow=flow):
            if number is None:
                yield name
            yield from bound(flow)
        case tree.Output(name=name, flow=flow):
            yield name
            yield from bound(flow)
        case tree.Body(statements=statements):
            for inner in statements:
                yield from bound(inner)
        case tree.If(arms=arms, otherwise=otherwise):
            for _, body in arms:
                yield from bound(body)
            if otherwise is not None:
                yield from bound(otherwise)


def _step_names(step: tree.Step) -> Iterator[tree.Name]:
    if step.binding is not None:
        yield from step.binding.names
    match step.target:
        case tree.Merge(branches=branches):
            for branch in branches:
                if not any(isinstance(clause, tree.Each) for clause in branch.clauses):
                    yield from bound(branch.chain)
        case tree.Group(chain=chain):
            yield from bound(chain)
        case tree.Choice(then=then, otherwise=otherwise):
            yield from _step_names(then)
            if otherwise is not None:
                yield from _step_names(otherwise)


def names_read(text: Node) -> frozenset[str]:
    """All names in a text, but for those that stand only where an output is given its name."""
    found: set[str] = set()
    pending: list[Any] = [text]
    while pending:
        part = pending.pop()
        if isinstance(part, tree.Name):
            found.add(part.name)
        elif isinstance(part, tree.Output):
            pending.append(part.flow)
        elif type(part) is tuple:
            pending.extend(part)
        elif isinstance(part, Node):
            pending.extend(getattr(part, field) for field in part.__match_args__)
    return frozenset(found)


def names_in(text: Any) -> Iterator[tree.Name]:
    """All names in a part of the tree, or in several, with their places."""
    return (part for part in nodes_in(text) if isinstance(part, tree.Name))


def makes_stages(statement: Any) -> bool:
    """Whether this is a loop over stages: `for i in range(3): stage s{i}: ...`, or a loop over such loops."""
    return bool(numbered_stages(statement))


def numbered_stages(statement: Any) -> list[str]:
    """The names, without their numbers, of the stages that a loop makes."""
    if not isinstance(statement, tree.For | tree.Repeat):
        return []
    found: list[str] = []
    for inner in statement.body.statements:
        if isinstance(inner, tree.Stage) and inner.number is not None:
            found.append(inner.name.name)
        found += numbered_stages(inner)
    return found


class KnownNames:
    """The names known at one point of a body, and where each was defined."""

    def __init__(self, parent: KnownNames | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Span | None] = {}
        self.numbered: dict[str, Span] = {}
        """For each `stage s{i}`, the name without its number, and its place."""

    def __contains__(self, name: str) -> bool:
        if name in self.names or self.numbered_as(name) is not None:
            return True
        return self.parent is not None and name in self.parent

    def find(self, name: str) -> Span | None:
        """Where a name was given, here or further out; None if it was not."""
        if name in self.names:
            return self.names[name]
        return self.numbered_as(name) or (self.parent.find(name) if self.parent else None)

    def numbered_as(self, name: str) -> Span | None:
        """The place of `stage s{i}` if `name` is one of its stages; else None."""
        return self.numbered.get(name.rstrip(DIGITS)) if name[-1:] in DIGITS else None

    def all(self) -> set[str]:
        return set(self.names) | (self.parent.all() if self.parent else set())


# --- functions of numbers that every spec may call -----------------------------------------


LARGEST_NUMBER = 2**63
"""The largest number that arithmetic may give. No count in a network comes near it."""

MOST_DIGITS = 400
"""The most digits, before or after the point, to which a number can be rounded."""


def round_to(x: float, divisor: int, floor: float = 0.9) -> int:
    """`x` rounded to a multiple of `divisor`, but never below `floor * x`.

    The rule of MobileNetV2's and EfficientNet's published code, which keeps at least 90 % of the channels.
    """
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * x else rounded


def _range(*bounds: int) -> list[int]:
    numbers = range(*bounds)
    if len(numbers) > ELEMENTS:
        raise OverflowError(f"a list of {len(numbers):,} elements; the longest allowed has {ELEMENTS:,}")
    return list(numbers)


def _round(x: float, digits: int = 0) -> float:
    """Rounds as Python does: halves go to the even neighbour."""
    if abs(digits) > MOST_DIGITS:
        raise OverflowError(f"numbers have fewer than {abs(digits):_} digits")
    return round(x, digits) if digits else round(x)


def _enumerate(values: Iterable[Any]) -> list[list[Any]]:
    """Each element as a pair of its number (from 0) and itself."""
    return [list(pair) for pair in enumerate(values)]


def _sum(values: Iterable[float], start: float = 0) -> float:
    """The sum of numbers. Lists are refused: they are joined by `+`, which limits their length."""
    values = (start, *values)
    if not all(isinstance(value, int | float) for value in values):
        raise TypeError("it adds numbers")
    return sum(values)


class OutOfDomain(ValueError):
    """Raised if a function has no value for a number. The text says for which numbers it has one."""


def log(x: float) -> float:
    """The natural logarithm."""
    return _logarithm(math.log, x)


def log2(x: float) -> float:
    """The logarithm to the base of 2."""
    return _logarithm(math.log2, x)


def _logarithm(compute: Callable[[float], float], x: float) -> float:
    if _real(x) <= 0:
        raise OutOfDomain("numbers above 0")
    return compute(x)


def sqrt(x: float) -> float:
    """The square root."""
    if _real(x) < 0:
        raise OutOfDomain("numbers of at least 0")
    return math.sqrt(x)


def exp(x: float) -> float:
    """e to the power of `x`."""
    if _real(x) > math.log(LARGEST_NUMBER):
        raise OverflowError("the result is larger than any number here")
    return math.exp(x)


def _real(x: Any) -> float:
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise TypeError("it takes a number")
    return x


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "round_to": round_to,
    "log": log,
    "log2": log2,
    "sqrt": sqrt,
    "exp": exp,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": _round,
    "min": min,
    "max": max,
    "len": len,
    "sum": _sum,
    "range": _range,
    "enumerate": _enumerate,
}


# --- names of arguments --------------------------------------------------------------------


def too_many_arguments(owner: str, names: tuple[str, ...], span: Span | None) -> Diagnostic:
    takes = f"takes {len(names)}: {', '.join(names)}" if names else "takes none"
    message = f"`{owner}` has too many arguments: it {takes}"
    return Diagnostic("wrong-arguments", message, span, help=_without(owner, names, span))


def _without(owner: str, names: tuple[str, ...], span: Span | None) -> str | None:
    """The help for too many arguments: `add{it | skip}` for `add(skip)`, and `relu` for `relu(64)`."""
    if names == ("dims",):
        return f"the sizes of a shape are separated by `x`, without the batch: write `{owner}(16 x 25)`"
    if names or owner not in REGISTRY:
        return None
    if required_inputs(REGISTRY[owner])[1] and span is not None:
        return f"its branches stand in braces: write `{owner}{{it | {span.text}}}`"
    return f"write `{owner}`"


def _with_value(help: str | None, span: Span | None) -> str | None:
    """`stride=2` where the help has only the name, and the value is short enough to repeat."""
    value = span.text.partition("=")[2].strip() if span is not None else ""
    if help is None or not value or len(value) > LONGEST_VALUE:
        return help
    return re.sub(r"(?<=^write `)\w+(?=`$)|(?<=^did you mean `)\w+(?=`\?$)", rf"\g<0>={escaped(value)}", help)


def escaped(text: str) -> str:
    """A text as the replacement of a regular expression."""
    return text.replace("\\", "\\\\")


def unknown_argument(owner: str, names: Iterable[str], name: str, span: Span | None) -> Diagnostic:
    """The error for an unknown argument: `conv` has no argument `kernl`, did you mean `kernel`?"""
    names = tuple(names)
    known = f"its arguments are {', '.join(names)}" if names else "it takes no arguments"
    help = _with_value(help_for_argument(name, names), span) or known
    return Diagnostic("unknown-argument", f"`{owner}` has no argument `{name}`", span, help=help)
