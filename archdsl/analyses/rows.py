"""Turns a summary into the rows of a table: stages, blocks or ops, nested as in the spec. Equal copies share a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from archdsl.analyses.layers import Chosen
from archdsl.analyses.structure import structures
from archdsl.analyses.summary import Member, Part, Summary
from archdsl.ir.graph import Node, Scope, Value
from archdsl.ops.base import Family
from archdsl.tensor import Tensor

LIGHT = frozenset({Family.NORM, Family.ACTIVATION, Family.REGULARIZE, Family.RESHAPE})
"""Families whose ops share the row of the op before them, unless every op has a row."""

UNLIMITED = 10**6
"""A depth larger than that of any spec."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a network is divided into rows. Scopes are opened (shown with their parts) down to `depth` levels.

    With `several`, only stages are opened, and only those with several parts. With `runs`, copies share a row even if
    their arguments differ. With `joined`, light ops (see `LIGHT`) share the row of the op before them. With `chosen`,
    only some ops have rows, and the costs of a scope are those of these ops; it goes with `joined=False`.
    """

    depth: int
    several: bool = False
    runs: bool = False
    joined: bool = True
    chosen: Chosen | None = None


CUTS = {"stage": Cut(2, several=True, runs=True), "block": Cut(2), "op": Cut(UNLIMITED, joined=False)}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: an op with the light ops after it, a scope, or several `copies` of a scope.

    `facts` are the costs of everything in the row. `level` is the row's depth in the table. If it is `opened`, the
    rows after it that are one level deeper are its parts. `main` is the member that gives the row its name.
    """

    level: int
    main: Member
    copies: int
    facts: Part
    opened: bool = False

    @property
    def members(self) -> tuple[Member, ...]:
        """The nodes and scopes of the row; only those of the first copy, if the row lies inside one with copies."""
        return self.facts.first

    @property
    def path(self) -> str:
        """The path of the row, `conv3.1`. Several copies have the path of the first."""
        return path_of(self.main)

    @property
    def last(self) -> str:
        """The path of the last copy."""
        return path_of(self.members[-1]) if self.copies > 1 else self.path

    @property
    def uses(self) -> list[Scope]:
        """The uses of blocks in the row, without those inside a block."""
        return list(_uses(self.facts.summary, self.members))

    @property
    def output(self) -> Tensor:
        """The tensor that leaves the row; the last of several."""
        last = self.members[-1]
        return last.outputs[-1] if isinstance(last, Node) else self.facts.summary.graph.tensor(self.facts.result)


def rows(summary: Summary, cut: Cut) -> list[Row]:
    """The rows of a network, each before its parts. The network's inputs have no row.

    >>> from archdsl.analyses.measures import summarize
    >>> from archdsl.driver import compile_network, open_spec
    >>> summary = summarize(compile_network(open_spec("resnet"), "50").graph)
    >>> [(row.path, row.copies, row.facts.params) for row in rows(summary, CUTS["block"])][3:6]
    [('conv2.unit.0', 1, 75008), ('conv2.unit.1', 2, 140800), ('conv3', 1, 1219584)]
    """
    return list(_Rows(summary, cut).inside(summary.graph.scopes[""], 0))


def path_of(member: Member) -> str:
    return member.path if isinstance(member, Scope) else member.id


def _uses(summary: Summary, members: Iterable[Member]) -> Iterator[Scope]:
    for member in members:
        if isinstance(member, Scope) and summary.holds(member):
            if member.block is not None:
                yield member
            else:
                yield from _uses(summary, summary.graph.children[member.path])


