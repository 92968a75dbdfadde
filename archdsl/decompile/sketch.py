"""Lays out one network as the statements of a spec: its stages, what is between them, and its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from archdsl.decompile.blocks import Blocks
from archdsl.decompile.body import STAGE, Body, Chain, Line, Step, chains
from archdsl.decompile.draft import Draft, Region
from archdsl.decompile.layout import Layout
from archdsl.decompile.unify import rename
from archdsl.decompile.words import free_name, value_name
from archdsl.ir.graph import Output, Value
from archdsl.ops.base import Family
from archdsl.ops.registry import REGISTRY

FEWEST_CUTS = 2
"""A stage in which maps become smaller at least as often is divided there."""


@dataclass(eq=False, slots=True)
class Statement:
    """Lines under one head. `value` is what a stage gives, whose shape is a fact of the spec.

    `name` is that of the stage; lines between stages have neither name nor head.
    """

    head: str
    body: Body
    name: str = ""
    value: Value | None = None
    is_output: bool = False


class Sketch:
    """The statements of one network; `use` is its number among the networks of the spec."""

    def __init__(self, draft: Draft, blocks: Blocks, use: int) -> None:
        self.draft, self.blocks, self.use = draft, blocks, use
        self.root = draft.regions[""].recorded
        self.ops = frozenset(part.op.name for part in draft.parts.values())
        """The ops that the text may call: a value of such a name would stand for itself there."""
        inputs = [part.id for part in draft.parts.values() if part.op.name == "input"]
        self.inputs = {Value(id): self._apart(_input_name(id, len(inputs)), "in") for id in inputs}
        self.main = draft.outputs[0].values[-1]
        results = ((value, output) for output in draft.outputs for value in output.values)
        self.others = {value: output for value, output in results if value != self.main}
        """The outputs besides the last of the main one, by their values."""
        self.labels: dict[tuple[str, int], str] = {}
        self.stages: dict[Region, Step] = {}
        self.outputs = self._output_names()
        """The names of outputs in the text, by their own."""
        self.taken = {*self.inputs.values(), *self.outputs.values()}
        self.pieces = 0
        """How many stages there are that come from one which was divided."""
        self.unwritten = {output.name for output in draft.outputs[1:]}
        self.body = self._laid_out()
        self.taken = set(self._written_names())
        self.statements = list(self._statements())

    def _apart(self, name: str, suffix: str) -> str:
        """A name that is no op's in this text."""
        return f"{name}_{suffix}" if name in self.ops else name

    def _output_names(self) -> dict[str, str]:
        found: dict[str, str] = {}
        own = {output.name for output in self.draft.outputs} - self.ops
        for output in self.draft.outputs:
            name = self._apart(output.name, "out")
            found[output.name] = name if name == output.name else free_name(name, own | set(found.values()))
        return found

    @property
    def resolution(self) -> int | None:
        """The size of square images, which becomes a parameter."""
        shapes = [self.draft.tensor(value) for value in self.inputs]
        sizes = {size for tensor in shapes if tensor.rank == 3 for size in tensor.spatial}
        return sizes.pop() if len(sizes) == 1 else None

    # --- the flow of the network --------------------------------------------------------------

    def _laid_out(self) -> Body:
        """The lines of the network. Outputs that nothing else needs come last."""
        used = self.draft.users()
        aside = frozenset(
            value
            for value in self.others
            if all(isinstance(user, Output) for user in used[value]) and len(self.draft.parts[value.node].outputs) == 1
        )
        gives = [value for value in (*self.others, self.main) if value not in self.inputs]
        root = self.draft.regions[""]
        layout = Layout(root, self.blocks.borders, self.inputs, gives, self._stage, self.use)
        again = {self.main} if any(self.main in output.values for output in self.draft.outputs[1:]) else set()
        return layout.body(self._label, aside, frozenset(self.others) - aside - self.inputs.keys() | again)

    def _stage(self, region: Region) -> list[Step]:
        """A stage as one step, which is laid out once."""
        if region not in self.stages:
            self.stages[region] = self._laid_out_stage(region)
        return [self.stages[region]]

    def _laid_out_stage(self, region: Region) -> Step:
        """A stage that is no call has names of its own for further values, which are replaced when these have names."""
        values: tuple[str, ...] = ()
        if region in self.blocks.called or region in self.blocks.inlined:
            body = Body([Line(Chain((), self.blocks.steps(region, self.use), {self.use}))])
        else:
            body = self.blocks.layout(region, self.use, self._label)
            values = self.blocks.ports(region)[1:]
        chains = [line.chain for line in body.lines]
        return Step(STAGE + region.path, branches=chains, uses={self.use}, values=values, body=body)

    def _label(self, member: str, port: int) -> str:
        """A name for a value that no other value, stage or input of the network has."""
        if (member, port) not in self.labels:
            self.labels[member, port] = self._free(self.blocks.label(self.draft, member, port))
        return self.labels[member, port]

    def _written_names(self) -> Iterator[str]:
        """The names of the text: of all that were proposed, those that are used."""
        yield from (*self.inputs.values(), *self.outputs.values())
        bodies = [self.body, *(step.body for line in self.body.lines for step in line.chain.steps if step.body)]
        for body in bodies:
            yield from (name for line in body.lines for name in line.names)
            yield from (name for name, _ in (*body.learned, *body.shared, *body.fixed))
        for step in self.body.steps:
            if step.body:
                yield self._label("/" + step.name.removeprefix(STAGE), 0)

    def _free(self, name: str) -> str:
        """A name that no value and no stage has; it is taken then."""
        free = free_name(name, self.taken)
        self.taken.add(free)
        return free

    # --- statements -----------------------------------------------------------------------------

    def _statements(self) -> Iterator[Statement]:
        aside = {made: line for line in self.body.lines if (made := _made(line)) in self.others and not line.names}
        flow = [line for line in self.body.lines if line not in aside.values()]
        staged = False
        for line in flow:
            for statement in self._of_line(line, line is flow[0], line is flow[-1], staged):
                staged = staged or bool(statement.value)
                yield statement
        named = self._named(flow)
        if flow and len(flow[-1].names) > 1:
            yield Statement("", Body([Line(Chain((named[self.main],), [], {self.use}))]))
        yield from self._further(aside, named)

    def _named(self, flow: Sequence[Line]) -> dict[Value, str]:
        """The names that inputs and values have after these lines."""
        named = dict(self.inputs)
        for line in flow:
            made = _made(line)
            if made and len(line.names) == 1:
                named[made] = line.names[0]
            elif made:
                named |= {Value(made.node, port): name for port, name in enumerate(line.names)}
        return named

    def _of_line(self, line: Line, is_first: bool, is_last: bool, staged: bool) -> Iterator[Statement]:
        """A line of the network: its stages, and what is between them."""
        chain = line.chain
        pieces = list(_pieces(chain.steps))
        for number, (stage, row) in enumerate(pieces):
            begin = chain.start if number == 0 else ()
            last = number == len(pieces) - 1
            names = line.names if last else ()
            if stage is not None:
                divided = () if names else self._divided(row[0], begin)
                for piece in divided:
                    blocks = any(step.is_call for part in divided for step in part)
                    first = not staged and blocks and not any(step.is_call for step in piece)
                    self.pieces += not first
                    yield self._loose("stem" if first else f"stage{self.pieces}", piece, begin)
                    begin, staged = (), True
                if not divided:
                    name = names[0] if names else self._label(f"/{stage}", 0)
                    assert row[0].value is not None, f"the stage {name} gives nothing"
                    yield Statement(f"stage {name}:", self._begun(row[0], begin), name, row[0].value)
                    staged = True
            elif not staged and number == 0 and is_first and not begin and not last:
                yield self._loose("stem", row, begin)
                staged = True
            elif last and is_last and staged and not names:
                yield self._loose("head", row, begin)
            else:
                yield Statement("", Body([Line(Chain(begin, list(row), {self.use}), names)]))

    def _begun(self, stage: Step, begin: tuple[str, ...]) -> Body:
        """The lines of a stage, which begins with these values."""
        assert stage.body is not None
        region = self.draft.regions[stage.name.removeprefix(STAGE)]
        if stage.values:
            rename(stage.body, dict(zip(self.blocks.ports(region)[1:], stage.values, strict=True)))
        if begin:
            stage.body.begin_with(begin)
        if len(begin) == 1:
            _rename_input(stage.body, begin[0])
        return stage.body

    def _divided(self, stage: Step, begin: tuple[str, ...]) -> list[list[Step]]:
        """The steps of a stage, divided where maps become smaller (after a pooling) and before its first block.

        One in which that happens less than twice is a stage by itself, and is not divided.
        """
        only = stage.body.only if stage.body else None
        if only is None or begin or any(step.value is None for step in only.steps):
            return []
        sizes = [prod(self.draft.tensor(step.value).spatial) for step in only.steps if step.value]
        calls = [place for place, step in enumerate(only.steps) if step.is_call]
        smaller = [place for place in range(1, len(sizes)) if sizes[place] < sizes[place - 1]]
        if len(smaller) < FEWEST_CUTS:
            return []
        if not calls or calls[0] == 0:
            smaller = [place + _is_pooling(only.steps[place]) for place in smaller]
        else:
            smaller = [self._after_calls(only.steps, place) for place in smaller if place > calls[0]]
        cuts = sorted({0, *calls[:1], *smaller, len(sizes)})
        return [only.steps[start:end] for start, end in pairwise(cuts)]

    def _after_calls(self, row: Sequence[Step], place: int) -> int:
        """Where a stage begins in which maps become smaller: with the plain ops after the last block before."""
        while not row[place].is_call and not row[place - 1].is_call:
            place -= 1
        return place

    def _loose(self, name: str, row: Sequence[Step], begin: tuple[str, ...]) -> Statement:
        name = self._free(name)
        body = Body([Line(Chain(begin, list(row), {self.use}))])
        return Statement(f"stage {name}:", body, name, row[-1].value if name != "head" else None)

    def _further(self, aside: Mapping[Value, Line], named: Mapping[Value, str]) -> Iterator[Statement]:
        """The outputs besides the main one, in order: a name, or the lines that lead to one from the flow."""
        further = [(value, output) for output in self.draft.outputs[1:] for value in output.values]
        for value, output in [*((v, o) for v, o in self.others.items() if o.name == "output"), *further]:
            head = f"{self._output(output)}:"
            if value in aside:
                yield Statement(head, self._aside(aside[value].chain), is_output=True)
            else:
                yield Statement(head, Body([Line(Chain((named[value],), [], {self.use}))]), is_output=True)

    def _aside(self, chain: Chain) -> Body:
        """The lines of an output that comes last, those of its stages among them."""
        found = Body([])
        for number, (stage, row) in enumerate(_pieces(chain.steps)):
            begin = chain.start if number == 0 else ()
            body = self._begun(row[0], begin) if stage else Body([Line(Chain(begin, list(row), {self.use}))])
            declared = found.learned + body.learned, found.shared + body.shared, found.fixed + body.fixed
            found = Body([*found.lines, *body.lines], (), *declared)
        return found

    def _output(self, output: Output) -> str:
        """The head of an output; one of several values has a number from the second on."""
        name = self.outputs[output.name]
        name = name if output.name in self.unwritten else self._free(name)
        self.unwritten.discard(output.name)
        return f"output {name}{' training' if output.training else ''}"


def _is_pooling(step: Step) -> bool:
    return step.name in REGISTRY and REGISTRY[step.name].family is Family.POOL


def _made(line: Line) -> Value | None:
    """The value that a line gives."""
    return line.chain.steps[-1].value if line.chain.steps else None


def _rename_input(body: Body, name: str) -> None:
    """Calls what flows into a stage by its name, where the stage does not begin with what flows before it."""
    for chain in chains(body.lines):
        chain.start = tuple(name if start == "input" else start for start in chain.start)
        for step in chain.steps:
            step.values = tuple(name if value == "input" else value for value in step.values)


def _pieces(row: Iterable[Step]) -> Iterator[tuple[str | None, list[Step]]]:
    """Stages, and the steps between them."""
    loose: list[Step] = []
    for step in row:
        if step.name.startswith(STAGE):
            if loose:
                yield None, loose
            loose = []
            yield step.name.removeprefix(STAGE), [step]
        else:
            loose.append(step)
    if loose:
        yield None, loose


def _input_name(id: str, count: int) -> str:
    return "image" if count == 1 and id in ("x", "input", "inputs", "image", "images", "img") else value_name(id)
