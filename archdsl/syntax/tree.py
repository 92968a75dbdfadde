"""The syntax tree: one frozen class for each construct of the grammar, each with its span.

It holds only what is written in the spec. Names are looked up and numbers computed later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from archdsl.source import Source, Span
from archdsl.syntax.node import Node, node

# --- expressions: numbers, names and calls -------------------------------------------------


@node
class Number(Node):
    """`224`, `0.25`, `25_557_032`, `4.1G`. `text` keeps the digits, because they give the tolerance of `~`."""

    text: str
    value: int | float
    span: Span


@node
class String(Node):
    value: str
    span: Span


@node
class Boolean(Node):
    value: bool
    span: Span


@node
class Name(Node):
    """Any bare name, including `it` and `input`."""

    name: str
    span: Span


@node
class VariantOf(Node):
    """`VGG@D`: a network with one of its variants."""

    name: str
    variant: str
    span: Span


@node
class List(Node):
    items: tuple[Expression, ...]
    span: Span


@node
class Comprehension(Node):
    """`[c * 2 for c in widths if c > 8]`: a list made from another. With several names, each element is a row."""

    value: Expression
    names: tuple[Name, ...]
    values: Expression
    condition: Expression | None
    span: Span


@node
class Shape(Node):
    """`3 x 224 x 224`, `1x7`."""

    dims: tuple[Expression, ...]
    span: Span


@node
class Attribute(Node):
    """`it.channels`, `backbone.conv3`."""

    value: Expression
    name: str
    span: Span


@node
class Index(Node):
    """`xs[0]`."""

    value: Expression
    index: Expression
    span: Span


@node
class Slice(Node):
    """`xs[1:]`."""

    value: Expression
    start: Expression | None
    stop: Expression | None
    span: Span


@node
class Argument(Node):
    """`stride=2` (`name` is "stride"), `64` (`name` is None), or `*row`: each element of a list, in order."""

    name: str | None
    value: Expression | Spread
    span: Span


@node
class Call(Node):
    """`conv(64, 7, stride=2)`: an op, a block, a network, a function, or an initializer."""

    function: Name | VariantOf
    arguments: tuple[Argument, ...]
    span: Span


@node
class Unary(Node):
    operator: Literal["-", "not"]
    value: Expression
    span: Span


@node
class Binary(Node):
    """`//` divides and rounds down, `^` is power, `and` and `or` take conditions."""

    operator: Literal["+", "-", "*", "/", "//", "%", "^", "and", "or"]
    left: Expression
    right: Expression
    span: Span


@node
class Compare(Node):
    """`a == b`, `a ~ 4.1G` (equal to the digits written), `a ~ 4.1G ± 2%` (equal within `tolerance`, 2.0)."""

    operator: Literal["==", "!=", "<", "<=", ">", ">=", "~"]
    left: Expression
    right: Expression
    tolerance: Number | None
    span: Span


@node
class Conditional(Node):
    """`if c then a else b` between numbers."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span


Expression = (
    Number
    | String
    | Boolean
    | Name
    | VariantOf
    | List
    | Comprehension
    | Shape
    | Attribute
    | Index
    | Slice
    | Call
    | Unary
    | Binary
    | Compare
    | Conditional
)

# --- flow: steps, chains, branches ---------------------------------------------------------


@node
class Binding(Node):
    """`as skip` or `as (l, r)`."""

    names: tuple[Name, ...]
    several: bool
    span: Span


@node
class Copies(Node):
    """`* n first(stride=2) last(...)`."""

    count: Expression
    first: tuple[Argument, ...]
    last: tuple[Argument, ...]
    span: Span


@node
class Values(Node):
    """`(prev, cur)` at the beginning of a chain: several values side by side."""

    items: tuple[Expression | Spread, ...]
    span: Span


@node
class Spread(Node):
    """`*xs`: each value of a list, as a branch or an item of its own."""

    value: Expression
    span: Span


@node
class Each(Node):
    """`for r in rates:` before a branch: one branch for each element. With several names, each element is a row."""

    names: tuple[Name, ...]
    values: Expression
    span: Span


@node
class When(Node):
    """`if c:` before a branch: the branch is there only if `c` holds."""

    condition: Expression
    span: Span


@node
class Branch(Node):
    clauses: tuple[Each | When, ...]
    chain: Chain
    span: Span


@node
class Merge(Node):
    """`add{a | b}` (`inline` is true), or `add:` and indented branches. `op` is None for `parallel`."""

    op: Name | Call | None
    branches: tuple[Branch, ...]
    inline: bool
    span: Span


@node
class Group(Node):
    """`(a -> b)`: a chain in place of a step."""

    chain: Chain
    span: Span


@node
class Choice(Node):
    """`if c then A else B` as a step; without `else` the value passes unchanged."""

    condition: Expression
    then: Step
    otherwise: Step | None
    span: Span


StepTarget = Name | VariantOf | Attribute | Index | Slice | Call | Values | Spread | Merge | Group | Choice


@node
class Step(Node):
    target: StepTarget
    copies: Copies | None
    binding: Binding | None
    span: Span


