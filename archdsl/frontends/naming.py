"""Names the nodes and scopes of an imported network after the modules whose calls made them.

If a module without children makes one node, the node's id is the module's path. Otherwise the module is a scope,
and its nodes are named after their ops.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from archdsl.naming import RESERVED
from archdsl.text import COPY, as_name


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """Where a node was made: the module's path, which call of it, and the op's name."""

    module: str
    call: str
    op: str


@dataclass(frozen=True, slots=True)
class Names:
    """The ids and scopes of nodes, in their order, and the module of each scope, outer ones first."""

    ids: tuple[str, ...]
    scopes: tuple[str, ...]
    modules: Mapping[str, str]


def names(places: Sequence[ModuleCall], leaves: Iterable[str]) -> Names:
    """Names for nodes that were made at `places`; `leaves` are the paths of modules without children."""
    return _Namer(places, frozenset(leaves)).names()


class _Namer:
    def __init__(self, places: Sequence[ModuleCall], leaves: frozenset[str]) -> None:
        self.places = places
        calls: dict[str, Counter[str]] = defaultdict(Counter)
        for place in places:
            calls[place.module][place.call] += 1
        self.nodes = {path for path, counts in calls.items() if path and path in leaves and max(counts.values()) == 1}
        """Modules that make one node, and give it their path."""
        self.taken: dict[str, set[str]] = defaultdict(set)
        self.numbers: Counter[tuple[str, str, int]] = Counter()
        """The next number for each name in each scope, by the first one; those between the two are taken."""
        self.paths: dict[str, str] = {"": ""}
        """The path that each module gets here."""
        self.bases = Counter((self.home(place), place.op) for place in places if place.module not in self.nodes)

    def home(self, place: ModuleCall) -> str:
        """The module that is the scope of a node."""
        return place.module.rpartition(".")[0] if place.module in self.nodes else place.module

    def names(self) -> Names:
        for place in self.places:
            self.path(place.module)
        found = [(self.id(place), self.paths[self.home(place)]) for place in self.places]
        modules = {path: module for module, path in self.paths.items() if module not in self.nodes}
        return Names(tuple(id for id, _ in found), tuple(scope for _, scope in found), modules)

    def path(self, module: str) -> str:
        if module not in self.paths:
            outer, _, name = module.rpartition(".")
            scope = self.path(outer)
            self.paths[module] = _join(scope, self.free(scope, _legal(name), 1))
        return self.paths[module]

    def id(self, place: ModuleCall) -> str:
        scope = self.paths[self.home(place)]
        if place.module not in self.nodes:
            several = self.bases[self.home(place), place.op] > 1
            return _join(scope, self.free(scope, place.op, 1, numbered=several))
        path = self.paths[place.module]
        if path not in self.taken["nodes"]:
            self.taken["nodes"].add(path)
            return path
        # A module that is called again, as one ReLU often is.
        name = path.rpartition(".")[2]
        again = place.op if name.isdecimal() else f"{name}_" if name[-1].isdecimal() else name
        return _join(scope, self.free(scope, again, 2, numbered=True))

    def free(self, scope: str, name: str, start: int, numbered: bool = False) -> str:
        """A name that the scope does not have yet, with a number from `start` if necessary."""
        taken = self.taken[f"scope {scope}"]
        chosen, number = name, max(start, self.numbers[scope, name, start])
        while numbered or chosen in taken or chosen in RESERVED:
            chosen, number = f"{name}{number}", number + 1
            numbered = False
        self.numbers[scope, name, start] = number
        taken.add(chosen)
        return chosen


def _legal(name: str) -> str:
    """The name as a legal one: `norm-1` cannot be written as an attribute; `0` can, in a Sequential."""
    return name if COPY.fullmatch(name) else as_name(name)


def _join(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name
