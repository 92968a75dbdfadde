"""Decides which settings of a network become arguments of its class: those that change numbers only.

A setting that changes a size in pixels, a number of copies, or which steps there are would need other code. The others
(classes, rates, widths) stay open: `Net(classes=10)` is the network that `compile --classes 10` writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from archdsl.backends.torch.outline import Outline
from archdsl.formula import plain, same
from archdsl.ir.graph import Choice, Node, Scope, Step, Written
from archdsl.syntax import tree
from archdsl.syntax.definitions import functions

FREE = frozenset(
    "out groups bias eps momentum p alpha beta k slope init scale.factor depthwise.multiplier embedding.count "
    "embedding.width lrn.size lstm.width gru.width".split()
)
"""Arguments that change no size in pixels: of any op (`groups`) or of one (`lrn.size`)."""


@dataclass(slots=True)
class Settings:
    """The values of each network's settings, by the path of its root, and the names of those that stay open.

    The channels of inputs stay open too, unless a number that depends on them has no formula.
    """

    values: Mapping[str, Mapping[str, Any]]
    open: frozenset[str]
    channels_are_open: bool = True

    def named(self, networks: Sequence[str]) -> list[dict[str, Any]]:
        """For each use of a class: the settings for which the class has names, with their values in that use's network.

        These are the open settings, and numbers that are not the same in all uses.
        """
        rows = [self.values[path] for path in networks]
        names = [
            own
            for own in rows[0]
            if own in self.open or (self.common(own, networks) is None and all(_is_plain(row[own]) for row in rows))
        ]
        return [{own: row[own] for own in names} for row in rows]

    def common(self, own: str, networks: Sequence[str]) -> Any:
        """The value that a setting has in all of these networks; None where they differ."""
        first, *others = (self.values[path].get(own) for path in dict.fromkeys(networks))
        return first if all(same(other, first) for other in others) else None


def settings_of(outline: Outline) -> Settings:
    """The settings of the networks, with those open that no structure depends on."""
    values = {
        path: {setting.name: plain(setting.value) for setting in graph.header.settings}
        for path, graph in outline.networks.items()
    }
    closed = set(_Closed(outline).names())
    own = (name for name in next(iter(values.values())) if name not in closed)
    return Settings(values, frozenset(name for name in own if all(_is_numbers(row[name]) for row in values.values())))


def _is_plain(value: Any) -> bool:
    """Whether a value is made of numbers and truth values."""
    return all(map(_is_plain, value)) if isinstance(value, tuple) else isinstance(value, bool | int | float)


def _is_numbers(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_numbers, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Closed:
    """Finds the names in the network's text on which its structure depends."""

    def __init__(self, outline: Outline) -> None:
        self.outline, self.graph = outline, outline.graph
        self._structural: dict[tuple[str, str], bool] = {}
        self.named = {
            let.name: let.written
            for path, scope in self.graph.scopes.items()
            if outline.is_decided(path)
            for let in scope.lets
        }
        headers = (graph.header for graph in outline.networks.values())
        self.named |= {s.name: s.written for header in headers for s in header.settings if s.written is not None}
        """The expressions of the text's named numbers, and of settings that are computed from others."""

    def names(self) -> Iterator[str]:
        pending = list(self._structural_expressions())
        seen: set[str] = set()
        while pending:
            for own in names_in(pending.pop().expression):
                if own not in seen:
                    seen.add(own)
                    if own in self.named:
                        pending.append(self.named[own])
        yield from seen

    def _structural_expressions(self) -> Iterator[Written]:
        for path, scope in self.graph.scopes.items():
            if self.outline.is_decided(path):
                yield from (scope.count,) if scope.count else ()
                yield from scope.loops
                yield from _conditions(scope.steps)
            for own, written in scope.written:
                if self._is_network_text(written) and (own in scope.units or self.is_structural(scope, own)):
                    yield written
        for node in self.graph:
            for own, written in node.written:
                if self._is_network_text(written):
                    yield from _structural_parts(node, own, written)

    def _is_network_text(self, written: Written) -> bool:
        return written.home is not None and self.outline.is_decided(written.home)

    def is_structural(self, scope: Scope, own: str) -> bool:
        """Whether an argument of a block decides on sizes, copies or lists in it."""
        key = scope.path, own
        if key not in self._structural:
            self._structural[key] = False
            self._structural[key] = self._decides(scope, own)
        return self._structural[key]

    def _decides(self, scope: Scope, own: str) -> bool:
        mine = {own}
        for let in scope.lets:
            if mine & names_in(let.written.expression):
                mine.add(let.name)
        for member in self._inside(scope):
            if isinstance(member, Scope) and member.count is not None and mine & names_in(member.count.expression):
                return True
            for argument, written in member.written:
                if not mine & names_in(written.expression):
                    continue
                if isinstance(member, Node):
                    parts = _structural_parts(member, argument, written)
                    if any(mine & names_in(part.expression) for part in parts):
                        return True
                if isinstance(member, Scope) and (argument in member.units or self.is_structural(member, argument)):
                    return True
        return False

    def _inside(self, scope: Scope) -> Iterator[Node | Scope]:
        """The members that the text of a block makes, including those in loops."""
        for member in self.outline.members(scope.path):
            yield member
            if isinstance(member, Scope) and member.block is None:
                yield from self._inside(member)


