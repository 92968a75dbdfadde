"""A graph as nested modules: what each scope is in PyTorch, its inputs and outputs, and where modules are kept.

A block is a class. A plain chain of modules is an `nn.Sequential`, with names or, for copies, with numbers. Copies
that do not simply follow each other are an `nn.ModuleList`, whose elements the module around it calls.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import takewhile
from typing import TypeAlias

from archdsl.analyses.overwriting import overwriting
from archdsl.backends.torch.layouts import laid_out
from archdsl.ir.builder import join
from archdsl.ir.forest import forest
from archdsl.ir.graph import Choice, Graph, Node, Output, Scope, Step, Value
from archdsl.ops.base import Expression, Module, Op, Support
from archdsl.tensor import Tensor

Member: TypeAlias = Node | Scope

SEQUENTIAL_NAMES = frozenset(("append", "extend", "insert", "pop"))
"""Methods of `nn.Sequential`; a step with such a name cannot be its child."""


class Form(Enum):
    """What a scope is in PyTorch."""

    CLASS = "a class of its own"
    CHAIN = "nn.Sequential of named modules"
    COPIES = "nn.Sequential of numbered modules"
    LIST = "nn.ModuleList"


class Outline:
    """Answers the emitter's questions about a graph's scopes and nodes, from tables that are filled once.

    Several graphs that are written into one file are joined in one, `graph`; `networks` has each of them by the path of
    its root. The path of the root of a single graph is "".
    """

    def __init__(self, graphs: Sequence[Graph]) -> None:
        graphs = self.prepared(graphs)
        self.networks: Mapping[str, Graph] = {"": graphs[0]}
        self.graph = graph = graphs[0]
        if len(graphs) > 1:
            self.graph, self.networks = forest({f"network{number}": one for number, one in enumerate(graphs)})
            graph = self.graph
        self.outputs = tuple(output for network in self.networks.values() for output in network.outputs)
        self.overwriting = overwriting(graph, self.outputs)
        self._steps: dict[str, tuple[Step, ...]] = {}
        self._members: dict[str, tuple[Member, ...]] = {}
        self._names: dict[str, Mapping[Value, str]] = {}
        self._gives: dict[str, tuple[Value, ...]] = {}
        self._decided: dict[str, bool] = {}
        self._by_node: dict[str, Module | Expression] = {}
        self._emissions: dict[tuple[int, tuple[Tensor, ...]], Module | Expression] = {}
        self.supports: dict[str, Support] = {}
        """By name: the definitions that emitted code needs and torch does not have."""
        self.takes_of, self.gives_of = interfaces(graph, self.outputs)
        """The inputs and outputs of each scope. `Classes` makes the outputs of all uses of one class agree."""
        self.hosted: dict[str, dict[str, Member]] = {path: {} for path in graph.scopes}
        """By scope and name: the first use of each shared module that the scope keeps."""
        self.borrowed: dict[str, dict[str, Member]] = {path: {} for path in graph.scopes}
        """By scope and weights: the first use of each shared module that is used in the scope and kept outside it."""
        for path in graph.scopes:
            for member in self.members(path):
                self._place(member)
        self.forms: dict[str, Form] = {}
        for path in sorted(graph.scopes, key=depth, reverse=True):
            self.forms[path] = self._form(graph.scopes[path])

    # --- what differs in another framework ------------------------------------------------

    def prepared(self, graphs: Sequence[Graph]) -> Sequence[Graph]:
        """The graphs with the steps that move channels between the layouts of PyTorch's layers."""
        return laid_out(graphs)

    def spelled(self, op: Op, tensors: Sequence[Tensor]) -> Module | Expression:
        """How an op is written for these inputs."""
        return op.torch(*tensors)

    # --- members ---------------------------------------------------------------------------

    def steps(self, path: str) -> tuple[Step, ...]:
        """The steps of a scope, in order, without the inputs of the network.

        In the text of the network itself every `if` is decided by the settings, so the steps of its arm stand in its
        place. An imported graph has no text; its steps are its members in their order.
        """
        if path not in self._steps:
            scope = self.graph.scopes[path]
            steps = scope.steps or tuple(_path(member) for member in self.graph.children[path])
            steps = tuple(_flat(steps)) if self.is_decided(path) else steps
            self._steps[path] = tuple(s for s in steps if not (isinstance(s, str) and self._is_input(s)))
        return self._steps[path]

    def is_decided(self, path: str) -> bool:
        """Whether a scope belongs to the network's own text, and not to a block or to one turn of a loop."""
        if path not in self._decided:
            scope = self.graph.scopes[path]
            own = scope.block is not None or scope.kind == "copy"
            self._decided[path] = scope.parent is None or (not own and self.is_decided(scope.parent))
        return self._decided[path]

    def _is_input(self, path: str) -> bool:
        return path in self.graph and self.graph.node(path).op.name == "input"

    def root(self, path: str) -> str:
        """The path of the network that a scope is part of."""
        return "" if "" in self.networks else path.partition(".")[0]

    def shape_text(self, rows: Iterable[Iterable[Value]]) -> str:
        """The shapes of values for a comment; "" if one of them has different shapes in different uses."""
        shapes = [{str(self.graph.tensor(value)) for value in row} for row in rows]
        return ", ".join(shape for row in shapes for shape in row) if all(len(row) == 1 for row in shapes) else ""

    def member(self, path: str) -> Member:
        """The node or scope at a path."""
        return self.graph.node(path) if path in self.graph else self.graph.scopes[path]

    def members(self, path: str) -> tuple[Member, ...]:
        """The nodes and scopes directly in a scope, in order."""
        if path not in self._members:
            self._members[path] = tuple(map(self.member, _flat(self.steps(path))))
        return self._members[path]

    def emission(self, node: Node) -> Module | Expression:
        """How the node's op is written in PyTorch. Equal ops are one object in a compiled graph, and are asked once."""
        known = self._by_node.get(node.id)
        if known is None:
            tensors = self.graph.tensors_into(node.id)
            known = self._emissions.get((id(node.op), tensors))
            if known is None:
                known = self._emissions[id(node.op), tensors] = self.spelled(node.op, tensors)
                self.define(known)
            self._by_node[node.id] = known
        return known

    def define(self, emission: Module | Expression) -> None:
        """Notes the definitions that an emission needs, each once and after those that it needs itself.

        With formulas for its arguments, an op may need other definitions than with plain numbers.
        """
        for definition in emission.support.definitions() if emission.support else ():
            self.supports.setdefault(definition.name, definition)

    def is_module(self, member: Member) -> bool:
        """Whether a member is an attribute of its scope's module."""
        if isinstance(member, Node):
            return isinstance(self.emission(member), Module)
        return self.forms[member.path] is not Form.LIST

    def is_value(self, member: Member) -> bool:
        """Whether a member is a parameter, which `forward` reads and does not call."""
        emission = self.emission(member) if isinstance(member, Node) else None
        return isinstance(emission, Module) and bool(emission.around)

    def gives_pair(self, member: Member) -> bool:
        """Whether a call of a member gives a further value beside its output, which nothing uses."""
        emission = self.emission(member) if isinstance(member, Node) else None
        return isinstance(emission, Module) and emission.pair

    def takes(self, member: Member) -> tuple[Value, ...]:
        """The values with which a member is called, in the order of its arguments."""
        return self.graph.inputs_of(member.id) if isinstance(member, Node) else self.takes_of[member.path]

    def gives(self, member: Member) -> tuple[Value, ...]:
        """The values that a call of a member returns, in order."""
        if isinstance(member, Scope):
            return self.gives_of[member.path]
        known = self._gives.get(member.id)
        if known is None:
            known = self._gives[member.id] = tuple(Value(member.id, port) for port in range(len(member.outputs)))
        return known

    def names(self, path: str) -> Mapping[Value, str]:
        """The names of values in the text of a scope: "input", those of `from`, `as` and `path`; the first of each."""
        if path not in self._names:
            self._names[path] = {value: name for name, value in reversed(self.graph.scopes[path].names)}
        return self._names[path]

    def given_name(self, value: Value, within: str) -> str | None:
        """The spec's name for a value as seen from scope `within`: the one in the outermost text that has a name.

        The output of a stage has the name of the stage.
        """
        node = self.graph.node(value.node)
        around = depth(within)
        for scope in reversed(self.graph.ancestry(node.scope)):
            if scope.kind == "stage" and depth(scope.path) > around and scope.results == (value,):
                return scope.name
            if depth(scope.path) >= around and self.names(scope.path).get(value, "input") != "input":
                return self.names(scope.path)[value]
        return node.label

    def content(self, scope: Scope) -> Hashable:
        """A key that is equal for equal uses of a text: network, arguments, inputs, outputs, and every op inside.

        None for an imported scope: parts of it that look equal may be connected differently.
        """
        if not scope.steps or scope.parent is None:
            return None
        around = []
        for link in self.graph.ancestry(scope.path):
            around.append((repr(link.arguments), repr(link.turn), repr([let.value for let in link.lets])))
            if link.block is not None:
                break
        takes = self.takes(scope)
        # If two inputs are the same value, nothing in that use tells them apart.
        tensors = tuple((self.graph.tensor(value), takes.index(value)) for value in takes)
        gives = tuple(relative(value, scope, takes) for value in self.gives(scope))
        lent = tuple(weights.rpartition(".")[2] for weights in self.borrowed[scope.path])
        return self.root(scope.path), tuple(around), tensors, gives, lent, tuple(self._ops(scope))

    def _ops(self, scope: Scope) -> Iterator[Hashable]:
        for member in self.members(scope.path):
            yield member.name
            if isinstance(member, Scope):
                yield from self._ops(member)
            else:
                yield id(member.op)
                yield member.outputs

    def is_chain(self, scope: Scope) -> bool:
        """Whether each member takes the output of the one before and nothing else, with no `if` between them."""
        return self._is_plain(scope, self.members(scope.path))

    # --- shared modules --------------------------------------------------------------------

    def is_own(self, member: Member) -> bool:
        """Whether a member's weights are kept where it stands, under its own name."""
        parent = parent_of(member)
        return parent is None or member.weights == join(self.graph.scopes[parent].weights, member.name)

    def _place(self, member: Member) -> None:
        """Notes which scope keeps a shared module, and which scopes pass it on to where it is used."""
        emission = self.emission(member) if isinstance(member, Node) else None
        if self.is_own(member) or (isinstance(emission, Expression) and not emission.borrows):
            return
        home, _, name = member.weights.rpartition(".")
        path = parent_of(member)
        while path is not None and self.graph.scopes[path].weights != home:
            self.borrowed[path].setdefault(member.weights, member)
            path = self.graph.scopes[path].parent
        assert path is not None, f"no scope keeps the shared module {member.weights}"
        if not isinstance(emission, Expression):
            self.hosted[path].setdefault(name, member)

    # --- forms -----------------------------------------------------------------------------

    def _form(self, scope: Scope) -> Form:
        members = self.members(scope.path)
        if scope.parent is None or scope.block is not None:
            return Form.CLASS
        if scope.kind == "copies" or (members and all(member.name.isdecimal() for member in members)):
            return Form.COPIES if self._is_plain(scope, members) else Form.LIST
        # The arguments of copies are written as one loop; a loop within a loop would be hard to read.
        nested = scope.kind == "copy" and any(map(self._contains_copies, members))
        plain = not nested and self._is_plain(scope, members) and self._has_legal_names(members)
        return Form.CHAIN if plain else Form.CLASS

    def _contains_copies(self, member: Member) -> bool:
        if isinstance(member, Node) or self.forms[member.path] is Form.CLASS:
            return False
        return self.forms[member.path] is Form.COPIES or any(map(self._contains_copies, self.members(member.path)))

    def _has_legal_names(self, members: tuple[Member, ...]) -> bool:
        return all(m.name.isidentifier() and m.name not in SEQUENTIAL_NAMES for m in members)

    def _is_plain(self, scope: Scope, members: tuple[Member, ...]) -> bool:
        """Whether the members form a chain from the only input of the scope to its only output."""
        takes, gives = self.takes_of[scope.path], self.gives_of[scope.path]
        if self.hosted[scope.path] or any(isinstance(step, Choice) for step in self.steps(scope.path)):
            return False
        flow: tuple[Value, ...] = takes
        if len(flow) != 1:
            return False
        for member in members:
            if not self._is_simple(member) or self.takes(member) != flow:
                return False
            flow = self.gives(member)
        return gives == flow

    def _is_simple(self, member: Member) -> bool:
        """Whether a member is a module with one input and one output, whose weights are not kept elsewhere."""
        if (
            self.gives_pair(member)
            or not self.is_own(member)
            or (isinstance(member, Scope) and self.borrowed[member.path])
        ):
            return False
        return self.is_module(member) and len(self.takes(member)) == 1 and len(self.gives(member)) == 1


