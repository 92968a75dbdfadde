"""A graph that may still be changed, and the passes that make it read like a spec before it is written as one.

Code says some things otherwise than a spec does: it pads where `same` would do, joins beside a block what the block has
made, and puts modules into containers that say nothing. The passes here change how a network is divided, never what it
computes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from archdsl.ir.graph import Graph, Output, Scope, Value
from archdsl.ir.recorded import Recorded
from archdsl.ops.base import Family, Op
from archdsl.tensor import Tensor

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict", "Identity"})
"""Classes that say nothing about what they hold."""
LIGHT = frozenset({Family.NORM, Family.ACTIVATION, Family.POOL, Family.RESHAPE})
"""Families of ops that alone are no stage of a network."""


@dataclass(eq=False, slots=True)
class Part:
    """A node of a draft: an op, the values it takes, and the region that it is in."""

    id: str
    op: Op
    inputs: list[Value]
    region: str
    outputs: tuple[Tensor, ...]
    weights: str


@dataclass(eq=False, slots=True)
class Region:
    """A part of the network that is written by itself, as a block or a stage."""

    draft: Draft
    path: str
    parent: str | None
    recorded: Recorded

    @property
    def members(self) -> Sequence[str]:
        """What is directly in it, in order: the ids of parts, and "/" with the paths of regions."""
        return self.draft.members[self.path]


@dataclass(frozen=True, slots=True)
class Border:
    """The values that flow into a region, in the order of their first use in it, and those that leave it."""

    takes: tuple[Value, ...]
    gives: tuple[Value, ...]


class Draft:
    """The parts and regions of one network."""

    def __init__(self, graph: Graph, recorded: Mapping[str, Recorded]) -> None:
        self.header, self.outputs = graph.header, graph.outputs
        self.parts = {
            node.id: Part(
                node.id, _tidy(graph, node.id), list(graph.inputs_of(node.id)), node.scope, node.outputs, node.weights
            )
            for node in graph
        }
        self.regions = {
            path: Region(self, path, scope.parent, recorded.get(path) or _of_spec(scope))
            for path, scope in graph.scopes.items()
        }
        self.shared: dict[str, dict[str, Op]] = {}
        """The ops of several uses, by the region around all of these and by where their weights are."""
        self.members: dict[str, list[str]] = {}

    def divide(self) -> None:
        """Divides the network as a person would divide it."""
        self._take_in_joins()
        self._move_pixels()
        self._dissolve_containers()
        self._dissolve_light()
        self._dissolve_broken()
        self.shared = self._share()
        self.members = self._members()

    def tensor(self, value: Value) -> Tensor:
        return self.parts[value.node].outputs[value.port]

    def around(self, region: str) -> tuple[str, ...]:
        """The paths of a region and of those around it, the innermost first; without the network."""
        found = []
        path: str | None = region
        while path:
            found.append(path)
            path = self.regions[path].parent
        return tuple(found)

    def users(self) -> dict[Value, list[Part | Output]]:
        """The parts that take each value, and the outputs that it is."""
        users: dict[Value, list[Part | Output]] = defaultdict(list)
        for part in self.parts.values():
            for value in part.inputs:
                users[value].append(part)
        for output in self.outputs:
            for value in output.values:
                users[value].append(output)
        return users

    def borders(self) -> dict[str, Border]:
        """What flows into each region, and what leaves it."""
        takes: dict[str, dict[Value, None]] = {path: {} for path in self.regions}
        gives: dict[str, dict[Value, None]] = {path: {} for path in self.regions}
        homes = {id: self.around(part.region) for id, part in self.parts.items()}
        for part in self.parts.values():
            there = homes[part.id]
            for value in part.inputs:
                home = homes[value.node]
                for path in there:
                    if path not in home:
                        takes[path][value] = None
                for path in home:
                    if path not in there:
                        gives[path][value] = None
        for output in self.outputs:
            for value in output.values:
                for path in homes[value.node]:
                    gives[path][value] = None
        places = {id: place for place, id in enumerate(self.parts)}
        return {
            path: Border(
                tuple(takes[path]), tuple(sorted(gives[path], key=lambda value: (places[value.node], value.port)))
            )
            for path in self.regions
        }

    def dissolve(self, path: str) -> None:
        """Gives all that a region holds to the region around it."""
        parent = self.regions.pop(path).parent or ""
        for part in self.parts.values():
            if part.region == path:
                part.region = parent
        for region in self.regions.values():
            if region.parent == path:
                region.parent = parent

    def enclose(self, kind: str, parts: Sequence[Part]) -> None:
        """Makes a region of parts that follow one another in one region."""
        path = f"{parts[0].id}_and_on"
        self.regions[path] = Region(self, path, parts[0].region, Recorded(kind))
        for part in parts:
            part.region = path
        self.members = self._members()

    # --- passes ----------------------------------------------------------------------------

    def redirect(self, values: Mapping[Value, Value]) -> None:
        """Replaces values by others wherever they are used."""
        for part in self.parts.values():
            part.inputs = [values.get(value, value) for value in part.inputs]
        self.outputs = tuple(
            replace(output, values=tuple(values.get(value, value) for value in output.values))
            for output in self.outputs
        )

    def _take_in_joins(self) -> None:
        """A concat of what flows into a region with what alone leaves it belongs to the region."""
        users = self.users()
        for part in list(self.parts.values()):
            if part.op.name == "concat" and len(part.inputs) == 2:
                borders = self.borders()
                for before, made in (part.inputs, part.inputs[::-1]):
                    inner = [
                        path
                        for path in self.around(self.parts[made.node].region)
                        if path not in self.around(part.region) and self.regions[path].recorded.kind not in CONTAINERS
                    ]
                    fitting = [p for p in inner if borders[p] == Border((before,), (made,)) and len(users[made]) == 1]
                    if fitting:
                        part.region = fitting[-1]
                        break
        self.order()

    def _move_pixels(self) -> None:
        """Pixels that become channels for one region alone belong to it, wherever code laid them out."""
        users = self.users()
        for part in self.parts.values():
            around = self.around(part.region)
            found = {
                next((path for path in reversed(self.around(user.region)) if path not in around), "")
                for user in users[Value(part.id)]
                if part.op.name == "space_to_depth" and isinstance(user, Part)
            }
            if len(found) == 1 and (path := found.pop()) and not path.startswith(f"{part.region}."):
                part.region = path

    def order(self) -> None:
        """Puts every part after those whose values it takes, and otherwise leaves the order as it is."""
        ordered: dict[str, Part] = {}
        for start in self.parts:
            pending = [start]
            while pending:
                missing = [v.node for v in self.parts[pending[-1]].inputs if v.node not in ordered]
                if missing:
                    pending.append(missing[0])
                    continue
                id = pending.pop()
                ordered.setdefault(id, self.parts[id])
        self.parts = ordered

    def _dissolve_containers(self) -> None:
        """Containers that are no stages, and regions that nothing enters or leaves as a block is entered and left."""
        for path in sorted(self.regions, key=lambda path: -path.count(".")):
            region = self.regions[path]
            if not path or region.parent is None:
                continue
            is_container = region.recorded.kind in CONTAINERS or not region.recorded.kind
            if is_container and region.parent != "":
                self.dissolve(path)

    def _dissolve_light(self) -> None:
        """Modules of the network itself that only normalize, activate or pool are no stages."""
        families: dict[str, set[Family]] = defaultdict(set)
        for part in self.parts.values():
            for path in self.around(part.region):
                families[path].add(part.op.family)
        for path, region in list(self.regions.items()):
            is_module = region.parent == "" and region.recorded.kind not in {*CONTAINERS, ""}
            if is_module and families[path] <= LIGHT:
                self.dissolve(path)

    def _dissolve_broken(self) -> None:
        """Regions that several calls enter, or that take a value which depends on one that they give."""
        places = {id: place for place, id in enumerate(self.parts)}
        firsts: dict[str, int] = {}
        for part in self.parts.values():
            for path in self.around(part.region):
                firsts.setdefault(path, places[part.id])
        borders = self.borders()
        for path in sorted(self.regions, key=lambda path: -path.count(".")):
            if path and not self._is_whole(path, borders, places, firsts.get(path, 0)):
                self.dissolve(path)

    def _is_whole(self, path: str, borders: Mapping[str, Border], places: Mapping[str, int], first: int) -> bool:
        border = borders[path]
        is_container = self.regions[path].recorded.kind in {*CONTAINERS, ""}
        if not border.takes or len(border.gives) != 1:
            return False
        if is_container and len(border.takes) > 1 and not self._is_row(path, borders):
            return False
        return not any(self._comes_from(value, path, places, first) for value in border.takes)

    def _is_row(self, path: str, borders: Mapping[str, Border]) -> bool:
        """Whether a region holds modules of one class in a row, each of which takes the same values beside the last."""
        inner = [inside for inside, region in self.regions.items() if region.parent == path]
        kinds = {self.regions[inside].recorded.kind for inside in inner}
        if len(kinds) != 1 or any(part.region == path for part in self.parts.values()):
            return False
        flowing = {value for inside in inner for value in borders[inside].gives}
        beside = {tuple(value for value in borders[inside].takes if value not in flowing) for inside in inner[1:]}
        return len(beside) == 1 and len(beside.pop()) == len(borders[path].takes) - 1

    def _comes_from(self, value: Value, path: str, places: Mapping[str, int], first: int) -> bool:
        """Whether a value depends on a part of a region, of which the first has the place `first`."""
        pending, seen = [value.node], set[str]()
        while pending:
            id = pending.pop()
            if id in seen or places[id] < first:
                continue
            seen.add(id)
            if path in self.around(self.parts[id].region):
                return True
            pending += [v.node for v in self.parts[id].inputs]
        return False

    def _share(self) -> dict[str, dict[str, Op]]:
        """Finds the ops whose weights several parts use, and dissolves the regions that hold only some of these."""
        homes: dict[str, list[Part]] = defaultdict(list)
        for part in self.parts.values():
            if part.op.is_tied() or part.op.weights(*map(self.tensor, part.inputs)):
                homes[part.weights].append(part)
        shared: dict[str, dict[str, Op]] = defaultdict(dict)
        for home, parts in homes.items():
            if len(parts) > 1:
                around = [self.around(part.region) for part in parts]
                common = next((path for path in around[0] if all(path in other for other in around)), "")
                for part in parts:
                    while part.region != common:
                        self.dissolve(part.region)
                shared[common][home] = next(part.op for part in parts if not part.op.is_tied())
        return shared

    def _members(self) -> dict[str, list[str]]:
        """What is directly in each region, in order: the ids of parts, and "/" with the paths of regions."""
        found: dict[str, dict[str, None]] = {path: {} for path in self.regions}
        for part in self.parts.values():
            member = part.id
            for path in (*self.around(part.region), ""):
                if member in found[path]:
                    break
                found[path][member] = None
                member = f"/{path}"
        return {path: list(members) for path, members in found.items()}


def _of_spec(scope: Scope) -> Recorded:
    """What a graph says of a scope: its block, the arguments that are numbers, and the names of its inputs."""
    numbers = {name: value for name, value in scope.arguments if isinstance(value, bool | int | float)}
    return Recorded(scope.block or "", numbers, scope.ports)


def _tidy(graph: Graph, id: str) -> Op:
    """A node's op without a padding of its window that the default comes to as well."""
    op, tensors = graph.node(id).op, graph.tensors_into(id)
    field = type(op).model_fields.get("padding")
    window = op.window(*tensors) if field is not None else None
    if field is None or window is None or op.model_dump()["padding"] == field.default:
        return op
    with suppress(Exception):
        usual = op.model_copy(update={"padding": field.default})
        if usual.outputs(*tensors) == op.outputs(*tensors) and usual.window(*tensors) == window:
            return usual
    return op
