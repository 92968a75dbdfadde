"""Writes the whole spec: the network with its stages and facts, and the blocks that it uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

from archdsl.analyses import totals
from archdsl.decompile.blocks import CLASSES, Block, Blocks
from archdsl.decompile.body import LIKE, STAGE, Body, Chain, Formula, Line, Step
from archdsl.decompile.draft import Draft
from archdsl.decompile.layout import Layout
from archdsl.decompile.numbers import Numbers, Use
from archdsl.decompile.words import block_name, free_name, value_name
from archdsl.decompile.write import Writer, header, indented, written_value
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph, Node, Output, Value
from archdsl.ir.recorded import Recorded
from archdsl.ops.base import REGISTRY, Family
from archdsl.passes.refuse_opaque import refuse_opaque
from archdsl.source import Source
from archdsl.syntax.parser import parse
from archdsl.syntax.printer import format_spec
from archdsl.tensor import Tensor

FEWEST_CUTS = 2
"""A stage in which maps become smaller at least as often is divided there."""

SHARED_ARGUMENTS = ("bias", "eps", "momentum", "slope")
"""Arguments that a network sets for all ops of a kind."""


def spec_of(graph: Graph, recorded: Mapping[str, Recorded] | None = None, origin: str = "") -> str:
    """The text of a spec that compiles to the same network.

    `recorded` has what is known of the regions' classes, by path; `origin` says where the network comes from. Raises
    `CompileError` for a network with operations that the language has no op for.
    """
    refuse_opaque(graph)
    _refuse_held(graph)
    text = _Spec(graph, recorded or {}, origin).text()
    return format_spec(parse(Source(origin or graph.header.name, text)))


def _refuse_held(graph: Graph) -> None:
    """Raises `CompileError` for ops that imports have and specs have not; one error for all nodes of an op."""
    nodes: dict[str, list[Node]] = {}
    for node in graph:
        if node.op.internal and node.op.name not in ("input", "learned"):
            nodes.setdefault(node.op.name, []).append(node)
    if nodes:
        problems = (_problem(same) for same in nodes.values())
        raise CompileError(list(problems))


def _problem(nodes: Sequence[Node]) -> Diagnostic:
    first, *others = nodes
    more = f" and {len(others):,} more are" if others else " is"
    said = f"{first.id}{more} `{first.op.name}`, which graphs of imported networks have, and specs have not"
    help = "write the graph, with a name that ends in .json after -o; `archdsl compile` then makes PyTorch of it"
    return Diagnostic("opaque-op", said, first.span, help=help)


class _Spec:
    def __init__(self, graph: Graph, recorded: Mapping[str, Recorded], origin: str) -> None:
        self.graph, self.origin = graph, origin
        self.draft = Draft(graph, recorded)
        self.blocks = Blocks(self.draft)
        self.root = self.draft.regions[""].recorded
        self.inputs = {
            Value(part.id): _input_name(part.id, len(graph.inputs))
            for part in self.draft.parts.values()
            if part.op.name == "input"
        }
        self.outputs = self.draft.outputs
        self.main = self.outputs[0].values[-1]
        results = ((value, output) for output in self.outputs for value in output.values)
        self.others = {value: output for value, output in results if value != self.main}
        """The outputs besides the last of the main one, by their values."""
        self.labels: dict[tuple[str, int], str] = {}
        self.taken = {*self.inputs.values(), *(output.name for output in self.outputs)}
        self.pieces = 0
        """How many stages there are that come from one which was divided."""
        self.unwritten = {output.name for output in self.outputs[1:]}
        self.body = self._laid_out()
        self.taken = set(self._written_names())
        self.numbers = Numbers([Use({}, 0, 0)], self.body, "input.channels")
        self.classes = self._enter_classes()
        self.resolution = self._resolution()
        self.usual = self._usual()
        self.writer = Writer(self.blocks.found, self.numbers, self.usual)

    # --- the flow of the network --------------------------------------------------------------

    def _laid_out(self) -> Body:
        """The lines of the network. Outputs that nothing else needs come last."""
        used = self.draft.users()
        aside = frozenset(v for v in self.others if all(isinstance(user, Output) for user in used[v]))
        gives = [value for value in (*self.others, self.main) if value not in self.inputs]
        layout = Layout(self.draft, "", self.blocks.borders, self.inputs, gives, self._stage)
        again = {self.main} if any(self.main in output.values for output in self.outputs[1:]) else set()
        return layout.body(self._label, aside, frozenset(self.others) - aside - self.inputs.keys() | again)

    def _stage(self, path: str) -> list[Step]:
        """A stage as one step."""
        if path in self.blocks.called or path in self.blocks.inlined:
            body = Body([Line(Chain((), self.blocks.steps(path, 0), {0}))])
        else:
            body = self.blocks.layout(path, 0, self._label)
        return [Step(STAGE + path, branches=[line.chain for line in body.lines], uses={0}, body=body)]

    def _label(self, member: str, port: int) -> str:
        """A name for a value that no other value, stage or input of the network has."""
        if (member, port) not in self.labels:
            self.labels[member, port] = self._free(self.blocks.label(member, port))
        return self.labels[member, port]

    def _written_names(self) -> Iterator[str]:
        """The names of the text: of all that were proposed, those that are used."""
        yield from (*self.inputs.values(), *(output.name for output in self.outputs))
        bodies = [self.body, *(step.body for line in self.body.lines for step in line.chain.steps if step.body)]
        for body in bodies:
            yield from (name for line in body.lines for name in line.names)
            yield from (name for name, _ in (*body.learned, *body.shared))
        for step in self.body.steps:
            if step.body:
                yield self._label("/" + step.name.removeprefix(STAGE), 0)

    # --- numbers of the network ----------------------------------------------------------------

    def _enter_classes(self) -> int | None:
        """The number of classes, which becomes a parameter: what the code was made with, if a last op has it."""
        classes = next((self.root.arguments[name] for name in CLASSES if name in self.root.arguments), None)
        found = None
        for step in self.body.steps:
            for hole, vector in step.holes.items():
                heavy = step.name in REGISTRY and REGISTRY[step.name].family in (Family.LINEAR, Family.CONV)
                if vector.get(0) == classes is not None and (hole == "classes" or (heavy and hole == "out")):
                    self.numbers.written[id(step), hole] = Formula("classes")
                    found = classes
        return found

    def _resolution(self) -> int | None:
        """The size of square images, which becomes a parameter."""
        shapes = [self.draft.tensor(value) for value in self.inputs]
        sizes = {size for tensor in shapes if tensor.rank == 3 for size in tensor.spatial}
        return sizes.pop() if len(sizes) == 1 else None

    def _usual(self) -> dict[str, dict[str, Any]]:
        """What most ops of a kind say, where it is not their default."""
        said: Counter[tuple[str, str, str]] = Counter()
        ops: Counter[str] = Counter()
        values: dict[tuple[str, str, str], Any] = {}
        for numbers, body in ((self.numbers, self.body), *((b.numbers, b.body) for b in self.blocks.found.values())):
            for step in body.steps:
                if step.name not in REGISTRY:
                    continue
                ops[step.name] += len(step.uses)
                for name in SHARED_ARGUMENTS:
                    value = numbers.written.get((id(step), name))
                    if value not in (None, LIKE) and not isinstance(value, Formula):
                        said[step.name, name, repr(value)] += len(step.uses)
                        values[step.name, name, repr(value)] = value
        usual: dict[str, dict[str, Any]] = {}
        for key, times in said.items():
            if 2 * times > ops[key[0]] > 1:
                usual.setdefault(key[0], {})[key[1]] = values[key]
        return usual

    # --- text ---------------------------------------------------------------------------------

    def text(self) -> str:
        lines = [f"network {block_name(self.graph.header.name)}:", *indented(self._network()), ""]
        if self.usual:
            calls = (
                f"{op}({', '.join(f'{n}={written_value(v, n)}' for n, v in row.items())})"
                for op, row in self.usual.items()
            )
            lines += [f"defaults: {', '.join(calls)}", ""]
        for block in self._used():
            lines += [
                header(block),
                *indented(Writer(self.blocks.found, block.numbers, self.usual).body(block.body)),
                "",
            ]
        return "\n".join(lines)

    def _used(self) -> list[Block]:
        """The blocks that are called, those of the network first."""
        found: dict[str, Block] = {}
        pending = [self.body]
        while pending:
            for step in pending.pop(0).steps:
                if step.is_call and step.name not in found:
                    found[step.name] = self.blocks.found[step.name]
                    pending.append(found[step.name].body)
        return list(found.values())

    def _network(self) -> Iterator[str]:
        if self.origin:
            origin = self.origin.replace('"', "'")
            yield f'"""Read from {origin}."""'
        if self.resolution:
            yield f"param resolution: int = {self.resolution}"
        if self.classes is not None:
            yield f"param classes: int = {self.classes}"
        yield ""
        for value, name in self.inputs.items():
            yield f"input {name}: {self._shape(self.draft.tensor(value))}"
        for name, dims in self.body.learned:
            yield f"learned {name}: {' x '.join(map(str, dims))}"
        for name, step in self.body.shared:
            yield f"shared {name} = {self.writer.call(step)}"
        stages: list[tuple[str, Value]] = []
        aside = {made: line for line in self.body.lines if (made := self._made(line)) in self.others and not line.names}
        flow = [line for line in self.body.lines if line not in aside.values()]
        for line in flow:
            yield from self._statements(line, line is flow[0], line is flow[-1], stages)
        yield from self._further(aside, flow)
        yield ""
        counted = totals.nodes_in(self.graph)
        params, macs = totals.parameters(self.graph, counted), totals.macs(self.graph, counted)
        yield f"expect params == {params:_}; macs == {macs:_}"
        if stages:
            yield "expect " + "; ".join(f"{name}.shape == {_dims(self.draft.tensor(value))}" for name, value in stages)

    def _further(self, aside: Mapping[Value, Line], flow: Sequence[Line]) -> Iterator[str]:
        """The outputs besides the main one, in order: a name, or the lines that lead to one from the flow."""
        named = dict(self.inputs)
        named |= {made: line.names[0] for line in flow if len(line.names) == 1 and (made := self._made(line))}
        further = [(value, output) for output in self.outputs[1:] for value in output.values]
        for value, output in [*((v, o) for v, o in self.others.items() if o.name == "output"), *further]:
            head = f"{self._output(output)}:"
            if value not in aside:
                yield f"{head} {named[value]}"
                continue
            chain = aside[value].chain
            rows: list[str] = []
            for number, (stage, row) in enumerate(_pieces(chain.steps)):
                begin = chain.start if number == 0 else ()
                rows += self._lines_of(row[0], begin) if stage else self.writer.line(Chain(begin, row, {0}))
            yield from _headed(head, [" -> ".join(rows)] if all(map(_is_plain, rows)) else rows)

    def _shape(self, tensor: Tensor) -> str:
        if self.resolution and tensor.rank == 3:
            return f"{tensor.channels} x resolution x resolution"
        return " x ".join(map(str, tensor.dims)) + (" of int" if tensor.kind == "int" else "")

    def _statements(self, line: Line, is_first: bool, is_last: bool, stages: list[tuple[str, Value]]) -> Iterator[str]:
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
                    first = not stages and blocks and not any(step.is_call for step in piece)
                    self.pieces += not first
                    name = "stem" if first else f"stage{self.pieces}"
                    yield from self._loose(name, piece, begin, stages)
                    begin = ()
                if not divided:
                    name = names[0] if names else self._label(f"/{stage}", 0)
                    yield from self._stage_text(name, row[0], begin)
                    assert row[0].value is not None, f"the stage {name} gives nothing"
                    stages.append((name, row[0].value))
            elif not stages and number == 0 and is_first and not begin and not last:
                yield from self._loose("stem", row, begin, stages)
            elif last and is_last and stages and not names:
                yield from self._loose("head", row, begin, stages)
            else:
                yield from self.writer.line(Chain(begin, list(row), {0}), names)

    def _divided(self, stage: Step, begin: tuple[str, ...]) -> list[list[Step]]:
        """The steps of a stage, divided where maps become smaller (after a pooling) and before its first block.

        One in which that happens less than twice is a stage by itself, and is not divided.
        """
        only = stage.body.only if stage.body else None
        if only is None or begin or any(step.value is None for step in only.steps):
            return []
        sizes = [prod(self.draft.tensor(step.value).spatial) for step in only.steps if step.value]
        calls = [place for place, step in enumerate(only.steps) if step.is_call][:1]
        smaller = [place for place in range(1, len(sizes)) if sizes[place] < sizes[place - 1]]
        if len(smaller) < FEWEST_CUTS:
            return []
        if not calls:
            smaller = [place + self._is_pooling(only.steps[place]) for place in smaller]
        cuts = sorted({0, *calls, *(place for place in smaller if not calls or place > calls[0]), len(sizes)})
        return [only.steps[start:end] for start, end in pairwise(cuts)]

    def _is_pooling(self, step: Step) -> bool:
        return step.name in REGISTRY and REGISTRY[step.name].family is Family.POOL

    def _output(self, output: Output) -> str:
        """The head of an output; one of several values has a number from the second on."""
        name = output.name if output.name in self.unwritten else self._free(output.name)
        self.unwritten.discard(output.name)
        return f"output {name}{' training' if output.training else ''}"

    def _made(self, line: Line) -> Value | None:
        """The value that a line gives."""
        return line.chain.steps[-1].value if line.chain.steps else None

    def _free(self, name: str) -> str:
        """A name that no value and no stage has; it is taken then."""
        free = free_name(name, self.taken)
        self.taken.add(free)
        return free

    def _loose(
        self, name: str, row: Sequence[Step], begin: tuple[str, ...], stages: list[tuple[str, Value]]
    ) -> Iterator[str]:
        name = self._free(name)
        yield from _headed(f"stage {name}:", list(self.writer.line(Chain(begin, list(row), {0}))))
        if name != "head" and row[-1].value:
            stages.append((name, row[-1].value))

    def _stage_text(self, name: str, step: Step, begin: tuple[str, ...]) -> Iterator[str]:
        yield from _headed(f"stage {name}:", self._lines_of(step, begin))

    def _lines_of(self, step: Step, begin: tuple[str, ...]) -> list[str]:
        """The lines of a stage, which begins with these values."""
        assert step.body is not None
        if begin and not step.body.lines[0].chain.start:
            step.body.lines[0].chain.start = begin
        return list(self.writer.body(step.body))


def _is_plain(row: str) -> bool:
    """Whether a line can stand in a chain with others: it holds no join in several lines, and names nothing."""
    return not row.startswith((" ", "if ", "learned ", "shared ")) and not row.endswith(":") and " as " not in row


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


def _headed(head: str, rows: Sequence[str]) -> list[str]:
    if len(rows) == 1 and len(head) + len(rows[0]) < 90:
        return [f"{head} {rows[0]}"]
    return [head, *indented(rows)]


def _input_name(id: str, count: int) -> str:
    return "image" if count == 1 and id in ("x", "input", "inputs", "image", "images", "img") else value_name(id)


def _dims(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.dims)) if tensor.rank > 1 else str(tensor.channels)
