"""Slips of the pen in the gallery's specs: a number, a word, an order, a step or argument too few or too many.

A slip is drawn at random from a spec's syntax tree and made in its text, on one line. `checked` proves the spec with
the slip against the spec without it, and says whether the report names one kind of difference, at the line of the slip.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from archdsl.diagnostics import CompileError
from archdsl.driver import compile_network
from archdsl.ir.graph import Graph
from archdsl.prove.prove import prove_sides
from archdsl.prove.report import ProofReport, kinds
from archdsl.prove.sides import of_graph
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.node import Node as TreeNode
from archdsl.syntax.parser import parse

Named = tuple[str, str | None]
"""A file of the gallery, and one of its variants."""

Kind = Literal["number", "word", "order", "step dropped", "step added", "argument dropped", "argument added"]

LARGEST = 300
"""Nodes of a network; variants that are larger are left out."""

HEAVIEST = 30_000_000
"""Parameters of a network up to which it is run, where the structure with a slip is said to be the same."""

ALIKE = (
    ("relu", "relu6", "silu", "tanh", "sigmoid", "hard_swish", "elu"),
    ("max_pool", "avg_pool"),
    ("global_avg_pool", "global_max_pool"),
    ("add", "mul", "maximum", "mean"),
    ("bn", "instance_norm"),
    ("dropout", "channel_dropout"),
    ("same", "valid", "tf_same"),
)
"""Words that may be taken for each other."""

STEPS = (
    "relu",
    "bn",
    "tanh",
    "dropout(0.3)",
    "scale(0.5)",
    "avg_pool(3, stride=1)",
    "conv(it.channels, 1)",
    "drop_path(0.1)",
)
"""Steps that fit nearly everywhere."""

ARGUMENTS = {
    "conv": ("bias=false", "bias=true", "stride=2", "groups=2", "padding=valid", "dilation=2", "padding=[0, 1, 0, 1]"),
    "depthwise": ("stride=2", "bias=true", "padding=[1, 0, 1, 0]", "dilation=2"),
    "max_pool": ("ceil=true", "padding=0", "padding=[0, 1, 0, 1]", "padding=tf_same"),
    "avg_pool": ("ceil=true", "include_padding=false"),
    "bn": ("eps=0.002", "momentum=0.05", "affine=false"),
    "linear": ("bias=false",),
}
"""Arguments that an op may be given."""


@dataclass(frozen=True, slots=True)
class Slip:
    """In `file` (`resnet.arch`, `blocks/residual.arch`) the text from `start` to `stop` became `text`.

    `lines` are those it may be found at: where the text stands, and the head of the join whose branches changed places.
    """

    kind: Kind
    file: str
    start: int
    stop: int
    text: str
    lines: tuple[int, ...]

    def made(self, text: str) -> str:
        return text[: self.start] + self.text + text[self.stop :]


@dataclass(frozen=True, slots=True)
class Case:
    """A slip in a network of the gallery: `spec` is the file, with one of its variants."""

    spec: str
    variant: str | None
    slip: Slip

    def __str__(self) -> str:
        at = f"@{self.variant}" if self.variant else ""
        before = _text(self.slip.file)[self.slip.start : self.slip.stop]
        return (
            f"{self.spec}{at}, {self.slip.kind}, {self.slip.file}:{self.slip.lines}: `{before}` -> `{self.slip.text}`"
        )


# --- the gallery, without its own facts -----------------------------------------------------


@cache
def _text(file: str) -> str:
    """A file of the gallery. What it expects of itself is taken out, since a slip would be found by that already."""
    return re.sub(r"^    expect .*$", "", (specs_folder() / file).read_text(encoding="utf-8"), flags=re.M)


def _name(path: Path) -> str:
    return path.relative_to(specs_folder()).as_posix()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    for path in sorted(specs_folder().rglob("*.arch")):
        place = Path(folder.name) / _name(path)
        place.parent.mkdir(exist_ok=True)
        place.write_text(_text(_name(path)), encoding="utf-8")
    return folder


def _compiled(spec: str, variant: str | None, slip: Slip | None = None) -> Graph:
    """Raises `CompileError`."""
    root = Path(_folder().name)
    path = root / (slip.file if slip else spec)
    if slip:
        path.write_text(slip.made(_text(slip.file)), encoding="utf-8")
    try:
        file = resolve(Source(spec, (root / spec).read_text(encoding="utf-8")), root)
        return compile_network(file, variant).graph
    finally:
        path.write_text(_text(_name_in(path)), encoding="utf-8")


def _name_in(path: Path) -> str:
    return path.relative_to(_folder().name).as_posix()


@cache
def sound(spec: str, variant: str | None) -> Graph:
    return _compiled(spec, variant)


@cache
def networks() -> tuple[Named, ...]:
    """All specs and their variants, but for large ones."""
    found: list[Named] = []
    for path in sorted(specs_folder().glob("*.arch")):
        spec = parse(Source(path.name, _text(path.name)))
        items = next(item for item in spec.items if isinstance(item, tree.Network)).items
        named = [one.name for item in items if isinstance(item, tree.Variants) for one in item.variants]
        found += [(path.name, name) for name in named or [None] if len(sound(path.name, name)) <= LARGEST]
    return tuple(found)


# --- drawing a slip ---------------------------------------------------------------------------


def drawn(seed: int, among: Sequence[Named] | None = None) -> Case:
    """The case of a seed, in one of these networks: the same each time.

    Slips with which the spec does not compile are drawn again, and so are those that change nothing in the network:
    in a variant or a block that it does not use.
    """
    chance = random.Random(seed)
    while True:
        spec, variant = chance.choice(among or networks())
        files = [spec, *_imported(spec)]
        file = spec if len(files) == 1 or chance.random() < 0.6 else chance.choice(files[1:])
        found: dict[Kind, list[Slip]] = {}
        for slip in slips(file, chance):
            found.setdefault(slip.kind, []).append(slip)
        slip = chance.choice(found[chance.choice(list(found))])
        with suppress(CompileError):
            if not _same(_compiled(spec, variant, slip), sound(spec, variant)):
                return Case(spec, variant, slip)


def _same(one: Graph, other: Graph) -> bool:
    """Whether two graphs have the same ops, joined alike."""
    return [(node.op, one.inputs_of(node.id)) for node in one] == [
        (node.op, other.inputs_of(node.id)) for node in other
    ] and [output.values for output in one.outputs] == [output.values for output in other.outputs]


def _imported(file: str) -> list[str]:
    """The files that a file imports, and those that they import."""
    found: dict[str, None] = {}
    for item in parse(Source(file, _text(file))).items:
        if isinstance(item, tree.Import):
            inner = "/".join(item.path) + ".arch"
            found |= dict.fromkeys([inner, *_imported(inner)])
    return list(found)


def slips(file: str, chance: random.Random) -> Iterator[Slip]:
    """All slips of a file, each place with one of its kind."""
    source = Source(file, _text(file))
    for item in parse(source).items:
        for part in _parts(item):
            for kind, start, stop, text, *more in _slips_of(part, source, chance):
                if "\n" not in source.text[start:stop]:
                    lines = {source.position(place)[0] for place in (start, stop, *more)}
                    yield Slip(kind, file, start, stop, text, tuple(sorted(lines)))


def _parts(part: Any) -> Iterator[TreeNode]:
    """A tree's nodes, but for what is no part of the network: citations, facts, requirements, imports."""
    if isinstance(part, tree.Citation | tree.Expect | tree.Require | tree.Import | tree.Scaling):
        return
    if isinstance(part, tuple):
        for inner in part:
            yield from _parts(inner)
    elif isinstance(part, TreeNode):
        yield part
        for name in part.__match_args__:
            yield from _parts(getattr(part, name))


