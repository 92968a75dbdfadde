"""Lists every text of a graph by its kind (a name, the path of weights, a label, prose), for `verify` to check.

Ids of nodes and paths of scopes are not listed, because `verify` has its own rules for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from archdsl.ir.graph import Choice, Graph, Scope, Setting, Step, Written
from archdsl.text import hidden, is_label, is_name, is_path


class Word(NamedTuple):
    """A text of a graph: its owner, what the text is for the owner, and the text itself."""

    owner: str
    what: str
    text: str


def misnamed(graph: Graph) -> Iterator[Word]:
    """The names, paths of weights and labels that are not legal."""
    tests: tuple[tuple[Callable[[Graph], Iterator[Word]], Callable[[str], bool]], ...] = (
        (_names, is_name),
        (_weights, is_path),
        (_labels, is_label),
    )
    for words, is_legal in tests:
        yield from (word for word in words(graph) if not is_legal(word.text))


def unreadable(graph: Graph) -> Iterator[Word]:
    """The texts with invisible characters."""
    for word in _prose(graph):
        if hidden(word.text) is not None:
            yield word
    for word in _pages(graph):
        if hidden(word.text, several_lines=True) is not None:
            yield word


# --- names -------------------------------------------------------------------------------------


def _names(graph: Graph) -> Iterator[Word]:
    yield Word("the network", "name", graph.header.name)
    yield from (Word("the network", "setting", setting.name) for setting in graph.header.settings)
    for output in graph.outputs:
        yield Word("the network", "output", output.name)
    for node in graph:
        if node.label is not None:
            yield Word(f"node {node.id}", "label", node.label)
    for owner, _, _, written in expressions(graph):
        yield from (Word(owner, "variable", name) for name, _ in written.numbers)
    for scope in graph.scopes.values():
        yield from (Word(f"scope {scope.path!r}", what, name) for what, name in _scope_names(scope))


def _scope_names(scope: Scope) -> Iterator[tuple[str, str]]:
    if scope.block is not None:
        yield "block", scope.block
    for what, names in (
        ("variable", (name for name, _ in scope.turn)),
        ("argument", (name for name, _ in scope.arguments)),
        ("argument", (name for name, _ in scope.written)),
        ("argument", (*scope.omitted, *scope.units)),
        ("argument", (name for name, _ in scope.labels)),
        ("setting", (setting.name for setting in scope.settings)),
        ("named number", (let.name for let in scope.lets)),
        ("value", (name for name, _ in scope.names)),
        ("input", scope.ports),
        ("value", (name for choice in choices(scope.steps) for name, _ in choice.gives)),
    ):
        yield from ((what, name) for name in names)


def choices(steps: Iterable[Step]) -> Iterator[Choice]:
    """Every `if` among the steps, including those inside others."""
    for step in steps:
        if isinstance(step, Choice):
            yield step
            yield from choices(step.steps)


def _weights(graph: Graph) -> Iterator[Word]:
    yield from (Word(f"node {node.id}", "path of weights", node.weights) for node in graph)
    for scope in graph.scopes.values():
        if scope.weights or scope.parent is not None:
            yield Word(f"scope {scope.path!r}", "path of weights", scope.weights)


def _labels(graph: Graph) -> Iterator[Word]:
    if graph.header.variant is not None:
        yield Word("the network", "variant", graph.header.variant)


# --- prose -------------------------------------------------------------------------------------


def _prose(graph: Graph) -> Iterator[Word]:
    """The texts of one line."""
    header = graph.header
    yield Word("the network", "source", header.source)
    yield Word("the network", "spec", header.spec)
    yield from (Word("the network", "rule", rule.reason) for rule in header.rules)
    yield from _of_settings("the network", header.settings)
    for node in graph:
        yield from _of_facts(f"node {node.id}", node.op.__dict__.items())
    for owner, _, _, written in expressions(graph):
        yield from _of_facts(owner, written.numbers)
        yield from (Word(owner, "value", text) for text, _ in written.values)
    for scope in graph.scopes.values():
        owner = f"scope {scope.path!r}"
        yield Word(owner, "title", scope.title or "")
        yield from (Word(owner, f"text of {name}", text) for name, text in scope.labels)
        yield from _of_settings(owner, scope.settings)
        yield from _of_facts(owner, [*scope.arguments, *((let.name, let.value) for let in scope.lets), *scope.turn])


def _of_settings(owner: str, settings: Iterable[Setting]) -> Iterator[Word]:
    for setting in settings:
        yield Word(owner, f"origin of {setting.name}", setting.origin)
        yield from _of_facts(owner, [(setting.name, setting.value)])


def _of_facts(owner: str, facts: Iterable[tuple[str, Any]]) -> Iterator[Word]:
    """The texts among named values, most of which are numbers."""
    for name, value in facts:
        if isinstance(value, str | list | tuple):
            yield from (Word(owner, name, text) for text in _strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _strings(entry)


def _pages(graph: Graph) -> Iterator[Word]:
    """The texts that may have several lines."""
    yield Word("the network", "description", graph.header.doc)
    for scope in graph.scopes.values():
        yield Word(f"scope {scope.path!r}", "description", scope.doc or "")


# --- expressions -------------------------------------------------------------------------------


def expressions(graph: Graph) -> Iterator[tuple[str, str, str, Written]]:
    """Every expression: its owner, the path of the owner's scope, what the expression is for the owner, and itself."""
    for node in graph:
        yield from ((f"node {node.id}", node.scope, name, written) for name, written in node.written)
    for scope in graph.scopes.values():
        settings = scope.settings if scope.parent is not None else graph.header.settings
        for name, written in (
            *scope.written,
            *((let.name, let.written) for let in scope.lets),
            *((setting.name, setting.written) for setting in settings),
            *(("if", condition) for choice in choices(scope.steps) for condition in choice.conditions),
            ("count", scope.count),
            *(("loop", loop) for loop in scope.loops),
            *(("require", rule.condition) for rule in graph.header.rules if scope.parent is None),
        ):
            if written is not None:
                yield f"scope {scope.path!r}", scope.path, name, written