def _structural_parts(node: Node, argument: str, written: Written) -> Iterator[Written]:
    """The parts of an argument on which the structure depends: all, none, or the sizes of a shape.

    The channels of an input or of a learned value may change.
    """
    is_length = argument == "out" and node.op.learns_by_position()
    if (not is_length and argument in FREE) or f"{node.op.name}.{argument}" in FREE:
        return
    if argument != "dims":
        yield written
    elif isinstance(written.expression, tree.Shape):
        yield from (Written(dim, written.home) for dim in written.expression.dims[1:])


def _conditions(steps: tuple[Step, ...]) -> Iterator[Written]:
    for step in steps:
        if isinstance(step, Choice):
            yield from step.conditions
            yield from _conditions(step.steps)


def may_be_fraction(part: tree.Expression | tree.Spread) -> bool:
    """Whether an expression can give a fraction for some numbers, even if its present value is whole."""
    match part:
        case tree.Number(value=value):
            return isinstance(value, float)
        case tree.Binary(operator=sign, left=left, right=right):
            return sign in ("/", "^") or may_be_fraction(left) or may_be_fraction(right)
        case tree.Unary(value=value):
            return may_be_fraction(value)
        case tree.Conditional(then=then, otherwise=otherwise):
            return may_be_fraction(then) or may_be_fraction(otherwise)
        case tree.Call(function=tree.Name(name="log" | "log2" | "sqrt" | "exp")):
            return True
        case tree.Call(function=tree.Name(name="min" | "max" | "sum"), arguments=arguments):
            return any(may_be_fraction(argument.value) for argument in arguments)
    return False


def names_in(part: Any) -> set[str]:
    """The names in an expression, including those in the `def`s that it calls."""
    if isinstance(part, tree.Name):
        return {part.name}
    found: set[str] = set()
    if isinstance(part, tree.Call) and isinstance(part.function, tree.Name):
        defined = functions(part.span.source).get(part.function.name)
        found |= names_in(defined.value) if defined else set()
    if isinstance(part, tuple):
        return found.union(*map(names_in, part))
    if is_dataclass(part):
        for field in fields(part):
            if field.name != "span":
                found |= names_in(getattr(part, field.name))
    return found


def asks_for_channels(part: Any) -> bool:
    """Whether an expression depends on the channels of a value."""
    if isinstance(part, tree.Attribute) and part.name in ("channels", "length"):
        return True
    if isinstance(part, tuple):
        return any(map(asks_for_channels, part))
    return is_dataclass(part) and any(
        asks_for_channels(getattr(part, field.name)) for field in fields(part) if field.name != "span"
    )
