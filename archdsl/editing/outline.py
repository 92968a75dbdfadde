"""The parts of a file: for the list of its symbols, for folding, and for its canonical form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, NamedTuple

from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.grammar import parse_partial
from archdsl.syntax.node import nodes_in


class Symbol(NamedTuple):
    """A part of a file with a name: what it is, the place of its name and of all of it, and its own parts."""

    name: str
    kind: str
    place: Span
    whole: Span
    parts: tuple[Symbol, ...] = ()


FOLDED = (
    tree.Block,
    tree.Network,
    tree.Stage,
    tree.Output,
    tree.Path,
    tree.Repeat,
    tree.For,
    tree.If,
    tree.Variants,
    tree.Scaling,
    tree.Defaults,
    tree.Init,
    tree.Merge,
    tree.String,
)
"""Parts of a text that may have several lines, below one that says what they are."""


def symbols(source: Source) -> list[Symbol]:
    """The networks and blocks of a file, with their parameters, variants, stages and outputs."""
    spec, _ = parse_partial(source)
    found = []
    for item in spec.items:
        if isinstance(item, tree.Block | tree.Network):
            kind = "block" if isinstance(item, tree.Block) else "network"
            found.append(Symbol(item.name.name, kind, item.name.span, item.span, tuple(_parts(item))))
        elif isinstance(item, tree.Define):
            found.append(Symbol(item.name.name, "function", item.name.span, item.span))
    return found


def _parts(item: tree.Block | tree.Network) -> Iterator[Symbol]:
    if isinstance(item, tree.Block):
        yield from (Symbol(p.name.name, "parameter", p.name.span, p.span) for p in item.parameters)
    statements = item.body.statements if isinstance(item, tree.Block) else item.items
    for part in statements:
        match part:
            case tree.Variants(variants=variants):
                for one in variants:
                    label = Span(one.span.source, one.span.start, one.span.start + len(one.name))
                    yield Symbol(one.name, "variant", label, one.span)
            case tree.Scaling(assignments=assignments):
                yield from (Symbol(a.name.name, "parameter", a.name.span, a.span) for a in assignments)
            case tree.Parameter() | tree.Define() | tree.Input() | tree.Stage() | tree.Output() | tree.Path():
                yield Symbol(part.name.name, type(part).__name__.lower(), part.name.span, part.span)


def folds(source: Source) -> list[tuple[int, int]]:
    """The first and last line (from 1) of each part that can be folded, and of the imports."""
    spec, _ = parse_partial(source)
    found = {(span.line, _last_line(span)) for span in _spans(spec.items)}
    imports = [item.span.line for item in spec.items if isinstance(item, tree.Import)]
    if imports:
        found.add((imports[0], imports[-1]))
    comments = [comment.span.line for comment in spec.comments if comment.own_line]
    runs = [line for line, after in pairwise([*comments, -1]) if after != line + 1]
    starts = [line for before, line in pairwise([-1, *comments]) if before != line - 1]
    found |= set(zip(starts, runs, strict=True))
    return sorted((first, last) for first, last in found if first < last)


def _last_line(span: Span) -> int:
    text = span.text.rstrip()
    return span.source.position(span.start + max(len(text) - 1, 0))[0]


def _spans(part: Any) -> Iterator[Span]:
    return (node.span for node in nodes_in(part) if isinstance(node, FOLDED))


def differences(old: str, new: str) -> list[tuple[int, int, str]]:
    """The edits between two texts: for each, the lines that go (from 0, without the last), and the new text."""
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (old, new))
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [(i, j, "".join(after[k:m])) for what, i, j, k, m in codes if what != "equal"]