# --- inputs and outputs of scopes --------------------------------------------------------------


def interfaces(
    graph: Graph, outputs: Iterable[Output]
) -> tuple[dict[str, tuple[Value, ...]], dict[str, tuple[Value, ...]]]:
    """The inputs and the outputs of each scope, by its path.

    A block takes the values of its `from`, in that order, and gives those of its `return`. Other values that it uses
    from outside, or that are used outside, come after these; those that are arguments have the order of its parameters.
    A region without a block takes each value that it uses from outside, and gives each that is used outside.
    """
    crossing = _Crossing(graph)
    for node in graph:
        for value in graph.inputs_of(node.id):
            crossing.record(value, graph.node(value.node).scope, node.scope)
    for output in outputs:
        for value in output.values:
            crossing.record(value, graph.node(value.node).scope, None)
    takes, gives = {}, {}
    for path, scope in graph.scopes.items():
        takes[path] = _takes(scope, crossing.takes[path], crossing.gives[path])
        gives[path] = _gives(scope, crossing.takes[path], crossing.gives[path])
        if scope.parent is None:
            takes[path] = tuple(Value(node.id) for node in graph.inputs if node.scope == path)
    return takes, gives


def _takes(scope: Scope, crossing: Mapping[Value, None], gives: Mapping[Value, None]) -> tuple[Value, ...]:
    if scope.block is not None:
        ports = scope.inputs
    else:
        ports = tuple(value for value in scope.inputs if value in crossing or value in scope.results)
    given = dict.fromkeys(value for _, text in scope.written for _, value in text.values if value in crossing)
    return (*ports, *(value for value in {**given, **crossing} if value not in ports))


