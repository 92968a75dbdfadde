"""A graph as nested modules: what becomes of each scope, and which modules are kept where.

A block is a class; a plain chain of modules is an `nn.Sequential`, by name or, for copies, by number;
copies that do not simply follow each other are an `nn.ModuleList` whose owner calls them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TypeAlias

from archdsl.backends.torch.interface import Interface, interfaces, live_nodes
from archdsl.ir.builder import join
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.ops.base import Expression, Module
from archdsl.tensor import Tensor

Member: TypeAlias = Node | Scope

SEQUENTIAL_NAMES = frozenset(("append", "extend", "insert", "pop"))
"""Methods of `nn.Sequential`; a step of such a name cannot be its child."""


class Form(Enum):
    """What a scope is in PyTorch."""

    CLASS = "a class of its own"
    CHAIN = "nn.Sequential of named modules"
    COPIES = "nn.Sequential of numbered modules"
    LIST = "nn.ModuleList"


class Outline:
    """Answers what the planner asks about a graph's scopes and nodes. Everything is looked up, nothing searched."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.live = live_nodes(graph)
        self.interfaces: Mapping[str, Interface] = interfaces(graph, self.live)
        self.uses = _count_uses(graph)
        self._members: dict[str, tuple[Member, ...]] = {}
        self._by_node: dict[str, Module | Expression] = {}
        self._emissions: dict[tuple[int, tuple[Tensor, ...]], Module | Expression] = {}
        self.hosted: dict[str, dict[str, Member]] = {path: {} for path in graph.scopes}
        """By scope and name: the first use of each shared module that is kept in the scope."""
        self.borrowed: dict[str, dict[str, Member]] = {path: {} for path in graph.scopes}
        """By scope and weights: the first use of each shared module that is used in the scope but kept further out."""
        for member in self._all_members():
            self._place(member)
        self._names: dict[str, Mapping[Value, str]] = {}
        self.has_dead = self._scopes_with_dead_nodes()
        self.forms: dict[str, Form] = {}
        for path in sorted(graph.scopes, key=depth, reverse=True):
            self.forms[path] = self._form(graph.scopes[path])

    # --- members ---------------------------------------------------------------------------

    def members(self, path: str) -> tuple[Member, ...]:
        """What a scope holds directly, inputs of the network left out."""
        if path not in self._members:
            held = self.graph.children[path]
            self._members[path] = tuple(m for m in held if isinstance(m, Scope) or m.op.name != "input")
        return self._members[path]

    def emission(self, node: Node) -> Module | Expression:
        """How the node's op is written. Equal ops are one object in a compiled graph, and answer once."""
        known = self._by_node.get(node.id)
        if known is None:
            tensors = self.graph.tensors_into(node.id)
            known = self._emissions.get((id(node.op), tensors))
            if known is None:
                known = self._emissions[id(node.op), tensors] = node.op.torch(*tensors)
            self._by_node[node.id] = known
        return known

    def is_module(self, member: Member) -> bool:
        """Whether a member is an attribute of its scope's module."""
        if isinstance(member, Node):
            return isinstance(self.emission(member), Module)
        return self.forms[member.path] is not Form.LIST

    def takes(self, member: Member) -> tuple[Value, ...]:
        """The values a member is called with, as it is called."""
        return self.graph.inputs_of(member.id) if isinstance(member, Node) else self.interfaces[member.path].takes

    def gives(self, member: Member) -> tuple[Value, ...]:
        if isinstance(member, Scope):
            return self.interfaces[member.path].gives
        return tuple(Value(member.id, port) for port in range(len(member.outputs)))

    def is_live(self, member: Member) -> bool:
        """Whether calling a member serves some output."""
        return member.id in self.live if isinstance(member, Node) else bool(self.gives(member))

    def names(self, path: str) -> Mapping[Value, str]:
        """What the text of a scope calls values: "input", ports, `as` and `path`; the first name of each."""
        if path not in self._names:
            self._names[path] = {value: name for name, value in reversed(self.graph.scopes[path].names)}
        return self._names[path]

    def given_name(self, value: Value, within: str) -> str | None:
        """What the user calls a value, as seen from scope `within`: the name in the outermost text that has one.

        A stage's name is its output value.
        """
        node = self.graph.node(value.node)
        around = depth(within)
        for scope in reversed(self.graph.ancestry(node.scope)):
            if scope.kind == "stage" and depth(scope.path) > around and scope.results == (value,):
                return scope.name
            if depth(scope.path) >= around and self.names(scope.path).get(value, "input") != "input":
                return self.names(scope.path)[value]
        return node.label

    # --- shared modules --------------------------------------------------------------------

    def is_own(self, member: Member) -> bool:
        """Whether a member's weights are kept where it stands, under its own name."""
        parent = parent_of(member)
        return parent is None or member.weights == join(self.graph.scopes[parent].weights, member.name)

    def _all_members(self) -> Iterator[Member]:
        for path in self.graph.scopes:
            yield from self.members(path)

    def _place(self, member: Member) -> None:
        if self.is_own(member) or (isinstance(member, Node) and isinstance(self.emission(member), Expression)):
            return
        home, _, name = member.weights.rpartition(".")
        path = parent_of(member)
        while path is not None and self.graph.scopes[path].weights != home:
            self.borrowed[path].setdefault(member.weights, member)
            path = self.graph.scopes[path].parent
        assert path is not None, f"no scope keeps the shared module {member.weights}"
        self.hosted[path].setdefault(name, member)

    # --- forms -----------------------------------------------------------------------------

    def _scopes_with_dead_nodes(self) -> frozenset[str]:
        return frozenset(
            scope.path for node in self.graph if node.id not in self.live for scope in self.graph.ancestry(node.scope)
        )

    def _form(self, scope: Scope) -> Form:
        members = self.members(scope.path)
        if not members or scope.kind == "network" or scope.block is not None:
            return Form.CLASS
        if all(member.name.isdecimal() for member in members):
            plain = scope.path not in self.has_dead and self._follow_each_other(scope, members)
            return Form.COPIES if plain else Form.LIST
        return Form.CHAIN if self._is_plain_chain(scope, members) else Form.CLASS

    def _is_plain_chain(self, scope: Scope, members: tuple[Member, ...]) -> bool:
        if self.hosted[scope.path] or scope.path in self.has_dead:
            return False
        # The arguments of copies are folded into one loop, and a loop in a loop would not be readable.
        nested = scope.kind == "copy" and any(self._contains_copies(member) for member in members)
        legal = all(m.name.isidentifier() and m.name not in SEQUENTIAL_NAMES for m in members)
        return legal and not nested and self._follow_each_other(scope, members)

    def _contains_copies(self, member: Member) -> bool:
        if isinstance(member, Node) or self.forms[member.path] is Form.CLASS:
            return False
        return self.forms[member.path] is Form.COPIES or any(map(self._contains_copies, self.members(member.path)))

    def _follow_each_other(self, scope: Scope, members: tuple[Member, ...]) -> bool:
        """Whether each takes what the one before gives and nothing else; the scope takes and gives the two ends."""
        interface = self.interfaces[scope.path]
        flow: tuple[Value, ...] = interface.takes
        if len(flow) != 1:
            return False
        for member in members:
            if not self._is_simple(member) or self.takes(member) != flow:
                return False
            flow = self.gives(member)
        return interface.gives == flow

    def _is_simple(self, member: Member) -> bool:
        """A module of one input and one output with weights of its own."""
        if not self.is_own(member) or (isinstance(member, Scope) and self.borrowed[member.path]):
            return False
        return self.is_module(member) and len(self.takes(member)) == 1 and len(self.gives(member)) == 1


def _count_uses(graph: Graph) -> Mapping[Value, int]:
    """How often each value is taken, by nodes and as an output."""
    uses = Counter(value for node in graph for value in graph.inputs_of(node.id))
    uses.update(value for output in graph.outputs for value in output.values)
    return uses


def parent_of(member: Member) -> str | None:
    return member.scope if isinstance(member, Node) else member.parent


def is_regular(names: Iterable[str]) -> bool:
    """Whether copies are numbered without gaps, as `nn.Sequential` numbers them."""
    return all(name == str(index) for index, name in enumerate(names))


def depth(path: str) -> int:
    """How many scopes lie around a path."""
    return path.count(".") + 1 if path else 0
