"""Rebuilds from a graph the environments in which its expressions were evaluated, for `archdsl explain`.

The graph stores how settings, arguments of blocks, named numbers and turns of loops were written. It also stores the
texts of the specs, which have the functions and the defaults of blocks. Values are evaluated again, because the graph
stores only plain data: it does not tell a list from a shape, and has only the name of a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate, word_or_value
from archdsl.elaborate.values import Flow, Given
from archdsl.ir.builder import Ref
from archdsl.ir.graph import Graph, Let, Node, Scope, Setting, Value, Written
from archdsl.resolve.model import Block, File
from archdsl.source import Source, Span
from archdsl.syntax import definitions, tree
from archdsl.syntax.printer import expression_text


class Names:
    """The names of one graph with their values and origins. Each environment is built when it is first needed."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._numbers = {node.id: number for number, node in enumerate(graph)}
        self._flows: dict[Value, Flow] = {}
        self._stages: dict[Value, dict[str, Flow]] = {}
        self._files: dict[Source, File] = {}
        self._environments: dict[tuple[str, str | None], Environment] = {}

    def argument(self, node: Node, name: str) -> Given | None:
        """An argument of an op as it was given; None if it was not."""
        written = dict(node.written).get(name)
        return None if written is None else self._given(name, written, node.scope, span=_with_name(written))

    def said(self, name: str, written: Written, scope: str) -> Given:
        """The value of an expression that belongs to a member of a scope, such as a number of copies or a condition."""
        return self._given(name, written, scope)

    def source(self, name: str, scope: str) -> Given | None:
        """Where a name of a scope has its value from; None if it is not the name of a number, a word or a block."""
        known = self._scope(self._graph.scopes[scope], scope).chain()
        return next((link.sources[name] for link in known if name in link.sources), None)

    def _given(self, name: str, written: Written, owner: str, origin: str = "", span: Span | None = None) -> Given:
        """Evaluates an expression that belongs to a member of the scope `owner`."""
        environment, expression = self._environment(written, owner), written.expression
        value = word_or_value(expression, environment)
        return Given(name, value, span or expression.span, expression, environment, origin)

    # --- environments ----------------------------------------------------------------------

    def _environment(self, written: Written, owner: str) -> Environment:
        """The environment of an expression: the names of its scope, and the values of the network that it names."""
        if written.home is None:
            home = Environment.of(self._file(written.expression.span.source))
        else:
            home = self._scope(self._graph.scopes[written.home], owner)
        link = home.link()
        for text, value in written.values:
            _enter(link, text, self._flow(value))
        for name, value in written.numbers:
            link.values[name] = list(value) if isinstance(value, tuple) else value
            link.sources[name] = Given(name, link.values[name], None, origin="in this turn of the loop")
        for name in link.values.keys() - dict(written.numbers).keys():
            source = next((known.sources[name] for known in home.chain() if name in known.sources), None)
            if source is not None:
                link.sources[name] = source
        return link

    def _scope(self, scope: Scope, owner: str) -> Environment:
        """The environment of a scope, as seen from the scope `owner` inside it (which may be in a turn of its loop)."""
        turn = self._turn(scope, owner)
        key = scope.path, turn.path if turn else None
        if key not in self._environments:
            made = self._text(scope) if _is_text(scope) else self._around(scope, owner).child(scope.path)
            self._environments[key] = made
            for name, given in self._sources(scope, turn):
                made.values[name], made.sources[name] = given.value, given
        return self._environments[key]

    def _around(self, scope: Scope, owner: str) -> Environment:
        assert scope.parent is not None
        return self._scope(self._graph.scopes[scope.parent], owner)

    def _text(self, scope: Scope) -> Environment:
        """The environment in which the text of a block or network begins: it knows the functions."""
        place = scope.defined or scope.span
        file, found = self._file(place.source), definitions.definition(place)
        if isinstance(found, tree.Network):
            return Environment(file, Environment.of(file), definitions.defined(found.items), scope=scope.path)
        return Environment.of(file, scope.path)

    def _file(self, source: Source) -> File:
        """A `File` with as much as evaluation needs. The text of an option (`--unit`) counts as part of the spec."""
        if source.name.startswith("--"):
            source = self._graph.scopes[""].span.source
        if source not in self._files:
            functions = definitions.defined(definitions.items(source))
            file = self._files[source] = File(source=source, definitions={}, functions=functions, defaults=())
            file.definitions.update({name: _unread(name, file) for name in definitions.names(source)})
        return self._files[source]

    def _flow(self, value: Value) -> Flow:
        if value not in self._flows:
            ref, stages = Ref(self._numbers[value.node], value.port), self._stages.setdefault(value, {})
            self._flows[value] = Flow(ref, self._graph.tensor(value), stages)
        return self._flows[value]

    # --- what has a name in a scope ----------------------------------------------------------

    def _sources(self, scope: Scope, turn: Scope | None) -> Iterator[tuple[str, Given]]:
        """The names of a scope in the order in which they are defined, since each may use those before it."""
        if turn is not None:
            yield from ((name, self._of_turn(turn, name, value)) for name, value in turn.turn)
        for setting in self._graph.header.settings if scope.parent is None else scope.settings:
            yield setting.name, self._setting(setting, scope)
        for name, value in () if scope.settings else scope.arguments:
            yield name, self._of_scope(scope, name, value)
        for home, let in sorted(self._lets(scope), key=lambda pair: pair[1].written.expression.span.start):
            yield let.name, self._given(let.name, let.written, home.path)

    def _setting(self, setting: Setting, scope: Scope) -> Given:
        written = setting.written
        if written is None:
            return Given(setting.name, setting.value, None, origin=setting.origin)
        origin = "" if setting.origin == expression_text(written.expression) else setting.origin
        span = _with_name(written) if origin == "given" else None
        given = self._given(setting.name, written, scope.path, origin, span)
        from_outside = written.expression.span.source.name.startswith("--")
        return replace(given, expression=None) if from_outside else given

    def _of_scope(self, scope: Scope, name: str, value: Any) -> Given:
        """The value of an argument of a block, or of a loop's variable in one turn."""
        if scope.block is None:
            return self._of_turn(scope, name, value)
        written = dict(scope.written).get(name)
        if written is None:
            return self._default(scope, name, value)
        if name in scope.omitted:
            return self._given(name, written, scope.path, "default")
        return self._given(name, written, scope.path, span=_with_name(written))

    def _default(self, scope: Scope, name: str, value: Any) -> Given:
        """The value of an argument that was left at the default of the block's definition."""
        found = definitions.definition(scope.defined) if scope.defined else None
        declared = found.parameters if isinstance(found, tree.Block) else ()
        default = next((parameter.default for parameter in declared if parameter.name.name == name), None)
        if default is None:
            return Given(name, value, None)
        return self._given(name, Written(default, scope.path), scope.path, "default")

    def _lets(self, scope: Scope) -> Iterator[tuple[Scope, Let]]:
        """The numbers named by `let` in a scope and in its stages (a name given in a stage is known outside it too)."""
        yield from ((scope, let) for let in scope.lets)
        for child in self._graph.children[scope.path]:
            if isinstance(child, Scope) and child.kind in ("stage", "output") and child.block is None:
                yield from self._lets(child)

    # --- turns of loops ------------------------------------------------------------------------

    def _turn(self, scope: Scope, owner: str) -> Scope | None:
        """If the copies in `scope` are turns of a loop, the one that `owner` is or lies in; else None."""
        if scope.kind != "copies":
            return None
        inside = self._graph.ancestry(owner)
        return next((copy for copy in inside if copy.parent == scope.path and copy.turn), None)

    def _of_turn(self, copy: Scope, name: str, value: Any) -> Given:
        """The value of a loop's variable in one turn, from the list's element: the graph stores plain data only."""
        if copy.copy is None or copy.parent is None:
            return Given(name, value, copy.span)
        (index, count), loop = copy.copy, self._graph.scopes[copy.parent]
        if loop.count is not None:
            values = evaluate(loop.count.expression, self._environment(loop.count, loop.path))
            if isinstance(values, list | tuple) and index < len(values):
                names = [own for own, _ in copy.turn or copy.arguments]
                value = values[index] if len(names) == 1 else values[index][names.index(name)]
        return Given(name, value, loop.span, origin=f"turn {index + 1} of {count}")