def _slips_of(part: TreeNode, source: Source, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    """Kind, start, stop and text of the slips at one place, and further places at which they may be found."""
    match part:
        case tree.Number(value=value, span=span):
            others = [value + 1, value * 2] if isinstance(value, int) else [value * 1.5, value / 2]
            others += [value - 1] if isinstance(value, int) and value > 1 else []
            yield "number", span.start, span.end, f"{chance.choice(others):.10g}"
        case tree.Boolean(value=value, span=span):
            yield "word", span.start, span.end, "false" if value else "true"
        case tree.Name(name=name, span=span):
            for words in ALIKE:
                if name in words:
                    yield "word", span.start, span.end, chance.choice([word for word in words if word != name])
        case tree.Chain(steps=steps):
            yield from _slips_of_steps(steps, source, chance)
        case tree.Merge(branches=branches, span=span):
            spans = [branch.span for branch in branches]
            if len(spans) > 1:
                place = chance.randrange(len(spans) - 1)
                one, two = spans[place : place + 2]
                between = source.text[one.end : two.start]
                yield "order", one.start, two.end, two.text + between + one.text, span.start
        case tree.Call(function=tree.Name(name=name), arguments=arguments, span=span):
            for one, two in pairwise(arguments):
                if two.name:
                    yield "argument dropped", one.span.end, two.span.end, ""
            given = {argument.name for argument in arguments}
            words = [word for word in ARGUMENTS.get(name, ()) if word.partition("=")[0] not in given]
            if words:
                text = f"{', ' if arguments else ''}{chance.choice(words)}"
                yield "argument added", span.end - 1, span.end - 1, text


def _slips_of_steps(steps: tuple[tree.Step, ...], source: Source, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    for one, two in pairwise(steps):
        if one.copies is None and two.copies is None and one.span.text != two.span.text:
            between = source.text[one.span.end : two.span.start]
            yield "order", one.span.start, two.span.end, two.span.text + between + one.span.text
        yield "step dropped", one.span.start, two.span.start, ""
    if len(steps) > 1:
        yield "step dropped", steps[-2].span.end, steps[-1].span.end, ""
    for step in steps:
        if step.binding is None:
            yield "step added", step.span.end, step.span.end, f" -> {chance.choice(STEPS)}"


# --- what a proof says of it ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """`said` is the report's text. `outcome` is "one" (kind, at the line of the slip), "equal", or what is wrong."""

    case: str
    outcome: str
    said: str


def checked(case: Case) -> Verdict:
    """Proves the spec with the slip against the one without. Where they are said to be equal, numbers decide it."""
    before, after = sound(case.spec, case.variant), _compiled(case.spec, case.variant, case.slip)
    report = prove_sides(of_graph(after), of_graph(before), structure_only=True)
    outcome = _outcome(case.slip, report)
    if outcome == "equal" and report.parameters <= HEAVIEST:
        report = prove_sides(of_graph(after), of_graph(before))
        outcome = "equal" if report.ok else "not equal"
    elif outcome == "equal":
        outcome = "equal, by structure alone"
    return Verdict(str(case), outcome, str(report))


def _outcome(slip: Slip, report: ProofReport) -> str:
    if report.ok and not report.notes:
        return "equal"
    if len(kinds(report.differences)) + len(report.notes) != 1:
        return "several kinds"
    named = set(re.findall(r"(?:blocks/)?\w+\.arch:\d+", "\n".join(str(report).splitlines()[1:])))
    return "one" if named & {f"{slip.file}:{line}" for line in slip.lines} else "another line"
