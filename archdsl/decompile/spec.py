"""Writes the whole spec: the network with its stages, variants and facts, and the blocks that it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote
from textwrap import fill

from archdsl.analyses import totals
from archdsl.decompile.blocks import CLASSES, Block, Blocks
from archdsl.decompile.body import UNIT, Formula, Step
from archdsl.decompile.idioms import drafted
from archdsl.decompile.numbers import Row
from archdsl.decompile.repeats import enclose_repeats
from archdsl.decompile.settings import Settings, assigned, declared
from archdsl.decompile.sketch import Sketch, Statement
from archdsl.decompile.usual import take_out_settings, usual
from archdsl.decompile.variants import Apart, together, variant_names
from archdsl.decompile.words import block_name, free_name
from archdsl.decompile.write import Writer, header, indented, written_value
from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.ir.graph import Graph
from archdsl.ir.recorded import Recorded
from archdsl.ops.base import Family
from archdsl.ops.registry import REGISTRY
from archdsl.source import Source
from archdsl.syntax.parser import parse
from archdsl.syntax.printer import format_spec
from archdsl.tensor import Tensor

LONGEST_LINE = 84
"""How many letters a line of prose has at most."""


@dataclass(frozen=True, slots=True)
class Member:
    """A network of a spec. `recorded` has what is known of the classes of its regions, `origin` where it comes from."""

    graph: Graph
    recorded: Mapping[str, Recorded] = field(default_factory=dict)
    origin: str = ""


def spec_of(graph: Graph, recorded: Mapping[str, Recorded] | None = None, origin: str = "") -> str:
    """The text of a spec that compiles to the same network.

    `recorded` has what is known of the regions' classes, by path; `origin` says where the network comes from. Raises
    `CompileError` for a network with operations that the language has no op for.
    """
    return spec_of_all([Member(graph, recorded or {}, origin)])[0]


def spec_of_all(members: Sequence[Member]) -> tuple[str, list[str]]:
    """The text of a spec with a variant for each network, and the names of the variants; of one network, without any.

    Raises `CompileError` for networks of which no text says all, and as `spec_of` does.
    """
    try:
        spec = _Spec(members)
    except Apart as apart:
        raise CompileError([_apart(apart, members)]) from None
    origin = members[0].origin or members[0].graph.header.name
    return format_spec(parse(Source(origin, spec.text()))), spec.variants


def _apart(apart: Apart, members: Sequence[Member]) -> Diagnostic:
    first, other = members[apart.first].origin, members[apart.second].origin
    notes = (Note(f"{first} has {apart.one}"), Note(f"{other} has {apart.other}"))
    help = f"write {other} as a spec of its own: `archdsl import {quote(other)} -o {_file(other)}`"
    said = f"{first} and {other} are no variants of one network: they part {apart.place}"
    return Diagnostic("unlike-networks", said, notes=notes, help=help)


def _file(origin: str) -> str:
    return f"{origin.partition(':')[2].partition('(')[0].rpartition('.')[2]}.arch"


class _Spec:
    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self.variants = variant_names([member.origin for member in members]) if len(members) > 1 else []
        drafts = [drafted(member.graph, member.recorded) for member in members]
        taken_out: Mapping[tuple[str, str], Row] = {}
        if self.variants:
            enclose_repeats(drafts)
            taken_out = take_out_settings(drafts)
        self.blocks = Blocks(drafts)
        self.sketches = [Sketch(draft, self.blocks, use) for use, draft in enumerate(drafts)]
        self.first = self.sketches[0]
        self.whole = together(self.sketches, self.blocks)
        taken = self._taken()
        self.taken_out = {key: (free_name("_".join(key), taken), row) for key, row in taken_out.items()}
        taken |= {name for name, _ in self.taken_out.values()}
        arguments = [sketch.root.arguments for sketch in self.sketches]
        self.numbers = Settings(arguments, self.whole.body, taken, self._stages())
        self.classes = self._enter_classes()
        self.resolutions = self._resolutions()
        texts = [(self.numbers, self.whole.body), *((b.numbers, b.body) for b in self.blocks.found.values())]
        self.usual = usual(texts)
        self.writer = Writer(self.blocks.found, self.numbers, self.usual)

    def _taken(self) -> set[str]:
        """Names that no parameter can have."""
        values = {name for sketch in self.sketches for name in sketch.taken}
        return {"resolution", "classes", *self.blocks.found, *values}

    def _stages(self) -> dict[int, str]:
        """The stage of each step, by the step's `id`."""
        return {id(step): s.name for s in self.whole.statements for step in s.body.steps if s.name}

    # --- settings --------------------------------------------------------------------------------

    def _enter_classes(self) -> Row | None:
        """The number of classes, which becomes a parameter: what the code was made with, if a last op has it."""
        rows = [
            next((s.root.arguments[name] for name in CLASSES if name in s.root.arguments), None) for s in self.sketches
        ]
        found = None
        for step in self.whole.body.steps:
            for hole, vector in step.holes.items():
                heavy = step.name in REGISTRY and REGISTRY[step.name].family in (Family.LINEAR, Family.CONV)
                same = None not in rows and all(vector.get(use) == row for use, row in enumerate(rows))
                if same and (hole == "classes" or (heavy and hole == "out")):
                    self.numbers.written[id(step), hole] = Formula("classes")
                    found = rows
        return found

    def _resolutions(self) -> Row | None:
        """The sizes of square images, which become a parameter."""
        found = [sketch.resolution for sketch in self.sketches]
        return found if all(found) else None

    def _parameters(self) -> Iterator[tuple[str, Row]]:
        """The parameters of the network with their values in each variant."""
        if self.resolutions:
            yield "resolution", self.resolutions
        if self.classes:
            yield "classes", self.classes
        if self.variants:
            yield from sorted(self.numbers.settings().items(), key=lambda item: not isinstance(item[1][0], Formula))
            yield from self.taken_out.values()

    # --- text ------------------------------------------------------------------------------------

    def text(self) -> str:
        lines = [f"network {block_name(self.members[0].graph.header.name)}:", *indented(self._network()), ""]
        if self.usual:
            calls = (
                f"{op}({', '.join(f'{n}={written_value(v, n)}' for n, v in row.items())})"
                for op, row in self.usual.items()
            )
            lines += [f"defaults: {', '.join(calls)}", ""]
        for block in self._used():
            writer = Writer(self.blocks.found, block.numbers, self.usual)
            lines += [header(block), *indented(writer.body(block.body)), ""]
        return "\n".join(lines)

    def _used(self) -> list[Block]:
        """The blocks that are called, those of the network first."""
        found: dict[str, Block] = {}
        pending = [self.whole.body]
        while pending:
            for name in (name for step in pending.pop(0).steps if step.is_call for name in _called(step)):
                if name not in found:
                    found[name] = self.blocks.found[name]
                    pending.append(found[name].body)
        return list(found.values())

    def _network(self) -> Iterator[str]:
        origin = _origins([member.origin for member in self.members])
        if origin:
            yield f'"""Read from {origin}."""'
        parameters = dict(self._parameters())
        yield from (declared(name, row) for name, row in parameters.items())
        yield from self._defaults()
        yield from self._variants(parameters)
        yield from (f"def {head} = {text}" for head, text in self.numbers.functions.items())
        yield ""
        for value, name in self.first.inputs.items():
            yield f"input {name}: {self._shape(self.first.draft.tensor(value))}"
        yield from self.writer.declarations(self.whole.root)
        for statement in self.whole.statements:
            yield from self._statement(statement)
        yield ""
        yield from self._facts()

    def _defaults(self) -> Iterator[str]:
        """The arguments that all ops of a kind have from settings of the network."""
        calls: dict[str, list[str]] = {}
        for (op, argument), (name, _) in self.taken_out.items():
            calls.setdefault(op, []).append(f"{argument}={name}")
        if calls:
            yield "defaults: " + ", ".join(f"{op}({', '.join(given)})" for op, given in calls.items())

    def _variants(self, parameters: Mapping[str, Row]) -> Iterator[str]:
        if self.variants:
            rows = (f"{name}: {assigned(parameters, use)}".rstrip() for use, name in enumerate(self.variants))
            yield from ("", "variants:", *indented(rows), "")

    def _statement(self, statement: Statement) -> Iterator[str]:
        rows = list(self.writer.body(statement.body))
        if statement.is_output and all(map(_is_plain, rows)):
            rows = [" -> ".join(rows)]
        yield from _headed(statement.head, rows) if statement.head else rows

    def _shape(self, tensor: Tensor) -> str:
        if self.resolutions and tensor.rank == 3:
            return f"{tensor.channels} x resolution x resolution"
        return " x ".join(map(str, tensor.dims)) + (" of int" if tensor.kind == "int" else "")

    # --- facts -----------------------------------------------------------------------------------

    def _facts(self) -> Iterator[str]:
        """What is known: the costs of each variant, and the shapes of stages."""
        shapes = [list(self._shapes(sketch)) for sketch in self.sketches]
        if not self.variants:
            yield f"expect {self._costs(0)}"
        common = [stage for stage, *others in zip(*shapes, strict=False) if all(other == stage for other in others)]
        if common:
            yield "expect " + "; ".join(map(_shape_fact, common))
        ends = [row[-1] for row in shapes if row and row[-1] not in common]
        for use, variant in enumerate(self.variants):
            end = f"; {_shape_fact(ends[use])}" if len(ends) == len(self.variants) else ""
            yield f"expect {variant}: {self._costs(use)}{end}"

    def _shapes(self, sketch: Sketch) -> Iterator[tuple[str, Tensor]]:
        """The stages with the shapes that they give: of several networks, where these are maps."""
        for mine, its in zip(self.whole.statements, sketch.statements, strict=True):
            if its.value and not (self.variants and sketch.draft.tensor(its.value).rank == 1):
                yield mine.name, sketch.draft.tensor(its.value)

    def _costs(self, use: int) -> str:
        graph = self.members[use].graph
        counted = totals.nodes_in(graph)
        return f"params == {totals.parameters(graph, counted):_}; macs == {totals.macs(graph, counted):_}"


def _called(step: Step) -> list[str]:
    """The blocks that a step calls: several, where that is a setting."""
    return list(dict.fromkeys(step.holes[UNIT].values())) if UNIT in step.holes else [step.name]


def _origins(origins: Sequence[str]) -> str:
    """Where the networks come from; the package is said once."""
    first, *others = (origin.replace('"', "'") for origin in origins)
    package = first.partition(":")[0]
    names = [other.removeprefix(f"{package}:") for other in others]
    return fill(", ".join([first, *names]), LONGEST_LINE, subsequent_indent="    ")


def _shape_fact(stage: tuple[str, Tensor]) -> str:
    name, tensor = stage
    return f"{name}.shape == {'x'.join(map(str, tensor.dims)) if tensor.rank > 1 else tensor.channels}"


def _is_plain(row: str) -> bool:
    """Whether a line can stand in a chain with others: it holds no join in several lines, and names nothing."""
    declares = row.startswith((" ", "if ", "learned ", "shared ", "path "))
    return not declares and not row.endswith(":") and " as " not in row


def _headed(head: str, rows: Sequence[str]) -> list[str]:
    if len(rows) == 1 and len(head) + len(rows[0]) < 90:
        return [f"{head} {rows[0]}"]
    return [head, *indented(rows)]
