"""Lists the differences of two networks whose members are paired, outer scopes before inner ones.

The costs of all entries, together with those of ops of which only the shapes changed, add up to the total difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.analyses.notation import notation, plain, shape, size
from archdsl.analyses.structure import identity
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.studies.entries import Cost, Entry
from archdsl.studies.pairing import Member, Pairing, counterpart, path, source
from archdsl.studies.propagate import called

TANGLE = 3
"""If at least this many nodes of a scope take other inputs than before, one entry reports the scope as rewired."""

SHOWN = 9
"""The most members of a rewired scope that are named."""

STRANGE = 4
"""If a replaced block has at least this many differences, only the replacement is reported."""

PURPOSES = {True: "for training alone", False: "for inference too"}


def _costs(graph: Graph) -> dict[str, Cost]:
    """The costs of each node and each scope at inference; weights are counted where they are first used."""
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


class Finder:
    """Collects the differences as entries, from the outermost scope inwards."""

    def __init__(self, pairing: Pairing) -> None:
        self.pairing = pairing
        self.before, self.after = pairing.before, pairing.after
        self.costs = (_costs(self.before), _costs(self.after))
        self.follows = Cost()
        self.followers = 0
        scopes = ((self.before.scopes[a], self.after.scopes[b]) for a, b in pairing.scopes.items())
        self.results = {pair for a, b in scopes for pair in zip(a.results, b.results, strict=False)}
        """Results of paired scopes, as pairs: they count as the same value."""
        self.rewired = {one: texts for one, other in pairing.nodes.items() if (texts := self._inputs(one, other))}
        self.by_place = len(self.before) != len(self.after)
        """Whether to ignore arguments that depend on an op's place in the network: the number of places has changed."""
        odd = (one for one, other in pairing.nodes.items() if one in self.rewired or self._is_altered(one, other))
        homes = (self.before.ancestry(self.before.node(one).scope) for one in odd)
        self.touched = {scope.path for chain in homes for scope in chain}
        """Scopes with a node that takes other values than before, or has other arguments."""
        self.weighted = _holding_weights(self.before)
        self.settled: set[str] = set()
        """Nodes whose cost is already part of their scope's entry."""

    def inside(self, scope: str) -> Iterator[Entry]:
        """The differences of the members of a scope, given by its path in the first graph."""
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

    def _is_altered(self, one: str, other: str) -> bool:
        ours, theirs = self.before.node(one).op, self.after.node(other).op
        return identity(ours) != identity(theirs) if self.by_place else ours != theirs

    def _tangled(self, scope: str) -> Iterator[Entry]:
        """One entry for a scope in which many nodes take other inputs; it lists the members as they are now."""
        pairs = [(a, b) for a, b in self.pairing.members[scope] if isinstance(a, Node) and isinstance(b, Node)]
        tangled = [(one, other) for one, other in pairs if one.id in self.rewired]
        if len(tangled) < TANGLE:
            return
        members = [member.name for member in self.after.children[self.pairing.scopes[scope]]]
        more = f" and {len(members) - SHOWN} more" if len(members) > SHOWN else ""
        cost = Cost()
        for one, other in tangled:
            del self.rewired[one.id]
            if not self._is_altered(one.id, other.id):
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
        """The differences inside a scope or, if its block was replaced by one that differs much, only that."""
        follows, followers = self.follows, self.followers
        entries = list(self.inside(one.path))
        if one.block == other.block or not one.block or not other.block or len(entries) < STRANGE:
            yield from entries
            return
        self.follows, self.followers = follows, followers
        ours, theirs = described(self.before, one), described(self.after, other)
        if _result(self.before, one) == _result(self.after, other):
            ours = one.block
        yield Entry("changed", one.path, f"{ours} → {theirs}", self._change(one, other))

    def _resized(self, one: Scope, other: Scope) -> Iterator[Entry]:
        """An entry for two scopes of the same structure and inputs, if their shapes or costs differ."""
        cost = self._change(one, other)
        ours, theirs = _result(self.before, one), _result(self.after, other)
        if cost != Cost() or ours != theirs:
            what = f"{ours} → {theirs}" if ours != theirs else self._entering(one, other)
            yield Entry("resized", one.path, what, cost)

    def _entering(self, one: Scope, other: Scope) -> str:
        """How the shape of a scope's input changed, in words."""
        sides = ((self.before, one), (self.after, other))
        values = [(graph, dict(scope.names).get("input")) for graph, scope in sides]
        shapes = [shape(graph.tensor(value)) for graph, value in values if value is not None]
        return f"in {' → '.join(shapes)}" if len(set(shapes)) == 2 else "on other shapes"

    def _nodes(self, one: Node, other: Node) -> Iterator[Entry]:
        cost = self._change(one, other)
        texts = list(self.rewired.get(one.id, ()))
        if self._is_altered(one.id, other.id):
            texts = [*_arguments(self.pairing, one, other), *texts]
        if texts:
            yield Entry("changed", one.id, "; ".join(texts), cost)
        elif one.id not in self.settled and (cost != Cost() or one.outputs != other.outputs):
            self.follows += cost
            self.followers += 1
        yield from self._renamed(one, other)

    def _renamed(self, one: Member, other: Member) -> Iterator[Entry]:
        """An entry for a member with weights whose path in the state dict changed."""
        if one.name != other.name and path(one) in self.weighted:
            yield Entry("renamed", path(one), path(other), Cost())

    def _inputs(self, one: str, other: str) -> list[str]:
        """The inputs of a node that changed, in words. A node that was added or removed before it is no change here."""
        ours, theirs = list(self.before.inputs_of(one)), list(self.after.inputs_of(other))
        if len(ours) != len(theirs):
            return [f"takes {len(ours)} → {len(theirs)} values"]
        if self.before.node(one).op.commutative:
            theirs = self._reordered(ours, theirs)
        pairs = [pair for pair in zip(ours, theirs, strict=True) if not self._is_same(*pair)]
        was = (self._called(counterpart(self.pairing, value)) for value, _ in pairs)
        now = (self._called(source(self.pairing, value)) for _, value in pairs)
        return [f"takes {new} instead of {old}" for old, new in zip(was, now, strict=True)]

    def _reordered(self, ours: list[Value], theirs: list[Value]) -> list[Value]:
        """The second values, reordered so that equal ones stand where they stand in the first."""
        left = list(theirs)
        partners: list[Value | None] = []
        for value in ours:
            partner = next((other for other in left if self._is_same(value, other)), None)
            partners.append(partner)
            if partner is not None:
                left.remove(partner)
        return [left.pop(0) if partner is None else partner for partner in partners]

    def _is_same(self, value: Value, other: Value) -> bool:
        if (value, other) in self.results:
            return True
        fed = source(self.pairing, other)
        return counterpart(self.pairing, value) == fed or (value, fed) in self.results

    def outputs(self) -> Iterator[Entry]:
        """Entries for outputs that have another value or purpose than before, or that were removed alone."""
        ours, theirs = ({output.name: output for output in graph.outputs} for graph in (self.before, self.after))
        for name, was in ours.items():
            now = theirs.get(name)
            if now is None:
                if not self.before.children.get(name):
                    yield Entry("removed", name, "output", Cost())
                continue
            if len(was.values) != len(now.values) or not all(map(self._is_same, was.values, now.values)):
                texts = (called(self.before, was.values[-1]), called(self.after, now.values[-1]))
                yield Entry("changed", name, " → ".join(texts), Cost())
            if was.training != now.training:
                yield Entry("changed", name, " → ".join(PURPOSES[o.training] for o in (was, now)), Cost())
        for name in theirs:
            if name not in ours and not self.after.children.get(name):
                yield Entry("added", name, "output", Cost())

    def _called(self, value: Value | None) -> str:
        return "nothing" if value is None else called(self.after, value)

    def _change(self, one: Member, other: Member) -> Cost:
        return self.costs[1][path(other)] + -self.costs[0][path(one)]


# --- in words ------------------------------------------------------------------------------


def described(graph: Graph, member: Member) -> str:
    """A member in words: `conv 3×3, 64`, `Bottleneck, 256×56×56`."""
    if isinstance(member, Node):
        return notation(graph, member, member.op.name)
    return ", ".join(filter(None, [member.block or member.kind, _result(graph, member)]))


def _result(graph: Graph, scope: Scope) -> str:
    return " and ".join(shape(graph.tensor(value)) for value in scope.results)


def _arguments(pairing: Pairing, one: Node, other: Node) -> Iterator[str]:
    """The arguments of two ops that differ, in words: `stride 1 → 2`."""
    if type(one.op) is not type(other.op):
        yield f"{described(pairing.before, one)} → {described(pairing.after, other)}"
    elif one.op != other.op:
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


def _holding_weights(graph: Graph) -> set[str]:
    """Paths of nodes and scopes with weights. These paths are part of names in checkpoints."""
    found: set[str] = set()
    for node in graph:
        if node.op.state(*graph.tensors_into(node.id)):
            found.add(node.id)
            for scope in graph.ancestry(node.scope):
                if scope.path in found:
                    break
                found.add(scope.path)
    return found
