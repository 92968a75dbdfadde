"""What makes a module, `nn.Conv2d(…, …, 3)`, with its numbers left open; and those numbers, in the same order.

All uses of a class have one template; what differs between them are the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from archdsl.backends.torch.formula import Formula
from archdsl.backends.torch.inplace import is_inplace
from archdsl.backends.torch.outline import Form, Member, Outline, is_regular
from archdsl.backends.torch.structure import Structures, options, runs
from archdsl.ir.graph import Node, Scope
from archdsl.ops.base import Expression, Module


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a class's constructor. `default` is None where every use says it."""

    name: str
    type: str
    default: Any = None


@dataclass(frozen=True, slots=True)
class Constructor:
    """How a class is made: its arguments, and what each use gives for them, by the path of its scope."""

    name: str
    parameters: tuple[Parameter, ...]
    values: Mapping[str, tuple[Any, ...]]
    channels: tuple[tuple[Formula, ...], ...]
    """For each value that the class gives: what its channels may be called, by the parameters."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A number left open. `site` is the op or block it is for, `name` what it would be called as an argument.

    `field` is the argument of the op or block that it comes from, as far as that is known; "in" for the
    channels that flow in.
    """

    name: str
    field: str
    site: Member


@dataclass(frozen=True, slots=True)
class Leaf:
    """A module of torch, or a support class. Keywords with the defaults at which they go unsaid."""

    node: Node
    target: str
    arguments: tuple[Slot, ...]
    keywords: tuple[tuple[str, Slot, Any], ...]
    inplace: bool

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (*self.arguments, *(slot for _, slot, _ in self.keywords))


@dataclass(frozen=True, slots=True)
class Instance:
    """A use of a class."""

    constructor: Constructor
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """`nn.Sequential(OrderedDict(conv=…, bn=…))`."""

    children: tuple[tuple[str, Template], ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(slot for _, child in self.children for slot in child.slots)


@dataclass(frozen=True, slots=True)
class Run:
    """Copies of one structure that follow each other: how many, and for each open number one for each copy."""

    template: Template
    count: Slot
    names: tuple[str, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (self.count, *self.template.slots)


@dataclass(frozen=True, slots=True)
class Copies:
    """`nn.Sequential(…)` or `nn.ModuleList([…])` of numbered copies; `regular` where no number is missing."""

    form: Form
    runs: tuple[Run, ...]
    regular: bool

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(slot for run in self.runs for slot in run.slots)


Template: TypeAlias = Leaf | Instance | Chain | Copies


class Templates:
    """Makes templates and collects numbers. Constructors are entered as they are settled, inner classes first."""

    def __init__(self, structures: Structures) -> None:
        self.outline: Outline = structures.outline
        self.structures = structures
        self.constructors: dict[int, Constructor] = {}

    def template(self, member: Member, name: str) -> Template:
        """How a member is made; its numbers are named after `name`."""
        if isinstance(member, Node):
            return self._leaf(member, name)
        match self.outline.forms[member.path]:
            case Form.CLASS:
                constructor = self.constructors[self.structures.of(member)]
                slots = (Slot(f"{name}_{p.name}", p.name, member) for p in constructor.parameters)
                return Instance(constructor, tuple(slots))
            case Form.CHAIN:
                inner = self.outline.members(member.path)
                return Chain(tuple((m.name, self.template(m, f"{name}_{m.name}")) for m in inner))
            case form:
                return self._copies(member, form, name)

    def values(self, member: Member) -> Iterator[Any]:
        """The numbers for the slots of a member's template, in order; for those of a run, one for each copy."""
        if isinstance(member, Node):
            emission = self.outline.emission(member)
            assert isinstance(emission, Module)
            yield from emission.args
            yield from (value for _, value in options(emission))
            return
        match self.outline.forms[member.path]:
            case Form.CLASS:
                yield from self.constructors[self.structures.of(member)].values[member.path]
            case Form.CHAIN:
                for inner in self.outline.members(member.path):
                    yield from self.values(inner)
            case _:
                for _, copies in self._runs(member):
                    yield len(copies)
                    yield from zip(*(tuple(self.values(copy)) for copy in copies), strict=True)

    def _leaf(self, node: Node, name: str) -> Leaf:
        emission = self.outline.emission(node)
        assert isinstance(emission, Module)
        defaults = dict(emission.defaults)
        return Leaf(
            node,
            emission.target,
            tuple(Slot(f"{name}_{field}", field, node) for field in self._fields(node, emission.args)),
            tuple(
                (keyword, Slot(f"{name}_{keyword}", keyword, node), defaults.get(keyword, ...))
                for keyword, _ in options(emission)
            ),
            is_inplace(self.outline, node),
        )

    def _fields(self, node: Node, values: Sequence[Any]) -> Iterator[str]:
        """What arguments without a keyword stand for: the op's own arguments of those values, in order."""
        fields = [field for field in type(node.op).model_fields if field != "init"]
        tensors = self.outline.graph.tensors_into(node.id)
        for index, value in enumerate(values):
            if index == 0 and tensors and value == tensors[0].channels:
                yield "in"
                continue
            field = next((field for field in fields if getattr(node.op, field) == value), f"argument{index + 1}")
            fields = [other for other in fields if other != field]
            yield field

    def _runs(self, container: Scope) -> Iterator[tuple[int, tuple[Member, ...]]]:
        own = [m for m in self.outline.members(container.path) if self._is_attribute(m)]
        return runs(self.structures, own)

    def _is_attribute(self, member: Member) -> bool:
        if isinstance(member, Node) and isinstance(self.outline.emission(member), Expression):
            return False
        return self.outline.is_own(member)

    def _copies(self, container: Scope, form: Form, name: str) -> Copies:
        made = []
        for _, copies in self._runs(container):
            names = tuple(copy.name for copy in copies)
            inner = self.template(copies[0], name)
            made.append(Run(inner, Slot(f"{name}_count", "count", container), names))
        return Copies(form, tuple(made), is_regular(n for run in made for n in run.names))