@node
class Chain(Node):
    """`a -> b -> c`. `breaks` are the indices of steps that begin a continuation line."""

    steps: tuple[Step, ...]
    breaks: frozenset[int]
    span: Span


# --- statements of a body ------------------------------------------------------------------


@node
class Path(Node):
    """`path p = prev -> Fit(f)` (a chain) or `path body:` (a body)."""

    name: Name
    flow: Chain | Body
    span: Span


@node
class Let(Node):
    name: Name
    value: Expression
    span: Span


@node
class Shared(Node):
    """`shared head = Head(256)`: every use has the same weights."""

    name: Name
    value: Call | Name
    span: Span


@node
class Learned(Node):
    """`learned position: width x 197 = normal(0.02)`: a learned value, and how it starts."""

    name: Name
    shape: Expression
    start: Expression | None
    span: Span


@node
class Repeat(Node):
    """`repeat n as i:`."""

    count: Expression
    index: Name | None
    body: Body
    span: Span


@node
class For(Node):
    """`for k in [3, 5]:`, `for k, c in rows:`."""

    names: tuple[Name, ...]
    values: Expression
    body: Body
    span: Span


@node
class If(Node):
    """`if`/`elif` arms in order, then the `else` body."""

    arms: tuple[tuple[Expression, Body], ...]
    otherwise: Body | None
    span: Span


@node
class Return(Node):
    """`return cur, it`."""

    values: tuple[Expression | Spread, ...]
    span: Span


@node
class Output(Node):
    """`output aux1 training: i4a -> Auxiliary(classes)`."""

    name: Name
    training: bool
    flow: Chain | Body
    span: Span


@node
class Stage(Node):
    """`stage conv4 "Stage 4":`, on one line (`flow` is a chain) or indented (a body), with defaults of its own.

    In a loop, `stage s{i}:` has a `number`, which is the end of its name.
    """

    name: Name
    number: Expression | None
    title: String | None
    doc: String | None
    defaults: tuple[Defaults | Init, ...]
    flow: Chain | Body
    span: Span


FlowStatement = Chain | Path | Let | Shared | Learned | Repeat | For | If | Return | Output | Stage


@node
class Body(Node):
    statements: tuple[FlowStatement, ...]
    span: Span


# --- a network's declarations --------------------------------------------------------------


@node
class Citation(Node):
    """`source "He et al. 2016, ..."`."""

    text: String
    span: Span


@node
class Input(Node):
    """`input image: 3 x 224 x 224`, `input tokens: 128 of int`."""

    name: Name
    shape: Expression
    kind: Literal["float", "int"]
    span: Span


ParameterType = Literal["int", "float", "bool", "str", "list", "block", "op"]


@node
class Parameter(Node):
    """`param classes: int = 1000` of a network, or one of a block's parameters."""

    name: Name
    type: ParameterType | None
    default: Expression | None
    doc: String | None
    span: Span


@node
class Assignment(Node):
    """`width = 1.2` inside `scaling:` or a variant."""

    name: Name
    value: Expression
    span: Span


@node
class Scaling(Node):
    assignments: tuple[Assignment, ...]
    span: Span


@node
class Variant(Node):
    """`b3: width = 1.2, depth = 1.4`; `continued` are indices of assignments that begin a new line."""

    name: str
    assignments: tuple[Assignment, ...]
    span: Span


@node
class Variants(Node):
    variants: tuple[Variant, ...]
    span: Span


@node
class Define(Node):
    """`def C(c) = round_to(c * width, 8)`."""

    name: Name
    parameters: tuple[Name, ...]
    value: Expression
    span: Span


@node
class Require(Node):
    condition: Expression
    reason: String
    span: Span


@node
class Defaults(Node):
    """`defaults: conv(bias=false), bn(eps=bn_eps)`."""

    calls: tuple[Call, ...]
    span: Span


@node
class Init(Node):
    """`init: conv(kaiming), linear(normal(0.01))`: short for `defaults` with `init=`."""

    calls: tuple[Call, ...]
    span: Span


@node
class Expect(Node):
    """`expect 50: params == 25_557_032; macs ~ 4.1G`: facts for one variant, or for all."""

    variant: str | None
    facts: tuple[Compare, ...]
    span: Span


Declaration = Citation | Input | Parameter | Scaling | Variants | Define | Require | Defaults | Init | Expect
Item = Declaration | FlowStatement

# --- a file --------------------------------------------------------------------------------


@node
class Import(Node):
    """`from blocks.residual import Bottleneck`: `path` is ("blocks", "residual")."""

    path: tuple[str, ...]
    names: tuple[Name, ...]
    span: Span


@node
class Ports(Node):
    """`from carry, *rest`: a block's named inputs, the last of which may take any number."""

    names: tuple[Name, ...]
    rest: Name | None
    span: Span


@node
class Block(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    ports: Ports | None
    doc: String | None
    body: Body
    span: Span


@node
class Network(Node):
    name: Name
    doc: String | None
    items: tuple[Item, ...]
    span: Span


@node
class Comment(Node):
    """`# ...`. `own_line` is true if nothing else stands on its line."""

    text: str
    own_line: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole file. `items` has its parts in the order in which they are written."""

    source: Source
    items: tuple[Import | Defaults | Define | Block | Network, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
