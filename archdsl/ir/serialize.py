"""Converts a graph to JSON and back, without loss. `schema.py` defines the format.

The JSON contains the text of every spec that a position points into, so that errors can still show their places.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Choice, Graph, Header, Let, Node, Output, Rule, Scope, Setting, Step, Value, Written
from archdsl.ir.schema import (
    FORMAT,
    ChoicePart,
    GraphPart,
    HeaderPart,
    LetPart,
    NodePart,
    OpPart,
    OutputPart,
    Place,
    RulePart,
    ScopePart,
    SettingPart,
    SourceText,
    TensorType,
    WrittenPart,
)
from archdsl.ir.verify import Bug, verify
from archdsl.ops.registry import dump, load_op
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parser import parse_expression_at
from archdsl.syntax.printer import expression_text
from archdsl.tensor import Tensor
from archdsl.text import code_point, hidden, shown

MOST_PROBLEMS = 20
"""The most errors that are reported. A file of another kind would have very many."""


def to_json(graph: Graph) -> str:
    """The graph as JSON text, with one scope or node per line. Equal graphs give the same text."""
    data = _Writer().graph(graph).model_dump(mode="json", exclude_defaults=True)
    parts = (f"{json.dumps(key)}: {_rows(value)}" for key, value in data.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


def from_json(text: str, name: str = "graph.json") -> Graph:
    """The graph that `to_json` wrote. `name` is the file's name in errors.

    Raises `CompileError` for text that is not JSON, does not have the format, or is not a valid network.
    """
    try:
        graph = _Reader(name).graph(GraphPart.model_validate_json(text))
        verify(graph, after="reading")
    except ValidationError as error:
        raise CompileError(_problems(error, Source(name, text))) from None
    except Bug as bug:
        raise CompileError([Diagnostic("broken-graph", f"the network in {name} is broken: {bug.violation}")]) from None
    return graph


def _rows(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in value) + "\n]"


class _Writer:
    """Converts a graph to the models of `schema.py`. Sources are numbered in the order in which they occur."""

    def __init__(self) -> None:
        self.sources: dict[Source, int] = {}

    def graph(self, graph: Graph) -> GraphPart:
        header = graph.header
        return GraphPart(
            format=FORMAT,
            header=HeaderPart(
                name=header.name,
                spec=header.spec,
                doc=header.doc,
                source=header.source,
                variant=header.variant,
                settings=tuple(map(self.setting, header.settings)),
                rules=tuple(
                    RulePart(condition=self.written(rule.condition), reason=rule.reason) for rule in header.rules
                ),
            ),
            scopes=tuple(self.scope(scope) for scope in graph.scopes.values()),
            nodes=tuple(self.node(node, graph.inputs_of(node.id)) for node in graph),
            outputs=tuple(_output(output) for output in graph.outputs),
            sources=tuple(SourceText(name=source.name, text=source.text) for source in self.sources),
        )

    def place(self, span: Span) -> Place:
        source = self.sources.setdefault(span.source, len(self.sources))
        return Place(source=source, start=span.start, end=span.end)

    def scope(self, scope: Scope) -> ScopePart:
        return ScopePart(
            path=scope.path,
            kind=scope.kind,
            parent=scope.parent,
            span=self.place(scope.span),
            weights=scope.weights,
            block=scope.block,
            defined=self.place(scope.defined) if scope.defined else None,
            arguments=tuple((name, _plain(value)) for name, value in scope.arguments),
            written=self.arguments(scope.written),
            omitted=scope.omitted,
            settings=tuple(map(self.setting, scope.settings)),
            units=scope.units,
            labels=scope.labels,
            lets=tuple(
                LetPart(name=let.name, written=self.written(let.written), value=_plain(let.value)) for let in scope.lets
            ),
            count=self.written(scope.count) if scope.count else None,
            loops=tuple(map(self.written, scope.loops)),
            steps=tuple(map(self.step, scope.steps)),
            copy_of=scope.copy,
            turn=tuple((name, _plain(value)) for name, value in scope.turn),
            title=scope.title,
            doc=scope.doc,
            names=tuple((name, _reference(value)) for name, value in scope.names),
            ports=scope.ports,
            results=_references(scope.results),
        )

    def setting(self, setting: Setting) -> SettingPart:
        written = self.written(setting.written) if setting.written else None
        return SettingPart(name=setting.name, value=_plain(setting.value), origin=setting.origin, written=written)

    def node(self, node: Node, inputs: Iterable[Value]) -> NodePart:
        return NodePart(
            id=node.id,
            op=OpPart(**dump(node.op)),
            inputs=_references(inputs),
            outputs=tuple(TensorType(dims=tensor.dims, kind=tensor.kind) for tensor in node.outputs),
            scope=node.scope,
            span=self.place(node.span),
            weights=node.weights,
            label=node.label,
            written=self.arguments(node.written),
        )

    def arguments(self, written: Iterable[tuple[str, Written]]) -> tuple[tuple[str, WrittenPart], ...]:
        return tuple((name, self.written(expression)) for name, expression in written)

    def written(self, written: Written) -> WrittenPart:
        values = tuple((text, _reference(value)) for text, value in written.values)
        expression = written.expression
        place = self.place(expression.span)
        return WrittenPart(
            text=expression_text(expression),
            place=place,
            home=written.home,
            values=values,
            share=written.share,
            numbers=tuple((name, _plain(value)) for name, value in written.numbers),
        )

    def step(self, step: Step) -> str | ChoicePart:
        if isinstance(step, str):
            return step
        return ChoicePart(
            place=self.place(step.place),
            conditions=tuple(map(self.written, step.conditions)),
            arms=step.arms,
            taken=step.taken,
            before=_references(step.before),
            steps=tuple(map(self.step, step.steps)),
            gives=tuple((name, _references(values)) for name, values in step.gives),
        )


def _output(output: Output) -> OutputPart:
    return OutputPart(
        name=output.name, values=_references(output.values), training=output.training, several=output.several
    )


def _references(values: Iterable[Value]) -> tuple[str, ...]:
    return tuple(map(_reference, values))


def _reference(value: Value) -> str:
    return value.node if value.port == 0 else f"{value.node}:{value.port}"


def _plain(value: Any) -> JsonValue:
    if isinstance(value, tuple):
        return {"shape": [_plain(entry) for entry in value]}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value


class _Reader:
    """Converts the models of `schema.py` to a graph. Errors that the models cannot find are collected and raised."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sources: tuple[Source, ...] = ()
        self.problems: list[Diagnostic] = []
        self.expressions: dict[Span, tree.Expression] = {}

    def graph(self, part: GraphPart) -> Graph:
        self.sources = tuple(self.source(index, source) for index, source in enumerate(part.sources))
        header = self.header(part.header)
        scopes = [self.scope(scope) for scope in part.scopes]
        nodes = [node for node in map(self.node, part.nodes) if node]
        self.unique("scopes have the path", (scope.path for scope in part.scopes))
        self.unique("nodes have the id", (node.id for node in part.nodes))
        if self.problems:
            raise CompileError(self.problems[:MOST_PROBLEMS])
        outputs = [Output(o.name, _values(o.values), o.training, o.several) for o in part.outputs]
        return Graph(header, scopes, nodes, outputs)

    def problem(self, message: str) -> None:
        self.problems.append(Diagnostic("bad-graph-file", f"{self.name}: {message}"))

    def unique(self, what: str, names: Iterable[str]) -> None:
        for name, count in Counter(names).items():
            if count > 1:
                self.problem(f"{count} {what} `{shown(name)}`")

    def source(self, index: int, part: SourceText) -> Source:
        """The text of a spec. It may have form feeds as blanks, which are not allowed in strings."""
        for what, text, several_lines in (("name", part.name, False), ("text", part.text.replace("\f", " "), True)):
            place = hidden(text, several_lines)
            if place is not None:
                self.problem(f"the {what} of source {index} has the control character {code_point(text[place])}")
        return Source(part.name, part.text)

    def header(self, part: HeaderPart) -> Header:
        settings = tuple(map(self.setting, part.settings))
        rules = tuple(Rule(self.written(rule.condition, "a rule"), rule.reason) for rule in part.rules)
        return Header(part.name, part.spec, part.doc, part.source, part.variant, settings, rules)

    def setting(self, part: SettingPart) -> Setting:
        owner = f"setting `{part.name}`"
        written = self.written(part.written, owner) if part.written else None
        return Setting(part.name, self.value(part.value, owner), part.origin, written)

    def scope(self, part: ScopePart) -> Scope:
        owner = f"scope `{part.path}`"
        return Scope(
            path=part.path,
            kind=part.kind,
            parent=part.parent,
            span=self.span(part.span, owner),
            weights=part.weights,
            block=part.block,
            defined=self.span(part.defined, owner) if part.defined else None,
            arguments=tuple((name, self.value(value, owner)) for name, value in part.arguments),
            written=self.arguments(part.written, owner),
            omitted=part.omitted,
            settings=tuple(map(self.setting, part.settings)),
            units=part.units,
            labels=part.labels,
            lets=tuple(
                Let(let.name, self.written(let.written, owner), self.value(let.value, owner)) for let in part.lets
            ),
            count=self.written(part.count, owner) if part.count else None,
            steps=tuple(self.step(step, owner) for step in part.steps),
            loops=tuple(self.written(loop, owner) for loop in part.loops),
            copy=part.copy_of,
            turn=tuple((name, self.value(value, owner)) for name, value in part.turn),
            title=part.title,
            doc=part.doc,
            names=tuple((name, _value(reference)) for name, reference in part.names),
            ports=part.ports,
            results=_values(part.results),
        )

    def node(self, part: NodePart) -> tuple[Node, tuple[Value, ...]] | None:
        owner = f"node `{part.id}`"
        span = self.span(part.span, owner)
        try:
            op = load_op(part.op.model_dump())
        except ValidationError as error:
            for detail in error.errors():
                self.problem(f"{owner}: {_translated(detail)}")
            return None
        except ValueError as error:
            self.problem(f"{owner}: {error}")
            return None
        node = Node(
            id=part.id,
            op=op,
            outputs=tuple(Tensor(*tensor.dims, kind=tensor.kind) for tensor in part.outputs),
            scope=part.scope,
            span=span,
            weights=part.weights,
            label=part.label,
            written=self.arguments(part.written, owner),
        )
        return node, _values(part.inputs)

    def arguments(self, parts: Iterable[tuple[str, WrittenPart]], owner: str) -> tuple[tuple[str, Written], ...]:
        return tuple((name, self.written(part, owner)) for name, part in parts)

    def written(self, part: WrittenPart, owner: str) -> Written:
        values = tuple((text, _value(reference)) for text, reference in part.values)
        numbers = tuple((name, self.value(value, owner)) for name, value in part.numbers)
        return Written(self.expression(part, owner), part.home, values, part.share, numbers)

    def expression(self, part: WrittenPart, owner: str) -> tree.Expression:
        """The expression at its place in the spec. The stored text, which is for other programs, has to be the same."""
        span = self.span(part.place, owner)
        if span not in self.expressions:
            try:
                self.expressions[span] = parse_expression_at(span)
            except CompileError:
                self.expressions[span] = tree.String("", span)
        found = self.expressions[span]
        if expression_text(found) != part.text:
            element = _element(found, part.text)
            if element is not None:
                return element
            self.problem(f"{owner} has an expression `{part.text}` that does not stand at its place")
        return found

    def step(self, part: str | ChoicePart, owner: str) -> Step:
        if isinstance(part, str):
            return part
        return Choice(
            place=self.span(part.place, owner),
            conditions=tuple(self.written(condition, owner) for condition in part.conditions),
            arms=part.arms,
            taken=part.taken,
            before=_values(part.before),
            steps=tuple(self.step(step, owner) for step in part.steps),
            gives=tuple((name, _values(references)) for name, references in part.gives),
        )

    def span(self, place: Place, owner: str) -> Span:
        """The place as a span. A place outside the text is reported, and replaced by the start of a text."""
        source = self.sources[place.source] if place.source < len(self.sources) else None
        if source and place.start <= place.end <= len(source.text):
            return Span(source, place.start, place.end)
        self.problem(f"{owner} points outside the texts of `sources`")
        return Span(source or Source(self.name, ""), 0, 0)

    def value(self, data: JsonValue, owner: str) -> Any:
        if isinstance(data, list):
            return [self.value(entry, owner) for entry in data]
        if not isinstance(data, dict):
            return data
        dims = data.get("shape")
        if list(data) != ["shape"] or not isinstance(dims, list):
            self.problem(f"{owner} has a value of keys {', '.join(data)}; only a shape has keys: {_SHAPE}")
            return None
        return tuple(self.value(entry, owner) for entry in dims)


