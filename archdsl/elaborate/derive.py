"""Explains where a number comes from: its expression, the names in it, their expressions, and so on to the literals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import truth, word_or_value
from archdsl.elaborate.recall import Names
from archdsl.elaborate.settings import shown_number
from archdsl.elaborate.unused import names_in
from archdsl.elaborate.values import Flow, Given, Unit, describe
from archdsl.ir.graph import Graph, Node
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text

Value: TypeAlias = tree.Expression | tree.Spread
"""What an argument can be: an expression, or a list whose elements become arguments (`*row`)."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A number and how it was computed.

    `worked` is its expression with values in place of names (`round_to(32 × 1.2 = 38.4, 8)`), and `written` is the
    expression as it stands in the spec; each is empty if it would only repeat the others. `because` holds a fact for
    each name in the expression. `node` is set if the name stands for a value of the network, such as `it` or
    `it.channels`: the id of the node that makes the value.
    """

    name: str
    value: str
    worked: str = ""
    written: str = ""
    origin: str = ""
    span: Span | None = None
    because: tuple[Fact, ...] = ()
    node: str = ""


class Derivation:
    """Makes the facts of one node. Each name is explained only once, where it first occurs."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = list(graph)
        self.names = Names(graph)
        self.told: set[tuple[int, str]] = set()

    def arguments(self, node: Node) -> Iterator[Fact]:
        for name in type(node.op).model_fields:
            value = getattr(node.op, name)
            given = self.names.argument(node, name)
            if given is None:
                if value is not None:
                    yield Fact(name, shown(value), origin="default")
                continue
            fact = self.of(name, given)
            share = dict(node.written)[name].share if name in dict(node.written) else None
            if share is not None:
                origin = f"{share[0]}/{share[1]} of {fact.value}, by its place in the network"
                fact = replace(fact, value=shown(value), worked="", origin=origin)
            yield fact

    def of(self, name: str, given: Given) -> Fact:
        """The fact of an argument, a setting or a named number."""
        value = shown(given.value)
        expression, environment = given.expression, given.environment
        if expression is None or environment is None:
            return Fact(name, value, origin=given.origin, span=given.span)
        worked, written = self.worked(expression, environment), expression_text(expression)
        because = tuple(self.because(expression, environment))
        return Fact(
            name,
            value,
            "" if worked.replace(" x ", "x") in (value, name) else worked,
            "" if worked == _typeset(written) or not _computes(expression) else _typeset(written),
            given.origin,
            given.span,
            because,
        )

    # --- the names in an expression --------------------------------------------------------

    def because(self, expression: Value | None, environment: Environment) -> Iterator[Fact]:
        match expression:
            case tree.Name(name=name):
                yield from self.name(name, environment)
            case tree.Attribute():
                yield from self.attribute(expression, environment)
            case tree.Call(function=tree.Name(name=name), arguments=arguments):
                for argument in arguments:
                    yield from self.because(argument.value, environment)
                if environment.function(name) is not None:
                    yield from self.function(expression, environment)
                else:
                    yield from self.name(name, environment)
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                yield from self.because(condition, environment)
                yield from self.because(then if truth(condition, environment) else otherwise, environment)
            case tree.Comprehension(value=value, names=own, condition=condition):
                yield from self.because(expression.values, environment)
                for name in sorted(set(names_in((value, condition))) - {bound.name for bound in own}):
                    yield from self.name(name, environment)
            case _:
                for part in _parts(expression):
                    yield from self.because(part, environment)

    def name(self, name: str, environment: Environment) -> Iterator[Fact]:
        home = next((link for link in environment.chain() if name in link.values), None)
        if home is None:
            return
        value, source = home.values[name], home.sources.get(name)
        known = (id(value if source is None else source), name)
        if known in self.told:
            return
        if source is not None:
            self.told.add(known)
            yield self.of(name, source)
        elif isinstance(value, Flow):
            self.told.add(known)
            yield self.flow(name, value)

    def attribute(self, expression: tree.Attribute, environment: Environment) -> Iterator[Fact]:
        value = word_or_value(expression.value, environment)
        text = expression_text(expression)
        if isinstance(value, Flow) and (id(value), text) not in self.told:
            self.told.add((id(value), text))
            found = shown(word_or_value(expression, environment))
            yield replace(self.flow(text, value), value=found, origin=f"of {self.id(value)}, {value.tensor}")

    def flow(self, name: str, value: Flow) -> Fact:
        node = self.nodes[value.ref.number]
        return Fact(name, str(value.tensor), origin=f"of {node.id}", span=node.span, node=node.id)

    def id(self, value: Flow) -> str:
        return self.nodes[value.ref.number].id

    def function(self, call: tree.Call, environment: Environment) -> Iterator[Fact]:
        """`C(32): 40 = round_to(32 × 1.2 = 38.4, 8)`."""
        assert isinstance(call.function, tree.Name)
        found = environment.function(call.function.name)
        assert found is not None
        define, home = found
        inner = home.child()
        values = [word_or_value(argument.value, environment) for argument in call.arguments]
        names = [name.name for name in define.parameters]
        inner.values.update(zip(names, values, strict=True))
        name = f"{define.name.name}({', '.join(map(shown, values))})"
        if (id(home), name) in self.told:
            return
        self.told.add((id(home), name))
        pairs = zip(values, names, strict=True)
        self.told.update((id(value), parameter) for value, parameter in pairs if isinstance(value, Flow))
        yield Fact(
            name,
            shown(word_or_value(call, environment)),
            self.worked(define.value, inner),
            _typeset(expression_text(define.value)),
            span=define.span,
            because=tuple(self.because(define.value, inner)),
        )

    # --- an expression with its values put in ------------------------------------------------

    def worked(self, expression: tree.Expression, environment: Environment) -> str:
        if isinstance(expression, tree.Name):
            # The fact of a name alone says all of this already.
            return expression.name if expression.name in environment else shown(word_or_value(expression, environment))
        if isinstance(expression, tree.Call) and _defined(expression, environment):
            values = ", ".join(shown(word_or_value(argument.value, environment)) for argument in expression.arguments)
            return f"{expression_text(expression.function)}({values})"
        return _typeset(expression_text(self.put_in(expression, environment)))

    def put_in(self, expression: Value, environment: Environment) -> Any:
        """The expression with each name replaced by its value. (In the tree, a name whose text is that value.)"""
        match expression:
            case tree.Number() | tree.String() | tree.Boolean() | tree.VariantOf():
                return expression
            case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
                return replace(expression, left=self.put_in(left, environment), right=self.put_in(right, environment))
            case tree.Unary(value=value) | tree.Spread(value=value):
                return replace(expression, value=self.put_in(value, environment))
            case tree.List(items=items):
                return replace(expression, items=tuple(self.put_in(item, environment) for item in items))
            case tree.Shape(dims=dims):
                return replace(expression, dims=tuple(self.put_in(dim, environment) for dim in dims))
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                return self.put_in(then if truth(condition, environment) else otherwise, environment)
            case tree.Call() if not _defined(expression, environment):
                if not isinstance(word_or_value(expression, environment), Unit):
                    arguments = tuple(
                        replace(argument, value=self.argument(argument.value, environment))
                        for argument in expression.arguments
                    )
                    return replace(expression, arguments=arguments)
        return tree.Name(shown(word_or_value(expression, environment)), expression.span)

    def argument(self, expression: Value, environment: Environment) -> Value:
        """An argument with its values put in and, if it computes something, its result: `32 × 1.2 = 38.4`."""
        inner: Value = self.put_in(expression, environment)
        if isinstance(inner, tree.Spread) or not _computes(expression):
            return inner
        value = shown(word_or_value(expression, environment))
        if expression_text(inner) == value:
            return inner
        text = f"{_typeset(expression_text(inner))} = {value}"
        return tree.Name(text, expression.span)


