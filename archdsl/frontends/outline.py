"""Finds blocks and stages in a network that has no scopes, from the flow of its values alone.

A block is what lies between a join (a sum, a product, a concatenation) and the value that all of its branches come
from, with the activation after the join: a residual unit, an inception module, a gate. A stage begins where a step
outside of blocks, or a block, gives maps of another size than it takes. Both take time linear in the network.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from math import inf, prod

from archdsl.frontends.dominators import Dominators
from archdsl.frontends.nodes import NewNode
from archdsl.ops.base import Family

LARGEST = 200
"""The most nodes of a block."""
SMALLEST = 3
"""The fewest nodes of a block."""
DEEPEST = 2
"""How many blocks may lie inside one another."""
AFTER = frozenset({"channel_shuffle"})
"""Ops besides activations that belong to the block whose join they follow."""
ENLARGING = frozenset({"upsample", "resize"})
"""Ops that only reshape a value, but after which a stage may begin."""
CONTAINER = "Sequential"


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A block: its nodes, the node before it, and its last node. `kind` is the name of its class."""

    nodes: frozenset[int]
    before: int
    last: int
    kind: str


def outlined(made: Sequence[NewNode], results: Collection[tuple[int, int]]) -> tuple[list[NewNode], dict[str, str]]:
    """The nodes with their places inside the blocks and stages that are found, and the classes of these by path.

    `results` are the outputs of the network. The path of a node's module, or "", is put behind that of its scope.
    """
    outline = _Outline(made, results)
    placed = []
    for node, scope in zip(made, outline.scopes, strict=True):
        module = ".".join(filter(None, (scope, node.place.module)))
        placed.append(replace(node, place=replace(node.place, module=module)))
    return placed, outline.classes


