"""What makes one network another: what was added, removed and changed, and what each of it costs.

The costs of all entries together, and of what follows from them, are the difference of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, Literal, TypeAlias

from archdsl.analyses.notation import notation, plain, shape, size
from archdsl.analyses.structure import identity
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.studies.measures import measure
from archdsl.studies.pairing import Member, Pairing, counterpart, pair, path, source
from archdsl.studies.periodic import runs
from archdsl.studies.propagate import called
from archdsl.studies.weights import Loading, state

Kind: TypeAlias = Literal["added", "removed", "changed", "resized", "renamed"]

TANGLE = 3
"""Nodes of one scope that take other values than before, from which on the scope is said to be wired another way."""

SHOWN = 9
"""Members of such a scope that are named."""

STRANGE = 4
"""Differences from which on a block is said to be another one, and they are not listed."""

MEASURED = ("params", "macs", "flops", "live", "kept", "field", "layers")


@dataclass(frozen=True, slots=True)
class Cost:
    """A difference: what there is more of, or less."""

    params: int = 0
    macs: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.params + other.params, self.macs + other.macs)

    def __neg__(self) -> Cost:
        return Cost(-self.params, -self.macs)


@dataclass(frozen=True, slots=True)
class Entry:
    """One difference, at the path that it has in the network where it is; `copies` that differ alike are one entry.

    `what` says it: `conv 3×3, 64`, `stride 1 → 2`, `56×56 → 64×64`, the new path.
    """

    kind: Kind
    path: str
    what: str
    cost: Cost
    copies: int = 1


@dataclass(frozen=True)
class Difference:
    """`follows` is the cost of the `followers`: ops that are as they were, but get or give other shapes."""

    before: Graph
    after: Graph
    entries: tuple[Entry, ...]
    follows: Cost
    followers: int
    measures: tuple[Mapping[str, float], Mapping[str, float]]
    settings: tuple[tuple[str, Any, Any], ...]
    """Names of settings with both values, where they differ; None: there is no such setting."""
    loading: Loading

    @property
    def is_none(self) -> bool:
        return not self.entries and not self.followers


def difference(before: Graph, after: Graph, width: int = 4) -> Difference:
    """From the first to the second; `width` is the bytes of a number."""
    pairing = pair(before, after)
    finder = _Finder(pairing)
    entries = [*joined(finder.inside("")), *finder.outputs()]
    return Difference(
        before,
        after,
        tuple(entries),
        finder.follows,
        finder.followers,
        (measure(before, MEASURED, width), measure(after, MEASURED, width)),
        tuple(_settings(before, after)),
        Loading(state(before), state(after), _moved(pairing)),
    )


def _settings(before: Graph, after: Graph) -> Iterator[tuple[str, Any, Any]]:
    tables = [{setting.name: setting.value for setting in graph.header.settings} for graph in (before, after)]
    for name in dict.fromkeys((*tables[0], *tables[1])):
        ours, theirs = (table.get(name) for table in tables)
        if ours != theirs:
            yield name, ours, theirs


def _moved(pairing: Pairing) -> dict[str, str]:
    """Names in a checkpoint of the first that fit the second under another name."""
    ours, theirs = state(pairing.before), state(pairing.after)
    found: dict[str, str] = {}
    for one, other in pairing.nodes.items():
        here, there = pairing.before.node(one), pairing.after.node(other)
        if here.weights == there.weights:
            continue
        for name in here.op.state(*pairing.before.tensors_into(one)):
            given, wanted = f"{here.weights}.{name}", f"{there.weights}.{name}"
            if ours[given] == theirs.get(wanted):
                found[given] = wanted
    return found


def _costs(graph: Graph) -> dict[str, Cost]:
    """What each node costs at inference, and each scope; weights are counted where they are first used."""
    costs: dict[str, Cost] = dict.fromkeys(graph.scopes, Cost())
    seen: set[str] = set()
    for node in graph:
        tensors = graph.tensors_into(node.id)
        costs[node.id] = Cost()
        if node.id not in graph.training_only:
            params = node.op.params(*tensors) if node.weights not in seen else 0
            costs[node.id] = Cost(params, node.op.macs(*tensors))
            seen.add(node.weights)
        costs[node.scope] += costs[node.id]
    for scope in reversed(list(graph.scopes.values())):
        if scope.parent is not None:
            costs[scope.parent] += costs[scope.path]
    return costs


class _Finder:
    """Goes through the pairs from the outside in."""

    def __init__(self, pairing: Pairing) -> None:
        self.pairing = pairing
        self.before, self.after = pairing.before, pairing.after
        self.costs = (_costs(self.before), _costs(self.after))
        self.follows = Cost()
        self.followers = 0
        scopes = ((self.before.scopes[a], self.after.scopes[b]) for a, b in pairing.scopes.items())
        self.results = {pair for a, b in scopes for pair in zip(a.results, b.results, strict=False)}
        """What paired scopes hand on."""
        self.rewired = {one: texts for one, other in pairing.nodes.items() if (texts := self._inputs(one, other))}
        homes = (self.before.ancestry(self.before.node(one).scope) for one in self.rewired)
        self.touched = {scope.path for chain in homes for scope in chain}
        """Scopes with a node that takes other values than before."""
        self.settled: set[str] = set()
        """Nodes whose cost is in an entry of their scope."""

    def inside(self, scope: str) -> Iterator[Entry]:
        yield from self._tangled(scope)
        for one, other in self.pairing.members[scope]:
            if one is None and other is not None:
                yield Entry("added", path(other), described(self.after, other), self.costs[1][path(other)])
            elif one is not None and other is None:
                yield Entry("removed", path(one), described(self.before, one), -self.costs[0][path(one)])
            elif isinstance(one, Node) and isinstance(other, Node):
                yield from self._nodes(one, other)
            elif isinstance(one, Scope) and isinstance(other, Scope):
                yield from self._scopes(one, other)

    def _tangled(self, scope: str) -> Iterator[Entry]:
        """A scope whose nodes are wired another way is one difference, told by its members as they are now."""
        pairs = [(a, b) for a, b in self.pairing.members[scope] if isinstance(a, Node) and isinstance(b, Node)]
        tangled = [(one, other) for one, other in pairs if one.id in self.rewired]
        if len(tangled) < TANGLE:
            return
        members = [member.name for member in self.after.children[self.pairing.scopes[scope]]]
        more = f" and {len(members) - SHOWN} more" if len(members) > SHOWN else ""
        cost = Cost()
        for one, other in tangled:
            del self.rewired[one.id]
            if not any(_arguments(self.pairing, one, other)):
                cost += self._change(one, other)
                self.settled.add(one.id)
        yield Entry("changed", scope or self.before.header.name, f"now {', '.join(members[:SHOWN])}{more}", cost)

    def _scopes(self, one: Scope, other: Scope) -> Iterator[Entry]:
        if one.path in self.touched or not self.pairing.alike(one, other):
            yield from self._changed(one, other)
        else:
            yield from self._resized(one, other)
        yield from self._renamed(one, other)

    def _changed(self, one: Scope, other: Scope) -> Iterator[Entry]:
        """What differs inside; of one block in place of another that has little in common with it, only that."""
        follows, followers = self.follows, self.followers
        entries = list(self.inside(one.path))
        if one.block == other.block or not one.block or not other.block or len(entries) < STRANGE:
            yield from entries
            return
        self.follows, self.followers = follows, followers
        ours, theirs = described(self.before, one), described(self.after, other)
        yield Entry("changed", one.path, f"{ours} → {theirs}", self._change(one, other))

    def _resized(self, one: Scope, other: Scope) -> Iterator[Entry]:
        """Two scopes of one structure, fed by the same values: only shapes can differ."""
        cost = self._change(one, other)
        ours, theirs = _result(self.before, one), _result(self.after, other)
        if cost != Cost() or ours != theirs:
            what = f"{ours} → {theirs}" if ours != theirs else f"{theirs} of other values"
            yield Entry("resized", one.path, what, cost)

    def _nodes(self, one: Node, other: Node) -> Iterator[Entry]:
        cost = self._change(one, other)
        texts = [*_arguments(self.pairing, one, other), *self.rewired.get(one.id, ())]
        if texts:
            yield Entry("changed", one.id, "; ".join(texts), cost)
        elif one.id not in self.settled and (cost != Cost() or one.outputs != other.outputs):
            self.follows += cost
            self.followers += 1
        yield from self._renamed(one, other)

    def _renamed(self, one: Member, other: Member) -> Iterator[Entry]:
        """Told of what holds weights, which lie elsewhere now."""
        if one.name != other.name and _holds_weights(self.before, one):
            yield Entry("renamed", path(one), path(other), Cost())

    def _inputs(self, one: str, other: str) -> list[str]:
        """What flows in from elsewhere than before; past what was put in between or taken out."""
        ours, theirs = self.before.inputs_of(one), self.after.inputs_of(other)
        if len(ours) != len(theirs):
            return [f"takes {len(ours)} → {len(theirs)} values"]
        pairs = [pair for pair in zip(ours, theirs, strict=True) if not self._is_same(*pair)]
        was = (self._called(counterpart(self.pairing, value)) for value, _ in pairs)
        now = (self._called(source(self.pairing, value)) for _, value in pairs)
        return [f"takes {new} instead of {old}" for old, new in zip(was, now, strict=True)]

    def _is_same(self, value: Value, other: Value) -> bool:
        if (value, other) in self.results:
            return True
        fed = source(self.pairing, other)
        return counterpart(self.pairing, value) == fed or (value, fed) in self.results

    def outputs(self) -> Iterator[Entry]:
        """Outputs that are other values than before."""
        theirs = {output.name: output for output in self.after.outputs}
        for output in self.before.outputs:
            if output.name in theirs:
                was, now = output.values, theirs[output.name].values
                if len(was) != len(now) or not all(map(self._is_same, was, now)):
                    texts = (called(self.before, was[-1]), called(self.after, now[-1]))
                    yield Entry("changed", output.name, " → ".join(texts), Cost())

    def _called(self, value: Value | None) -> str:
        return "nothing" if value is None else called(self.after, value)

    def _change(self, one: Member, other: Member) -> Cost:
        return self.costs[1][path(other)] + -self.costs[0][path(one)]


# --- in words ------------------------------------------------------------------------------


def described(graph: Graph, member: Member) -> str:
    """`conv 3×3, 64`, `Bottleneck, 256×56×56`."""
    if isinstance(member, Node):
        return notation(graph, member, member.op.name)
    return ", ".join(filter(None, [member.block or member.kind, _result(graph, member)]))


def _result(graph: Graph, scope: Scope) -> str:
    return " and ".join(shape(graph.tensor(value)) for value in scope.results)


def _arguments(pairing: Pairing, one: Node, other: Node) -> Iterator[str]:
    """Arguments that differ; not those that follow from an op's place."""
    if type(one.op) is not type(other.op):
        yield f"{described(pairing.before, one)} → {described(pairing.after, other)}"
    elif identity(one.op) != identity(other.op):
        for name in type(one.op).model_fields:
            ours, theirs = getattr(one.op, name), getattr(other.op, name)
            if ours != theirs:
                yield f"{name} {_value(ours)} → {_value(theirs)}"


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and all(isinstance(part, int) for part in value):
        return size(value)
    return plain(value)


