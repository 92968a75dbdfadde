"""What a class takes as constructor arguments: whatever differs between its uses, said as the spec says it.

Every number of a class is a vector over its uses. One that is always the same is written as it is; for
any other the first formula is taken that gives its value in every use: as the spec wrote it, the channels
that flow in, a parameter, a named number. Where there is none, it is an argument of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archdsl.backends.torch.body import Call
from archdsl.backends.torch.channels import Channels, outward
from archdsl.backends.torch.formula import IN_CHANNELS, MISSING, Formula
from archdsl.backends.torch.loops import Loop
from archdsl.backends.torch.make import Maker
from archdsl.backends.torch.names import Namespace
from archdsl.backends.torch.outline import Member
from archdsl.backends.torch.structure import attributes
from archdsl.backends.torch.template import Constructor, Parameter, Slot
from archdsl.backends.torch.uses import Uses
from archdsl.backends.torch.vectors import Variables, constant, literal
from archdsl.ir.graph import Node, Value
from archdsl.ops.base import Expression


@dataclass(frozen=True, slots=True)
class Settled:
    """A class's constructor: its arguments, the lines for named numbers, its attributes; each a name and a text.

    `in_forward` says, by node, what stands for the numbers of an expression in `forward`.
    """

    constructor: Constructor
    lets: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str], ...]
    in_forward: Mapping[str, Mapping[str, str]]


def settle_class(uses: Uses, name: str, takes: Sequence[str]) -> Settled:
    """Settles every number of a class. `takes` are the arguments of its `forward`."""
    kept: frozenset[str] = frozenset()
    while True:
        settling = _ClassArguments(uses, takes, kept)
        unvarying = frozenset(p.name for p in settling.parameters() if settling.is_constant(p.name))
        if unvarying <= kept:
            return settling.made(name)
        # Whoever changes such an argument must find it everywhere that the spec has it.
        kept |= unvarying


class _ClassArguments:
    def __init__(self, uses: Uses, takes: Sequence[str], kept: frozenset[str]) -> None:
        self.uses, self.outline = uses, uses.outline
        self.scope = uses.scopes[0]
        self.variables = Variables(len(uses.rows), kept)
        self.channels = Channels(self.outline)
        self._define_names(takes)
        self.maker = Maker(self.outline, self.variables, self.channels)
        self.members = dict(attributes(self.outline, self.scope.path))
        self.texts: dict[str, str] = {}
        self.numbers: dict[str, str] = {}
        """Attributes that hold a number for `forward`."""
        self.in_forward: dict[str, dict[str, str]] = {}
        self._settle()

    def _define_names(self, takes: Sequence[str]) -> None:
        for name, vector in self.uses.arguments():
            self.variables.define(name, vector)
        values = self.outline.interfaces[self.scope.path].takes
        for value, take, vector in zip(values, takes, self.uses.channels(), strict=True):
            name = IN_CHANNELS if take == "x" else f"{take}_channels"
            self.variables.define(name, vector)
            self.channels.set(value, (Formula(name),))
        for name, text, vector in self.uses.lets():
            self.variables.define_let(name, text, vector)

    def _settle(self) -> None:
        """In the order of the steps, so that what flows into each is known; then what no step calls."""
        expressions = iter(range(len(self.uses.rows[0][4])))
        for step in self.uses.structures.steps[self.scope.path]:
            member: Member = step.container if isinstance(step, Loop) else step.member
            if isinstance(step, Call) and isinstance(step.member, Node) and not self.outline.is_module(step.member):
                self._expression(step.member, next(expressions))
                continue
            name = self.uses.structures.reference(self.scope.path, member)[0]
            self._attribute(name)
        for name in self.members:
            self._attribute(name)

    def _attribute(self, name: str) -> None:
        if name in self.texts or name not in self.members:
            return
        template = self.uses.templates.template(self.members[name], name)
        index = list(self.members).index(name)
        self.texts[name] = self.maker.make(template, self.uses.numbers(index))

    def _expression(self, node: Node, index: int) -> None:
        """An expression's numbers: as they are, or as attributes where they vary between uses."""
        emission = self.outline.emission(node)
        assert isinstance(emission, Expression)
        said = self.in_forward[node.id] = {}
        for (keyword, _), vector in zip(emission.values, self.uses.values(index), strict=True):
            formula = self.maker.settle(Slot(f"{node.name}_{keyword}", keyword, node), vector)
            if formula.names:
                name = Namespace((*self.members, *self.numbers)).unique(f"{node.name}_{keyword}")
                self.numbers[name] = formula.text
                said[keyword] = f"self.{name}"
            else:
                said[keyword] = formula.text
        self.channels.after(node)

    # --- the result ------------------------------------------------------------------------

    def made(self, name: str) -> Settled:
        attributes = [(name, self.texts[name]) for name in self.members]
        return Settled(
            self._constructor(name),
            tuple((name, formula.text) for name, formula in self.variables.lets.items() if name in self.variables.used),
            (*attributes, *self.numbers.items()),
            self.in_forward,
        )

    def _constructor(self, name: str) -> Constructor:
        parameters = self.parameters()
        columns = [self.uses.spread(self.variables.vectors[p.name]) for p in parameters]
        rows = zip(*columns, strict=True) if columns else ((),) * len(self.uses.scopes)
        values = {scope.path: row for scope, row in zip(self.uses.scopes, rows, strict=True)}
        gives = self.outline.interfaces[self.scope.path].gives
        return Constructor(name, parameters, values, tuple(self._outward(value, parameters) for value in gives))

    def parameters(self) -> tuple[Parameter, ...]:
        """First what flows in, then the block's own, then what had to be added; those with a default come last."""
        used = [name for name in self.variables.used if name not in self.variables.lets]
        order = {name: place for place, name in enumerate(self.variables.vectors)}
        used.sort(key=lambda name: (not name.endswith("_channels"), order[name]))
        made = [self._parameter(name) for name in used]
        return tuple(sorted(made, key=lambda parameter: parameter.default is not None))

    def _parameter(self, name: str) -> Parameter:
        vector = self.variables.vectors[name]
        value = constant(vector) if self.is_constant(name) else self.uses.default(name)
        return Parameter(name, type_name(vector), None if value is MISSING else value)

    def is_constant(self, name: str) -> bool:
        return constant(self.variables.vectors[name]) is not MISSING

    def _outward(self, value: Value, parameters: Sequence[Parameter]) -> tuple[Formula, ...]:
        known = {name: constant(vector) for name, vector in self.variables.vectors.items()}
        constants = {name: literal(value) for name, value in known.items() if value is not MISSING}
        inner = {**constants, **self.variables.lets}
        return tuple(outward(self.channels.of(value), (p.name for p in parameters), inner))


def type_name(values: Sequence[Any]) -> str:
    """The annotation for an argument with these values."""
    names = dict.fromkeys(sorted(map(_type_of, values), key=lambda name: name == "None"))
    return " | ".join(name for name in names if not (name == "int" and "float" in names))


def _type_of(value: Any) -> str:
    if isinstance(value, tuple):
        return f"tuple[{type_name(value)}, ...]" if value else "tuple[()]"
    return "None" if value is None else type(value).__name__
