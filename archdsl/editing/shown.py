"""The network that an editor shows beside a text: the text's own, or for a file of blocks one that uses them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.editing.checking import Spec, found, found_in_variants, shown_variants
from archdsl.editing.lines import LineFacts, lines
from archdsl.editing.naming import imported, users
from archdsl.ir.graph import Graph
from archdsl.resolve.model import File
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.grammar import parse_partial

TRIED = 3
"""Networks that use a file of blocks and are compiled in search of one without errors."""


def network_for(spec: Spec, folders: Iterable[Path]) -> Spec:
    """The spec whose network shows a text: itself, or for a file of blocks the first that imports it and compiles.

    Files that import it are looked for among the open ones and in the folders. If there is none, it is the spec itself.
    """
    try:
        file = spec.file
    except CompileError:
        return spec
    if file.network is not None or spec.path is None:
        return with_defaults(spec, file)
    if file.problems:
        return spec
    texts = {**spec.texts, spec.path: spec.text}
    for user in islice(users(spec.path, texts, folders), TRIED):
        other = with_defaults(Spec(user.source.text, user.source.path, texts), user)
        if graph_of(other) is not None:
            return other
    return spec


def with_defaults(spec: Spec, file: File) -> Spec:
    """The spec with its first variant, where the network has a parameter without a default and no variant is asked."""
    first = shown_variants(file.network)[0]
    return spec if spec.variant is not None or spec.settings else spec.of_variant(first)


def graph_of(spec: Spec) -> Graph | None:
    """The graph of a spec; None if it has errors."""
    try:
        return spec.compiled.graph if spec.file.network is not None else None
    except CompileError:
        return None


def mistakes(spec: Spec, shown: Spec, variants: bool) -> tuple[Diagnostic, ...]:
    """The errors and warnings of a text: with its shown variant, or with all; for blocks, also those in their use."""
    if shown.path != spec.path:
        theirs = [one for one in found(shown) if one.span is not None and one.span.source.path == spec.path]
        return (*found(spec), *theirs)
    return found_in_variants(spec) if variants else found(shown)


def line_facts(spec: Spec, shown: Spec) -> list[LineFacts] | None:
    """What stands at the ends of a text's lines; None if the network has errors."""
    graph = graph_of(shown)
    if graph is None:
        return None
    return lines(graph, spec.source, parse_partial(spec.source)[0])


def kept(old: str, facts: list[LineFacts], new: str) -> list[LineFacts]:
    """Of the facts of an old text, those that still hold of one that has errors.

    These are the lines of the network above the first change, if all changes are in the network: what a line gives
    follows from those above it.
    """
    before, after = old.split("\n"), new.split("\n")
    changes = [
        code for code in SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if code[0] != "equal"
    ]
    if not changes:
        return facts
    first, last = changes[0][1] + 1, changes[-1][2]
    for item in parse_partial(Source("", old))[0].items:
        begin, end = item.span.line, item.span.source.position(item.span.end)[0]
        if begin < first and last <= end and isinstance(item, tree.Network):
            return [fact for fact in facts if begin < fact.line < first]
    return []


def reached(file: File) -> set[Path]:
    """The files that a file imports, directly or through others: a change of one may change what is shown of it."""
    through = {one.source.path for one in imported(file)} - {None}
    return {path for _, path in file.imports} | {path for path in through if path is not None}
