"""The steps of a network in order, the places where it may be cut between them, and the parts between such cuts.

In goes the outline of a graph; what comes out names the graph's nodes and the steps of the network's class. A cut
comes before a stage, a block, a copy of one or a layer that learns and multiplies, and never inside a class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archdsl.analyses.overwriting import overwriting
from archdsl.backends.torch.bodies import Body, Call, Item, Turns, Wire, every
from archdsl.backends.torch.classes import Classes
from archdsl.backends.torch.moves import Moved
from archdsl.backends.torch.outline import Form, Member
from archdsl.ir.graph import Node, Scope


@dataclass(frozen=True, slots=True)
class Unit:
    """A step that is never cut: one of the network's, or a member of a sequence in it. `path` is its path in the
    network, and `nodes` are its nodes in the graph. `item` is the whole step that it is a part of."""

    path: str
    item: Item
    takes: tuple[Wire, ...]
    gives: tuple[Wire, ...]
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Border:
    """A place between two units, before the one with number `place`: the values that are needed behind it and made
    before it, the latest first. `refused` says why the network cannot be cut there; None if it can."""

    place: int
    values: tuple[Wire, ...]
    refused: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """The units between two cuts, with the values that it takes and gives."""

    units: tuple[Unit, ...]
    takes: tuple[Wire, ...]
    gives: tuple[Wire, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(node for unit in self.units for node in unit.nodes)

    @property
    def title(self) -> str:
        """What it is in words: `conv4.1 to conv5.0`. Steps that only move channels are left out."""
        named = [unit.path for unit in self.units if any(node.op.name != Moved.name for node in unit.nodes)]
        first, last = named[0], named[-1]
        return first if first == last else f"{first} to {last}"


class Steps:
    """The units of a network and the borders between them."""

    def __init__(self, classes: Classes, body: Body) -> None:
        self.classes, self.outline, self.body = classes, classes.outline, body
        self.graph = self.outline.graph
        self._nodes = dict(self._nodes_of_members())
        self.units = tuple(self._units())
        self.borders = tuple(self._borders())

    def parts(self, cuts: Sequence[int]) -> tuple[Part, ...]:
        """The parts between these places, each the number of the unit behind it."""
        values = {border.place: border.values for border in self.borders}
        ends = [0, *cuts, len(self.units)]
        values |= {0: self.body.takes, ends[-1]: self.body.gives}
        pairs = pairwise(ends)
        return tuple(Part(self.units[start:stop], values[start], values[stop]) for start, stop in pairs)

    # --- units -----------------------------------------------------------------------------

    def _nodes_of_members(self) -> Iterator[tuple[str, list[Node]]]:
        """By the path of each scope and node: the nodes inside it, in order."""
        found: dict[str, list[Node]] = {}
        for node in self.graph:
            for path in (node.id, *(scope.path for scope in self.graph.ancestry(node.scope))):
                found.setdefault(path, []).append(node)
        return iter(found.items())

    def _units(self) -> Iterator[Unit]:
        """The units in order. What is made of no input comes right before the first step that takes it."""
        items = [item for item in self.body.items if not isinstance(item, Call | Turns) or item.is_live]
        waiting: dict[Wire, Item] = {}
        for item in items:
            if isinstance(item, Call) and not item.takes and item.whole is None:
                waiting |= dict.fromkeys(item.gives, item)
                continue
            if isinstance(item, Call | Turns):
                for wire in item.takes:
                    if wire in waiting:
                        held = waiting.pop(wire)
                        yield from self._opened(held)
            yield from self._opened(item)

    def _opened(self, item: Item) -> Iterator[Unit]:
        """The units of one step: itself, or the members of a sequence."""
        if not isinstance(item, Call) or not self._is_sequence(item.member) or "." in item.path:
            nodes = {node.id: node for path in _paths(item) for node in self._nodes.get(path, [])}
            takes, gives = (item.takes, item.gives) if isinstance(item, Call | Turns) else ((), ())
            yield Unit(item.path if isinstance(item, Call | Turns) else "", item, takes, gives, tuple(nodes.values()))
            return
        flow, members = item.takes, list(self.leaves(item.member))
        for place, member in enumerate(members):
            gives = item.gives if place + 1 == len(members) else (Wire({0: self.outline.gives(member)[0]}),)
            yield Unit(path_of(member), item, flow, gives, tuple(self._nodes.get(path_of(member), ())))
            flow = gives

    def _is_sequence(self, member: Member) -> bool:
        if not isinstance(member, Scope) or not self.outline.is_own(member):
            return False
        return self.form(member) in (Form.CHAIN, Form.COPIES) and bool(self.outline.members(member.path))

    def form(self, member: Member) -> Form | None:
        return self.classes.form(member) if isinstance(member, Scope) else None

    def leaves(self, member: Member) -> Iterator[Member]:
        """The members of a sequence, and those of sequences of named members in it. A copy stays whole."""
        assert isinstance(member, Scope)
        for inner in self.outline.members(member.path):
            if self._is_sequence(inner) and self.form(member) is Form.CHAIN:
                yield from self.leaves(inner)
            else:
                yield inner

    # --- borders ---------------------------------------------------------------------------

    def _borders(self) -> Iterator[Border]:
        """The borders in front of units at which a stage could begin."""
        made = dict.fromkeys(self.body.takes, -1)
        last: dict[Wire, int] = {}
        for number, unit in enumerate(self.units):
            made |= dict.fromkeys(unit.gives, number)
            last |= dict.fromkeys(unit.takes, number)
        last |= dict.fromkeys(self.body.gives, len(self.units))
        ending: dict[int, list[Wire]] = {}
        starting: dict[int, list[Wire]] = {}
        for wire, start in made.items():
            starting.setdefault(start, []).append(wire)
            ending.setdefault(last.get(wire, start), []).append(wire)
        refused = self._refused(made, last)
        live = dict.fromkeys(starting.get(-1, ()))
        learned = 0
        for place in range(1, len(self.units)):
            learned += self._learns(self.units[place - 1].nodes)
            live |= dict.fromkeys(starting.get(place - 1, ()))
            for wire in ending.get(place - 1, ()):
                live.pop(wire, None)
            if learned and self._begins(self.units[place]):
                values = tuple(reversed(live))
                whole = [wire for wire in values if self.graph.tensor(wire.value).kind == "int"]
                why = (
                    f"the indices `{self.outline.given_name(whole[0].value, '')}` are needed behind it"
                    if whole
                    else None
                )
                yield Border(place, values, refused.get(place, why))

    def _learns(self, nodes: Sequence[Node]) -> bool:
        return any(node.op.params(*self.graph.tensors_into(node.id)) for node in nodes)

    def _begins(self, unit: Unit) -> bool:
        """Whether a stage may begin with a unit: it is a scope or a layer, it learns, and it multiplies."""
        macs = sum(node.op.macs(*self.graph.tensors_into(node.id)) for node in unit.nodes)
        return bool(macs) and self._learns(unit.nodes)

    def _refused(self, made: Mapping[Wire, int], last: Mapping[Wire, int]) -> dict[int, str]:
        """Why borders cannot be cut, by their places."""
        refused: dict[int, str] = {}
        for start, stop, why in self._ties(made, last):
            for place in range(start + 1, stop + 1):
                refused.setdefault(place, why)
        return refused

    def _ties(self, made: Mapping[Wire, int], last: Mapping[Wire, int]) -> Iterator[tuple[int, int, str]]:
        """Units that have to stay together: the numbers of the first and the last, and why."""
        spans: dict[str, list[int]] = {}
        for number, unit in enumerate(self.units):
            for shared in self._shared(unit):
                spans.setdefault(shared, []).append(number)
            if isinstance(unit.item, Call) and not unit.takes:
                for wire in unit.gives:
                    spans.setdefault(f"`{unit.path}` is", []).append(last.get(wire, number))
        yield from ((numbers[0], numbers[-1], f"{what} used before and behind it") for what, numbers in spans.items())
        yield from self._overwritten()

    def _shared(self, unit: Unit) -> Iterator[str]:
        """What may be used by one stage alone: weights, the copies of a list, and the values that a loop collects."""
        yield from (f"the weights `{node.weights}` are" for node in unit.nodes if self._learns((node,)))
        item = unit.item
        if isinstance(item, Turns) or (isinstance(item, Call) and "." in item.path):
            yield f"the copies in `{item.path.partition('.')[0]}` are"
        wholes = item.wholes if isinstance(item, Turns) else ()
        if isinstance(item, Call) and item.whole is not None:
            wholes = (item.whole,)
        yield from (f"the list of `{next(iter(whole.values.values()))[0].node}` and others is" for whole in wholes)

    def _overwritten(self) -> Iterator[tuple[int, int, str]]:
        """Units between which a value flows that is overwritten: what a stage receives must stay as it is."""
        number_of = {node.id: number for number, unit in enumerate(self.units) for node in unit.nodes}
        changed = overwriting(self.graph, self.graph.outputs)
        source: dict[str, str] = {}
        for node in self.graph:
            inputs, tensors = self.graph.inputs_of(node.id), self.graph.tensors_into(node.id)
            shares = bool(inputs) and (node.op.is_view(*tensors) or node.id in changed)
            source[node.id] = source[inputs[0].node] if shares else node.id
            if node.id in changed and node.id in number_of:
                yield number_of.get(source[node.id], 0), number_of[node.id], f"`{node.id}` overwrites what it takes"


def path_of(member: Member) -> str:
    return member.id if isinstance(member, Node) else member.path


def _paths(item: Item) -> Iterator[str]:
    """The paths of what a step calls."""
    for one in every((item,)):
        if isinstance(one, Call):
            yield from map(path_of, one.members.values())
        elif isinstance(one, Turns):
            yield from (copy.path for loop in one.loops.values() for copy in loop.copies)
