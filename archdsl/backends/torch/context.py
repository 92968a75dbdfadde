"""What the expressions of a spec are called in the constructor of a class: `input.channels * expand` becomes
`in_channels * expand`.

A name is a parameter of the block, a named number, a setting of the network that stays open, or the number of a copy.
What has no name in the constructor (a height, a number that belongs to another text) has no formula, and is a value.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from archdsl import formula
from archdsl.backends.torch.classes import Body, Wire
from archdsl.backends.torch.names import Namespace, legal
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.settings import Settings
from archdsl.formula import combined, name, plain, same
from archdsl.ir.graph import Let, Scope, Value, Written
from archdsl.syntax import tree
from archdsl.syntax.definitions import functions
from archdsl.syntax.printer import expression_text

BINARY: Mapping[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "//": ast.FloorDiv,
    "%": ast.Mod,
    "^": ast.Pow,
}
COMPARE: Mapping[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
FUNCTIONS = {
    "ceil": "math.ceil",
    "floor": "math.floor",
    **{known: known for known in ("round", "min", "max", "len", "sum", "round_to", "range")},
}
"""Functions of the language, as Python has them."""


class Unsaid(Exception):
    """An expression that the constructor has no words for."""


class Context:
    """The names of one class. `values` are what they come to in each use, `channels` what the wires have."""

    def __init__(self, outline: Outline, body: Body, takes: Sequence[str], settings: Settings) -> None:
        self.outline, self.body = outline, body
        self.graph = outline.graph
        self.networks = [outline.root(scope.path) for scope in body.uses]
        self.all_settings = settings
        self.settings_in = settings.named(self.networks)
        """By use: the settings of its network that the class has names for, with their values."""
        self.settings = frozenset(self.settings_in[0])
        self.values: list[dict[str, Any]] = [{} for _ in body.uses]
        self.own: set[str] = set()
        """Names of the text around the class: arguments of its block, named numbers, variables of loops."""
        self._inner_lets: dict[int, dict[str, Let]] = {}
        self.used: dict[str, None] = {}
        self.lets: dict[str, ast.expr] = {}
        self.functions: dict[str, tuple[list[str], ast.expr]] = {}
        """The `def`s of the network's text that its constructor has too: parameters and body."""
        self.fixed: dict[str, Any] = {}
        """Words and truth values that never vary: no argument, and what depends on them is decided."""
        self.loop_names: dict[str, Mapping[str, ast.expr]] = {}
        """By the path of a copy that is written in this class: its arguments, as a loop calls them."""
        self.channels: dict[int, ast.expr | None] = {}
        self.channel_names: list[str] = []
        self.by_value: dict[tuple[int, Value], ast.expr | None] = {}
        self._namespace = Namespace(("self",))
        self._chains = [tuple(self._own_chain(scope)) for scope in body.uses]
        self._define_arguments()
        self._define_takes(takes)

    # --- definitions -----------------------------------------------------------------------

    def _own_chain(self, scope: Scope) -> Iterator[Scope]:
        """The scopes of one text around a class: up to its block, or to the network."""
        while True:
            yield scope
            if scope.block is not None or scope.parent is None:
                return
            scope = self.graph.scopes[scope.parent]

    def _define_takes(self, takes: Sequence[str]) -> None:
        for wire, take in zip(self.body.takes, takes, strict=True):
            declared = self._declared(wire)
            if declared is None and self.body.scope.parent is None and not self.all_settings.channels_are_open:
                declared = ast.Constant(self.graph.tensor(wire.value).channels)
            if declared is not None:
                self.enter(wire, [declared])
                self.channel_names.append("")
                continue
            kind = "length" if self.graph.tensor(wire.value).kind == "int" else "channels"
            called = self._namespace.unique(f"in_{kind}" if take == "x" else f"{take}_{kind}")
            self.channel_names.append(called)
            self.enter(wire, [name(called)])
            for use, value in wire.values.items():
                self.values[use][called] = self.graph.tensor(value).channels

    def _declared(self, wire: Wire) -> ast.expr | None:
        """The channels of an input of the network, where a setting says them."""
        node = self.graph.node(wire.value.node)
        shape = dict(node.written).get("dims") if self.body.scope.parent is None else None
        if shape is None or not isinstance(shape.expression, tree.Shape):
            return None
        found = self.said(Written(shape.expression.dims[0], shape.home), 0)
        return found if found is not None and formula.names(found) else None

    def _define_arguments(self) -> None:
        for use, chain in enumerate(self._chains):
            for scope in reversed(chain):
                numbers = [*scope.arguments, *((let.name, let.value) for let in scope.lets)]
                for own, value in numbers:
                    if own not in scope.units:
                        self.values[use][legal(own)] = plain(value)
            self.own.update(self.values[use])
            if chain[-1].parent is None:
                self.values[use].update(self.settings_in[use])
        for own in self.values[0]:
            column = [values.get(own, formula.UNKNOWN) for values in self.values]
            if isinstance(column[0], bool | str) and all(same(value, column[0]) for value in column):
                self.fixed[own] = column[0]
        for own in self.settings:
            self.fixed.pop(own, None)

    def is_own(self, own: str) -> bool:
        """Whether a name is one of the text around the class, not a setting that is handed on to it."""
        return own in self.own or own in self.channel_names

    def own_names(self) -> list[str]:
        """What flows in, and the block's own arguments that are numbers."""
        scope = self.body.scope
        arguments = (legal(own) for own, _ in scope.arguments if own not in scope.units)
        return [*self.channel_names, *(own for own in arguments if own not in self.fixed)]

    # --- expressions -----------------------------------------------------------------------

    def said(self, written: Written, use: int) -> ast.expr | None:
        """The formula of an expression, as the constructor says it; None where it has no words for it."""
        try:
            return _Translation(self, written, use, {}).of(written.expression)
        except Unsaid:
            return None

    def define(self, called: str, parameters: list[str], body: ast.expr) -> bool:
        """Enters a function of the network's text, if it depends on a setting that stays open."""
        if formula.names(body).isdisjoint(self.settings) or called in self.own or called in self.settings:
            return False
        self.functions[called] = parameters, body
        for values in self.values:
            values[called] = _Function(parameters, body, values)
        return True

    def note(self, found: ast.expr) -> ast.expr:
        """Notes the names of a formula that is written, and those behind its named numbers."""
        for own in sorted(formula.names(found)):
            if own not in self.used:
                self.used[own] = None
                if own in self.lets:
                    self.note(self.lets[own])
                if own in self.functions:
                    parameters, body = self.functions[own]
                    for inner in sorted(formula.names(body) - set(parameters)):
                        self.note(name(inner))
        return found

    def lookup(self, own: str, home: str | None, use: int) -> ast.expr:
        """What a name of the text of scope `home` is called. Raises `Unsaid`."""
        scope = self.graph.scopes.get(home) if home is not None else None
        here = self.body.uses[use]
        inside = here.path == "" or home == here.path or (home or "").startswith(f"{here.path}.")
        around = any(link.path == home for link in self._chains[use])
        if scope is not None and (inside or around):
            for link in (*self._regions_below(scope, use), *self._own_chain(scope)):
                found = self._of_scope(own, link, here)
                if found is not None:
                    return found
            if own in self.inner_lets(use):
                return self._inner_let(own, use)
            if self._chains[use][-1].parent is not None:
                raise Unsaid
            return self._setting(own)
        if scope is not None and scope.parent is None:
            return self._setting(own)
        raise Unsaid

    def _regions_below(self, scope: Scope, use: int) -> Iterator[Scope]:
        """Stages and the like in a text that hold the class: their named numbers are the text's."""
        for link in takewhile(lambda link: link is not scope, self._chains[use]):
            if link.block is None and link.kind != "copy":
                yield link

    def inner_lets(self, use: int) -> Mapping[str, Let]:
        """Named numbers of stages and the like: the text after them sees them, though their scope ends before."""
        here = self.body.uses[use]
        if use not in self._inner_lets:
            known = self._inner_lets[use] = {}
            for path, scope in self.graph.scopes.items():
                inside = here.path == "" or path.startswith(f"{here.path}.")
                if scope.lets and path != here.path and inside and self._is_of_text(scope, here):
                    known.update({let.name: let for let in scope.lets})
        return self._inner_lets[use]

    def _is_of_text(self, scope: Scope, here: Scope) -> bool:
        while scope.path != here.path:
            if scope.block is not None or scope.kind == "copy" or scope.parent is None:
                return False
            scope = self.graph.scopes[scope.parent]
        return True

    def _inner_let(self, own: str, use: int) -> ast.expr:
        found = self.said(self.inner_lets(use)[own].written, use)
        if found is None:
            raise Unsaid
        return found

    def _of_scope(self, own: str, scope: Scope, here: Scope) -> ast.expr | None:
        if own in self.loop_names.get(scope.path, {}):
            return self.loop_names[scope.path][own]
        lets = [let for let in scope.lets if let.name == own]
        if own not in dict(scope.arguments) and not lets:
            return None
        if own in scope.units or len(lets) > 1:
            raise Unsaid
        if len(scope.path) > len(here.path):
            raise Unsaid
        if own in self.fixed:
            return ast.Constant(self.fixed[own])
        if scope.path == here.path and lets:
            return self._let(lets[0])
        return name(legal(own))

    def _let(self, let: Let) -> ast.expr:
        """A named number: by its name, unless it is only another name for something."""
        own = legal(let.name)
        if own not in self.lets:
            raise Unsaid
        found = self.lets[own]
        return found if isinstance(found, ast.Name | ast.Constant) else name(own)

    def define_lets(self) -> None:
        """Enters the named numbers whose channels are known by now."""
        for let in self.body.scope.lets:
            own = legal(let.name)
            if own in self.lets or own in self.fixed:
                continue
            found = self.said(let.written, 0)
            if found is not None and all(self._agrees(found, own, use) for use in range(len(self.body.uses))):
                self.lets[own] = self.whole(found, own)

    def _agrees(self, found: ast.expr, own: str, use: int) -> bool:
        return own not in self.values[use] or self.comes_to(found, use, self.values[use][own])

    def whole(self, found: ast.expr, own: str) -> ast.expr:
        values = [(use, known[own]) for use, known in enumerate(self.values) if own in known]
        return self.as_whole(found, values)

    def as_whole(self, found: ast.expr, values: Sequence[tuple[int, Any]]) -> ast.expr:
        """The formula, made an int where Python would have a float of that value."""
        if isinstance(found, ast.Constant) and isinstance(found.value, float) and type(values[0][1]) is int:
            return ast.Constant(int(found.value))
        for use, value in values:
            if type(value) is int and isinstance(formula.evaluated(found, self.values[use]), float):
                return ast.Call(name("int"), [found], [])
        return found

    def comes_to(self, found: ast.expr, use: int, value: Any) -> bool:
        """Whether a formula has a value in a use."""
        result = formula.evaluated(found, self.values[use])
        if isinstance(result, float) and result.is_integer() and type(value) is int:
            result = int(result)
        return same(result, value)

    def _setting(self, own: str) -> ast.expr:
        if own in self.own:
            raise Unsaid  # the block has another number of that name
        if own in self.settings:
            for values, settings in zip(self.values, self.settings_in, strict=True):
                values.setdefault(own, settings[own])
            return name(own)
        value = self.all_settings.common(own, self.networks)
        if isinstance(value, bool | int | float | str | tuple):
            return formula.formula_of(value)
        raise Unsaid

    # --- what flows ------------------------------------------------------------------------

    def enter(self, wire: Wire, channels: Sequence[ast.expr | None]) -> ast.expr | None:
        """Notes the channels of a wire, from those that each use has for it: a formula only where all have the same."""
        first, *others = channels
        alike = first is not None and all(o is not None and formula.text(o) == formula.text(first) for o in others)
        found = first if alike else None
        self.channels[id(wire)] = found
        for use, value in wire.values.items():
            self.by_value[use, value] = found
        return found

    def enter_values(self, values: Sequence[Value], channels: Sequence[ast.expr | None], use: int) -> None:
        """Notes the channels of values in one use."""
        self.by_value.update({(use, value): known for value, known in zip(values, channels, strict=True)})

    def of_port(self, base: str, home: str | None, use: int) -> ast.expr | None:
        """The channels of what flows into the block, where `base` names that."""
        scope = self.body.uses[use]
        if scope.block is None or home is None or not (home == scope.path or home.startswith(f"{scope.path}.")):
            return None
        return self.channels.get(id(self.body.takes[scope.ports.index(base)])) if base in scope.ports else None

    def of_value(self, value: Value, use: int) -> ast.expr | None:
        """The channels of a value, by the latest wire that it is."""
        return self.by_value.get((use, value))

    # --- what is given to an inner class ---------------------------------------------------

    def given(self, scope: Scope, own: str, use: int, known: Mapping[str, ast.expr]) -> ast.expr | None:
        """What this class says for a name of an inner class that `scope` uses; None where it has no words for it.

        `known` are the formulas of the inner class's other parameters, which a default may be made of.
        """
        written = dict(scope.written).get(own)
        try:
            if written is not None and written.home == scope.path:
                return _Translation(self, Written(written.expression, None), use, known).of(written.expression)
            if written is not None:
                return self.said(written, use)
            if own in dict(scope.arguments):
                turn = self.loop_names.get(scope.path, {})
                return turn.get(own, formula.formula_of(plain(dict(scope.arguments)[own])))
            return None if scope.block is not None else self.lookup(own, scope.parent, use)
        except Unsaid:
            return None

    def setting(self, own: str) -> ast.expr | None:
        """A setting of the network, handed on."""
        try:
            return self._setting(own)
        except Unsaid:
            return None

    # --- copies ----------------------------------------------------------------------------

    def enter_turn(self, copies: Scope, copy: Scope, index: int, use: int) -> None:
        """Notes what a loop calls its variable in one turn: the element of the list that it runs over."""
        turn = copy.turn or (copy.arguments[0] if copy.block is None and copy.arguments else None)
        if turn is None or copies.count is None:
            return
        own, value = turn
        over = self.said(copies.count, use)
        if over is None or isinstance(over, ast.Constant) or self._is_number(over, use):
            found: ast.expr = formula.formula_of(plain(value))
        else:
            found = formula.part(over, ast.Constant(index))
        if isinstance(value, bool | int | float | list | tuple):
            self.loop_names[copies.path if copy.turn else copy.path] = {own: found}

    def _is_number(self, found: ast.expr, use: int) -> bool:
        return isinstance(formula.evaluated(found, self.values[use]), int)

    def count(self, copies: Scope, use: int, number: int) -> ast.expr | None:
        """The number of copies as the constructor says it, None where it has no words for it."""
        over = self.said(copies.count, use) if copies.count is not None else None
        if over is None or isinstance(over, ast.Constant | ast.Tuple):
            return ast.Constant(number)
        found = over if self._is_number(over, use) else _length(over)
        return found if self.comes_to(found, use, number) else None


