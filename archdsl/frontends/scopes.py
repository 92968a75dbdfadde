"""Builds the graph of an imported network from its named nodes and the tree of its modules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, starmap

from archdsl.frontends.naming import Names
from archdsl.frontends.nodes import NewNode
from archdsl.ir.graph import Graph, Header, Node, Output, Scope, ScopeKind, Value
from archdsl.ops.base import Op
from archdsl.ops.internal import Opaque
from archdsl.source import Source, Span
from archdsl.text import as_name, clean, is_output, shown

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})
"""Containers, whose class says nothing about their content."""


class Tree:
    """Builds a graph from new nodes and their names.

    `classes` has the name of the class of each module by the module's path; the network's own path is "". `texts` says
    what a module without children is, as it prints itself. `name` is what the network was read from.
    """

    def __init__(
        self,
        made: Sequence[NewNode],
        named: Names,
        classes: Mapping[str, str],
        texts: Mapping[str, str],
        name: str,
    ) -> None:
        self.made = made
        self.named = named
        self.classes = classes
        self.texts = texts
        self.name = shown(name)
        self.paths = _all_scopes(named)
        self.within: dict[str, list[str]] = defaultdict(list)
        """The scopes directly inside each scope."""
        self.occupied = frozenset(named.scopes)
        """The scopes with nodes directly inside."""
        self.place: dict[str, int] = {}
        """The position of each scope among those of the scope around it."""
        for path in self.paths[1:]:
            beside = self.within[path.rpartition(".")[0]]
            self.place[path] = len(beside)
            beside.append(path)
        self.alike: dict[str, bool] = {}
        """Whether each scope holds copies, as far as it was asked."""
        self.takes = _taken(named.scopes, made)
        """The values that each scope takes from outside."""
        self.homes = _homes(named, made, frozenset(self.paths))
        self.keys = {id: dict(m.weights) for id, m in zip(named.ids, made, strict=True) if m.weights}

    def graph(self, results: Sequence[tuple[str, tuple[int, int]]], lasting: int) -> Graph:
        """`results` are the outputs' names and values; those after the first `lasting` exist only in training."""
        self.spans = {**listing(self.name, self._lines()), **self._read_from()}
        outputs = _outputs([(key, self._value(value)) for key, value in results], lasting)
        inputs = [tuple(self._value(value) for value in made.inputs) for made in self.made]
        nodes = [self._node(*row) for row in zip(self.named.ids, self.named.scopes, self.made, strict=True)]
        handed = _handed_on(nodes, inputs, outputs)
        header = Header(as_name(self.classes[""]), self.name)
        scopes = [self._scope(path, tuple(handed[path])) for path in self.paths]
        return Graph(header, scopes, zip(nodes, inputs, strict=True), outputs)

    def _value(self, value: tuple[int, int]) -> Value:
        return Value(self.named.ids[value[0]], value[1])

    def _node(self, id: str, scope: str, made: NewNode) -> Node:
        return Node(
            id=id,
            op=made.op,
            outputs=made.outputs,
            scope=scope,
            span=self.spans[id],
            weights=self.homes[id],
        )

    def _scope(self, path: str, results: tuple[Value, ...]) -> Scope:
        outer = path.rpartition(".")[0]
        copy = None
        kind: ScopeKind = "block"
        if not path:
            kind = "network"
        elif not outer:
            kind = "stage"
        elif self._holds_copies(outer):
            siblings = self.within[outer]
            kind, copy = "copy", (self.place[path], len(siblings))
        elif self._holds_copies(path):
            kind = "copies"
        block = self._class(path) if path and not self._holds_copies(path) else None
        if kind == "stage" and block in CONTAINERS:
            block = None
        parent = outer if path else None
        return Scope(path, kind, parent, self.spans[path], path, block=block, copy=copy, results=results)

    def _class(self, path: str) -> str:
        """The name of the module's class."""
        return as_name(self.classes[self.named.modules[path]])

    def _holds_copies(self, path: str) -> bool:
        """Whether a scope holds only modules of one class, called in the order of their numbers, and is no copy."""
        if path not in self.alike:
            self.alike[path] = self._are_copies(path)
        return self.alike[path]

    def _are_copies(self, path: str) -> bool:
        if path and self._holds_copies(path.rpartition(".")[0]):
            return False
        inner = self.within[path]
        numbered = [scope.rpartition(".")[2] for scope in inner] == [str(number) for number in range(len(inner))]
        alone = path not in self.occupied and len(inner) > 1
        alike = alone and numbered and len({self._class(scope) for scope in inner}) == 1
        return alike and all(starmap(self._follows, pairwise(inner)))

    def _follows(self, before: str, scope: str) -> bool:
        """Whether a scope takes values that another one makes, and else only what that one takes, too."""
        others = [place for place, _ in self.takes[scope] - self.takes[before]]
        return bool(others) and all(before in _prefixes(self.named.scopes[place]) for place in others)

    # --- the text that it was read from, or that stands for it ----------------------------------

    def _read_from(self) -> dict[str, Span]:
        """The places of nodes in the text that they were read from, and those of scopes, from their first node on."""
        found: dict[str, Span] = {}
        for id, scope, made in zip(self.named.ids, self.named.scopes, self.made, strict=True):
            if made.span is not None:
                for path in ("", *_prefixes(scope)):
                    found[path] = _around(found.get(path, made.span), made.span)
                found[id] = made.span
        return found

    def _lines(self) -> Iterator[tuple[str, str]]:
        seen = {""}
        yield "", self.classes[""]
        for id, scope, made in zip(self.named.ids, self.named.scopes, self.made, strict=True):
            for path in _prefixes(scope):
                if path not in seen:
                    seen.add(path)
                    yield path, self._class(path)
            yield id, self._description(made)

    def _description(self, made: NewNode) -> str:
        if made.place.module and made.place.module in self.texts:
            return clean(" ".join(self.texts[made.place.module].split()))
        name = made.op.target if isinstance(made.op, Opaque) else made.op.name
        return f"{name}({', '.join(self._value(value).node for value in made.inputs)})"


