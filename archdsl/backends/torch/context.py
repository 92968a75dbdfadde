"""Translates expressions of a spec into formulas with the names of a class's constructor: `input.channels * expand`
becomes `in_channels * expand`.

A name is a parameter of the block, a named number, a setting that the network takes as an argument, or the number of a
copy. A number that has no name in the constructor (a height, a number of another text) has no formula, only a value.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from archdsl import formula
from archdsl.backends.torch.bodies import Body, Wire
from archdsl.backends.torch.names import Namespace, legal
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.settings import Settings, may_be_fraction, names_in
from archdsl.backends.torch.translation import Translation, Unsaid, length
from archdsl.formula import name, plain, same
from archdsl.ir.graph import Let, Scope, Value, Written
from archdsl.syntax import tree


class Context:
    """The names of one class. `values` has the value of each name in each use; `channels` has the channels of wires."""

    def __init__(self, outline: Outline, body: Body, takes: Sequence[str], settings: Settings) -> None:
        self.outline, self.body = outline, body
        self.graph = outline.graph
        self.networks = [outline.root(scope.path) for scope in body.uses]
        self.all_settings = settings
        self.settings_in = settings.named(self.networks)
        """For each use: the settings of its network for which the class has names, with their values."""
        self.settings = frozenset(self.settings_in[0])
        self.values: list[dict[str, Any]] = [{} for _ in body.uses]
        self.own: set[str] = set()
        """Names in the text around the class: arguments of its block, named numbers, variables of loops."""
        self._inner_lets: dict[int, dict[str, Let]] = {}
        self.used: dict[str, None] = {}
        self.lets: dict[str, ast.expr] = {}
        self.functions: dict[str, tuple[list[str], ast.expr]] = {}
        """The `def`s of the network that become functions in its constructor: parameters and body."""
        self.fixed: dict[str, Any] = {}
        """Words and truth values that are the same in every use: they are no arguments, and decide `if`s at once."""
        self.loop_names: dict[str, Mapping[str, ast.expr]] = {}
        """By the path of a copy in this class: its arguments, with the names that the loop has for them."""
        self.row_names: dict[str, tuple[str, ...]] = {}
        """By the text of a list: the names that loops over it have for its element, or for the parts of its element."""
        self.channels: dict[int, ast.expr | None] = {}
        self.channel_names: list[str] = []
        self.by_value: dict[tuple[int, Value], ast.expr | None] = {}
        self._namespace = Namespace(("self",))
        self._chains = [tuple(self._own_chain(scope)) for scope in body.uses]
        self._define_arguments()
        self._define_takes(takes)

    @property
    def is_network(self) -> bool:
        """Whether the class is the network itself."""
        return self.body.scope.parent is None

    def root_of(self, use: int) -> str:
        """The path of the network that a use is part of."""
        return self.networks[use]

    def kind_of(self, value: Value) -> str:
        """The kind of numbers in a value of the network: "float" or "int"."""
        return self.graph.tensor(value).kind

    # --- definitions -----------------------------------------------------------------------

    def _own_chain(self, scope: Scope) -> Iterator[Scope]:
        """The scopes around a class that belong to the same text: up to its block, or to the network."""
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
            called = self._namespace.unique(f"in_{kind}" if take == "x" else f"{take.rstrip('_')}_{kind}")
            self.channel_names.append(called)
            self.enter(wire, [name(called)])
            for use, value in wire.values.items():
                self.values[use][called] = self.graph.tensor(value).channels

    def _declared(self, wire: Wire) -> ast.expr | None:
        """The formula for the channels of an input of the network, if a setting decides them."""
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

    def open_settings(self) -> list[str]:
        """The settings of the network that its class takes as arguments, in the order of the spec."""
        return [own for own in self.all_settings.values[self.networks[0]] if own in self.all_settings.open]

    def may_be_fraction(self, setting: str) -> bool:
        """Whether a setting can be a fraction with other values, though it is whole here: `width = beta ^ phi`."""
        settings = self.outline.networks[self.networks[0]].header.settings
        written = {known.name: known.written for known in settings}.get(setting)
        return written is not None and may_be_fraction(written.expression)

    def is_own(self, own: str) -> bool:
        """Whether a name belongs to the text around the class, and is not a setting that is passed on to it."""
        return own in self.own or own in self.channel_names

    def own_names(self) -> list[str]:
        """Names of the channels that flow in, and of the block's own arguments that are numbers."""
        scope = self.body.scope
        arguments = (legal(own) for own, _ in scope.arguments if own not in scope.units)
        return [*self.channel_names, *(own for own in arguments if own not in self.fixed)]

    # --- expressions -----------------------------------------------------------------------

    def said(self, written: Written, use: int) -> ast.expr | None:
        """The formula of an expression in the constructor's names; None if it cannot be written with these."""
        try:
            found = Translation(self, written, use, {}).of(written.expression)
        except Unsaid:
            return None
        return found if written.share is None else formula.shared(found, *written.share)

    def define(self, called: str, parameters: list[str], body: ast.expr) -> bool:
        """Enters a function of the network's text, if it depends on a setting that stays open."""
        if formula.names(body).isdisjoint(self.settings) or called in self.own or called in self.settings:
            return False
        self.functions[called] = parameters, body
        for values in self.values:
            values[called] = _Function(parameters, body, values)
        return True

    def note(self, found: ast.expr) -> ast.expr:
        """Notes that the names of a formula are used, and the names from which its named numbers are computed."""
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
        """The formula for a name in the text of scope `home`. Raises `Unsaid` if the constructor has none."""
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
        """Regions, such as stages, that lie between `scope` and the class: their named numbers belong to the text."""
        for link in takewhile(lambda link: link is not scope, self._chains[use]):
            if link.block is None and link.kind != "copy":
                yield link

    def inner_lets(self, use: int) -> Mapping[str, Let]:
        """Named numbers of regions such as stages. The text after a region may use them, though its scope has ended."""
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
        """The formula for a named number: its name, unless it only renames another one."""
        own = legal(let.name)
        if own not in self.lets:
            raise Unsaid
        found = self.lets[own]
        return found if isinstance(found, ast.Name | ast.Constant) else name(own)

    def define_lets(self) -> None:
        """Enters the named numbers that ask for channels, if these are known by now."""
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
        """The formula for a name, made an int where Python would compute a float of that value."""
        values = [(use, known[own]) for use, known in enumerate(self.values) if own in known]
        return self.as_whole(found, values)

    def as_whole(self, found: ast.expr, values: Sequence[tuple[int, Any]]) -> ast.expr:
        """The formula, made an int where Python would have a float of that value. Fractions are refused."""
        if isinstance(found, ast.Constant) and isinstance(found.value, float) and type(values[0][1]) is int:
            return ast.Constant(int(found.value))
        for use, value in values:
            if type(value) is int and isinstance(formula.evaluated(found, self.values[use]), float):
                return ast.Call(name("whole_number"), [found], [])
        return found

    def comes_to(self, found: ast.expr, use: int, value: Any) -> bool:
        """Whether a formula has the value `value` in a use."""
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

    # --- channels --------------------------------------------------------------------------

    def enter(self, wire: Wire, channels: Sequence[ast.expr | None]) -> ast.expr | None:
        """Notes the channels of a wire: the formula, if all uses have the same one for it, else None."""
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
        """The channels of an input of the block, if `base` names one."""
        scope = self.body.uses[use]
        if scope.block is None or home is None or not (home == scope.path or home.startswith(f"{scope.path}.")):
            return None
        return self.channels.get(id(self.body.takes[scope.ports.index(base)])) if base in scope.ports else None

    def of_value(self, value: Value, use: int) -> ast.expr | None:
        """The channels of a value, as noted for the latest wire that stands for it."""
        return self.by_value.get((use, value))

    # --- arguments for inner classes -------------------------------------------------------

    def given(self, scope: Scope, own: str, use: int, known: Mapping[str, ast.expr]) -> ast.expr | None:
        """The formula in this class for the parameter `own` of the inner class of `scope`; None if there is none.

        `known` are the formulas of the inner class's other parameters, which a default may refer to.
        """
        written = dict(scope.written).get(own)
        try:
            if written is not None and written.home == scope.path:
                return self._of_default(scope, written, use, known)
            if written is not None:
                return self.said(written, use)
            if own in dict(scope.arguments):
                turn = self.loop_names.get(scope.path, {})
                return turn.get(own, formula.formula_of(plain(dict(scope.arguments)[own])))
            return None if scope.block is not None else self.lookup(own, scope.parent, use)
        except Unsaid:
            return None

    def _of_default(self, scope: Scope, written: Written, use: int, known: Mapping[str, ast.expr]) -> ast.expr:
        """The formula for a default of an inner class, which may refer to the block's other arguments."""
        given = {**known}
        for own in sorted(names_in(written.expression) & dict(scope.arguments).keys() - known.keys()):
            said = self.given(scope, own, use, known)
            if said is not None:
                given[own] = said
        return Translation(self, replace(written, home=None), use, given).of(written.expression)

    def setting(self, own: str) -> ast.expr | None:
        """The formula for a setting of the network; None if this class does not have it."""
        try:
            return self._setting(own)
        except Unsaid:
            return None

    # --- copies ----------------------------------------------------------------------------

    def enter_turn(self, copies: Scope, copy: Scope, index: int, use: int) -> None:
        """Notes the formulas of a loop's variables in one turn: the element of the list it runs over, or its parts."""
        turn = copy.turn or (copy.arguments if copy.block is None else ())
        if not turn or copies.count is None:
            return
        over = self.said(copies.count, use)
        if over is None or isinstance(over, ast.Constant) or self._is_number(over, use):
            found = [formula.formula_of(plain(value)) for _, value in turn]
        else:
            self.row_names[formula.text(over)] = tuple(own for own, _ in turn)
            element = formula.part(over, ast.Constant(index))
            row = [formula.part(element, ast.Constant(place)) for place in range(len(turn))]
            found = row if len(turn) > 1 else [element]
        names = {
            own: said
            for (own, value), said in zip(turn, found, strict=True)
            if isinstance(value, bool | int | float | list | tuple)
        }
        if names:
            self.loop_names[copies.path if copy.turn else copy.path] = names

    def _is_number(self, found: ast.expr, use: int) -> bool:
        return isinstance(formula.evaluated(found, self.values[use]), int)

    def count(self, copies: Scope, use: int, number: int) -> ast.expr | None:
        """The formula for the number of copies; None if it cannot be written with the constructor's names."""
        over = self.said(copies.count, use) if copies.count is not None else None
        if over is None or isinstance(over, ast.Constant | ast.Tuple):
            return ast.Constant(number)
        found = over if self._is_number(over, use) else length(over)
        return found if self.comes_to(found, use, number) else None


@dataclass(frozen=True, eq=False, slots=True)
class _Function:
    """A `def` of the network, with the values that names have in one use."""

    parameters: Sequence[str]
    body: ast.expr
    values: Mapping[str, Any]

    def __call__(self, *given: Any) -> Any:
        return formula.evaluated(self.body, {**self.values, **dict(zip(self.parameters, given, strict=True))})