class _Outline:
    def __init__(self, made: Sequence[NewNode], results: Collection[tuple[int, int]]) -> None:
        self.made = made
        self.results = frozenset(results)
        self.ends = {node for node, _ in results}
        self.users: list[dict[int, None]] = [{} for _ in made]
        for number, node in enumerate(made):
            for source, _ in node.inputs:
                self.users[source][number] = None
        self.fixed = self._fixed()
        self.closing = self._closing()
        self.dominators = Dominators([self.flowing(number) for number in range(len(made))])
        self.regions = sorted(self._regions(), key=lambda region: -len(region.nodes))
        self.holders: list[list[Region]] = [[] for _ in made]
        """The blocks around each node, the outermost first."""
        self._choose()
        self.scopes: list[str] = []
        self.classes: dict[str, str] = {}
        self._enter_scopes()

    def _fixed(self) -> list[bool]:
        """Whether each node is computed from no input: learned values, and what is made of them alone."""
        fixed: list[bool] = []
        for node in self.made:
            fixed.append(node.op.name != "input" and all(fixed[source] for source, _ in node.inputs))
        return fixed

    def flowing(self, number: int) -> list[int]:
        """The nodes whose values flow into this one, each once."""
        return list(dict.fromkeys(source for source, _ in self.made[number].inputs if not self.fixed[source]))

    def _closing(self) -> frozenset[Family]:
        """The families of ops that close a block: activations, and normalizations if most joins are followed by one."""
        joins = [n for n, node in enumerate(self.made) if node.op.name == "add" and len(self.flowing(n)) > 1]
        followed = [n for n in joins if [self.made[user].op.family for user in self.users[n]] == [Family.NORM]]
        return frozenset({Family.ACTIVATION, *([Family.NORM] if 2 * len(followed) > len(joins) else [])})

    # --- blocks ---------------------------------------------------------------------------------

    def _regions(self) -> Iterator[Region]:
        """The parts of the network that could be blocks."""
        for number, node in enumerate(self.made):
            before = self.dominators.parents[number]
            if node.op.family is not Family.MERGE or before is None or len(self.flowing(number)) < 2:
                continue
            found = self._region(number, before)
            if found is not None:
                yield found

    def _region(self, join: int, before: int) -> Region | None:
        """What lies between a node and a join, if values enter and leave it there alone."""
        nodes = {join}
        pending = [join]
        while pending:
            for source, _ in self.made[pending.pop()].inputs:
                if source != before and source not in nodes:
                    nodes.add(source)
                    pending.append(source)
            if len(nodes) > LARGEST:
                return None
        kind = self._kind(join, before)
        if len(self.made[before].outputs) > 1:
            # What splits a value belongs to the block that joins its parts.
            nodes.add(before)
            split_from = self.dominators.parents[before]
            if split_from is None:
                return None
            before = split_from
        last = self._after(join)
        nodes.add(last)
        closed = all(self.users[n].keys() <= nodes and n not in self.ends for n in nodes - {last})
        return Region(frozenset(nodes), before, last, kind) if closed and len(nodes) >= SMALLEST else None

    def _kind(self, join: int, before: int) -> str:
        """A name for a block, by what joins its branches, and whether one of these is the value before it."""
        skips = any(source == before for source, _ in self.made[join].inputs)
        name = self.made[join].op.name
        if name == "add":
            return "Residual"
        if name == "concat":
            return "Dense" if skips else "Branches"
        return "Gate" if name == "mul" and skips else "Joined"

    def _after(self, join: int) -> int:
        """The op that closes the block of a join, or the join."""
        if len(self.users[join]) == 1 and join not in self.ends:
            (user,) = self.users[join]
            op = self.made[user].op
            if op.name in AFTER or (op.family in self.closing and len(self.made[user].inputs) == 1):
                return user
        return join

    def _choose(self) -> None:
        """Keeps regions that lie apart or inside one another, larger ones first, if there are more of their kind."""
        chosen: list[Region] = []
        for region in self.regions:
            around = {tuple(self.holders[number]) for number in region.nodes}
            if len(around) == 1 and len(next(iter(around))) < DEEPEST:
                chosen.append(region)
                for number in region.nodes:
                    self.holders[number].append(region)
        counts = Counter(region.kind for region in chosen)
        for region in chosen:
            if counts[region.kind] == 1:
                for number in region.nodes:
                    self.holders[number].remove(region)

    # --- stages and paths -----------------------------------------------------------------------

    def _enter_scopes(self) -> None:
        """Gives each stage and block its path, and each node the path of the innermost around it."""
        stages = _Stages(self).names
        inside: dict[str | Region, dict[Region, None]] = defaultdict(dict)
        for stage, holders in zip(stages, self.holders, strict=True):
            outer: str | Region = stage
            for region in holders:
                inside[outer][region] = None
                outer = region
        paths: dict[str | Region, str] = {stage: stage for stage in stages}
        self.classes |= {stage: CONTAINER for stage in paths.values() if stage}
        pending: list[str | Region] = [*paths]
        for scope in pending:
            for path, region in self._named(paths[scope], list(inside[scope])):
                paths[region] = path
                self.classes[path] = region.kind
                pending.append(region)
        rows = zip(stages, self.holders, strict=True)
        self.scopes = [paths[holders[-1] if holders else stage] for stage, holders in rows]

    def _named(self, scope: str, regions: Sequence[Region]) -> Iterator[tuple[str, Region]]:
        """Paths for the blocks in a scope. Those of one class, each of which follows the one before, are copies."""
        runs: list[list[Region]] = []
        for region in regions:
            if runs and runs[-1][-1].last == region.before and runs[-1][-1].kind == region.kind:
                runs[-1].append(region)
            else:
                runs.append([region])
        counts: Counter[str] = Counter()
        for run in runs:
            name = run[0].kind.lower() + "s" * (len(run) > 1)
            counts[name] += 1
            name += str(counts[name]) if counts[name] > 1 else ""
            path = f"{scope}.{name}" if scope else name
            if len(run) > 1:
                self.classes[path] = CONTAINER
            yield from ((f"{path}.{number}" if len(run) > 1 else path, region) for number, region in enumerate(run))


