"""The compiler's representation of a network: a flat graph of ops, and the tree of scopes that they came from.

Ids are paths (`conv4.2.conv1`), and the same path is used everywhere: as prefix in the state_dict, as row of a table,
as id in a figure. Graphs, nodes and scopes never change: `builder.py` makes them from specs, and passes make new ones.
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
    """One output of a node. Nearly all nodes have only one, at port 0."""

    node: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """An expression of the spec, for an argument, a named number, a condition or a number of copies (its "owner").

    `home` is the path of the scope whose names the expression uses: the owner's own scope, or one around it. It is None
    for a plain number, and for a text that belongs to no scope of the graph (the defaults of a file). `values` are the
    values of the network that the expression names, with the text that stands for each: `it.channels` names "it". With
    a `share` of (3, 16), the owner has 3/16 of the expression's value; this is so for the probability of a drop path
    that depends on its place in the network. `numbers` are the variables of loops over stages in the expression, with
    their values.
    """

    expression: tree.Expression
    home: str | None
    values: tuple[tuple[str, Value], ...] = ()
    share: tuple[int, int] | None = None
    numbers: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Let:
    """A named number of a scope: `let hidden = input.channels * expand`, with its value."""

    name: str
    written: Written
    value: Any


@dataclass(frozen=True, slots=True)
class Choice:
    """An `if` in the text of a scope, with the arm that was built.

    `conditions` are those of the arms in order; `arms` is the number of arms, including the `else`. Arm `taken` was
    built and made `steps`. If no condition held and there is no `else`, `taken` is equal to `arms`. `place` is the `if`
    in the text, the same in every use of the block. `before` are the values that flow on if no arm is built (none for a
    branch of a join). `gives` has the values that the arm gives, by name; "it" is what flows after the `if`.
    """

    place: Span
    conditions: tuple[Written, ...]
    arms: int
    taken: int
    before: tuple[Value, ...] = ()
    steps: tuple[Step, ...] = ()
    gives: tuple[tuple[str, tuple[Value, ...]], ...] = ()


Step: TypeAlias = str | Choice
"""A part of a scope's text: the path of the node or scope that it made, or a choice."""


def flat(steps: Iterable[Step]) -> Iterator[str]:
    """The paths of all steps, including those inside an `if`."""
    for step in steps:
        if isinstance(step, Choice):
            yield from flat(step.steps)
        else:
            yield step


@dataclass(frozen=True, slots=True)
class Scope:
    """A region of the graph: the network (its path is ""), a stage, a further output, a block, copies, or one copy.

    A stage or output that consists of one block has no further scope for the block: its kind is "stage", and `block` is
    set. If it consists of copies of a block, `block` is None and its children have the kind "copy".

    - `arguments`: the block's parameters with their values. Values are plain data (numbers, words, lists and shapes of
      these); a block or an op is stored by its name, and `units` lists the parameters that hold one.
    - `labels`: the texts that the block gives its parameters, by name: `c1 "#1×1"`.
    - `written`: the expressions of the arguments (for a parameter that was left at a default that uses names, the
      default). `omitted` lists the parameters that were left at their defaults.
    - `lets`: the named numbers of the text.
    - `settings`: only for a network that is used as a block.
    - `count`: the number of copies as it is written, or the list of a loop.
    - `steps`: the parts of the text in order, with the choices that were made.
    - `copy`: (index, count) for a copy. `turn` has the variables of the loop, with their values, if the copy is a block
      with arguments of its own.
    - `names`: the values that the text names. First comes what flows in ("input", or the names of a block's `from`,
      which are also in `ports`), then each `path` and `as`.
    - `results`: the values that leave the scope.
    - `weights`: the path under which its parameters are stored. It is the scope's own path unless the scope is, or is
      inside, a further use of a `shared` module.
    - `loops`: the lists of loops over stages, and the numbers computed in these loops. Which stages there are depends
      on them.
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
    labels: tuple[tuple[str, str], ...] = ()
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
        """The values that flow in."""
        return tuple(value for _, value in self.names[: len(self.ports)])


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph: an op at one place of the network.

    `outputs` are its output tensors: one, except for ops such as `split`. `span` is the text that made it, and `scope`
    the path of the scope that it is in. `label` is the name that `as` gives it. `written` has the arguments as they are
    written in the spec: (("out", `width * expansion`), ("kernel", `3`)). `weights` is the id under which its parameters
    are stored: its own, unless it is a further use of a `shared` module.
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
        """The tensor of its only output, or of the first of several."""
        return self.outputs[0]

    @property
    def name(self) -> str:
        return self.id.rpartition(".")[2]

    def key(self, slot: str) -> str:
        """The name in the state dict of one of the op's weights. A learned value has no further name."""
        return f"{self.weights}.{slot}" if slot else self.weights


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the network. `several` says that it is a list (an output inside a `repeat`)."""

    name: str
    values: tuple[Value, ...]
    training: bool = False
    several: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter or scaling coefficient with its value. `origin` is "default", "variant b3", "given" or a formula.

    Values are plain data, as in `Scope`. `written` is the expression in the spec or on the command line; it is None for
    a value that was given from Python.
    """

    name: str
    value: Any
    origin: str
    written: Written | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A `require` of the network: a condition on its settings, and the reason that the spec gives."""

    condition: Written
    reason: str


@dataclass(frozen=True, slots=True)
class Header:
    """The facts about the network as a whole. `spec` is the file's name for messages, and `source` the citation."""

    name: str
    spec: str
    doc: str = ""
    source: str = ""
    variant: str | None = None
    settings: tuple[Setting, ...] = ()
    rules: tuple[Rule, ...] = ()