def _around(one: Span, other: Span) -> Span:
    """The stretch of text that holds two others."""
    return Span(one.source, min(one.start, other.start), max(one.end, other.end))


def _all_scopes(named: Names) -> list[str]:
    """The network, and every scope that holds something, in order of first appearance."""
    return list(dict.fromkeys(("", *(path for scope in named.scopes for path in _prefixes(scope)))))


def _taken(scopes: Sequence[str], made: Sequence[NewNode]) -> dict[str, set[tuple[int, int]]]:
    """The values that each scope takes from outside."""
    takes: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for scope, one in zip(scopes, made, strict=True):
        for value in one.inputs:
            around = set(_prefixes(scopes[value[0]]))
            for path in _prefixes(scope):
                if path not in around:
                    takes[path].add(value)
    return takes


def _prefixes(scope: str) -> Iterator[str]:
    """The paths of a scope and those around it, the outermost first, without the network."""
    parts = scope.split(".") if scope else []
    return (".".join(parts[: index + 1]) for index in range(len(parts)))


def _homes(named: Names, made: Sequence[NewNode], scopes: frozenset[str]) -> dict[str, str]:
    """The path of each node's weights: that of its module or, if another op has that already, that of the node.

    An op that takes the weight of another one has its path. Weights that two modules share may have the names of
    either, and one of the two may be a scope, whose path only a node inside of it can have.
    """
    owners: dict[str, str] = {}
    kept: dict[tuple[Op, tuple[tuple[str, str], ...]], str] = {}
    taken: set[str] = set()
    homes: dict[str, str] = {}
    # Nodes without weights come last, so that none of them takes the name of a module that holds weights.
    for id, scope, one in sorted(zip(named.ids, named.scopes, made, strict=True), key=lambda row: not row[2].weights):
        if one.op.is_tied():
            homes[id] = owners[one.weights["weight"]]
            continue
        content = (one.op, tuple(one.weights.items()))
        if not one.weights or content not in kept:
            free = (n for n in (_home(one, id), id, f"{id}.{one.op.name}") if n and n not in taken)
            kept[content] = next(n for n in free if n == scope or n not in scopes)
            taken.add(kept[content])
        homes[id] = kept[content]
        owners.update(dict.fromkeys(one.weights.values(), kept[content]))
    return homes


def _home(made: NewNode, id: str) -> str:
    """The module whose parameters have the op's own names; "" if there is none, or if it is known by its number in a
    container where the node, which has this id, is not."""
    homes = {key.rpartition(".")[0] for key in made.weights.values()}
    regular = all(key.rpartition(".")[2] == slot for slot, key in made.weights.items())
    home = homes.pop() if regular and len(homes) == 1 else ""
    is_inside = f"{id}.".startswith(f"{home}.")
    return home if is_inside or not home.rpartition(".")[2].isdecimal() else ""


def _outputs(results: Sequence[tuple[str, Value]], lasting: int) -> tuple[Output, ...]:
    """The outputs. The first is the main one; the others have the names that the module gives them, or numbers."""
    taken: set[str] = set()
    outputs = []
    for index, (key, value) in enumerate(results):
        name = "output" if index == 0 else key if is_output(key) and key not in taken else f"output{index + 1}"
        taken.add(name)
        outputs.append(Output(name, (value,), training=index >= lasting))
    return tuple(outputs)


def _handed_on(
    nodes: Sequence[Node], inputs: Sequence[tuple[Value, ...]], outputs: Sequence[Output]
) -> Mapping[str, dict[Value, None]]:
    """The results of each scope: values that are made in it and used outside."""
    scopes = {node.id: node.scope for node in nodes}
    uses = [(value, node.scope) for node, values in zip(nodes, inputs, strict=True) for value in values]
    uses += [(value, "") for output in outputs for value in output.values]
    results: dict[str, dict[Value, None]] = defaultdict(dict)
    for value, user in uses:
        around = set(_prefixes(user))
        for path in _prefixes(scopes[value.node]):
            if path not in around:
                results[path][value] = None
    results[""] = {value: None for output in outputs for value in output.values}
    return results


def listing(name: str, lines: Iterable[tuple[str, str]]) -> Mapping[str, Span]:
    """Makes a source called `name` of lines `path: description`, and gives the span of each line by its path."""
    texts = {path: f"{path}: {text}" if path else text for path, text in lines}
    source = Source(name, "".join(f"{text}\n" for text in texts.values()))
    starts = source.line_starts
    return {
        path: Span(source, starts[line], starts[line] + len(text)) for line, (path, text) in enumerate(texts.items())
    }
