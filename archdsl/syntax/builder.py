"""Makes a `tree.Spec` from Lark's tree, with one method for each rule of the grammar that becomes a node.

Some errors cannot be expressed in the grammar: reserved words used as names, unknown types, numbers out of range. They
are found here and collected in `problems`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from difflib import get_close_matches
from fractions import Fraction
from math import isinf
from typing import Any, get_args

from lark import Token, Tree
from lark.tree import Meta

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.source import HasSpan, Source, Span
from archdsl.syntax import tree
from archdsl.syntax.mistakes import shortened
from archdsl.text import LONGEST_WRITTEN

RESERVED = frozenset("and as elif else false for if in not or repeat return then true x".split())
"""Words that cannot be names."""

FOREIGN = {
    "True": "write `true`",
    "False": "write `false`",
    "None": "leave the argument out, or write `if` around what uses it",
}
"""Words of Python that cannot be names here either, and the help for each."""

SUFFIXES = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

DEPTH = 160
"""The most levels of nested rules, so that recursive functions can walk through the tree."""

DIGITS = 40
"""The most characters of a number."""


class TreeBuilder:
    """Makes one tree, whose spans point into `source`.

    Each method has the name of its rule. It is given the rule's position in the text and the nodes made from its parts.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []
        self.refused: set[str] = set()

    def build(self, parsed: Tree[Token]) -> Any:
        """The node for a tree of Lark's. It is built from the leaves up without recursion: trees may be very deep."""
        pending: list[Any] = [parsed]
        postfix: list[Any] = []
        while pending:
            postfix.append(part := pending.pop())
            if isinstance(part, Tree):
                pending += part.children
        made: list[tuple[Any, int]] = []
        for part in reversed(postfix):
            if not isinstance(part, Tree):
                made.append((part, 0))
                continue
            first = len(made) - len(part.children)
            parts, made[first:] = made[first:], []
            depth = 1 + max((depth for _, depth in parts), default=0)
            if depth > DEPTH:
                start = part.meta.start_pos
                span = Span(self.source, start, start + 1)
                raise CompileError([Diagnostic("too-deep", f"this is nested deeper than {DEPTH} levels", span)])
            made.append((getattr(self, part.data)(part.meta, *(child for child, _ in parts)), depth))
        return made[0][0]

    def span(self, meta: Meta, last: HasSpan | None = None) -> Span:
        """The span from the first to the last token of a rule, or to `last` if the rule covers several lines."""
        return Span(self.source, meta.start_pos, last.span.end if last else meta.end_pos)

    def token_span(self, token: Token) -> Span:
        assert token.start_pos is not None
        return Span(self.source, token.start_pos, token.start_pos + len(token))

    def problem(self, code: str, message: str, span: Span, **more: Any) -> None:
        self.problems.append(Diagnostic(code, message, span, **more))

    def word(self, token: Token) -> tree.Name:
        """A bare name. A reserved word is reported, once for each word."""
        span = self.token_span(token)
        text = str(token)
        if text in RESERVED and text not in self.refused:
            why = "the sign between the sizes of a shape" if text == "x" else "a word of the language"
            help = self.instead_of_x(span) if text == "x" else None
            self.problem("reserved-word", f"`{text}` cannot be a name: it is {why}", span, help=help)
        if text in FOREIGN and text not in self.refused:
            self.problem("foreign-syntax", f"`{text}` is Python, not archdsl", span, help=FOREIGN[text])
        self.refused |= {text} & (RESERVED | set(FOREIGN))
        self.check_name(text, span)
        return tree.Name(text, span)

    def instead_of_x(self, span: Span) -> str:
        """What to write for `x`, which PyTorch's code calls whatever flows: a name where one is given, else `it`."""
        line = self.source.text[: span.start].rpartition("\n")[2]
        if re.search(r"\b(?:input|path|let|shared|learned|stage|output|param|as)\s+$|^\s*(?:block|def)\b", line):
            return "call it `data`, or by what it holds"
        return "what flows is called `it`"

    def check_name(self, text: str, span: Span) -> None:
        if text in self.refused:
            return
        if len(text) > LONGEST_WRITTEN:
            message = f"`{shortened(text)}` has {len(text):,} characters; a name has at most {LONGEST_WRITTEN}"
        elif text.startswith("__"):
            message = f"`{text}` begins with `__`, which is reserved for Python's own names"
        else:
            return
        self.refused.add(text)
        self.problem("bad-name", message, span)

    # --- a file ----------------------------------------------------------------------------

    def file(self, meta: Meta, *items: Any) -> tree.Spec:
        return tree.Spec(self.source, items)

    def import_(self, meta: Meta, module: tuple[str, ...], *names: tree.Name) -> tree.Import:
        return tree.Import(module, names, self.span(meta, names[-1]))

    def module(self, meta: Meta, *words: Token) -> tuple[str, ...]:
        return tuple(self.word(word).name for word in words)

    def network(self, meta: Meta, name: tree.Name, doc: tree.String | None, *items: Any) -> tree.Network:
        return tree.Network(name, doc, items, self.span(meta, items[-1]))

    def block(
        self,
        meta: Meta,
        name: tree.Name,
        parameters: tuple[tree.Parameter, ...] | None,
        ports: tree.Ports | None,
        flow: tree.Chain | tuple[tree.String | None, tree.Body],
    ) -> tree.Block:
        doc, body = flow if isinstance(flow, tuple) else (None, _body(flow))
        return tree.Block(name, parameters or (), ports, doc, body, self.span(meta, body))

    def parameters(self, meta: Meta, *parameters: tree.Parameter | None) -> tuple[tree.Parameter, ...]:
        return _present(parameters)

    def parameter(
        self, meta: Meta, name: tree.Name, kind: Token | None, default: Any, doc: tree.String | None
    ) -> tree.Parameter:
        type = self.choose(kind, "unknown-type", TYPES) if kind else None
        return tree.Parameter(name, type, default, doc, self.span(meta))

    def ports(self, meta: Meta, *names: tree.Name | None) -> tree.Ports:
        return tree.Ports(_present(names[:-1]), names[-1], self.span(meta))

    def rest_port(self, meta: Meta, rest: tree.Name) -> tree.Ports:
        return tree.Ports((), rest, self.span(meta))

    def documented(self, meta: Meta, doc: tree.String | None, *statements: Any) -> tuple[tree.String | None, tree.Body]:
        return doc, _body(*statements)

    def indented(self, meta: Meta, *statements: Any) -> tree.Body:
        return _body(*statements)

    def doc(self, meta: Meta, token: Token) -> tree.String:
        return tree.String(dedented(token[3:-3]), self.token_span(token))

    # --- flow ------------------------------------------------------------------------------

    def line(self, meta: Meta, *steps: tree.Step) -> tree.Chain:
        return self.chain(meta, *steps)

    def chain(self, meta: Meta, *steps: tree.Step) -> tree.Chain:
        breaks = frozenset(i for i in range(1, len(steps)) if self.on_new_line(steps[i - 1], steps[i]))
        return tree.Chain(steps, breaks, steps[0].span.to(steps[-1].span))

    def on_new_line(self, before: HasSpan, after: HasSpan) -> bool:
        return "\n" in self.source.text[before.span.end : after.span.start]

    def merge_line(self, meta: Meta, *steps: tree.Step | tree.Merge) -> tree.Chain:
        return self.chain(meta, *(tree.Step(s, None, None, s.span) if isinstance(s, tree.Merge) else s for s in steps))

    def step(self, meta: Meta, target: Any, copies: tree.Copies | None, binding: tree.Binding | None) -> tree.Step:
        return tree.Step(target, copies, binding, self.span(meta))

    def choice_step(self, meta: Meta, choice: tree.Choice, binding: tree.Binding | None) -> tree.Step:
        return tree.Step(choice, None, binding, self.span(meta))

    def arm(self, meta: Meta, target: Any, copies: tree.Copies | None) -> tree.Step:
        return tree.Step(target, copies, None, self.span(meta))

    def other_choice(self, meta: Meta, choice: tree.Choice) -> tree.Step:
        return tree.Step(choice, None, None, choice.span)

    def choice(self, meta: Meta, condition: Any, then: tree.Step, otherwise: tree.Step | None) -> tree.Choice:
        return tree.Choice(condition, then, otherwise, self.span(meta))

    def copies(self, meta: Meta, count: Any, *overrides: tuple[str, tuple[tree.Argument, ...]]) -> tree.Copies:
        span = self.span(meta)
        for which in ("first", "last"):
            if [name for name, _ in overrides].count(which) > 1:
                self.problem("repeated-override", f"`{which}(...)` is given twice for the same copies", span)
        arguments = dict(overrides)
        return tree.Copies(count, arguments.get("first", ()), arguments.get("last", ()), span)

    def first(self, meta: Meta, arguments: tuple[tree.Argument, ...] | None) -> tuple[str, tuple[tree.Argument, ...]]:
        return "first", arguments or ()

    def last(self, meta: Meta, arguments: tuple[tree.Argument, ...] | None) -> tuple[str, tuple[tree.Argument, ...]]:
        return "last", arguments or ()

    def binding(self, meta: Meta, name: tree.Name) -> tree.Binding:
        return tree.Binding((name,), False, self.span(meta))

    def binding_of_several(self, meta: Meta, *names: tree.Name) -> tree.Binding:
        return tree.Binding(names, True, self.span(meta))

    def values(self, meta: Meta, *items: Any) -> tree.Values:
        return tree.Values(items, self.span(meta))

    def spread(self, meta: Meta, value: Any) -> tree.Spread:
        return tree.Spread(value, self.span(meta))

    def group(self, meta: Meta, chain: tree.Chain) -> tree.Group:
        return tree.Group(chain, self.span(meta))

    def merge(self, meta: Meta, head: tree.Name | tree.Call, *branches: tree.Branch) -> tree.Merge:
        return tree.Merge(_merge_op(head), branches, True, self.span(meta))

    def merge_block(self, meta: Meta, head: tree.Name | tree.Call, *branches: tree.Branch) -> tree.Merge:
        return tree.Merge(_merge_op(head), branches, False, self.span(meta, branches[-1]))

    def branch(self, meta: Meta, *parts: Any) -> tree.Branch:
        *clauses, chain = parts
        return tree.Branch(tuple(clauses), chain, parts[0].span.to(chain.span))

    bar = branch

    def each(self, meta: Meta, *parts: Any) -> tree.Each:
        *names, values = parts
        return tree.Each(tuple(names), values, self.span(meta))

    def when(self, meta: Meta, condition: Any) -> tree.When:
        return tree.When(condition, self.span(meta))

    # --- statements of a body --------------------------------------------------------------

    def path(self, meta: Meta, name: tree.Name, flow: tree.Chain | tree.Body) -> tree.Path:
        return tree.Path(name, flow, self.span(meta, flow))

    def let(self, meta: Meta, name: tree.Name, value: Any) -> tree.Let:
        return tree.Let(name, value, self.span(meta))

    def shared(self, meta: Meta, name: tree.Name, value: tree.Call | tree.Name) -> tree.Shared:
        return tree.Shared(name, value, self.span(meta))

    def learned(self, meta: Meta, name: tree.Name, shape: Any, start: Any) -> tree.Learned:
        return tree.Learned(name, shape, start, self.span(meta))

    def repeat(self, meta: Meta, count: Any, index: tree.Name | None, flow: tree.Chain | tree.Body) -> tree.Repeat:
        return tree.Repeat(count, index, _body(flow), self.span(meta, flow))

    def for_(self, meta: Meta, *parts: Any) -> tree.For:
        *names, values, flow = parts
        return tree.For(tuple(names), values, _body(flow), self.span(meta, flow))

    def if_(self, meta: Meta, condition: Any, flow: tree.Chain | tree.Body, *rest: Any) -> tree.If:
        *arms, otherwise = rest
        last = otherwise or (arms[-1][1] if arms else _body(flow))
        return tree.If(((condition, _body(flow)), *arms), otherwise, self.span(meta, last))

    def elif_(self, meta: Meta, condition: Any, flow: tree.Chain | tree.Body) -> tuple[Any, tree.Body]:
        return condition, _body(flow)

    def else_(self, meta: Meta, flow: tree.Chain | tree.Body) -> tree.Body:
        return _body(flow)

    def return_(self, meta: Meta, *values: Any) -> tree.Return:
        return tree.Return(values, self.span(meta))

    def output(self, meta: Meta, name: tree.Name, training: Token | None, flow: tree.Chain | tree.Body) -> tree.Output:
        return tree.Output(name, training is not None, flow, self.span(meta, flow))

    def stage(
        self,
        meta: Meta,
        name: tree.Name,
        number: Any,
        title: tree.String | None,
        flow: tree.Chain | tuple[tree.String | None, tuple[tree.Defaults | tree.Init, ...], tree.Body],
    ) -> tree.Stage:
        doc, defaults, body = flow if isinstance(flow, tuple) else (None, (), flow)
        return tree.Stage(name, number, title, doc, defaults, body, self.span(meta, body))

    def staged(self, meta: Meta, doc: tree.String | None, *parts: Any) -> tuple[Any, ...]:
        defaults = tuple(part for part in parts if isinstance(part, tree.Defaults | tree.Init))
        return doc, defaults, _body(*parts[len(defaults) :])

    # --- a network's declarations ----------------------------------------------------------

    def citation(self, meta: Meta, text: tree.String) -> tree.Citation:
        return tree.Citation(text, self.span(meta))

    def input(self, meta: Meta, name: tree.Name, shape: Any, kind: Token | None) -> tree.Input:
        return tree.Input(name, shape, self.choose(kind, "unknown-kind", KINDS) if kind else "float", self.span(meta))

    def param(self, meta: Meta, parameter: tree.Parameter) -> tree.Parameter:
        return tree.Parameter(parameter.name, parameter.type, parameter.default, parameter.doc, self.span(meta))

    def scaling(self, meta: Meta, *assignments: tree.Assignment) -> tree.Scaling:
        return tree.Scaling(assignments, self.span(meta, assignments[-1]))

    def variants(self, meta: Meta, *variants: tree.Variant) -> tree.Variants:
        return tree.Variants(variants, self.span(meta, variants[-1]))

    def variant(self, meta: Meta, label: Token, *assignments: tree.Assignment) -> tree.Variant:
        span = self.token_span(label)
        self.check_name(str(label), span)
        return tree.Variant(str(label), assignments, span.to(assignments[-1].span) if assignments else span)

    def assignment(self, meta: Meta, name: tree.Name, value: Any) -> tree.Assignment:
        return tree.Assignment(name, value, self.span(meta))

    def define(self, meta: Meta, name: tree.Name, *parts: Any) -> tree.Define:
        *parameters, value = parts
        return tree.Define(name, _present(parameters), value, self.span(meta))

    def require(self, meta: Meta, condition: Any, reason: tree.String) -> tree.Require:
        return tree.Require(condition, reason, self.span(meta))

    def defaults(self, meta: Meta, *calls: tree.Call) -> tree.Defaults:
        self.check_plain(calls)
        return tree.Defaults(calls, self.span(meta, calls[-1]))

    def check_plain(self, calls: Iterable[tree.Call]) -> None:
        """Reports calls of one variant (`VGG@D`): defaults and initializers apply to all variants of a network."""
        for call in calls:
            if isinstance(call.function, tree.VariantOf):
                name, span = call.function.name, call.function.span
                self.problem(
                    "unexpected-token",
                    f"`{shortened(span.text)}` is one variant, but this line applies to every `{shortened(name)}`",
                    span,
                    help=f"write `{shortened(name)}`",
                )

    def init(self, meta: Meta, *calls: tree.Call) -> tree.Init:
        self.check_plain(calls)
        return tree.Init(calls, self.span(meta, calls[-1]))

    def expect(self, meta: Meta, label: Token | None, *facts: Any) -> tree.Expect:
        for fact in facts:
            if not isinstance(fact, tree.Compare):
                self.problem(
                    "not-a-fact",
                    f"`{shortened(fact.span.text)}` compares nothing, so there is nothing to expect",
                    fact.span,
                    help="write a comparison such as `params == 25_557_032`, several with `;` between them",
                )
        return tree.Expect(label and str(label), facts, self.span(meta, facts[-1]))

    # --- expressions -----------------------------------------------------------------------

    def conditional(self, meta: Meta, condition: Any, then: Any, otherwise: Any) -> tree.Conditional:
        return tree.Conditional(condition, then, otherwise, self.span(meta))

    def or_(self, meta: Meta, left: Any, right: Any) -> tree.Binary:
        return tree.Binary("or", left, right, self.span(meta))

    def and_(self, meta: Meta, left: Any, right: Any) -> tree.Binary:
        return tree.Binary("and", left, right, self.span(meta))

    def not_(self, meta: Meta, value: Any) -> tree.Unary:
        return tree.Unary("not", value, self.span(meta))

    def compare(self, meta: Meta, left: Any, sign: Any, right: Any, tolerance: Any = None) -> tree.Compare:
        return tree.Compare(sign.value, left, right, tolerance, self.span(meta))

    def tolerance(self, meta: Meta, number: tree.Number) -> tree.Number:
        return number

    def shape(self, meta: Meta, *dims: Any) -> tree.Shape:
        return tree.Shape(dims, self.span(meta))

    def add(self, meta: Meta, left: Any, sign: Any, right: Any) -> tree.Binary:
        return tree.Binary(sign.value, left, right, self.span(meta))

    multiply = add

    def negative(self, meta: Meta, value: Any) -> tree.Unary:
        return tree.Unary("-", value, self.span(meta))

    def power(self, meta: Meta, base: Any, exponent: Any) -> tree.Binary:
        return tree.Binary("^", base, exponent, self.span(meta))

    def call(self, meta: Meta, function: Any, arguments: tuple[tree.Argument, ...] | None) -> tree.Call:
        return tree.Call(function, arguments or (), self.span(meta))

    def arguments(self, meta: Meta, *arguments: tree.Argument) -> tuple[tree.Argument, ...]:
        return arguments

    def argument(self, meta: Meta, name: Token | None, value: Any) -> tree.Argument:
        return tree.Argument(name and self.word(name).name, value, self.span(meta))

    def spread_argument(self, meta: Meta, value: tree.Spread) -> tree.Argument:
        return tree.Argument(None, value, value.span)

    def variant_of(self, meta: Meta, network: Token, variant: Token) -> tree.VariantOf:
        return tree.VariantOf(self.word(network).name, str(variant), self.span(meta))

    def attribute(self, meta: Meta, value: Any, name: Token) -> tree.Attribute:
        return tree.Attribute(value, self.word(name).name, self.span(meta))

    def index(self, meta: Meta, value: Any, index: Any) -> tree.Index:
        return tree.Index(value, index, self.span(meta))

    def slice(self, meta: Meta, value: Any, start: Any, stop: Any) -> tree.Slice:
        return tree.Slice(value, start, stop, self.span(meta))

    def list(self, meta: Meta, *items: Any) -> tree.List:
        return tree.List(_present(items), self.span(meta))

    def comprehension(self, meta: Meta, value: Any, *parts: Any) -> tree.Comprehension:
        *names, values, condition = parts
        return tree.Comprehension(value, tuple(names), values, condition, self.span(meta))

    def name(self, meta: Meta, token: Token) -> tree.Name:
        return self.word(token)

    def number(self, meta: Meta, token: Token) -> tree.Number:
        return tree.Number(str(token), self.exact(str(token), meta), self.span(meta))

    def exact(self, text: str, meta: Meta) -> int | float:
        """The number that a text stands for: an exact integer for `4.1G`, but a float for `1.0`."""
        digits = text.replace("_", "").rstrip("KMGT")
        if len(digits) <= DIGITS and not isinf(float(digits)):
            if digits.isdigit() and digits == text.replace("_", ""):
                return int(digits)
            if text[-1] not in SUFFIXES:
                return float(digits)
            exact = Fraction(digits) * SUFFIXES[text[-1]]
            return int(exact) if exact.denominator == 1 else float(exact)
        self.problem("bad-number", f"{shortened(text)} is too large, or has too many digits", self.span(meta))
        return 0

    def string(self, meta: Meta, token: Token) -> tree.String:
        return tree.String(re.sub(r'\\(["\\])', r"\1", token[1:-1]), self.span(meta))

    def boolean(self, meta: Meta, token: Token) -> tree.Boolean:
        return tree.Boolean(token == "true", self.span(meta))

    # --- words -----------------------------------------------------------------------------

    def choose(self, token: Token, code: str, known: tuple[str, ...]) -> Any:
        """A word that must be one of a few. Another word is a problem, and is replaced by the first of them."""
        if token in known:
            return str(token)
        close = get_close_matches(token, known, 1)
        message = f"there is no {code.removeprefix('unknown-')} `{shortened(token)}`: it is one of {', '.join(known)}"
        help = f"did you mean `{close[0]}`?" if close else None
        self.problem(code, message, self.token_span(token), help=help)
        return known[0]


TYPES: tuple[str, ...] = get_args(tree.ParameterType)
KINDS = ("float", "int")


def dedented(text: str) -> str:
    """The text of a docstring without the indentation that its lines have in the file."""
    return inspect.cleandoc("\n".join(line.rstrip() for line in text.split("\n")))


def _present(items: Iterable[Any]) -> tuple[Any, ...]:
    """The items without None, which Lark puts in place of optional parts that are missing."""
    return tuple(item for item in items if item is not None)


def _body(*statements: Any) -> tree.Body:
    """The body made of what follows a colon, on the same line or indented."""
    if isinstance(statements[0], tree.Body):
        return statements[0]
    return tree.Body(statements, statements[0].span.to(statements[-1].span))


def _merge_op(head: tree.Name | tree.Call) -> tree.Name | tree.Call | None:
    return None if isinstance(head, tree.Name) and head.name == "parallel" else head
