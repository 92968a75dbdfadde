"""The parameters of a constructor, and the lines at its top: settings computed from others, and named numbers."""

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
    """The signature of one class, after its numbers have been written."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.derived: dict[str, ast.expr] = {}
        """Settings of the network that are computed from others unless they are given, with their formulas."""

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
        """The formulas that a use passes for added parameters; None for one that it does not need."""
        for own, row in self.added.items():
            _, found = row.get(use, (None, ast.Constant(None)))
            if found is not None:
                yield own, found

    def parameters(self) -> Iterator[Parameter]:
        """Channels of inputs, then the block's own parameters in order, then the rest; those with defaults last."""
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
        """The parameter of the constructor with this name: its source, type and default."""
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
        """The default of a parameter: its value in the uses that leave it out; `...` if there is no common one."""
        omitting = [scope for scope in self.body.uses if own in map(legal, scope.omitted)]
        values = [plain(value) for scope in omitting for name, value in scope.arguments if legal(name) == own]
        alike_all = values and all(same(value, values[0]) for value in values)
        computed = any(legal(name) == own for scope in omitting for name, _ in scope.written)
        return values[0] if alike_all and not computed else ...

    # --- lines at the top of the constructor -----------------------------------------------

    def setting_lines(self) -> Iterator[Line]:
        """Lines for settings computed from others: `stem = 2 * growth if stem is None else stem`."""
        if not self.context.is_network or len(self.body.uses) > 1:
            return
        for setting in self.outline.networks[self.outline.root(self.body.scope.path)].header.settings:
            found = self.follows(setting) if setting.name in self.context.used else None
            if found is not None:
                self.derived[setting.name] = self.context.note(found)
                yield Line(f"{setting.name} = {text_of(found)} if {setting.name} is None else {setting.name}")

    def follows(self, setting: Setting) -> ast.expr | None:
        """The formula of a setting in terms of other open settings; None if it has none."""
        if setting.written is None or setting.name not in self.context.settings:
            return None
        others = names_in(setting.written.expression)
        found = self.context.said(setting.written, 0) if others and others <= self.context.settings else None
        return found if found is not None and self.context.comes_to(found, 0, setting.value) else None

    def rules(self) -> Iterator[tuple[ast.expr, Suite]]:
        """The `require` lines that depend on arguments only: each condition, and the lines that raise the error."""
        header = self.outline.networks[self.context.root_of(0)].header
        for rule in header.rules if self.context.is_network else ():
            holds = self.context.said(rule.condition, 0)
            own = formula.names(holds) if holds is not None else frozenset()
            if holds is not None and own and own <= {*self.context.used, *self.context.lets}:
                yield formula.negated(holds), broken(holds, rule.reason)

    def lets_and_requirements(self) -> Iterator[Code]:
        """Named numbers and requirements. Requirements that need no named number come first, since named numbers may be
        impossible to compute for arguments that are refused."""
        lines = list(self.let_lines())
        required = [*self.rules(), *self.requirements()]
        yield from (refusal for wrong, refusal in required if not self._has_lets(wrong))
        yield from lines
        yield from (refusal for wrong, refusal in required if self._has_lets(wrong))

    def _has_lets(self, found: ast.expr) -> bool:
        return not formula.names(found).isdisjoint({*self.context.lets, *self.context.functions})

    def let_lines(self) -> Iterator[Code]:
        """Lines for the functions and named numbers that are used."""
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
    """The value that all uses have in common; `...` if they differ."""
    return values[0] if all(same(value, values[0]) for value in values) else ...


def type_name(values: Sequence[Any]) -> str:
    """The annotation for a parameter with these values."""
    names = dict.fromkeys(sorted(map(_type_of, values), key=lambda own: own == "None"))
    return " | ".join(own for own in names if not (own == "int" and "float" in names))


def _type_of(value: Any) -> str:
    if isinstance(value, tuple):
        return f"tuple[{type_name(value)}, ...]" if value else "tuple[()]"
    return "None" if value is None else type(value).__name__
