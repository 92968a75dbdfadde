"""The compiler's one picture of a network: a flat graph of ops, and the tree of scopes they came from.

Ids are paths (`conv4.2.conv1`) and are the same everywhere: state_dict prefix, table row, figure id.
Graphs, nodes and scopes do not change once made; `builder.py` makes them from specs, passes make new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from archdsl.ops.base import Op
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.tensor import Tensor

if TYPE_CHECKING:
    import networkx as nx

ScopeKind = Literal["network", "stage", "output", "block", "copies", "copy", "shared"]


class Value(NamedTuple):
    """One output of one node. Nearly all nodes have one output, port 0."""

    node: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """An expression as the spec has it: of an argument, a named number, a condition, a number of copies.

    `home` is the path of the scope whose names it uses: one around what it is said of, or that itself. It is None for
    a plain number, and for a text that belongs to no scope of the graph (the defaults of a file). `values` are the
    values of the network that it names, by the text that names them: `it.channels` asks about "it". With a `share` of
    (3, 16) what it is said of has 3/16 of the expression's value: the place of a drop path in the whole network.
    `numbers` are the names in it that a turn of a loop over stages gave, with their values there.
    """

    expression: tree.Expression
    home: str | None
    values: tuple[tuple[str, Value], ...] = ()
    share: tuple[int, int] | None = None
    numbers: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Let:
    """A named number of a scope: `let hidden = input.channels * expand`, and what it came to."""

    name: str
    written: Written
    value: Any


@dataclass(frozen=True, slots=True)
class Choice:
    """An `if` in the text of a scope, as it came out there.

    `conditions` are those of its arms in order, and the text has `arms` of them, the `else` included. Arm `taken` was
    built and made `steps`; it is `arms` where no condition held and there is no `else`. `place` is the `if` in the
    text, alike in every use of the block. `before` is what flows on where no arm is built (nothing from a branch of a
    join), `gives` are the values of what the arm may set: "it", the flow after it, and names.
    """

    place: Span
    conditions: tuple[Written, ...]
    arms: int
    taken: int
    before: tuple[Value, ...] = ()
    steps: tuple[Step, ...] = ()
    gives: tuple[tuple[str, tuple[Value, ...]], ...] = ()


Step: TypeAlias = str | Choice
"""What a text does, in order: the path of a node or a scope, or a choice."""


def flat(steps: Iterable[Step]) -> Iterator[str]:
    """The paths among the steps, whatever `if` they stand in."""
    for step in steps:
        if isinstance(step, Choice):
            yield from flat(step.steps)
        else:
            yield step


@dataclass(frozen=True, slots=True)
class Scope:
    """A region of the graph: the network (path ""), a stage, a further output, a block, copies, one copy.

    A stage or output that consists of one block *is* that block: kind "stage", with `block` set. One that
    consists of copies of a block has `block` unset and children of kind "copy".

    `arguments` are the block's own parameters with their values, `written` the expressions they were given by (for
    parameters that were left at a default that uses names, that default), `lets` the named numbers of its text. Values
    are plain data (numbers, words, lists and shapes of them); a block or op is its name, and `units` are the parameters
    that are one. `omitted` names the parameters that the use left at their defaults. A network that is used as a block
    has `settings` as well. `count` is the number of copies as it is written, or the list of a loop. `steps` is what the
    text does, in order, with the choices that it made. `copy` is (index, count); `turn` are the variables of the loop,
    by name and value, where the copy is a block with arguments of its own. `names` are the values that the scope's text
    names: first what flows in ("input", or the names of a block's `from`, which `ports` repeats), then each `path` and
    `as`. `results` are the values the scope hands on. `weights` is the path under which its parameters are kept: its
    own, unless it is or lies in a use of a `shared` module. `loops` is what loops over stages run over, and what they
    compute for their stages: which stages there are hangs on it.
    """

    path: str
    kind: ScopeKind
    parent: str | None
    span: Span
    weights: str
    block: str | None = None
    defined: Span | None = None
    arguments: tuple[tuple[str, Any], ...] = ()
    written: tuple[tuple[str, Written], ...] = ()
    omitted: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    units: tuple[str, ...] = ()
    lets: tuple[Let, ...] = ()
    count: Written | None = None
    steps: tuple[Step, ...] = ()
    copy: tuple[int, int] | None = None
    turn: tuple[tuple[str, Any], ...] = ()
    loops: tuple[Written, ...] = ()
    title: str | None = None
    doc: str | None = None
    names: tuple[tuple[str, Value], ...] = ()
    ports: tuple[str, ...] = ()
    results: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values of the ports."""
        return tuple(value for _, value in self.names[: len(self.ports)])


@dataclass(frozen=True, slots=True)
class Node:
    """One op at one place.

    `outputs` are its tensors (one, but for ops like split). `span` is the text that made it and `scope`
    leads to the blocks and stages it came through. `label` is the user's own name for it (`as`).
    `written` holds the arguments that the spec gave: (("out", `width * expansion`), ("kernel", `3`)).
    `weights` is the id under which its parameters are kept: its own, unless it is a further use of a
    `shared` module.
    """

    id: str
    op: Op
    outputs: tuple[Tensor, ...]
    scope: str
    span: Span
    weights: str
    label: str | None = None
    written: tuple[tuple[str, Written], ...] = ()

    @property
    def output(self) -> Tensor:
        """The only output; of several, the first."""
        return self.outputs[0]

    @property
    def name(self) -> str:
        return self.id.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Output:
    """A result of the network. `several` where it is a list (an output inside a repeat)."""

    name: str
    values: tuple[Value, ...]
    training: bool = False
    several: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter or coefficient and what it came to. `origin`: "default", "variant b3", "given" or a formula.

    Values are plain data, as a scope's. `written` is what the spec, or the call, says; a value from Python has no text.
    """

    name: str
    value: Any
    origin: str
    written: Written | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A `require` of the network: what must hold of its settings, and the reason that the spec gives."""

    condition: Written
    reason: str


@dataclass(frozen=True, slots=True)
class Header:
    """What is said of a network as a whole. `spec` is the file's name as shown, `source` the citation."""

    name: str
    spec: str
    doc: str = ""
    source: str = ""
    variant: str | None = None
    settings: tuple[Setting, ...] = ()
    rules: tuple[Rule, ...] = ()


class Graph:
    """Nodes, edges and scopes of one network, in an order in which every node follows its inputs.

    `outputs[0]` is the main output, named "output"; the others follow in the order of the spec.
    """

    def __init__(
        self,
        header: Header,
        scopes: Iterable[Scope],
        nodes: Iterable[tuple[Node, tuple[Value, ...]]],
        outputs: Iterable[Output],
    ) -> None:
        self.header = header
        scopes = tuple(scopes)
        self.scopes: Mapping[str, Scope] = {scope.path: scope for scope in scopes}
        assert len(self.scopes) == len(scopes), "two scopes have one path"
        self.outputs = tuple(outputs)
        self._nodes: dict[str, Node] = {}
        self._inputs: dict[str, tuple[Value, ...]] = {}
        self._tensors: dict[str, tuple[Tensor, ...]] = {}
        for node, inputs in nodes:
            assert node.id not in self._inputs, f"two nodes have the id {node.id}"
            self._nodes[node.id] = node
            self._inputs[node.id] = inputs

    @cached_property
    def network(self) -> nx.MultiDiGraph[str]:
        """networkx's view: node attribute `node`; edges keyed by the input's slot, with attribute `port`.

        Made when first asked for: to import networkx takes longer than to compile a network.
        """
        import networkx as nx

        network: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for node in self:
            network.add_node(node.id, node=node)
            for slot, value in enumerate(self._inputs[node.id]):
                network.add_edge(value.node, node.id, key=slot, port=value.port)
        return network

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return self._contents == other._contents

    def __hash__(self) -> int:
        return hash((self.header.name, tuple(self._inputs)))

    @property
    def _contents(self) -> tuple[object, ...]:
        scopes = tuple(self.scopes.values())
        return self.header, scopes, tuple(self), tuple(self._inputs.values()), self.outputs

    def __len__(self) -> int:
        return len(self._inputs)

    def __contains__(self, id: str) -> bool:
        return id in self._inputs

    def __iter__(self) -> Iterator[Node]:
        """Nodes in order: inputs first, every node after those it takes from."""
        return iter(self._nodes.values())

    def node(self, id: str) -> Node:
        return self._nodes[id]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each node in the order."""
        return {id: place for place, id in enumerate(self._nodes)}

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The network's inputs, in the order declared."""
        return tuple(node for node in self if node.op.name == "input")

    def inputs_of(self, id: str) -> tuple[Value, ...]:
        """The values a node takes, in the order of its op's inputs."""
        return self._inputs[id]

    def tensor(self, value: Value) -> Tensor:
        return self._nodes[value.node].outputs[value.port]

    def tensors_into(self, id: str) -> tuple[Tensor, ...]:
        """Shapes of the values a node takes, as its op's methods want them."""
        known = self._tensors.get(id)
        if known is None:
            known = self._tensors[id] = tuple(self.tensor(value) for value in self._inputs[id])
        return known

    def users(self, id: str) -> tuple[Node, ...]:
        """The nodes that take any output of this one, each once."""
        return self._users.get(id, ())

    @cached_property
    def _users(self) -> dict[str, tuple[Node, ...]]:
        users: dict[str, dict[str, Node]] = {}
        for node in self:
            for value in self._inputs[node.id]:
                users.setdefault(value.node, {})[node.id] = node
        return {id: tuple(found.values()) for id, found in users.items()}

    def ancestry(self, scope: str) -> tuple[Scope, ...]:
        """A scope and those around it, from the inside out."""
        chain = []
        path: str | None = scope
        while path is not None:
            chain.append(self.scopes[path])
            path = self.scopes[path].parent
        return tuple(chain)

    @cached_property
    def stages(self) -> tuple[Scope, ...]:
        return tuple(scope for scope in self.scopes.values() if scope.kind == "stage")

    @cached_property
    def children(self) -> Mapping[str, tuple[Scope | Node, ...]]:
        """What each scope holds directly, in order of first appearance; nodes and scopes mixed."""
        held: dict[str, dict[str, Scope | Node]] = {path: {} for path in self.scopes}
        for node in self:
            held[node.scope].setdefault(f"node {node.id}", node)
            for scope in self.ancestry(node.scope):
                if scope.parent is None or f"scope {scope.path}" in held[scope.parent]:
                    break
                held[scope.parent][f"scope {scope.path}"] = scope
        return {path: tuple(members.values()) for path, members in held.items()}

    @cached_property
    def idle(self) -> frozenset[str]:
        """Ids of nodes on which no output depends, not even one that serves only training; inputs may be among them."""
        used = {value.node for output in self.outputs for value in output.values}
        for id in reversed(self._inputs):
            if id in used:
                for value in self._inputs[id]:
                    used.add(value.node)
        return frozenset(self._inputs.keys() - used)

    @cached_property
    def training_only(self) -> frozenset[str]:
        """Ids of nodes that serve only outputs marked `training`."""
        needed: set[str] = set()
        pending = [v.node for output in self.outputs if not output.training for v in output.values]
        while pending:
            id = pending.pop()
            if id not in needed:
                needed.add(id)
                pending.extend(value.node for value in self._inputs[id])
        trained: set[str] = set()
        pending = [v.node for output in self.outputs if output.training for v in output.values]
        while pending:
            id = pending.pop()
            if id not in needed and id not in trained:
                trained.add(id)
                pending.extend(value.node for value in self._inputs[id])
        return frozenset(trained)