def _parts(expression: Value | None) -> tuple[Value | None, ...]:
    match expression:
        case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
            return (left, right)
        case tree.Unary(value=value) | tree.Spread(value=value):
            return (value,)
        case tree.List(items=parts) | tree.Shape(dims=parts):
            return parts
        case tree.Index(value=value, index=index):
            return (value, index)
        case tree.Slice(value=value, start=start, stop=stop):
            return (value, start, stop)
        case tree.Call(arguments=arguments):
            return tuple(argument.value for argument in arguments)
        case _:
            return ()


def _computes(expression: Value) -> bool:
    return isinstance(
        expression,
        tree.Binary | tree.Call | tree.Compare | tree.Conditional | tree.Index | tree.Slice | tree.Comprehension,
    )


def _defined(call: tree.Call, environment: Environment) -> bool:
    return isinstance(call.function, tree.Name) and environment.function(call.function.name) is not None


def _typeset(text: str) -> str:
    return text.replace(" * ", " × ")


def shown(value: Any) -> str:
    """A value as it would be written in a spec: `38.4`, `3x3`, `[3, 4, 6, 3]`, `Bottleneck`."""
    match value:
        case str():
            return value
        case float():
            return shown_number(value)
        case Unit():
            return str(value)
        case Flow():
            return str(value.tensor)
        case list():
            return f"[{', '.join(map(shown, value))}]"
        case tuple() if all(isinstance(entry, int) for entry in value):
            return "x".join(map(shown, value))
        case tuple():
            return f"[{', '.join(shown(list(entry) if isinstance(entry, tuple) else entry) for entry in value)}]"
        case _:
            return describe(value)


def _differs(value: Any, given: Any) -> bool:
    return isinstance(value, int | float) and isinstance(given, int | float) and value != given
