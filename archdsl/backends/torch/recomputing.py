"""Chooses which segments of a network run again in the backward pass, for the code that is emitted for it.

    RECOMPUTED = {"Bottleneck.segment1": ("conv3.", "conv4.0."), "ResNet.segment1": (".",)}

The steps of each class and what flows between them are those of its `forward`; `archdsl.analyses.choosing` weighs them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archdsl.analyses.budget import Budget, Outcome, OverBudget
from archdsl.analyses.choosing import Chosen, Steps, Unreachable, chosen
from archdsl.analyses.recomputation import Recomputation
from archdsl.analyses.recomputation import Segment as Nodes
from archdsl.backends.python.code import Code, Line, Suite, Text
from archdsl.backends.python.layout import lay_out
from archdsl.backends.torch.bodies import Body, Call, If, Item, Turns, Wire, every
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.outline import Outline, absolute, relative
from archdsl.backends.torch.renaming import covering
from archdsl.backends.torch.segments import Cut, Segmented, is_plain, method_name
from archdsl.ir.graph import Graph, Node, Scope, Value

WIDE = 4000
"""The most pairs of a first and a last step that are weighed in one class; in longer classes, segments are short."""

WHOLE = "forward"

CONCATENATION = "torch.cat([{all}], dim=1)"

JOINED = "joined([{all}])"


STATES = 4
"""Numbers beside each learned one: itself, its gradient, and the two moments of Adam."""


@dataclass
class Recomputing:
    """The choice for one network: `cuts` has the segments of each class, `rows` the table of the file.

    `joins` are the concatenations of which the parts are kept: the `id`s of these steps.
    """

    outline: Outline
    done: Sequence[Construction]
    write: Callable[[Construction, Sequence[Cut]], Segmented]
    budget: Budget
    cuts: dict[int, list[Cut]] = field(default_factory=dict)
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    joins: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.graph = self.outline.graph
        self.owners = {
            path: (number, place) for number, one in enumerate(self.done) for place, path in enumerate(one.body.same)
        }
        self.nodes = self._nodes()
        self.network = Recomputation(self.graph, batch=self.budget.batch)
        self.concatenations: Mapping[str, int] = {}
        self.flowing: dict[Nodes, Sequence[Value]] = {}
        """By segment: the values that flow in, with concatenations as such."""
        before, fixed = self.network.kept(), self._fixed()
        most = int(self.budget.keep * before) if self.budget.keep is not None else self.budget.most - fixed
        found, nearest = self._choices(most)
        if not found:
            raise OverBudget(self._outcome(min(nearest, key=lambda one: one.kept + one.hidden), before, fixed))
        best = min(found, key=lambda one: one.macs)
        self.outcome = self._outcome(best, before, fixed)
        self._enter(best)

    def _choices(self, most: int) -> tuple[list[Chosen], list[Chosen]]:
        """The best choices, and those with the least memory: with concatenations as they are, and as their parts."""
        found: list[Chosen] = []
        nearest: list[Chosen] = []
        known = self._concatenations()
        for self.concatenations in ({}, known) if known else ({},):  # ways to keep what is concatenated
            classes = [self._steps(one) for one in self.done]
            try:
                found.append(chosen(self.network, classes, most, counts_hidden=self.budget.keep is None))
            except Unreachable as error:
                nearest.append(error.nearest)
        return found, nearest

    def _outcome(self, found: Chosen, before: int, fixed: int) -> Outcome:
        return Outcome(self.budget.batch, before, found.kept, found.hidden, fixed, self.network.macs, found.macs)

    def _fixed(self) -> int:
        """Bytes of weights, gradients, and the state of Adam, in single precision."""
        counted = {node.weights: node for node in self.graph}
        rows = [(node, self.graph.tensors_into(node.id)) for node in counted.values()]
        return 4 * sum(STATES * node.op.params(*tensors) + node.op.buffers(*tensors) for node, tensors in rows)

    def _nodes(self) -> Mapping[str, list[str]]:
        """The nodes in each scope, at any depth, in their order."""
        found: dict[str, list[str]] = {path: [] for path in self.graph.scopes}
        for node in self.graph:
            for scope in self.graph.ancestry(node.scope):
                found[scope.path].append(node.id)
        return found

    # --- the steps of a class --------------------------------------------------------------

    def _steps(self, one: Construction) -> Steps:
        body = one.body
        if not body.gives:
            return Steps(0, [{} for _ in body.same], [[] for _ in body.same])
        forward = self.write(one, ())
        items = forward.items
        cuts = list(self._cuts(one, items))
        segments: list[Mapping[Cut, Nodes]] = []
        inner: list[list[list[tuple[int, int]]]] = []
        wires = {cut: forward.segment(items, *cut, "").takes if cut != (0, len(items)) else body.takes for cut in cuts}
        for path, use in body.same.items():
            module = _Module(self, body, path, use)
            rows = [module.nodes(item) for item in items]
            segments.append({cut: module.segment(rows, cut, wires[cut]) for cut in cuts})
            inner.append([list(module.owned(item)) for item in items])
        return Steps(len(items), segments, inner)

    def _cuts(self, one: Construction, items: Sequence[Item]) -> Iterator[Cut]:
        """The segments that code can be written for."""
        body, count = one.body, len(items)
        scopes = [self.graph.scopes[path] for path in body.same]
        if any(scope.weights != scope.path for scope in scopes):
            return  # a module that is called at several places runs again for all of them, or for none
        if any(_is_inside(scope, body.same, self.graph) for scope in scopes):
            return  # a recursive block, whose modules have no paths that others do not begin with
        is_network = body.scope.parent is None
        if not is_network:
            yield 0, count
        if not is_plain(items) or self.outline.borrowed[body.scope.path]:
            return
        longest = max(8, WIDE // max(count, 1))
        barred = {place for place, item in enumerate(items) if self._is_barred(item)}
        for start in range(count):
            for stop in range(start + 1, min(count, start + longest) + 1):
                if stop - 1 in barred:
                    break
                if (start, stop) != (0, count) or is_network:
                    yield start, stop

    def _is_barred(self, item: Item) -> bool:
        """Whether a step is no computation, or serves only training."""
        if isinstance(item, Call):
            training = self.graph.training_only
            return self.outline.is_value(item.member) or all(wire.value.node in training for wire in item.gives)
        return not isinstance(item, If | Turns)

    # --- concatenations --------------------------------------------------------------------

    def _concatenations(self) -> Mapping[str, int]:
        """The nodes that concatenate values in one call, with the `id` of that step of their class."""
        found: dict[str, int] = {}
        for one in self.done:
            for item in every(self.write(one, ()).items):
                if id(item) in one.expressions and one.expressions[id(item)].text == CONCATENATION:
                    for path, use in one.body.same.items():
                        for member in _Module(self, one.body, path, use).members(item):
                            found[member.id if isinstance(member, Node) else member.path] = id(item)
        return {node: step for node, step in found.items() if not self.network.is_overwritten(Value(node))}

    def parts(self, values: Sequence[Value]) -> tuple[tuple[Value, ...], frozenset[Value]]:
        """What is kept of values: concatenations as their parts. Also, those parts that an inner concatenation has."""
        takes: dict[Value, None] = {}
        shared: set[Value] = set()
        for value in values:
            direct = self.graph.inputs_of(value.node) if value.node in self.concatenations else (value,)
            pending = list(direct)
            while pending:
                part = pending.pop(0)
                if part.node in self.concatenations:
                    pending = [*self.graph.inputs_of(part.node), *pending]
                    continue
                takes[part] = None
                shared.update([part] if part not in direct else [])
        return tuple(takes), frozenset(shared)

    def _joined(self, values: Sequence[Value]) -> Iterator[int]:
        """The steps that concatenate these values, or parts of them."""
        pending = [value for value in values if value.node in self.concatenations]
        seen: set[Value] = set()
        while pending:
            value = pending.pop()
            if value not in seen and value.node in self.concatenations:
                seen.add(value)
                yield self.concatenations[value.node]
                pending += self.graph.inputs_of(value.node)

    # --- what was chosen -------------------------------------------------------------------

    def _enter(self, found: Chosen) -> None:
        by_cut: dict[tuple[int, Cut], list[int]] = {}
        for place, segment in found.segments.items():
            if segment.takes != tuple(self.flowing[segment]):
                self.joins.update(self._joined(self.flowing[segment]))
            by_cut.setdefault((place.owner, (place.start, place.stop)), []).append(place.module)
        for owner, cut in sorted(by_cut):
            if not self._is_whole(owner, cut):
                self.cuts.setdefault(id(self.done[owner].body), []).append(cut)
        for (owner, cut), modules in sorted(by_cut.items()):
            one = self.done[owner]
            cuts = self.cuts.get(id(one.body), [])
            method = WHOLE if self._is_whole(owner, cut) else method_name(cuts.index(cut))
            self.rows[f"{one.title}.{method}"] = _starts([f"{path}." for path in one.body.same], modules)

    def _is_whole(self, owner: int, cut: Cut) -> bool:
        body = self.done[owner].body
        return body.scope.parent is not None and cut == (0, len(self.write(self.done[owner], ()).items))

    def mark(self) -> None:
        """Writes the chosen concatenations so that what they are made of is known."""
        for one in self.done:
            for step in self.joins & one.expressions.keys():
                one.expressions[step] = replace(one.expressions[step], text=JOINED)

    def changes(self, one: Construction) -> bool:
        """Whether the `forward` of a class has segments, or concatenations of which the parts are kept."""
        return id(one.body) in self.cuts or bool(self.joins & one.expressions.keys())

    def table(self) -> Text:
        """The table of the file that says what runs again."""
        rows = [
            f'"{name}": ({", ".join(f"{chr(34)}{start}{chr(34)}" for start in starts)},)'
            for name, starts in self.rows.items()
        ]
        text = "\n".join(lay_out(f"RECOMPUTED = {{{', '.join(rows)},}}" if rows else "RECOMPUTED = {}", 0))
        return Text(f'{text}\n"""{TABLE}"""')


TABLE = "Methods that run again in the backward pass, and what the paths of their modules begin with."

DOC = "Let methods in `RECOMPUTED` run again in the backward pass, which keeps less for it."


def switch_lines() -> tuple[Code, ...]:
    """The lines of the method `checkpointing`."""
    test = 'if type(block).__name__ == owner and f"{path}.".startswith(starts):'
    run = Line("run = partial(getattr(type(block), method), block)")
    change = Suite(test, (run, Line("setattr(block, method, partial(recomputed, block, run) if on else run)")))
    each = (Line('owner, method = name.split(".")'), change)
    rows = Suite("for name, starts in RECOMPUTED.items():", each)
    return (Suite("for path, block in self.named_modules():", (rows,)),)


def _starts(paths: Sequence[str], chosen: Sequence[int]) -> tuple[str, ...]:
    """What the chosen paths begin with, and no other does."""
    numbers = set(chosen)
    if len(numbers) == len(paths):
        return ("",)
    return covering([paths[n] for n in sorted(numbers)], [path for n, path in enumerate(paths) if n not in numbers])


def _is_inside(scope: Scope, paths: Container[str], graph: Graph) -> bool:
    """Whether a scope lies inside of one at these paths."""
    return any(outer.path in paths for outer in graph.ancestry(scope.path)[1:])


def _quoted(text: str) -> str:
    return f'"{text}"'


class _Module:
    """One module of a class: the nodes of its steps. `use` is the number of the use that it is equal to."""

    def __init__(self, network: Recomputing, body: Body, path: str, use: int) -> None:
        self.network, self.body, self.path, self.use = network, body, path, use
        self.like = body.uses[use].path

    def _moved(self, path: str) -> str:
        """A path in the module that is like this one, as a path in this one."""
        return self.path + path[len(self.like) :]

    def value(self, wire: Wire) -> Value | None:
        """The value of a wire; None if this module has none."""
        value = wire.values.get(self.use)
        if value is None or self.path == self.like:
            return value
        like, own = self.body.uses[self.use], self.network.graph.scopes[self.path]
        takes = self.network.outline.takes
        return absolute(relative(value, like, takes(like)), own, takes(own))

    def members(self, item: Item) -> Iterator[Node | Scope]:
        """The nodes and scopes that a step runs."""
        graph = self.network.graph
        if isinstance(item, If):
            choice = item.choices.get(self.use)
            for one in item.arms.get(choice.taken, ()) if choice else ():
                yield from self.members(one)
        elif isinstance(item, Turns):
            loop = item.loops.get(self.use)
            yield from (graph.scopes[self._moved(copy.path)] for copy in (loop.copies if loop else ()))
        else:
            member = item.members.get(self.use)
            if member is not None:
                yield self.network.outline.member(self._moved(member.id if isinstance(member, Node) else member.path))

    def nodes(self, item: Item) -> list[str]:
        """The nodes that a step runs."""
        found: list[str] = []
        for member in self.members(item):
            found += [member.id] if isinstance(member, Node) else self.network.nodes[member.path]
        return found

    def segment(self, rows: Sequence[Sequence[str]], cut: Cut, wires: Sequence[Wire]) -> Nodes:
        """The nodes of several steps, and the values that flow into them."""
        nodes = [id for row in rows[cut[0] : cut[1]] for id in row]
        nodes.sort(key=self.network.graph.places.__getitem__)
        values = [value for value in (self.value(wire) for wire in wires) if value is not None]
        takes, shared = self.network.parts(values)
        found = Nodes(tuple(nodes), takes, shared)
        self.network.flowing[found] = values
        return found

    def owned(self, item: Item) -> Iterator[tuple[int, int]]:
        """The modules of classes that a step calls."""
        if isinstance(item, Turns) and item.opened:
            return
        for member in self.members(item):
            yield from self._owned(member)

    def _owned(self, member: Node | Scope) -> Iterator[tuple[int, int]]:
        if not isinstance(member, Scope):
            return
        owner = self.network.owners.get(member.path)
        if owner is not None:
            yield owner
            return
        for inner in self.network.outline.members(member.path):
            yield from self._owned(inner)
