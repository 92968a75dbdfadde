"""Says several networks as one: their statements, one by one, become the same text with numbers that differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from archdsl.decompile.blocks import Blocks
from archdsl.decompile.body import ACTIVATION, UNIT, Body, Formula
from archdsl.decompile.numbers import Numbers, Use
from archdsl.decompile.sketch import Sketch, Statement
from archdsl.decompile.unify import Default, Unlike, rename, renaming, unified
from archdsl.decompile.words import free_name
from archdsl.decompile.write import Writer

SHOWN = 46
"""How many letters of a text an error shows."""


class Apart(Exception):
    """Two networks that no text says both: their numbers, where they part, and what stands there in each."""

    def __init__(self, first: int, second: int, place: str, one: str, other: str) -> None:
        self.first, self.second, self.place, self.one, self.other = first, second, place, one, other


@dataclass(frozen=True, slots=True)
class Together:
    """The statements of all networks, and the learned values and shared ops that are outside of their stages."""

    statements: Sequence[Statement]
    root: Body

    @property
    def body(self) -> Body:
        """All lines as one text."""
        bodies = [self.root, *(statement.body for statement in self.statements)]
        lines = [line for statement in self.statements for line in statement.body.lines]
        learned = tuple(one for body in bodies for one in body.learned)
        shared = tuple(one for body in bodies for one in body.shared)
        fixed = tuple(one for body in bodies for one in body.fixed)
        return Body(lines, (), learned, shared, fixed)


def together(sketches: Sequence[Sketch], blocks: Blocks) -> Together:
    """The text of all networks. Raises `Apart` if there is none."""
    first, *others = sketches
    found = Together(first.statements, replace(first.body, lines=[]))
    for sketch in others:
        _refuse_other_inputs(first, sketch)
        try:
            found = _joined(found, sketch, blocks.default)
        except _Unlike as unlike:
            raise _apart(sketches, sketch.use, unlike.place, blocks) from None
    return found


class _Unlike(Exception):
    """The statement of this number cannot be the same text."""

    def __init__(self, place: int) -> None:
        self.place = place


def _refuse_other_inputs(one: Sketch, other: Sketch) -> None:
    if [*_free_of_size(one)] != [*_free_of_size(other)]:
        texts = (", ".join(str(sketch.draft.tensor(value)) for value in sketch.inputs) for sketch in (one, other))
        raise Apart(one.use, other.use, "at their inputs", *texts)


def _free_of_size(sketch: Sketch) -> Iterator[tuple[int, ...]]:
    """The dimensions of inputs, without those that the setting `resolution` has."""
    for value in sketch.inputs:
        tensor = sketch.draft.tensor(value)
        yield tensor.dims[:1] if sketch.resolution and tensor.rank == 3 else tensor.dims


def _joined(found: Together, sketch: Sketch, default: Default) -> Together:
    """The text of a network, and of those before it."""
    _rename(found, sketch)
    statements: list[Statement] = []
    for place, (one, other) in enumerate(zip(found.statements, sketch.statements, strict=False)):
        try:
            if bool(one.name) != bool(other.name) or one.is_output != other.is_output:
                raise Unlike
            statements.append(replace(one, body=_unified(one.body, other.body, default)))
        except Unlike:
            raise _Unlike(place) from None
    if len(found.statements) != len(sketch.statements):
        raise _Unlike(len(statements))
    try:
        return Together(statements, unified(found.root, replace(sketch.body, lines=[]), default))
    except Unlike:
        raise _Unlike(-1) from None


def _rename(found: Together, sketch: Sketch) -> None:
    """Gives the values of a network the names that they have in those before it."""
    names: dict[str, str] = {}
    pairs = [(found.root, replace(sketch.body, lines=[]))]
    pairs += [(a.body, b.body) for a, b in zip(found.statements, sketch.statements, strict=False)]
    names.update((b.name, a.name) for a, b in zip(found.statements, sketch.statements, strict=False) if b.name)
    for one, other in pairs:
        try:
            names.update(renaming(one, other))
        except (Unlike, ValueError):
            return  # the statements are compared one by one, and differ here
    for statement in sketch.statements:
        rename(statement.body, names)
        for line in statement.body.lines:
            line.names = tuple(names.get(name, name) for name in line.names)


def _unified(one: Body, other: Body, default: Default) -> Body:
    """The text of both. Where calls of different blocks stand at one place, which block it is becomes a setting."""
    try:
        return unified(one, other, default)
    except Unlike:
        marked = unified(_marked(one), _marked(other), default)
    for step in marked.steps:
        if len(set(step.holes.get(UNIT, {}).values())) == 1:
            del step.holes[UNIT]
    return marked


def _marked(body: Body) -> Body:
    """The text with the names of its blocks as arguments."""
    for step in body.steps:
        if step.is_call and ACTIVATION not in step.holes:
            step.holes.setdefault(UNIT, dict.fromkeys(step.uses, Formula(step.name)))
    return body


# --- where networks part -----------------------------------------------------------------------


def _apart(sketches: Sequence[Sketch], use: int, place: int, blocks: Blocks) -> Apart:
    """Where a network parts from one before it, the first that has another text there."""
    own = _shown(sketches[use], place, blocks)
    texts = [_shown(sketch, place, blocks) for sketch in sketches[:use]]
    other = next((number for number, text in enumerate(texts) if text != own), 0)
    one, own = _shortened(texts[other], own)
    return Apart(other, use, _where(sketches[other].statements, place), one, own)


def _where(statements: Sequence[Statement], place: int) -> str:
    if place < 0:
        return "in the values that they learn, or the ops that they use several times"
    if place < len(statements) and statements[place].name:
        return f"in the stage {statements[place].name}"
    before = next((statement.name for statement in reversed(statements[:place]) if statement.name), "")
    return f"after the stage {before}" if before else "at their beginnings"


def _shown(sketch: Sketch, place: int, blocks: Blocks) -> str:
    """A statement of one network in one line."""
    if place >= len(sketch.statements):
        return "nothing more"
    body = sketch.statements[place].body if place >= 0 else replace(sketch.body, lines=[])
    for step in body.steps:
        step.holes.pop(UNIT, None)
    writer = Writer(blocks.found, Numbers([Use({}, 0, 0)], body, "input.channels"), {})
    lines = map(str.strip, writer.body(body))
    return re.sub(r": (?=\| )", " ", re.sub(r" (?=->)|; (?=[|])", " ", "; ".join(lines))) or "none"


def _shortened(one: str, other: str) -> tuple[str, str]:
    """Two texts from a little before where they differ, if they are long."""
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))
    start = one.rfind(" -> ", 0, max(0, same - SHOWN // 2)) if max(len(one), len(other)) > SHOWN else -1
    cut = (text if start < 0 else f"...{text[start:]}" for text in (one, other))
    first, second = (text if len(text) <= SHOWN else f"{text[:SHOWN].rpartition(' ')[0]} ..." for text in cut)
    return first, second


# --- names -------------------------------------------------------------------------------------


def variant_names(references: Sequence[str]) -> list[str]:
    """What differs in the names of some references; a name of letters and digits is not cut within its letters.

    >>> variant_names(["torchvision:resnet18", "torchvision:resnet152"])
    ['18', '152']
    >>> variant_names(["timm:efficientnet_b0", "timm:efficientnet_b1"])
    ['b0', 'b1']
    >>> variant_names(["torchvision:vgg11", "torchvision:vgg11_bn"])
    ['11', '11_bn']
    """
    names = [reference.partition(":")[2] for reference in references]
    if len(set(names)) < len(names):
        names = [reference.replace(":", "_") for reference in references]
    words = [re.findall(r"[a-zA-Z]+|\d+(?:[._]\d+)?|\W|_", name) for name in names]
    start = len(list(takewhile(lambda row: len(set(row)) == 1, zip(*words, strict=False))))
    while start and any(len(row) == start for row in words):
        start -= 1
    while start and (words[0][start - 1].isalpha() and len(words[0][start - 1]) == 1):
        start -= 1
    rest = [row[start:] for row in words]
    turned = zip(*(row[:0:-1] for row in rest), strict=False)
    end = len(list(takewhile(lambda row: len(set(row)) == 1, turned)))
    while end and words[0][-end] != "_":
        end -= 1
    found: list[str] = []
    for row in rest:
        found.append(free_name(_label("".join(row[: len(row) - end])), found))
    return found


def _label(text: str) -> str:
    """A text as a variant may be called."""
    found = re.sub(r"[^\w.]+|\.(?!\d)", "_", text, flags=re.ASCII).strip("_.")
    return found or "plain"
