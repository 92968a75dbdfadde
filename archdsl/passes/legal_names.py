"""Gives imported graphs names that the emitted PyTorch source can use.

The modules in an imported `nn.Sequential` are named 0, 1, 2. In emitted source only copies of a block have such names,
so the name of the op or class is put before the number. Imported code may also run other code between the parts of
a module, but emitted source calls each module once. Such a module is dissolved: its parts become members of the module
around it. A graph that was compiled from a spec has legal names already and is returned as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from archdsl.ir.builder import join
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.ir.rewrite import renamed
from archdsl.naming import snake_case
from archdsl.passes.pipeline import Rewritten, Weight


def legal_names(graph: Graph) -> Graph | Rewritten:
    """A graph in which every name is legal and every module is called once."""
    paths = _Names(graph, _used_in_parts(graph)).paths
    after = renamed(graph, paths)
    if after is graph:
        return graph
    return Rewritten(after, dict(_moved_weights(graph, after)))


def _moved_weights(before: Graph, after: Graph) -> Iterator[tuple[str, Weight]]:
    for old, new in zip(before, after, strict=True):
        if old.weights != new.weights:
            for slot in old.op.state(*before.tensors_into(old.id)):
                yield new.key(slot), Weight((old.key(slot),))


class _Names:
    """The new paths. Members of a dissolved scope move to the scope around it, with its name before their own."""

    def __init__(self, graph: Graph, dissolved: frozenset[str]) -> None:
        self.graph = graph
        self.dissolved = dissolved
        self.mixed = frozenset(graph.scopes[path].parent for path in dissolved) | dissolved
        """The scopes whose members are no longer copies."""
        self.paths = {"": ""}
        taken: set[str] = set()
        empty = _empty(graph)
        for path in sorted(graph.scopes, key=lambda path: path.count(".") + bool(path)):
            for member in (*graph.children[path], *empty.get(path, ())):
                self._place(member, path, taken)

    def _place(self, member: Node | Scope, scope: str, taken: set[str]) -> None:
        old, around = member.id if isinstance(member, Node) else member.path, self.paths[scope]
        if old in self.dissolved:
            self.paths[old] = around
            return
        new = join(around, f"{self._prefix(scope)}{self._name(member)}")
        while new in taken:
            new += "_"
        taken.add(new)
        self.paths[old] = new

    def _prefix(self, scope: str) -> str:
        """The names of the dissolved scopes around a member, as they are put before its own name."""
        if scope not in self.dissolved:
            return ""
        around = self.graph.scopes[scope]
        return f"{self._prefix(around.parent or '')}{_spelled(around)}_"

    def _name(self, member: Node | Scope) -> str:
        is_copy = isinstance(member, Scope) and member.kind == "copy" and member.parent not in self.mixed
        return member.name if is_copy else _spelled(member)


def _empty(graph: Graph) -> dict[str, list[Scope]]:
    """The scopes without nodes by the scope around them: a block that does nothing in this use has a name, too."""
    listed = {member.path for row in graph.children.values() for member in row if isinstance(member, Scope)}
    found: dict[str, list[Scope]] = {}
    for scope in graph.scopes.values():
        if scope.parent is not None and scope.path not in listed:
            found.setdefault(scope.parent, []).append(scope)
    return found


def _spelled(member: Node | Scope) -> str:
    """The member's name, with the name of its op or class before it if it is a number."""
    if not member.name.isdecimal():
        return member.name
    base = member.op.name if isinstance(member, Node) else snake_case(member.block or "part")
    return f"{base}{member.name}"


# --- modules that are used in parts ---------------------------------------------------------


def _used_in_parts(graph: Graph) -> frozenset[str]:
    """The scopes that cannot be called once: they need values that other steps compute from their own values.

    Without them, the scopes inside them stand beside these other steps, and may be used in parts as well.
    """
    dissolved: set[str] = set()
    while found := set(_in_circles(graph, dissolved)):
        dissolved |= found
    return frozenset(dissolved)


def _in_circles(graph: Graph, dissolved: Collection[str]) -> Iterator[str]:
    """The scopes that need values which are computed from their own, if some others are dissolved."""
    steps: dict[str, dict[str, dict[str, None]]] = {path: {} for path in graph.scopes}
    """In each scope, for each of its members, the members that take something of it."""
    ways = {node.id: _way(graph, node, dissolved) for node in graph}
    for node in graph:
        for value in graph.inputs_of(node.id):
            for (around, one), (_, other) in zip(ways[value.node], ways[node.id], strict=False):
                if one != other:
                    steps[around].setdefault(one, {})[other] = None
                    break
    for takers in steps.values():
        for together in _circles(takers):
            yield from (path for path in together if path in graph.scopes)


def _way(graph: Graph, node: Node, dissolved: Collection[str]) -> list[tuple[str, str]]:
    """For each scope around a node, the outermost first: the scope, and its member that is or contains the node."""
    chain = [scope.path for scope in reversed(graph.ancestry(node.scope)) if scope.path not in dissolved]
    return list(zip(chain, [*chain[1:], node.id], strict=True))


def _circles(takers: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """The strongly connected components with more than one member, by Kosaraju's algorithm."""
    givers: dict[str, list[str]] = {}
    for one, others in takers.items():
        for other in others:
            givers.setdefault(other, []).append(one)
    seen: set[str] = set()
    ended = [member for start in takers for member in _reached(start, takers, seen)]
    seen.clear()
    for start in reversed(ended):
        together = list(_reached(start, givers, seen))
        if len(together) > 1:
            yield together


def _reached(start: str, leads_to: Mapping[str, Iterable[str]], seen: set[str]) -> Iterator[str]:
    """The members that can be reached from `start` and are not in `seen`, each after those that it leads to."""
    if start in seen:
        return
    seen.add(start)
    way = [(start, iter(leads_to.get(start, ())))]
    while way:
        member, following = way[-1]
        unseen = next((other for other in following if other not in seen), None)
        if unseen is None:
            way.pop()
            yield member
        else:
            seen.add(unseen)
            way.append((unseen, iter(leads_to.get(unseen, ()))))