def _unread(name: str, file: File) -> Block:
    """A stand-in for a block or network of which only the name is needed."""
    span = Span(file.source, 0, 0)
    return Block(name, "", (), None, tree.Body((), span), span, file)


def _is_text(scope: Scope) -> bool:
    return scope.block is not None or scope.parent is None


_NAMED = re.compile(r"(\w+)(\[\d+\])?((?:\.\w+)*)")


def _enter(link: Environment, text: str, flow: Flow) -> None:
    """Defines the name of a value of the network: `it`, `parts[0]` (one of several), `trunk.conv4` (a stage)."""
    found = _NAMED.fullmatch(text)
    if found is None:
        return
    name, index, stages = found.groups()
    if index:
        link.values[name] = (*link.values.get(name, ()), flow)
    elif not stages:
        link.values[name] = flow
    elif name in link.values:
        _enter_stage(link.values[name], stages.split(".")[1:], flow)


def _enter_stage(whole: Any, path: list[str], flow: Flow) -> None:
    for name in path[:-1]:
        whole = whole.stages.get(name) if isinstance(whole, Flow) else None
    if isinstance(whole, Flow) and isinstance(whole.stages, dict):
        whole.stages[path[-1]] = flow


def _with_name(written: Written) -> Span:
    """The place of an argument including its name: `stride=2`."""
    span = written.expression.span
    line = span.source.text[max(0, span.start - 200) : span.start]
    found = re.search(r"\w+\s*=[\s(]*$", line)
    return Span(span.source, span.start - len(found[0]), span.end) if found else span
