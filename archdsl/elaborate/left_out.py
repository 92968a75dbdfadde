"""Facts that `expect` states of a stage, a block or a step that is left out, since no output depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic, Note
from archdsl.elaborate.expect import facts_of, named_part
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.resolve.model import Network
from archdsl.source import Span
from archdsl.syntax import tree


class LeftOut(NamedTuple):
    """A fact, and what it is about: its path, and the text of the outermost region that went with it.

    `has_name`: lines of the network can name its value, as they can a stage's.
    """

    fact: tree.Compare
    path: str
    whole: Span
    has_name: bool


def left_out(network: Network, before: Graph, after: Graph) -> Mapping[Span, LeftOut]:
    """By their places, the facts about what is in the graph `before` steps are left out, and not `after`."""
    return {} if before is after else {one.fact.span: one for one in _left_out(network, before, after)}


def _left_out(network: Network, before: Graph, after: Graph) -> Iterator[LeftOut]:
    for fact in facts_of(network, after):
        part = named_part(fact.left, before)
        if part is not None and named_part(fact.left, after) is None:
            path = part.path if isinstance(part, Scope) else part.id
            yield LeftOut(fact, path, _whole(part, before, after), part in before.stages)


def _whole(part: Scope | Node, before: Graph, after: Graph) -> Span:
    """The text of the outermost region around a part that holds nothing else."""
    around = before.ancestry(part.path if isinstance(part, Scope) else part.scope)
    gone = [scope for scope in around if scope.path not in after.scopes]
    return gone[-1].span if gone else part.span


def left_out_errors(facts: Mapping[Span, LeftOut]) -> Iterator[Diagnostic]:
    """An error for each part that is left out, at the first of its facts."""
    first: dict[str, LeftOut] = {}
    for one in facts.values():
        first.setdefault(one.path, one)
    for one in first.values():
        help = "use its value, or remove it"
        if one.has_name:
            help = f"use its value; for one more output write on a new line: `output {one.path}_output: {one.path}`"
        yield Diagnostic(
            "expectation-failed",
            f"`{one.path}` is left out, since no output depends on it: there is nothing to expect",
            one.fact.span,
            notes=(Note(f"`{one.path}` is written here", one.whole),),
            help=help,
        )