class Graph:
    """The nodes, edges and scopes of one network. The nodes are in an order in which each comes after its inputs.

    `outputs[0]` is the main output, named "output". The others follow in the order of the spec.
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
        self._ancestry: dict[str, tuple[Scope, ...]] = {}
        for node, inputs in nodes:
            assert node.id not in self._inputs, f"two nodes have the id {node.id}"
            self._nodes[node.id] = node
            self._inputs[node.id] = inputs

    @cached_property
    def network(self) -> nx.MultiDiGraph[str]:
        """The graph for networkx. Its nodes have the attribute `node`. An edge's key is the number of the input, and
        its attribute `port` is the output that it comes from.

        It is made when it is first asked for, because importing networkx takes longer than compiling a network.
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
        """The nodes in order: inputs first, and every node after those whose outputs it takes."""
        return iter(self._nodes.values())

    def node(self, id: str) -> Node:
        return self._nodes[id]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The position of each node in the order, from 0."""
        return {id: place for place, id in enumerate(self._nodes)}

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The network's inputs, in the order in which they are declared."""
        return tuple(node for node in self if node.op.name == "input")

    def inputs_of(self, id: str) -> tuple[Value, ...]:
        """The values that a node takes, in the order of its op's inputs."""
        return self._inputs[id]

    def tensor(self, value: Value) -> Tensor:
        return self._nodes[value.node].outputs[value.port]

    def tensors_into(self, id: str) -> tuple[Tensor, ...]:
        """The tensors of the values that a node takes: the arguments of its op's methods."""
        known = self._tensors.get(id)
        if known is None:
            known = self._tensors[id] = tuple(self.tensor(value) for value in self._inputs[id])
        return known

    def users(self, id: str) -> tuple[Node, ...]:
        """The nodes that take an output of this one, each once."""
        return self._users.get(id, ())

    @cached_property
    def _users(self) -> dict[str, tuple[Node, ...]]:
        users: dict[str, dict[str, Node]] = {}
        for node in self:
            for value in self._inputs[node.id]:
                users.setdefault(value.node, {})[node.id] = node
        return {id: tuple(found.values()) for id, found in users.items()}

    def ancestry(self, scope: str) -> tuple[Scope, ...]:
        """A scope and those around it, the innermost first."""
        known = self._ancestry.get(scope)
        if known is None:
            chain = [self.scopes[scope]]
            while (path := chain[-1].parent) is not None:
                chain.append(self.scopes[path])
            known = self._ancestry[scope] = tuple(chain)
        return known

    @cached_property
    def stages(self) -> tuple[Scope, ...]:
        return tuple(scope for scope in self.scopes.values() if scope.kind == "stage")

    @cached_property
    def children(self) -> Mapping[str, tuple[Scope | Node, ...]]:
        """The nodes and scopes directly inside each scope, in the order in which they first appear."""
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
        """The ids of nodes on which no output depends, not even a training output. Inputs may be among them."""
        used = {value.node for output in self.outputs for value in output.values}
        for id in reversed(self._inputs):
            if id in used:
                for value in self._inputs[id]:
                    used.add(value.node)
        return frozenset(self._inputs.keys() - used)

    @cached_property
    def training_only(self) -> frozenset[str]:
        """The ids of nodes on which only outputs marked `training` depend."""
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