class _Stages:
    """The stage of each node by name; "" for inputs, and for all nodes if there would be only one stage.

    A stage begins where the size of maps changes, and where a single value leaves the stage before it, if several steps
    take this value or that stage began with several values. A pooling that changes the size begins a stage in networks
    with blocks, and ends one in networks without.
    """

    def __init__(self, outline: _Outline) -> None:
        self.outline = outline
        self.has_blocks = any(outline.holders)
        self.stage = 0
        self.head: int | None = None
        self.first: int | None = None
        """The first node of the stage."""
        self.pooled = False
        """Whether the stage ends with the last node, a pooling."""
        self.begins: dict[Region, int] = {}
        """The first node of each outermost block."""
        for number, holders in enumerate(outline.holders):
            if holders:
                self.begins.setdefault(holders[0], number)
        self.taken: set[tuple[int, int]] = set()
        """The values that the stage takes from others."""
        self.leaving: list[tuple[float, int]] = []
        """The values of the stage that are taken later, each with the last place where it is; a heap."""
        self.numbers = [*self._numbers()]
        self.names = self._named()

    def _named(self) -> list[str]:
        """The names of stages; "" for one that takes or gives several values, which is written without a name."""
        takes: dict[int, set[tuple[int, int]]] = defaultdict(set)
        gives: dict[int, set[tuple[int, int]]] = defaultdict(set)
        for number, node in enumerate(self.outline.made):
            for value in node.inputs:
                here, there = self.numbers[number], self.numbers[value[0]]
                if here != there and not self.outline.fixed[value[0]]:
                    takes[here].add(value)
                    gives[there].add(value)
        for value in self.outline.results:
            gives[self.numbers[value[0]]].add(value)
        whole = [n for n in range(self.stage + 1) if len(takes[n]) == len(gives[n]) == 1]
        first = 0 if 0 in whole else 1
        names = {number: f"stage{place}" if number else "stem" for place, number in enumerate(whole, start=first)}
        if self.head is not None and self.head in names:
            names[self.head] = "head"
        return [names.get(number, "") if len(whole) > 1 else "" for number in self.numbers]

    def _numbers(self) -> Iterator[int]:
        found: dict[Region, int] = {}
        for number, node in enumerate(self.outline.made):
            holders = self.outline.holders[number]
            if node.op.name == "input" or self.outline.fixed[number]:
                yield -1 if node.op.name == "input" else self.stage
                continue
            if not holders or holders[0] not in found:
                self._advance(number, holders[0] if holders else None)
            if holders:
                found.setdefault(holders[0], self.stage)
            self._take(number)
            if not holders or holders[0].last == number:
                heappush(self.leaving, (max(self._uses(number), default=-1), number))
            yield found[holders[0]] if holders else self.stage

    def _uses(self, number: int) -> set[float]:
        """The first nodes of the blocks that take a value, and the nodes outside of blocks that do."""
        holders = ((user, self.outline.holders[user]) for user in self.outline.users[number])
        uses: set[float] = {self.begins[blocks[0]] if blocks else user for user, blocks in holders}
        return uses | {inf} if number in self.outline.ends else uses

    def _advance(self, number: int, block: Region | None) -> None:
        """Begins a new stage before a node, or the block that it begins, if one begins there."""
        while self.leaving and self.leaving[0][0] < number:
            heappop(self.leaving)
        old, new = self._sizes(number, block)
        if self.outline.made[number].op.family is Family.RESHAPE and self.outline.made[number].op.name not in ENLARGING:
            old = new if prod(new) > 1 else old
        is_pool = self.outline.made[number].op.family is Family.POOL and not self.has_blocks
        is_head = prod(old) > 1 and prod(new) == 1
        begins = self.pooled or is_head or self._is_passed() or (old != new and not is_pool)
        if self.first is None or self.head is not None:
            begins = False
        if begins:
            self.stage += 1
            self.leaving.clear()
            self.taken.clear()
        if is_head and begins:
            self.head = self.stage
        if begins or self.first is None:
            self.first = number
        self.pooled = is_pool and old != new and self.first != number

    def _take(self, number: int) -> None:
        """Notes the values that a node takes from other stages."""
        for value in self.outline.made[number].inputs:
            if not self.outline.fixed[value[0]] and (self.first is None or value[0] < self.first):
                self.taken.add(value)

    def _is_passed(self) -> bool:
        """Whether a single value leaves the stage here, and several steps take it, or the stage took several."""
        if len(self.leaving) != 1:
            return False
        return len(self.taken) > 1 or len(self._uses(self.leaving[0][1])) > 1

    def _sizes(self, number: int, block: Region | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Height and width before and after a node, or a block."""
        made = self.outline.made
        before = [block.before] if block else self.outline.flowing(number)
        new = made[block.last if block else number].outputs[0].spatial
        return (made[before[0]].outputs[0].spatial if before else new), new
