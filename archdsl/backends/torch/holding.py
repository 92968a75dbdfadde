"""Lets go of values early: where the lines of a `forward` end, and which sequences are called member by member.

`x = self.conv2(x)` holds the large `x` as long as the whole stage runs, though only the pooling at its start needs it:

    x = self.conv2.max_pool(x)
    x = self.conv2.unit(x)

And `return self.bn(self.conv(y)) + self.shortcut(x)` holds `y` until the sum, though only the convolution needs it:

    y = self.bn(self.conv(y))
    return y + self.shortcut(x)

A line of code is worth having only where it lowers the most that the network holds at once. So the forward pass is
followed; of the nodes at which more is held than has to be, those count whose memory is above what can be reached at
all. What can be done there is done, for all of them at once, and the pass is followed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from archdsl.analyses.memory import Step, flat, inference, joined_bytes, places, tensor_bytes
from archdsl.backends.torch.classes import Body, Call, Classes
from archdsl.backends.torch.follow import Active, Frame, Run
from archdsl.backends.torch.forward import Change, Forward, Layout, Words
from archdsl.backends.torch.loops import plain_loop
from archdsl.backends.torch.outline import Form, Member
from archdsl.backends.torch.statements import Applied, Source, Statement
from archdsl.ir.graph import Graph, Node, Scope, Value

ENOUGH = 1.1
"""How much of what running flat holds is near enough to leave the code as it comes."""

ROUNDS = 8
"""How deep sequences may lie in each other and still be opened."""


def lay_out(
    classes: Classes, root: str, words: Callable[[Body], Words], write: Callable[[Words, Layout], Forward]
) -> tuple[Layout, tuple[Step, ...]]:
    """The layout of all classes, and when the emitted module then computes and lets go of what.

    It is that of the network at `root`, the path of its outermost scope.
    """
    needs = _Needs(classes.outline.networks[root])
    layout: Layout = frozenset()
    for _ in range(ROUNDS):
        run = _Weighed(classes, root, needs, partial(_statements, words, write, layout))
        steps = run.steps()
        more = run.remedies() - layout
        if not more:
            break
        layout |= more
    return layout, steps


def _statements(
    words: Callable[[Body], Words], write: Callable[[Words, Layout], Forward], layout: Layout, body: Body
) -> Sequence[Statement]:
    return write(words(body), layout).statements


@dataclass(frozen=True, slots=True)
class _Excess:
    """A node at which more is held than is needed: how much lives, and what could be saved."""

    live: int
    savings: tuple[_Saving, ...]

    @property
    def least(self) -> int:
        return self.live - sum(saving.size for saving in self.savings)


@dataclass(frozen=True, slots=True)
class _Remedy:
    """What would let go of a value: a change, if it is known yet. `loops`: it is a loop over copies."""

    change: Change | None
    is_possible: bool
    loops: bool


NONE = _Remedy(None, False, False)


@dataclass(frozen=True, slots=True)
class _Saving:
    """The bytes of a value that nothing needs any more, and the changes that let go of it. `loops`: one is a loop."""

    size: int
    changes: frozenset[Change]
    loops: bool


class _Needs:
    """What the nodes of a graph need, whoever runs them.

    `enough` is the peak that is aimed at. `sizes` are by place; `reads` are the places that a node reads, `own` the
    bytes that it takes for its outputs and while it runs. `uses` says how often a place is read at inference.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.places = places(graph)
        self.enough = int(ENOUGH * inference(graph, flat(graph)).peak)
        self.sizes: dict[Value, int] = {}
        self.reads: dict[str, tuple[Value, ...]] = {}
        self.own: dict[str, tuple[int, int]] = {}
        self.uses: Counter[Value] = Counter()
        for node in graph:
            made = [Value(node.id, port) for port in range(len(node.outputs))]
            kept = [value for value in made if self.places[value] == value]
            self.sizes |= {v: tensor_bytes(graph.tensor(v)) if node.op.name != "input" else 0 for v in kept}
            self.reads[node.id] = tuple(self.places[value] for value in graph.inputs_of(node.id))
            own = sum(map(self.sizes.__getitem__, kept))
            self.own[node.id] = own, node.op.scratch(*graph.tensors_into(node.id)).size(4)
            if node.id not in graph.training_only:
                self.uses.update(self.reads[node.id])
        for output in graph.outputs:
            if not output.training:
                self.uses.update(self.places[value] for value in output.values)