def _gives(scope: Scope, takes: Mapping[Value, None], crossing: Mapping[Value, None]) -> tuple[Value, ...]:
    if scope.block is not None or not crossing:
        first = scope.results
    else:
        passed = (*scope.inputs, *takes)
        first = tuple(value for value in dict.fromkeys(scope.results) if value in crossing or value in passed)
    return (*first, *(value for value in crossing if value not in first))


class _Crossing:
    """For each scope, the values that enter and leave it, each once and in the order in which they are recorded."""

    def __init__(self, graph: Graph) -> None:
        self.takes: dict[str, dict[Value, None]] = {path: {} for path in graph.scopes}
        self.gives: dict[str, dict[Value, None]] = {path: {} for path in graph.scopes}
        self._graph = graph
        self._chains: dict[str, tuple[str, ...]] = {}

    def chain(self, scope: str) -> tuple[str, ...]:
        """The paths of the scopes from the network to `scope`."""
        if scope not in self._chains:
            parent = self._graph.scopes[scope].parent
            self._chains[scope] = (*(self.chain(parent) if parent is not None else ()), scope)
        return self._chains[scope]

    def record(self, value: Value, source: str, target: str | None) -> None:
        """Records a value that is made in scope `source` and used in `target`; None stands for outside the network."""
        if source == target:
            return
        made, used = self.chain(source), self.chain(target) if target is not None else ()
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(made, used, strict=False)))
        for path in made[common:]:
            self.gives[path][value] = None
        for path in used[common:]:
            self.takes[path][value] = None


def _flat(steps: Iterable[Step]) -> Iterator[str]:
    """The paths of all steps, including those in the arms of an `if`."""
    for step in steps:
        if isinstance(step, str):
            yield step
        else:
            yield from _flat(step.steps)


def _path(member: Member) -> str:
    return member.id if isinstance(member, Node) else member.path


def relative(value: Value, scope: Scope, takes: Sequence[Value]) -> tuple[str, int]:
    """A value as seen from a scope: its path inside the scope and its port, or "" and its place among the inputs."""
    if value.node.startswith(f"{scope.path}."):
        return value.node[len(scope.path) :], value.port
    return "", takes.index(value)


def absolute(value: tuple[str, int], scope: Scope, takes: Sequence[Value]) -> Value:
    """The value that corresponds, in another scope, to one described by `relative`."""
    path, number = value
    return Value(scope.path + path, number) if path else takes[number]


def parent_of(member: Member) -> str | None:
    """The path of the scope around a member."""
    return member.scope if isinstance(member, Node) else member.parent


def depth(path: str) -> int:
    """The number of scopes around a path."""
    return path.count(".") + 1 if path else 0
