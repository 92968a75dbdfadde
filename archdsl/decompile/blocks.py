"""Finds the blocks of networks: the uses of each class, in all of them, as one text with parameters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from archdsl.decompile.body import ABSENT, COUNT, FIRST, Body, Step, chains, weight
from archdsl.decompile.draft import CONTAINERS, Draft, Region
from archdsl.decompile.layout import Layout
from archdsl.decompile.numbers import Numbers, Use
from archdsl.decompile.unify import Unlike, unified
from archdsl.decompile.words import block_name, value_name
from archdsl.formula import same
from archdsl.ops.registry import REGISTRY

SHORT = 4
"""A block of at most as many ops in a row says nothing that its ops do not say, if it has few uses."""
CLASSES = ("num_classes", "classes")
"""The names that code gives to the number of classes."""


ORDINALS = ("second", "third", "fourth", "fifth")
"""What further values of a block are called where the code has no names for them."""

Key = tuple[int, str]
"""A group of regions: their class and, for a class that is inside itself, how deep they are."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the spec: the `values` that it takes as arguments, its `parameters` in order, and their defaults."""

    name: str
    values: tuple[str, ...]
    parameters: tuple[str, ...]
    defaults: Mapping[str, Any]
    body: Body
    numbers: Numbers


class Blocks:
    """All blocks of some drafts. `called` has, for each region that is a use of one, the block and its arguments."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = tuple(drafts)
        self.borders = {
            draft.regions[path]: border for draft in self.drafts for path, border in draft.borders().items()
        }
        self.found: dict[str, Block] = {}
        self.called: dict[Region, tuple[Block, Mapping[str, Any]]] = {}
        self.inlined: set[Region] = set()
        self.itself: dict[Region, str] = {}
        """Regions inside a region of their own class, and the name of the block that both are."""
        self.heights = {region: height for draft in self.drafts for region, height in _heights(draft).items()}
        for regions in self._groups():
            self._choose_flow(regions)
            if not _holds_itself(regions) or not self._enter_recursive(regions):
                self._enter_by_height(regions)

    # --- in which order ---------------------------------------------------------------------

    def _groups(self) -> Iterator[list[Region]]:
        """The regions of each class, after those of all classes inside it.

        A class that is inside itself is divided by how deep its uses are, if no block that calls itself says them all.
        """
        heights = self.heights
        of_class: dict[str, list[Region]] = defaultdict(list)
        for draft in self.drafts:
            for path, region in draft.regions.items():
                if path:
                    of_class[_kind(region)].append(region)
        group: dict[Region, Key] = {}
        for kind, regions in of_class.items():
            nested = _nested(regions) and not _holds_itself(regions)
            group |= {region: (heights[region] if nested else 0, kind) for region in regions}
        members: dict[Key, list[Region]] = defaultdict(list)
        inside: dict[Key, set[Key]] = defaultdict(set)
        for region, key in group.items():
            members[key].append(region)
            for outer in _outside(region):
                inside[group[outer]].add(key)
        yield from (members[key] for key in _inner_first(members, inside))

    def _choose_flow(self, regions: Sequence[Region]) -> None:
        """Puts first what flows through the uses of a class: what one use gives to the next, or what flows through the
        blocks inside; where nothing does, of several values the one made last in most uses."""
        counts = {len(self.borders[region].takes) for region in regions}
        if counts == {1}:
            return
        flowing = self._handed_on(regions) or self._flowing_inside(regions) or self._made_last(regions)
        first = Counter(flowing).most_common(1)[0][0]
        for region in regions:
            border = self.borders[region]
            if first < len(border.takes):
                others = [value for place, value in enumerate(border.takes) if place != first]
                self.borders[region] = replace(border, takes=(border.takes[first], *others))

    def _handed_on(self, regions: Sequence[Region]) -> list[int]:
        """The places, among what uses take, of values that other uses give."""
        given = {(region.draft, value) for region in regions for value in self.borders[region].gives}
        rows = ((region.draft, enumerate(self.borders[region].takes)) for region in regions)
        return [place for draft, takes in rows for place, value in takes if (draft, value) in given]

    def _flowing_inside(self, regions: Sequence[Region]) -> list[int]:
        """The places of values that flow through blocks directly inside, which take others beside them."""
        found = []
        for region in regions:
            takes = self.borders[region].takes
            inner = (one for one in region.draft.regions.values() if one.parent == region.path and one.path)
            first = {self.borders[one].takes[0] for one in inner if len(self.borders[one].takes) > 1}
            found += [place for place, value in enumerate(takes) if first & {*takes} == {value}]
        return found

    def _made_last(self, regions: Sequence[Region]) -> list[int]:
        places = {draft: {id: place for place, id in enumerate(draft.parts)} for draft in self.drafts}
        rows = ((places[region.draft], self.borders[region].takes) for region in regions)
        return [max(range(len(takes)), key=lambda place: made[takes[place].node]) for made, takes in rows]

    # --- one class --------------------------------------------------------------------------

    def _enter_by_height(self, regions: Sequence[Region]) -> None:
        """Enters a class, and one that is inside itself as a block for each depth."""
        if not _nested(regions):
            self._enter(regions)
            return
        for height in sorted({self.heights[region] for region in regions}):
            self._enter([region for region in regions if self.heights[region] == height])

    def _enter_recursive(self, regions: Sequence[Region]) -> bool:
        """Enters a class whose uses hold one another as one block that calls itself; False if no text says that."""
        kind = regions[0].recorded.kind
        inner_first = sorted(regions, key=lambda region: self.heights[region])
        name = self._free(block_name(kind), False)
        inside = {_parent(region): region for region in inner_first if _kind(_parent(region)) == kind}
        self.itself = dict.fromkeys(inside.values(), name)
        try:
            body = self._unified(inner_first)
            numbers = self._recursive_numbers(body, inner_first, inside, name)
        except Unlike:
            return False
        finally:
            self.itself = {}
        self._add(name, inner_first, body, numbers)
        return True

    def _unified(self, regions: Sequence[Region]) -> Body:
        """The text of all these regions. Raises `Unlike` if there is none."""
        body = self.layout(regions[0], 0)
        for use, region in enumerate(regions[1:], 1):
            if self.ports(region) != self.ports(regions[0]):
                raise Unlike
            body = unified(body, self.layout(region, use), self.default)
        return body

    def _recursive_numbers(
        self, body: Body, regions: Sequence[Region], inside: Mapping[Region, Region], name: str
    ) -> Numbers:
        """The numbers of a block that calls itself, with what the call inside is given.

        Raises `Unlike` if uses call it at different places, or if its arguments need parameters without end.
        """
        places = {region: use for use, region in enumerate(regions)}
        inner = {places[region]: places[held] for region, held in inside.items()}
        calls = [step for step in body.steps if step.name == name]
        if len(calls) != 1:
            raise Unlike
        (call,) = calls
        for _ in range(2):
            numbers = self._numbers(body, regions, bounds=True)
            missing = numbers.parameters.keys() - call.holes.keys()
            if not missing:
                return numbers
            for key in numbers.parameters:
                call.holes[key] = {use: numbers.parameters[key][inner[use]] for use in call.uses}
                if ABSENT in call.holes[key].values():
                    raise Unlike
        raise Unlike

    def _enter(self, regions: Sequence[Region]) -> None:
        kinds: list[tuple[Body, list[Region]]] = []
        if _kind(regions[0]).partition(" ")[0] in (*CONTAINERS, "Part"):
            return
        for region in regions:
            for place, (body, members) in enumerate(kinds):
                if self.ports(region) != self.ports(members[0]):
                    continue
                try:
                    found = unified(body, self.layout(region, len(members)), self.default)
                except Unlike:
                    continue
                kinds[place] = (found, [*members, region])
                break
            else:
                kinds.append((self.layout(region, 0), [region]))
        if self._says_nothing(kinds, regions):
            self.inlined.update(regions)
            return
        for body, members in kinds:
            self._define(body, members, len(kinds) > 1)

    def _says_nothing(self, kinds: Sequence[tuple[Body, list[Region]]], regions: Sequence[Region]) -> bool:
        """Whether the ops of a block are better written where it is used."""
        bodies = [body for body, _ in kinds]
        if any(body.only is None for body in bodies) or any(len(self.borders[r].takes) > 1 for r in regions):
            return False
        if any("input" in chain.start for body in bodies for chain in chains(body.lines)):
            return False  # elsewhere, `input` would be another value
        most = max(Counter(region.draft for region in regions).values())
        if most == 1 or all(weight(body.only) <= 1 for body in bodies if body.only):
            return True
        straight = all(not step.branches and not step.is_call for body in bodies for step in body.steps)
        short = all(weight(body.only) <= SHORT for body in bodies if body.only)
        optional = any(s.uses != body.only.uses for body in bodies if body.only for s in body.only.steps)
        return straight and short and (len(kinds) > 1 or optional or most < 3)

    def _define(self, body: Body, members: Sequence[Region], one_of_several: bool) -> None:
        if self._joined(members):
            return
        name = self._free(block_name(members[0].recorded.kind), one_of_several)
        self._add(name, members, body, self._numbers(body, members))

    def _joined(self, members: Sequence[Region]) -> bool:
        """Makes one block of stages whose classes differ in the number at the end of their names (`Cell0`, `Cell1`),
        and else in one argument at most; False if there is no such class. Stages are laid out last, so that nothing
        calls the other block yet."""
        stem = _stem(members[0])
        for name, block in self.found.items():
            others = [region for region, (called, _) in self.called.items() if called is block]
            stages = all(region.parent == "" for region in (*others, *members))
            if not stages or {_stem(region) for region in others} != {stem} or _kind(others[0]) == _kind(members[0]):
                continue
            with suppress(Unlike):
                regions = [*others, *members]
                body = self._unified(regions)
                numbers = self._numbers(body, regions)
                if len(numbers.parameters) <= 1 and not numbers.conditions:
                    del self.found[name]
                    self._add(self._free(block_name(stem), False), regions, body, numbers)
                    return True
        return False

    def _numbers(self, body: Body, members: Sequence[Region], bounds: bool = False) -> Numbers:
        uses = [self._use(region) for region in members]
        classes = next((c for c in CLASSES if c in uses[0].arguments), None)
        return Numbers(uses, body, "input.channels", classes, bounds)

    def _add(self, name: str, members: Sequence[Region], body: Body, numbers: Numbers) -> None:
        defaults = numbers.defaults()
        order = {key: place for place, key in enumerate(numbers.uses[0].arguments)}
        parameters = sorted(numbers.parameters, key=lambda key: (key in defaults, order.get(key, len(order))))
        block = Block(name, self.ports(members[0])[1:], tuple(parameters), defaults, body, numbers)
        self.found[name] = block
        for use, region in enumerate(members):
            given = {key: numbers.parameters[key][use] for key in parameters}
            given = {
                key: defaults[key] if value is ABSENT and key in defaults else value for key, value in given.items()
            }
            self.called[region] = block, given

    def _free(self, name: str, numbered: bool) -> str:
        """A name that no block and no op has."""
        taken = {*self.found, *REGISTRY, *(block_name(draft.header.name) for draft in self.drafts)}
        choices = [] if numbered else [name]
        return next(n for n in [*choices, *(f"{name}{number}" for number in range(1, 1000))] if n not in taken)

    def ports(self, region: Region) -> tuple[str, ...]:
        """The names of the values that flow in: the first is the input, others have the names that the code gives."""
        count = len(self.borders[region].takes)
        known = [value_name(name) for name in region.recorded.ports]
        further = ("other",) if count == 2 else (*ORDINALS, *(f"input{place}" for place in range(6, count + 1)))
        return ("input", *known[1:count], *further[max(0, len(known) - 1) : count - 1])

    def _use(self, region: Region) -> Use:
        border = self.borders[region]
        before, after = (region.draft.tensor(values[0]).channels for values in (border.takes, border.gives))
        return Use({value_name(k): v for k, v in region.recorded.arguments.items()}, before, after)

    # --- texts ------------------------------------------------------------------------------

    def layout(self, region: Region, use: int, label: Callable[[str, int], str] | None = None) -> Body:
        """The text of one region, with calls of the blocks inside it. `label` names its values."""
        border = self.borders[region]
        takes = dict(zip(border.takes, self.ports(region), strict=True))
        layout = Layout(region, self.borders, takes, border.gives, lambda inner: self.steps(inner, use), use)
        return folded(layout.body(label or partial(self.label, region.draft)), self)

    def steps(self, region: Region, use: int) -> list[Step]:
        """What stands for a region in the text around it: a call, or its own steps."""
        if region in self.itself:
            return [Step(self.itself[region], uses={use}, is_call=True)]
        if region not in self.called:
            only = self.layout(region, use).only
            assert only is not None, f"{region.path} is not written in a chain"
            return only.steps
        block, given = self.called[region]
        holes = {
            name: {use: value}
            for name, value in given.items()
            if not (name in block.defaults and same(block.defaults[name], value))
        }
        return [Step(block.name, holes, uses={use}, is_call=True)]

    def label(self, draft: Draft, member: str, port: int) -> str:
        """A name for an output of a part or region, after the module that made it."""
        path = member.strip("/")
        outer, _, name = path.rpartition(".")
        name = f"{outer.rpartition('.')[2]}{name}" if name.isdecimal() else name
        several = member in draft.parts and len(draft.parts[member].outputs) > 1
        name = value_name(f"{name}_{port + 1}" if several else name)
        return f"{name}_out" if name in REGISTRY else name

    def default(self, step: Step, hole: str) -> Any:
        """The value of an argument that a step does not write."""
        hole = hole.removeprefix(FIRST)
        if hole == COUNT:
            return 1
        if step.is_call:
            return self.found[step.name].defaults.get(hole)
        return REGISTRY[step.name].model_fields[hole].default


def _kind(region: Region) -> str:
    """The class of a region; containers and what is no module are alike to nothing else."""
    kind = region.recorded.kind
    return f"{kind or 'Part'} {region.path}" if kind in CONTAINERS or not kind else kind


def _outside(region: Region) -> Iterator[Region]:
    """The regions around one, without the network."""
    yield from (region.draft.regions[path] for path in region.draft.around(region.path)[1:])


def _stem(region: Region) -> str:
    """The name of a region's class without a number at its end."""
    return region.recorded.kind.rstrip("0123456789")