class _Weighed(Run):
    """A pass that notes, at each node that needs more than is aimed at, what is held without being needed any more."""

    def __init__(
        self, classes: Classes, root: str, needs: _Needs, statements: Callable[[Body], Sequence[Statement]]
    ) -> None:
        super().__init__(classes, root, needs.places, statements)
        self.needs = needs
        self.sizes = dict(needs.sizes)
        self.now = 0
        self.excesses: list[_Excess] = []
        self.left = Counter(needs.uses)

    def remedies(self) -> frozenset[Change]:
        """The places to change: enough of them, the largest savings first, to come to what can be reached at all."""
        reachable = max((self.needs.enough, *(excess.least for excess in self.excesses)))
        found: set[Change] = set()
        for excess in self.excesses:
            live = excess.live
            for saving in sorted(excess.savings, key=lambda saving: (saving.loops, -saving.size)):
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
        """Notes what is held while a node runs that takes so many bytes for what it makes, and more meanwhile."""
        self.now += made
        if self.now + meanwhile > self.needs.enough:
            self.excesses.append(_Excess(self.now + meanwhile, tuple(self._savings())))

    def gave_back(self, place: Value) -> None:
        super().gave_back(place)
        self.now -= self.sizes[place]

    def _savings(self) -> Iterator[_Saving]:
        """What each value that nothing needs any more and that can be let go of would save."""
        found: dict[Value, set[_Remedy]] = {}
        for place, remedy in self._held_in_vain():
            found.setdefault(place, set()).add(remedy)
        for place, remedies in found.items():
            if NONE not in remedies:
                changes = frozenset(remedy.change for remedy in remedies if remedy.change is not None)
                yield _Saving(self.sizes[place], changes, any(remedy.loops for remedy in remedies))

    def _held_in_vain(self) -> Iterator[tuple[Value, _Remedy]]:
        """Values that are held though not needed, each with what would let go of it."""
        for depth, call in enumerate(self.calls):
            if isinstance(call, Frame):
                yield from self._held_by_class(call)
            elif not isinstance(self.calls[depth - 1], Frame):
                remedy = _Remedy(None, True, self._is_loop(call.scope))  # once the sequence around it is opened
                yield from ((place, remedy) for place in self._unneeded(call.arguments))

    def _held_by_class(self, frame: Frame) -> Iterator[tuple[Value, _Remedy]]:
        use = frame.body.scope.path
        running = frame.active[-1] if frame.active else Active(None)
        step = running.step.step if running.step else None
        arguments = set(self._unneeded(running.arguments))
        opening = NONE
        if arguments and step is not None and self._can_be_opened(step):
            opening = _Remedy(Change(use, step.path, True), True, self._is_loop(step.member))
        yield from ((place, opening) for place in arguments)
        for name, held in frame.variables.items():
            for place in self._unneeded(held):
                if place not in arguments:
                    path = self._last_reader(frame, place) if name in frame.passing else None
                    yield place, _Remedy(Change(use, path, False), True, False) if path else NONE

    def _can_be_opened(self, step: Call) -> bool:
        """Whether a step is a sequence, in every use of the class alike."""
        scopes = [member for member in step.members.values() if isinstance(member, Scope)]
        forms = {self.classes.form(scope) for scope in scopes}
        if forms == {Form.COPIES}:
            return all(plain_loop(self.outline, scope) for scope in scopes)
        names = {tuple(member.name for member in self.outline.members(scope.path)) for scope in scopes}
        return forms == {Form.CHAIN} and len(names) == 1

    def _is_loop(self, member: Member) -> bool:
        return isinstance(member, Scope) and self.classes.form(member) is Form.COPIES

    def _last_reader(self, frame: Frame, place: Value) -> str | None:
        """Of the statement that runs: the part that has read a value and is done."""
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
