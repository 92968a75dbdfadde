"""The call around the cursor, found in the text alone: what is typed is seldom a whole call."""

from __future__ import annotations

import re
from typing import NamedTuple

from archdsl.ops.reference import reference
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.model import Block, File, Network, Parameter
from archdsl.syntax.printer import expression_text

TEXT = re.compile(r'"""(?:.|\n)*?(?:"""|\Z)|"[^"\n]*(?:"|$)|#[^\n]*', re.MULTILINE)
"""Texts and comments, in which brackets mean nothing."""

CALLEE = re.compile(r"(\w+)(?:@\w+)?\s*$")


class Call(NamedTuple):
    """A call whose parenthesis is open: what is called, the arguments that are complete, and the one being typed."""

    name: str
    before: tuple[str, ...]
    current: str


class Argument(NamedTuple):
    """One argument that can be given, as a signature shows it (`stride=1`), and what it means."""

    name: str
    label: str
    doc: str


class Signature(NamedTuple):
    name: str
    arguments: tuple[Argument, ...]
    doc: str

    @property
    def label(self) -> str:
        return f"{self.name}({', '.join(argument.label for argument in self.arguments)})"


def blanked(text: str) -> str:
    """The text with blanks in place of texts and comments; all offsets stay."""
    return TEXT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def call_at(text: str, offset: int) -> Call | None:
    """The innermost call that is open at an offset; None in branches, lists and everywhere else."""
    before = blanked(text[:offset])
    depth, end = 0, len(before)
    commas: list[int] = []
    for at in range(end - 1, -1, -1):
        sign = before[at]
        if sign in ")]}":
            depth += 1
        elif sign in "([{" and depth:
            depth -= 1
        elif sign in "[{":
            return None
        elif sign == "(":
            called = CALLEE.search(before, 0, at)
            if called is None or called[1] in ("and", "or", "not", "in", "if", "then", "else", "as"):
                return None
            name = _applied(before, called.start()) if called[1] in ("first", "last") else called[1]
            return _call(text, name, at + 1, [*reversed(commas)], end) if name else None
        elif sign == "," and not depth:
            commas.append(at)
    return None


def _call(text: str, name: str, start: int, commas: list[int], end: int) -> Call:
    starts = [start, *(comma + 1 for comma in commas)]
    parts = [text[a:b].rstrip(",").strip() for a, b in zip(starts, [*starts[1:], end], strict=True)]
    return Call(name, tuple(parts[:-1]), parts[-1])


def _applied(before: str, at: int) -> str | None:
    """The block of `unit(128) * layers[1] first(`, whose arguments `first` takes."""
    line = before[before.rfind("\n", 0, at) + 1 : at]
    steps = re.findall(r"(\w+)\s*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*\*[^*]*$", line)
    return steps[-1] if steps else None


def signature(name: str, file: File | None) -> Signature | None:
    """What an op, a block or a network takes; a parameter that holds a block takes what its default takes."""
    definition = file.definitions.get(name) if file is not None else None
    if definition is None and file is not None and file.network is not None:
        held = next((p.default for p in file.network.parameters if p.name == name and p.type == "block"), None)
        definition = file.definitions.get(expression_text(held)) if held is not None else None
    if isinstance(definition, Block):
        return Signature(name, tuple(map(_argument, definition.parameters)), definition.doc)
    if isinstance(definition, Network):
        scaling = (Argument(a.name.name, a.name.name, "a scaling coefficient") for a in definition.scaling)
        return Signature(name, (*map(_argument, definition.parameters), *scaling), definition.doc)
    if name not in REGISTRY.written():
        return None
    entry = reference(REGISTRY[name])
    return Signature(name, tuple(Argument(a.name, str(a), a.description) for a in entry.arguments), entry.summary)


def _argument(parameter: Parameter) -> Argument:
    default = f"={expression_text(parameter.default)}" if parameter.default is not None else ""
    kind = f"{parameter.type}. " if parameter.type else ""
    return Argument(parameter.name, f"{parameter.name}{default}", f"{kind}{parameter.doc}".strip())


def number_of(call: Call, takes: Signature) -> int:
    """The position of the argument that is being typed, among those of a signature; their number if there is none."""
    names = [argument.name for argument in takes.arguments]
    name, equals, _ = call.current.partition("=")
    if equals and name.strip() in names:
        return names.index(name.strip())
    return min(sum("=" not in part for part in call.before), len(names))


def given(call: Call, takes: Signature) -> set[str]:
    """The names of the arguments that a call has already."""
    named = {part.partition("=")[0].strip() for part in call.before if "=" in part}
    places = sum("=" not in part for part in call.before)
    return named | {argument.name for argument in takes.arguments[:places]}
