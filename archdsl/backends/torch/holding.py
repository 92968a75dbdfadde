"""Releases values early: decides where the lines of a `forward` end, and what is called member by member.

`x = self.conv2(x)` holds the large `x` as long as the whole stage runs, though only the pooling at its start needs it:

    x = self.conv2.max_pool(x)
    x = self.conv2.unit(x)

And `return self.bn(self.conv(y)) + self.shortcut(x)` holds `y` until the sum, though only the convolution needs it:

    y = self.bn(self.conv(y))
    return y + self.shortcut(x)

A small block is opened in the same way, for more: `x = self.unit(x)` becomes `x = self.unit.conv(x)` and
`x = self.unit.relu(self.unit.bn(x))`, and copies become a loop over such lines.

A further line of code is worth it only if it lowers the peak: the most bytes that the network holds at once. So the
forward pass is followed (`follow.py`). At some nodes more is held than any change could avoid. For the nodes that hold
more than this, all changes that help are made at once, and the pass is followed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from archdsl.analyses.memory import Step, flat_steps, inference, joined_bytes, places, tensor_bytes
from archdsl.backends.torch.bodies import Body
from archdsl.backends.torch.classes import Classes
from archdsl.backends.torch.follow import Active, Frame, Run
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.loops import plain_loop
from archdsl.backends.torch.outline import Form
from archdsl.backends.torch.statements import Applied, Source, Statement
from archdsl.backends.torch.writing import COPY, Change, Layout
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.tensor import Tensor

ENOUGH = 1.1
"""The code is left as it is if its peak is at most this many times the peak of running flat, node after node."""

WORTH = 10
"""Blocks are opened only if the peak falls by a tenth (1 / WORTH), since their callers then repeat their code."""

FEW = 6
"""The most members of a block that is opened."""


def lay_out(classes: Classes, root: str, write: Callable[[Body, Layout], Forward]) -> tuple[Layout, tuple[Step, ...]]:
    """The layout of all classes, and the steps of the emitted module with it: what is computed, what is released.

    It is that of the network at `root`, the path of its outermost scope. `write` writes the `forward` of a class.
    """
    graph = classes.outline.networks[root]
    needs = _Needs(graph)

    def run(layout: Layout, opens_blocks: bool) -> _Weighed:
        return _Weighed(classes, root, needs, partial(_statements, write, layout), opens_blocks)

    layout, steps = _changed(run, False)
    peak = inference(graph, steps).peak
    if peak > needs.enough:
        opened, further = _changed(run, True)
        if WORTH * (peak - inference(graph, further).peak) >= peak:
            return opened, further
    return layout, steps


def _changed(run: Callable[[Layout, bool], _Weighed], opens_blocks: bool) -> tuple[Layout, tuple[Step, ...]]:
    """A layout with all changes that lower the peak, and the steps of the emitted module with it.

    Line ends that were chosen before something was opened are decided again, since they may not be needed any more.
    """
    found, steps = _grown(run, frozenset(), opens_blocks)
    openings = frozenset(change for change in found if change.opens)
    return _grown(run, openings, opens_blocks) if openings and openings != found else (found, steps)


def _grown(
    run: Callable[[Layout, bool], _Weighed], layout: Layout, opens_blocks: bool
) -> tuple[Layout, tuple[Step, ...]]:
    """A layout to which changes are added until none would lower the peak further."""
    while True:
        weighed = run(layout, opens_blocks)
        steps = weighed.steps()
        more = weighed.remedies() - layout
        if not more:
            return layout, steps
        layout |= more


def _statements(write: Callable[[Body, Layout], Forward], layout: Layout, body: Body) -> Sequence[Statement]:
    return write(body, layout).statements


@dataclass(frozen=True, slots=True)
class _Excess:
    """A node at which more is held than is needed: the bytes that are held, and the values that could be released."""

    live: int
    savings: tuple[_Saving, ...]

    @property
    def least(self) -> int:
        return self.live - sum(saving.size for saving in self.savings)


class _Kind(IntEnum):
    """How a value is released, in the order of how much this complicates the code."""

    LINE = 0
    LOOP = 1
    BLOCK = 2


class _Remedy(NamedTuple):
    """A change that releases a value, or opens what has to be opened before it can be released."""

    change: Change
    kind: _Kind


@dataclass(frozen=True, slots=True)
class _Saving:
    """A value that nothing needs any more: its bytes, the changes that release it, and the costliest kind of these."""

    size: int
    changes: frozenset[Change]
    kind: _Kind


class _Needs:
    """The memory that the nodes of a graph need, in whatever order they run.

    `enough` is the peak to reach, in bytes. A place is a value that has its own memory: `sizes` has the bytes of each.
    `reads` are the places that a node reads, `own` the bytes of its outputs and those it needs only while it runs.
    `uses` says how often a place is read at inference.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.places = places(graph)
        self.sizes: dict[Value, int] = {}
        self.reads: dict[str, tuple[Value, ...]] = {}
        self.own: dict[str, tuple[int, int]] = {}
        self.uses: Counter[Value] = Counter()
        # Equal ops are one object in a compiled graph, so the memory for equal inputs is computed once.
        scratch: dict[tuple[int, tuple[Tensor, ...]], int] = {}
        for node in graph:
            made = [Value(node.id, port) for port in range(len(node.outputs))]
            kept = [value for value in made if self.places[value] == value]
            self.sizes |= {v: tensor_bytes(graph.tensor(v)) if not node.op.is_held else 0 for v in kept}
            self.reads[node.id] = tuple(self.places[value] for value in graph.inputs_of(node.id))
            own = sum(map(self.sizes.__getitem__, kept))
            key = id(node.op), graph.tensors_into(node.id)
            if key not in scratch:
                scratch[key] = node.op.scratch(*key[1]).size(4)
            self.own[node.id] = own, scratch[key]
            if node.id not in graph.training_only:
                self.uses.update(self.reads[node.id])
        for output in graph.outputs:
            if not output.training:
                self.uses.update(self.places[value] for value in output.values)
        self.enough = int(ENOUGH * self._peak(flat_steps(graph, self.places)))

    def _peak(self, steps: Sequence[Step]) -> int:
        """The most bytes that these steps hold at once."""
        now, peak = 0, 0
        for step in steps:
            made, meanwhile = self.own[step.node]
            now += made
            peak = max(peak, now + meanwhile)
            now -= sum(map(self.sizes.__getitem__, step.freed))
        return peak