def _parent(region: Region) -> Region:
    return region.draft.regions[region.parent or ""]


def _nested(regions: Sequence[Region]) -> list[Region]:
    """Those regions of a class that lie inside others of it."""
    return [region for region in regions if any(_kind(outer) == _kind(region) for outer in _outside(region))]


def _holds_itself(regions: Sequence[Region]) -> bool:
    """Whether regions of a class lie inside others of these, each directly, and alone there."""
    parents = [_parent(region) for region in _nested(regions)]
    return bool(parents) and len({*parents}) == len(parents) and {*parents} <= {*regions}


def _heights(draft: Draft) -> dict[Region, int]:
    """How many regions lie inside one another in each, and itself."""
    heights: dict[Region, int] = {}
    for path in sorted(draft.regions, key=lambda path: -len(draft.around(path))):
        held = (heights[region] for region in draft.regions.values() if region.parent == path)
        heights[draft.regions[path]] = 1 + max(held, default=0)
    return heights


def _inner_first(groups: Iterable[Key], inside: Mapping[Key, set[Key]]) -> Iterator[Key]:
    """The groups, each after those inside it."""
    done: set[Key] = set()
    for start in groups:
        pending = [(start, iter(sorted(inside.get(start, ()))))]
        while pending:
            key, inner = pending[-1]
            found = next((other for other in inner if other not in done and other != key), None)
            if found is not None and all(found != other for other, _ in pending):
                pending.append((found, iter(sorted(inside.get(found, ())))))
            elif found is None:
                pending.pop()
                if key not in done:
                    done.add(key)
                    yield key