_SHAPE = '{"shape": [1, 7]}'


def _element(found: tree.Expression, text: str) -> tree.Expression | None:
    """The expression `row[2]`, if the text at its place is `row`: a call with `*row` gets each element of `row`."""
    match = re.fullmatch(r"(.+)\[(\d{1,9})\]", text, re.DOTALL)
    if match is None or expression_text(found) != match[1]:
        return None
    return tree.Index(found, tree.Number(match[2], int(match[2]), found.span), found.span)


def _values(references: Iterable[str]) -> tuple[Value, ...]:
    return tuple(map(_value, references))


def _value(reference: str) -> Value:
    node, _, port = reference.partition(":")
    return Value(node, int(port or 0))


def _problems(error: ValidationError, source: Source) -> list[Diagnostic]:
    """pydantic's errors as diagnostics. Only the first few are used, since one mistake can break every line."""
    details = error.errors()
    if details[0]["type"] == "json_invalid":
        return [_not_json(details[0]["msg"], source)]
    messages = dict.fromkeys(map(_translated, details))
    return [Diagnostic("bad-graph-file", f"{source.name}: {message}") for message in messages][:MOST_PROBLEMS]


def _not_json(message: str, source: Source) -> Diagnostic:
    """The error `Invalid JSON: expected value at line 1 column 2` as a diagnostic at that place."""
    found = re.fullmatch(r"Invalid JSON: (.*) at line (\d+) column (\d+)", message)
    if found is None:
        return Diagnostic("bad-graph-file", f"{source.name}: {message}")
    line = min(int(found[2]), len(source.line_starts))
    offset = min(source.line_starts[line - 1] + max(0, int(found[3]) - 1), len(source.text))
    return Diagnostic("bad-graph-file", f"this is not JSON: {found[1]}", Span(source, offset, offset))


def _translated(detail: ErrorDetails) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).removeprefix(".")
    match detail["type"]:
        case "missing":
            return f"`{place}` is missing"
        case "extra_forbidden":
            return f"`{place}` is not a key of the format"
        case _:
            message = detail["msg"].replace("Input should", "should")
            return f"`{place}` {message[:1].lower()}{message[1:]}" if place else message