@dataclass(frozen=True, eq=False, slots=True)
class _Function:
    """A `def` of the network's text, in one of its uses."""

    parameters: Sequence[str]
    body: ast.expr
    values: Mapping[str, Any]

    def __call__(self, *given: Any) -> Any:
        return formula.evaluated(self.body, {**self.values, **dict(zip(self.parameters, given, strict=True))})


class _Translation:
    """One expression in Python. `known` are the parameters of a `def` whose body it is."""

    def __init__(self, context: Context, written: Written, use: int, known: Mapping[str, ast.expr]) -> None:
        self.context, self.written, self.use, self.known = context, written, use, known

    def of(self, part: tree.Expression) -> ast.expr:
        match part:
            case tree.Number(value=value) | tree.String(value=value) | tree.Boolean(value=value):
                return ast.Constant(value)
            case tree.Name(name=own):
                return self.known[own] if own in self.known else self.context.lookup(own, self.written.home, self.use)
            case tree.Attribute(value=base, name="channels" | "length" as fact):
                return self.asked(expression_text(base), fact)
            case tree.Binary(operator="and" | "or" as word, left=left, right=right):
                return formula.logic(ast.And() if word == "and" else ast.Or(), [self.of(left), self.of(right)])
            case tree.Binary(operator=sign, left=left, right=right):
                return _binary(BINARY[sign], self.of(left), self.of(right))
            case tree.Unary(operator=sign, value=value):
                return _negative(self.of(value)) if sign == "-" else _negated(self.of(value))
            case tree.Compare(operator=sign, left=left, right=right) if sign in COMPARE:
                return formula.decided(ast.Compare(self.of(left), [COMPARE[sign]()], [self.of(right)]))
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                return _chosen(self.of(condition), lambda: self.of(then), lambda: self.of(otherwise))
            case tree.List(items=parts) | tree.Shape(dims=parts):
                return ast.Tuple([self.of(item) for item in parts], ast.Load())
            case tree.Index(value=value, index=index):
                return formula.part(self.of(value), self.of(index))
            case tree.Slice(value=value, start=start, stop=stop):
                ends = (None if end is None else self.of(end) for end in (start, stop))
                return formula.part(self.of(value), ast.Slice(*ends))
            case tree.Call(function=tree.Name(name=called), arguments=arguments):
                return self.call(called, part, [(a.name, self.of(a.value)) for a in arguments])
        raise Unsaid

    def call(self, called: str, call: tree.Call, arguments: list[tuple[str | None, ast.expr]]) -> ast.expr:
        defined = functions(call.span.source).get(called)
        if defined is not None and len(defined.parameters) == len(arguments):
            return self.defined(defined, [value for _, value in arguments])
        if called not in FUNCTIONS:
            raise Unsaid
        positional = [value for own, value in arguments if own is None]
        keywords = [ast.keyword(own, value) for own, value in arguments if own is not None]
        found = ast.Call(ast.parse(FUNCTIONS[called], mode="eval").body, positional, keywords)
        if formula.names(found):
            return found
        value = formula.evaluated(found, {})
        return formula.formula_of(tuple(value) if isinstance(value, range) else value)

    def defined(self, define: tree.Define, arguments: list[ast.expr]) -> ast.expr:
        """A call of a `def`: by its name where the constructor has it, else what it comes to."""
        called, parameters = define.name.name, [own.name for own in define.parameters]
        body = Written(define.value, self.context.networks[self.use])
        if self.context.body.scope.parent is None and legal(called) == called:
            inner = _Translation(self.context, body, self.use, {own: name(own) for own in parameters})
            if self.context.define(called, parameters, inner.of(define.value)):
                return ast.Call(name(called), arguments, [])
        known = dict(zip(parameters, arguments, strict=True))
        return _Translation(self.context, body, self.use, known).of(define.value)

    def asked(self, base: str, fact: str) -> ast.expr:
        """`it.channels`: the channels of that value, as far as they are known."""
        value = dict(self.written.values).get(base)
        if value is None or (fact == "length" and self.context.graph.tensor(value).kind != "int"):
            raise Unsaid
        found = self.context.of_port(base, self.written.home, self.use) or self.context.of_value(value, self.use)
        if found is None:
            raise Unsaid
        return found