def folded(body: Body, blocks: Blocks) -> Body:
    """Equal calls in a row as copies; the first may have other values for arguments that have defaults."""
    for chain in chains(body.lines):
        found: list[Step] = []
        place = 0
        while place < len(chain.steps):
            run = _run(chain.steps, place, blocks)
            found.append(_copies(chain.steps[place : place + run], blocks) if run > 1 else chain.steps[place])
            place += run
        chain.steps = found
    return body


def _run(row: Sequence[Step], place: int, blocks: Blocks) -> int:
    """How many calls from here on are copies of one step."""
    first = row[place]
    if not first.is_call or COUNT in first.holes:
        return 1
    end = place + 1
    while (
        end < len(row)
        and (row[end].name, row[end].values) == (first.name, first.values)
        and COUNT not in row[end].holes
    ):
        if end > place + 1 and _given(row[end], blocks) != _given(row[place + 1], blocks):
            break
        end += 1
    if end == place + 1:
        return 1
    one, other = _given(first, blocks), _given(row[place + 1], blocks)
    differing = [name for name in one if one[name] != other[name]]
    fits = len(differing) <= 2 and all(name in blocks.found[first.name].defaults for name in differing)
    return end - place if fits else 1


def _is_alike(step: Step, other: Step) -> bool:
    """Whether two steps call one block with the same values, and neither stands for several."""
    return (step.name, step.values) == (other.name, other.values) and COUNT not in step.holes


def _given(step: Step, blocks: Blocks) -> dict[str, Any]:
    """All arguments of a call, with those that are left at their defaults."""
    block = blocks.found[step.name]
    use = next(iter(step.uses))
    return {n: step.holes[n][use] if n in step.holes else block.defaults.get(n) for n in block.parameters}


def _copies(run: Sequence[Step], blocks: Blocks) -> Step:
    first, last = run[0], run[-1]
    use = next(iter(first.uses))
    one, other = _given(first, blocks), _given(last, blocks)
    holes = {**last.holes, COUNT: {use: len(run)}}
    holes |= {FIRST + name: {use: value} for name, value in one.items() if value != other[name]}
    return replace(last, holes=holes)
