"""The parameters of a class's constructor, and the lines at its top: settings that follow others, named numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from archdsl import formula
from archdsl.backends.python.code import Code, Line, Suite
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.modules import (
    Constructor,
    Parameter,
)
from archdsl.backends.torch.names import legal
from archdsl.backends.torch.numbers import Numbers, Subject
from archdsl.backends.torch.refusals import broken
from archdsl.backends.torch.settings import names_in
from archdsl.formula import plain, same
from archdsl.ir.graph import Setting


class Parameters(Numbers):
    """The signature of one class, once its numbers are settled."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.derived: dict[str, ast.expr] = {}
        """By a setting of the network that follows others unless it is given: its formula."""

    def _constructor(self) -> Constructor:
        outward = [self.context.channels.get(id(wire)) for wire in self.body.gives]
        channels = [None if c is None else self.spelled_out(c) for c in outward]
        parameters = tuple(self.parameters())
        known = self.context.values
        rows = [{p.name: values.get(p.name, p.default) for p in parameters} for values in known]
        formulas = [dict(self.added_formulas(use)) for use in range(len(known))]
        values = {path: rows[use] for path, use in self.body.same.items()}
        added = {path: formulas[use] for path, use in self.body.same.items()}
        takes = tuple(self.context.channel_names)
        borrowed = {
            own: [known and self.spelled_out(known) for known in row] for own, row in self.modules.borrowed.items()
        }
        return Constructor(self.title, parameters, values, added, takes, tuple(channels), borrowed)

    def added_formulas(self, use: int) -> Iterator[tuple[str, ast.expr]]:
        """What a use gives for the parameters that were added; what it has no need of is None."""
        for own, row in self.added.items():
            _, found = row.get(use, (None, ast.Constant(None)))
            if found is not None:
                yield own, found

    def parameters(self) -> Iterator[Parameter]:
        """First what flows in, then the block's own in its order, then the rest; those with a default come last."""
        helpers = {*self.context.lets, *self.context.functions} - self.added.keys()
        used = [own for own in self.context.used if own not in helpers]
        found = [self.parameter(own) for own in sorted(used, key=self._order)]
        yield from sorted(found, key=lambda parameter: parameter.default is not ...)

    def _order(self, own: str) -> tuple[int, int]:
        known = list(self.context.values[0])
        channels = self.context.channel_names
        if own in channels:
            return 0, channels.index(own)
        if own in self.added or not self.context.is_own(own):
            return 2 + (own in self.added), 0
        return 1, known.index(own) if own in known else 0

    def parameter(self, own: str) -> Parameter:
        values = [known[own] for known in self.context.values if own in known]
        kind = type_name(values)
        if self.context.is_network:
            kind = "float" if kind == "int" and self.context.may_be_fraction(own) else kind
            if own in self.derived:
                return Parameter(own, "setting", f"{kind} | None", None)
            return Parameter(own, "setting", kind, _common(values))
        if own in self.context.channel_names:
            return Parameter(own, "channels", kind, place=self.context.channel_names.index(own))
        if own in self.added:
            source = "counted" if own in self.counted else "added"
            return (
                Parameter(own, source, f"{kind} | None", None) if self.is_partial(own) else Parameter(own, source, kind)
            )
        if not self.context.is_own(own):
            return Parameter(own, "setting", kind, _common([settings[own] for settings in self.context.settings_in]))
        return Parameter(own, "own", kind, self.default(own))

    def default(self, own: str) -> Any:
        """What a parameter is where the spec leaves it out; `...` if it never does, or says different things."""
        values = [plain(dict(scope.arguments)[own]) for scope in self.body.uses if own in map(legal, scope.omitted)]
        alike_all = values and all(same(value, values[0]) for value in values)
        computed = any(own in dict(scope.written) for scope in self.body.uses if own in scope.omitted)
        return values[0] if alike_all and not computed else ...

    # --- the lines at the top --------------------------------------------------------------

    def setting_lines(self) -> Iterator[Line]:
        """`stem = 2 * growth if stem is None else stem`: settings of a network that follow others."""
        if not self.context.is_network or len(self.body.uses) > 1:
            return
        for setting in self.outline.networks[self.outline.root(self.body.scope.path)].header.settings:
            found = self.follows(setting) if setting.name in self.context.used else None
            if found is not None:
                self.derived[setting.name] = self.context.note(found)
                yield Line(f"{setting.name} = {text_of(found)} if {setting.name} is None else {setting.name}")

    def follows(self, setting: Setting) -> ast.expr | None:
        """The formula over other open settings that a setting of the network is, if it is one."""
        if setting.written is None or setting.name not in self.context.settings:
            return None
        others = names_in(setting.written.expression)
        found = self.context.said(setting.written, 0) if others and others <= self.context.settings else None
        return found if found is not None and self.context.comes_to(found, 0, setting.value) else None

    def rules(self) -> Iterator[tuple[ast.expr, Suite]]:
        """When a rule of the network is broken, and what then says so: rules on what its class takes as arguments."""
        header = self.outline.networks[self.context.root_of(0)].header
        for rule in header.rules if self.context.is_network else ():
            holds = self.context.said(rule.condition, 0)
            own = formula.names(holds) if holds is not None else frozenset()
            if holds is not None and own and own <= {*self.context.used, *self.context.lets}:
                yield formula.negated(holds), broken(holds, rule.reason)

    def lets_and_requirements(self) -> Iterator[Code]:
        """Named numbers, after the requirements that need none of them: they may only hold for these."""
        lines = list(self.let_lines())
        required = [*self.rules(), *self.requirements()]
        yield from (refusal for wrong, refusal in required if not self._has_lets(wrong))
        yield from lines
        yield from (refusal for wrong, refusal in required if self._has_lets(wrong))

    def _has_lets(self, found: ast.expr) -> bool:
        return not formula.names(found).isdisjoint({*self.context.lets, *self.context.functions})

    def let_lines(self) -> Iterator[Code]:
        """Functions and named numbers that something uses."""
        functions = {own: found for own, found in self.context.functions.items() if own in self.context.used}
        for own, (parameters, body) in functions.items():
            yield Line("")
            yield Suite(f"def {own}({', '.join(parameters)}):", (Line(f"return {text_of(body)}"),))
        if functions:
            yield Line("")
        for own, found in self.context.lets.items():
            if own in self.context.used and not isinstance(found, ast.Name | ast.Constant):
                yield Line(f"{own} = {text_of(found)}")


def _common(values: Sequence[Any]) -> Any:
    """The one value that all uses have, `...` where they differ."""
    return values[0] if all(same(value, values[0]) for value in values) else ...


def type_name(values: Sequence[Any]) -> str:
    """The annotation for a parameter with these values."""
    names = dict.fromkeys(sorted(map(_type_of, values), key=lambda own: own == "None"))
    return " | ".join(own for own in names if not (own == "int" and "float" in names))


def _type_of(value: Any) -> str:
    if isinstance(value, tuple):
        return f"tuple[{type_name(value)}, ...]" if value else "tuple[()]"
    return "None" if value is None else type(value).__name__