MOST_DIGITS = 16
"""Characters of the longest number that is written as one."""


# --- Python, with what is known put in -----------------------------------------------------------


def _binary(kind: type[ast.operator], left: ast.expr, right: ast.expr) -> ast.expr:
    """As the spec wrote it; two numbers are one, and nothing is added to 0."""
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant) and kind is not ast.Pow:
        found = combined(kind, left, right)
        return ast.BinOp(left, kind(), right) if _has_noise(found) else found
    if kind in (ast.Add, ast.Sub) and isinstance(right, ast.Constant) and right.value == 0:
        return left
    if kind is ast.Add and isinstance(left, ast.Constant) and left.value == 0:
        return right
    return ast.BinOp(left, kind(), right)


def _has_noise(found: ast.expr) -> bool:
    """Whether a number has more digits than anyone wrote, as `0.05 * 3` has."""
    return isinstance(found, ast.Constant) and isinstance(found.value, float) and len(repr(found.value)) > MOST_DIGITS


def _length(found: ast.expr) -> ast.expr:
    """How many elements a list has."""
    match found:
        case ast.Call(func=ast.Name(id="range"), args=[count]):
            return count
        case ast.Tuple(elts=parts):
            return ast.Constant(len(parts))
    return ast.Call(name("len"), [found], [])


def _negative(value: ast.expr) -> ast.expr:
    return ast.Constant(-value.value) if isinstance(value, ast.Constant) else ast.UnaryOp(ast.USub(), value)  # type: ignore[operator]


def _negated(value: ast.expr) -> ast.expr:
    return ast.Constant(not value.value) if isinstance(value, ast.Constant) else ast.UnaryOp(ast.Not(), value)


def _chosen(condition: ast.expr, then: Any, otherwise: Any) -> ast.expr:
    if isinstance(condition, ast.Constant):
        found: ast.expr = then() if condition.value else otherwise()
        return found
    return ast.IfExp(condition, then(), otherwise())
