"""Which scopes are uses of one class: the same ops joined in the same way, whatever their numbers.

Every member gets a number, its structure; two members have the same number just if they are the same but
for numbers. Members are compared by the numbers of what they hold, so the work is linear in the graph.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import groupby

from archdsl.backends.python.names import camel_case
from archdsl.backends.torch.body import Call, Step, steps
from archdsl.backends.torch.inplace import is_inplace
from archdsl.backends.torch.loops import Outer, Position
from archdsl.backends.torch.outline import Form, Member, Outline, depth, is_regular
from archdsl.ir.graph import Node, Scope, Value
from archdsl.ops.base import Expression, Module


class Structures:
    """Numbers for all members of an outline; what a scope holds has smaller numbers than the scope."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.steps: dict[str, tuple[Step, ...]] = {}
        self.uses: dict[int, list[Scope]] = {}
        """By structure: the scopes that are classes, in the order of the graph."""
        self._numbers: dict[Hashable, int] = {}
        self._by_path: dict[str, int] = {}
        for path in sorted(outline.graph.scopes, key=depth, reverse=True):
            self._enter(outline.graph.scopes[path])
        for path, scope in outline.graph.scopes.items():
            if outline.forms[path] is Form.CLASS:
                self.uses.setdefault(self._by_path[path], []).append(scope)

    def of(self, member: Member) -> int:
        if isinstance(member, Scope):
            return self._by_path[member.path]
        if member.id not in self._by_path:
            self._by_path[member.id] = self._number(leaf(self.outline, member))
        return self._by_path[member.id]

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _enter(self, scope: Scope) -> None:
        form = self.outline.forms[scope.path]
        members = self.outline.members(scope.path)
        key: Hashable
        match form:
            case Form.CHAIN:
                key = (form, tuple((member.name, self.of(member)) for member in members))
            case Form.COPIES | Form.LIST:
                key = (form, tuple(group for group, _ in runs(self, members)), _gaps(members))
            case Form.CLASS:
                self.steps[scope.path] = steps(self.outline, scope.path)
                key = (form, base_name(self.outline, scope), *self._class_key(scope))
        self._by_path[scope.path] = self._number(key)

    # --- classes ---------------------------------------------------------------------------

    def _class_key(self, scope: Scope) -> Iterator[Hashable]:
        """Attributes, steps with the values they take, and results; values by the order in which they appear."""
        interface = self.outline.interfaces[scope.path]
        numbers = {value: number for number, value in enumerate(interface.takes)}
        yield len(interface.takes)
        yield tuple((name, self.of(member)) for name, member in attributes(self.outline, scope.path))
        yield len(self.outline.borrowed[scope.path])
        for step in self.steps[scope.path]:
            yield self._step_key(scope, step, numbers)
        yield tuple(numbers[value] for value in interface.gives)

    def _step_key(self, scope: Scope, step: Step, numbers: dict[Value, int]) -> Hashable:
        taken = tuple(numbers[value] for value in step.takes)
        for value in step.gives:
            numbers[value] = len(numbers)
        if isinstance(step, Call):
            return self.reference(scope.path, step.member), self.of(step.member), taken
        positions = (*step.arguments, *step.updates)
        shape = tuple(_position_key(position, numbers) for position in positions)
        return step.container.name, step.section, taken, shape, step.collected, len(step.collected) and len(step.copies)

    def reference(self, owner: str, member: Member) -> tuple[str, ...]:
        """The attributes that lead from the class `owner` to a member; for a borrowed one "" and its place."""
        borrowed = self.outline.borrowed[owner]
        if member.weights in borrowed:
            return "", str(list(borrowed).index(member.weights))
        prefix = self.outline.graph.scopes[owner].weights
        return tuple(member.weights[len(prefix) :].strip(".").split("."))


def leaf(outline: Outline, node: Node) -> Hashable:
    """All that is written of a node but its numbers."""
    emission = outline.emission(node)
    if isinstance(emission, Expression):
        return "expression", emission.text, tuple(name for name, _ in emission.values), len(node.outputs)
    names = tuple(name for name, _ in options(emission))
    start = node.op.initialize("module")
    return node.op.name, emission.target, len(emission.args), names, is_inplace(outline, node), start, len(node.outputs)


def options(module: Module) -> tuple[tuple[str, object], ...]:
    """Every keyword argument with its value, PyTorch's defaults included, in PyTorch's order."""
    given = dict(module.kwargs)
    extra = (item for item in module.kwargs if item[0] not in dict(module.defaults))
    return (*extra, *((name, given.get(name, default)) for name, default in module.defaults))


def attributes(outline: Outline, path: str) -> Iterator[tuple[str, Member]]:
    """The modules that a class makes, by name: its members in order, each with what it shares."""
    seen: set[str] = set()
    for member in outline.members(path):
        if isinstance(member, Node) and isinstance(outline.emission(member), Expression):
            continue
        if outline.is_own(member) and not _is_empty_list(outline, member):
            seen.add(member.name)
            yield member.name, member
    for name, member in outline.hosted[path].items():
        if name not in seen:
            yield name, member


def _is_empty_list(outline: Outline, member: Member) -> bool:
    """Whether a list of copies holds no module of its own: all are uses of a shared one."""
    if isinstance(member, Node) or outline.forms[member.path] is not Form.LIST:
        return False
    return not any(True for _ in attributes(outline, member.path))


def runs(structures: Structures, members: Iterable[Member]) -> Iterator[tuple[int, tuple[Member, ...]]]:
    """Members that follow each other and have one structure, with that structure."""
    for structure, run in groupby(members, key=structures.of):
        yield structure, tuple(run)


def _gaps(members: tuple[Member, ...]) -> tuple[str, ...]:
    """Names of copies, where some are missing because they hold nothing."""
    names = tuple(member.name for member in members)
    return () if is_regular(names) else names


def _position_key(position: Position, numbers: dict[Value, int]) -> Hashable:
    if isinstance(position, Outer):
        return "outer", numbers[position.value]
    return type(position).__name__, position.index


def base_name(outline: Outline, scope: Scope) -> str:
    """What a class is called before it is made unique: by its block, else by its place in the spec."""
    if scope.kind == "network":
        return camel_case(outline.graph.header.name)
    if scope.block is not None:
        return camel_case(scope.block)
    parent = outline.graph.scopes[scope.parent or ""]
    if scope.kind == "copy":
        return base_name(outline, parent)
    if scope.kind in ("stage", "output") or parent.kind == "network":
        return camel_case(scope.name)
    return base_name(outline, parent) + camel_case(scope.name)