def _holds_weights(graph: Graph, member: Member) -> bool:
    if isinstance(member, Node):
        return bool(member.op.state(*graph.tensors_into(member.id)))
    prefix = f"{member.path}."
    return any(node.op.state(*graph.tensors_into(node.id)) for node in graph if node.id.startswith(prefix))


# --- entries that are alike ----------------------------------------------------------------


def joined(entries: Iterable[Entry]) -> list[Entry]:
    """Copies that differ in the same way as one entry: `conv3.{0–3}.conv1`. Shapes may go on from copy to copy."""
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.kind, _template(entry.path), _kept(entry)), []).append(entry)
    return [_one(group) for group in groups.values()]


def _kept(entry: Entry) -> str:
    """What copies must have in common."""
    match entry.kind:
        case "renamed":
            return _template(entry.what)
        case "resized":
            return ""
        case "added" | "removed":
            return entry.what.partition(", ")[0]
        case _:
            return entry.what


def _template(text: str) -> str:
    return ".".join("*" if part.isdigit() else part for part in text.split("."))


def _one(group: list[Entry]) -> Entry:
    if len(group) == 1:
        return group[0]
    first, last = group[0], group[-1]
    what = first.what
    if first.kind == "renamed":
        what = _path_of_all([entry.what for entry in group])
    elif what != last.what:
        what += f" to {last.what.removeprefix(_kept(last)).removeprefix(', ')}"
    cost = reduce(add, (entry.cost for entry in group))
    return replace(first, path=_path_of_all([e.path for e in group]), what=what, cost=cost, copies=len(group))


def _path_of_all(paths: list[str]) -> str:
    """`conv4.6–22`, `conv3.{0–3}.conv1`."""
    columns = list(zip(*(text.split(".") for text in paths), strict=True))
    parts = []
    for index, column in enumerate(columns):
        if len(set(column)) == 1:
            parts.append(column[0])
            continue
        stretches = runs({int(number) for number in column})
        text = ",".join(str(first) if first == last else f"{first}–{last}" for first, last in stretches)
        parts.append(text if index == len(columns) - 1 else f"{{{text}}}")
    return ".".join(parts)