class _Rows:
    def __init__(self, summary: Summary, cut: Cut) -> None:
        self.summary, self.graph, self.cut = summary, summary.graph, cut

    @cached_property
    def structures(self) -> Mapping[str, int]:
        return structures(self.graph)

    def inside(self, scope: Scope, level: int) -> Iterator[Row]:
        """The rows for the content of a scope."""
        for group in self._groups(scope, level):
            row = self._row(group, level)
            if not isinstance(row.main, Scope) or not self._opens(row.main, level):
                yield row
                continue
            parts = list(self._parts(row, level + 1))
            alone = sum(part.level == level + 1 for part in parts) == 1
            if not alone:
                yield replace(row, opened=True)
                yield from parts
            elif self.cut.joined:
                yield row
            else:
                yield replace(parts[0], level=level, copies=row.copies * parts[0].copies)
                yield from (replace(part, level=part.level - 1) for part in parts[1:])

    def _parts(self, row: Row, level: int) -> Iterator[Row]:
        """The rows of the first copy's parts, with the costs of all copies."""
        copies = [self.inside(copy, level) for copy in row.members if isinstance(copy, Scope)]
        for alike in zip(*copies, strict=True):
            members = tuple(member for part in alike for member in part.facts.members)
            yield replace(alike[0], facts=replace(alike[0].facts, members=members))

    def _row(self, group: tuple[Member, ...], level: int) -> Row:
        copies = len(group) if _is_copy(group[0]) else 1
        main = next((member for member in group if not _is_light(member)), group[0])
        facts = self.summary.part(*group)
        if self.cut.chosen is not None:
            inside = self.summary.nodes_in(group)
            facts = replace(facts, members=tuple(node for node in inside if self._is_chosen(node)))
        return Row(level, main, copies, facts)

    def _macs(self, member: Member) -> int:
        macs: int = self.summary.part(member).macs
        return macs

    # --- what is opened --------------------------------------------------------------------

    def _opens(self, scope: Scope, level: int) -> bool:
        if level + 1 >= self.cut.depth:
            return False
        return not self.cut.several or (scope.kind in ("stage", "output", "copy") and self._has_several_parts(scope))

    def _has_several_parts(self, scope: Scope) -> bool:
        """Whether a scope holds more than one block, one run of copies, or one convolution with its light ops."""
        if scope.block is not None:
            return False
        return sum(self._macs(run[0]) > 0 for run in self._runs(self._members(scope))) > 1

    def _members(self, scope: Scope) -> list[Member]:
        """The members of a scope that the summary counts, each copy by itself."""
        found: list[Member] = []
        for member in self.graph.children[scope.path]:
            if isinstance(member, Scope) and member.kind == "copies":
                found += self._members(member)
            elif self._is_counted(member):
                found.append(member)
        return found

    def _is_counted(self, member: Member) -> bool:
        if isinstance(member, Node):
            return self.summary.holds(member) and member.op.family is not Family.INPUT and self._is_chosen(member)
        return self.summary.holds(member) and (self.cut.chosen is None or member.path in self._holding)

    def _is_chosen(self, node: Node) -> bool:
        return self.cut.chosen is None or self.cut.chosen(self.summary, node)

    @cached_property
    def _holding(self) -> frozenset[str]:
        """The scopes that hold an op with a row."""
        nodes = filter(self._is_chosen, map(self.graph.node, self.summary.nodes))
        return frozenset(scope.path for node in nodes for scope in self.graph.ancestry(node.scope))

    # --- what shares a row -----------------------------------------------------------------

    def _groups(self, scope: Scope, level: int) -> Iterator[tuple[Member, ...]]:
        """Groups of members that share a row: equal copies, or an op and the light ops after it."""
        group: tuple[Member, ...] = ()
        for run in self._runs(self._members(scope)):
            if group and not (self.cut.joined and self._joins(run, group, level)):
                yield group
                group = ()
            group += run
        if group:
            yield group

    def _runs(self, members: Iterable[Member]) -> Iterator[tuple[Member, ...]]:
        for _, run in groupby(members, key=self._likeness):
            yield tuple(run)

    def _likeness(self, member: Member) -> object:
        """A key that is equal for copies that share a row."""
        if not isinstance(member, Scope) or member.kind != "copy":
            return path_of(member)
        if self.cut.runs and member.block is not None:
            return member.parent, member.block
        facts, inputs = self.summary.part(member), tuple(map(self.graph.tensor, member.inputs))
        return member.parent, self.structures[member.path], facts.params, facts.macs, inputs

    def _joins(self, run: Sequence[Member], group: Sequence[Member], level: int) -> bool:
        """Whether an op joins the row before it: it takes that row's value, and it or all of that row is light.

        Nothing joins a row whose value has a name, so that what is read in the row is what the name stands for.
        """
        (member, *others), last = run, group[-1]
        if others or not isinstance(member, Node) or _is_copy(last):
            return False
        if isinstance(last, Scope) and self._opens(last, level):
            return False
        if not (_is_light(member) or all(map(_is_light, group))):
            return False
        value = self.summary.result(last)
        return self.graph.inputs_of(member.id) == (value,) and value not in self._named

    @cached_property
    def _named(self) -> frozenset[Value]:
        """The values that have a name in the spec: by `as` or `path`, or as the value of a stage."""
        scopes = self.graph.scopes.values()
        said = {value for scope in scopes for _, value in scope.names[len(scope.ports) :]}
        return frozenset(said.union(*(scope.results for scope in scopes if scope.kind in ("stage", "output"))))


def _is_light(member: Member) -> bool:
    return isinstance(member, Node) and member.op.family in LIGHT


def _is_copy(member: Member) -> bool:
    return isinstance(member, Scope) and member.kind == "copy"