class _Weighed(Run):
    """A pass that notes which values are held without need, at each node that holds more than `enough`."""

    def __init__(
        self,
        classes: Classes,
        root: str,
        needs: _Needs,
        statements: Callable[[Body], Sequence[Statement]],
        opens_blocks: bool,
    ) -> None:
        super().__init__(classes, root, needs.places, statements)
        self.needs, self.opens_blocks = needs, opens_blocks
        self.sizes = dict(needs.sizes)
        self._kinds: dict[Change, _Kind | None] = {}
        self.now = 0
        self.excesses: list[_Excess] = []
        self.left = Counter(needs.uses)

    def remedies(self) -> frozenset[Change]:
        """The changes to make: for each node, the simplest and largest savings, until it is down to `reachable`.

        Below this no change can bring the peak: it is the most that a node needs when nothing is held in vain.
        """
        reachable = max((self.needs.enough, *(excess.least for excess in self.excesses)))
        found: set[Change] = set()
        for excess in self.excesses:
            live = excess.live
            for saving in sorted(excess.savings, key=lambda saving: (saving.kind, -saving.size)):
                if live > reachable:
                    found |= saving.changes
                    live -= saving.size
        return frozenset(found)

    # --- weighing --------------------------------------------------------------------------

    def ran(self, node: Node) -> None:
        made, meanwhile = self.needs.own[node.id]
        self.weigh(made, meanwhile)
        for place in self.needs.reads[node.id]:
            self.left[place] -= 1

    def joined(self, node: Node, count: int, arguments: Sequence[Value], result: Value) -> None:
        if result not in self.sizes:
            self.sizes[result] = joined_bytes(self.needs.graph, node, count)
            self.left[result] = 1
        self.weigh(self.sizes[result], 0)
        for value in arguments:
            self.left[self.place(value)] -= 1

    def weigh(self, made: int, meanwhile: int) -> None:
        """Notes what is held while a node runs: `made` bytes for its outputs, and `meanwhile` while it runs."""
        self.now += made
        if self.now + meanwhile > self.needs.enough:
            self.excesses.append(_Excess(self.now + meanwhile, tuple(self._savings())))

    def gave_back(self, place: Value) -> None:
        super().gave_back(place)
        self.now -= self.sizes[place]

    def _savings(self) -> Iterator[_Saving]:
        """The saving of each value that nothing needs any more and that a change could release."""
        found: dict[Value, set[_Remedy | None]] = {}
        for place, remedy in self._held_in_vain():
            found.setdefault(place, set()).add(remedy)
        for place, remedies in found.items():
            known = [remedy for remedy in remedies if remedy is not None]
            if len(known) == len(remedies):
                changes = frozenset(remedy.change for remedy in known)
                yield _Saving(self.sizes[place], changes, max(remedy.kind for remedy in known))

    def _held_in_vain(self) -> Iterator[tuple[Value, _Remedy | None]]:
        """Values that are held without need, each with the change that would release it; None if there is none."""
        caller: Frame | None = None
        for place, call in enumerate(self.calls):
            if isinstance(call, Frame):
                caller = call
                yield from self._held_by_class(call)
            elif caller is not None and place + 1 < len(self.calls):
                remedy = self._opening(caller, self.calls[place + 1].scope)
                yield from ((value, remedy) for value in self._unneeded(call.flow))

    def _held_by_class(self, frame: Frame) -> Iterator[tuple[Value, _Remedy | None]]:
        running = frame.active[-1] if frame.active else Active(None)
        arguments = set(self._unneeded(running.arguments))
        opening = self._opening(frame) if arguments else None
        yield from ((place, opening) for place in arguments)
        for name, held in frame.variables.items():
            for place in self._unneeded(held):
                if place not in arguments:
                    path = self._last_reader(frame, place) if name in frame.passing else None
                    yield place, _Remedy(Change(frame.body.scope.path, path, False), _Kind.LINE) if path else None

    def _opening(self, frame: Frame, inner: Scope | None = None) -> _Remedy | None:
        """The change that opens the step that a class is calling.

        With `inner`, the step is a sequence that is calling the scope `inner`: the sequence has to be opened first.
        """
        running = frame.active[-1] if frame.active else Active(None)
        use = frame.body.scope.path
        if running.step is not None:
            change = Change(use, running.step.step.path, True)
        elif running.turns is not None and self.classes.form(running.turns.loop.container) is Form.COPIES:
            change = Change(use, f"{running.turns.path}.{COPY}", True)
        else:
            return None
        if change not in self._kinds:
            self._kinds[change] = self._kind_of(running)
        outer = self._kinds[change]
        kind = outer if inner is None else self._kind([inner])
        return None if outer is None or kind is None else _Remedy(change, max(outer, kind))

    def _kind_of(self, running: Active) -> _Kind | None:
        """The kind of change that opens the running step of a class. It is the same each time that the class runs."""
        if running.step is not None:
            return self._kind([member for member in running.step.step.members.values() if isinstance(member, Scope)])
        assert running.turns is not None
        loops = running.turns.loops.values()
        return self._kind([copy for loop in loops for copy in loop.copies], is_copy=True)

    def _kind(self, scopes: Sequence[Scope], is_copy: bool = False) -> _Kind | None:
        """The kind of change that opens these scopes, which are called at one place; None if they cannot be opened.

        They must be alike in every use. Copies are opened in their loop, whose turns then repeat the code of the copy.
        """
        forms = {self.classes.form(scope) for scope in scopes}
        if forms == {Form.COPIES}:
            loops = [plain_loop(self.outline, scope) for scope in scopes]
            turns = max(len(loop.copies) if loop else 0 for loop in loops)
            return _Kind.LOOP if all(loops) and turns > 1 and not is_copy else None
        rows = {tuple(member.name for member in self.outline.members(scope.path)) for scope in scopes}
        if len(rows) != 1:
            return None
        if forms == {Form.CHAIN} and not is_copy:
            return _Kind.LINE
        is_small = all(self._is_small(scope) for scope in scopes)
        return _Kind.BLOCK if self.opens_blocks and is_small else None

    def _is_small(self, scope: Scope) -> bool:
        """Whether a block is a chain of a few modules, and its weights are kept where it is called."""
        members = self.outline.members(scope.path)
        are_modules = all(isinstance(member, Node) or not self.classes.makes_nothing(member) for member in members)
        is_own = self.outline.is_own(scope) and not self.outline.borrowed[scope.path]
        return len(members) <= FEW and are_modules and is_own and self.outline.is_chain(scope)

    def _last_reader(self, frame: Frame, place: Value) -> str | None:
        """The path of the step in the running statement that has read a value and is done; None if there is none."""
        for active in reversed(frame.active):
            for source in active.step.inputs[: active.computed] if active.step else ():
                if isinstance(source, Applied) and self._reads(source, place, frame):
                    return source.step.path
        return None

    def _reads(self, source: Source, place: Value, frame: Frame) -> bool:
        if isinstance(source, Applied):
            return any(self._reads(inner, place, frame) for inner in source.inputs)
        return any(self.place(value) == place for value in frame.values(source))

    def _unneeded(self, values: Sequence[Value]) -> Iterator[Value]:
        for place in dict.fromkeys(map(self.place, values)):
            if not self.left[place] and self.sizes[place]:
                yield place
