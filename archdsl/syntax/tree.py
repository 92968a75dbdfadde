"""The syntax tree: one frozen class for each construct of the grammar, each with its span.

It holds only what was written: names are not looked up yet, and no numbers computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from archdsl.source import Source, Span

# --- expressions: numbers, names and calls -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """`224`, `0.25`, `25_557_032`, `4.1G`. `text` keeps the digits, which `~` takes its tolerance from."""

    text: str
    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class String:
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """Any bare name; `it` and `input` too."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class VariantOf:
    """`VGG@D`: a network with one of its variants."""

    name: str
    variant: str
    span: Span


@dataclass(frozen=True, slots=True)
class List:
    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Shape:
    """`3 x 224 x 224`, `1x7`."""

    dims: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """`it.channels`, `backbone.conv3`."""

    value: Expression
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """`xs[0]`."""

    value: Expression
    index: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Slice:
    """`xs[1:]`."""

    value: Expression
    start: Expression | None
    stop: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Argument:
    """`stride=2` (`name` is "stride") or `64` (`name` is None)."""

    name: str | None
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`conv(64, 7, stride=2)`: an op, a block, a network, a function, or an initializer."""

    function: Name | VariantOf
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    operator: Literal["-", "not"]
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`//` divides and rounds down, `^` is power, `and` and `or` take conditions."""

    operator: Literal["+", "-", "*", "/", "//", "%", "^", "and", "or"]
    left: Expression
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """`a == b`; `a ~ 4.1G` holds to the digits written, `a ~ 4.1G ± 2%` within `tolerance` (2.0)."""

    operator: Literal["==", "!=", "<", "<=", ">", ">=", "~"]
    left: Expression
    right: Expression
    tolerance: Number | None
    span: Span


@dataclass(frozen=True, slots=True)
class Conditional:
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


@dataclass(frozen=True, slots=True)
class Binding:
    """`as skip` or `as (l, r)`."""

    names: tuple[Name, ...]
    several: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Copies:
    """`* n first(stride=2) last(...)`."""

    count: Expression
    first: tuple[Argument, ...]
    last: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Values:
    """`(prev, cur)` at the head of a chain: several values side by side."""

    items: tuple[Expression | Spread, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Spread:
    """`*xs`: each value of a list, as a branch or an item of its own."""

    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Each:
    """`for r in rates:` before a branch: one branch for each element."""

    name: Name
    values: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class When:
    """`if c:` before a branch: the branch is there only if `c` holds."""

    condition: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Branch:
    clauses: tuple[Each | When, ...]
    chain: Chain
    span: Span


@dataclass(frozen=True, slots=True)
class Merge:
    """`add{a | b}` or `add:` and indented branches. `op` is None for `parallel`. `inline` keeps the form."""

    op: Name | Call | None
    branches: tuple[Branch, ...]
    inline: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """`(a -> b)`: a chain where one step is expected."""

    chain: Chain
    span: Span


@dataclass(frozen=True, slots=True)
class Choice:
    """`if c then A else B` as a step; without `else` the value passes unchanged."""

    condition: Expression
    then: Step
    otherwise: Step | None
    span: Span


StepTarget = Name | VariantOf | Attribute | Index | Slice | Call | Values | Spread | Merge | Group | Choice


@dataclass(frozen=True, slots=True)
class Step:
    target: StepTarget
    copies: Copies | None
    binding: Binding | None
    span: Span


@dataclass(frozen=True, slots=True)
class Chain:
    """`a -> b -> c`. `breaks` are the indices of steps that begin a continuation line."""

    steps: tuple[Step, ...]
    breaks: frozenset[int]
    span: Span


# --- statements of a body ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Path:
    """`path p = prev -> Fit(f)` (a chain) or `path body:` (a body)."""

    name: Name
    flow: Chain | Body
    span: Span


@dataclass(frozen=True, slots=True)
class Let:
    name: Name
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Shared:
    """`shared head = Head(256)`: every use has the same weights."""

    name: Name
    value: Call | Name
    span: Span


@dataclass(frozen=True, slots=True)
class Repeat:
    """`repeat n as i:`."""

    count: Expression
    index: Name | None
    body: Body
    span: Span


@dataclass(frozen=True, slots=True)
class For:
    """`for k in [3, 5]:`."""

    name: Name
    values: Expression
    body: Body
    span: Span


@dataclass(frozen=True, slots=True)
class If:
    """`if`/`elif` arms in order, then the `else` body."""

    arms: tuple[tuple[Expression, Body], ...]
    otherwise: Body | None
    span: Span


@dataclass(frozen=True, slots=True)
class Return:
    """`return cur, it`."""

    values: tuple[Expression | Spread, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Output:
    """`output aux1 training: i4a -> Auxiliary(classes)`."""

    name: Name
    training: bool
    flow: Chain | Body
    span: Span


@dataclass(frozen=True, slots=True)
class Stage:
    """`stage conv4 "Stage 4":`, on one line (`flow` is a chain) or indented (a body)."""

    name: Name
    title: String | None
    doc: String | None
    flow: Chain | Body
    span: Span


FlowStatement = Chain | Path | Let | Shared | Repeat | For | If | Return | Output | Stage


@dataclass(frozen=True, slots=True)
class Body:
    statements: tuple[FlowStatement, ...]
    span: Span


# --- a network's declarations --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Citation:
    """`source "He et al. 2016, ..."`."""

    text: String
    span: Span


@dataclass(frozen=True, slots=True)
class Input:
    """`input image: 3 x 224 x 224`, `input tokens: 128 of int`."""

    name: Name
    shape: Expression
    kind: Literal["float", "int"]
    span: Span


ParameterType = Literal["int", "float", "bool", "str", "list", "block", "op"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`param classes: int = 1000` of a network, or one of a block's parameters."""

    name: Name
    type: ParameterType | None
    default: Expression | None
    doc: String | None
    span: Span


@dataclass(frozen=True, slots=True)
class Assignment:
    """`width = 1.2` inside `scaling:` or a variant."""

    name: Name
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Scaling:
    assignments: tuple[Assignment, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Variant:
    """`b3: width = 1.2, depth = 1.4`; `continued` are indices of assignments that begin a new line."""

    name: str
    assignments: tuple[Assignment, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Variants:
    variants: tuple[Variant, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Define:
    """`def C(c) = round_to(c * width, 8)`."""

    name: Name
    parameters: tuple[Name, ...]
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Require:
    condition: Expression
    reason: String
    span: Span


@dataclass(frozen=True, slots=True)
class Defaults:
    """`defaults: conv(bias=false), bn(eps=bn_eps)`."""

    calls: tuple[Call, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Init:
    """`init: conv(kaiming), linear(normal(0.01))`: what `defaults` says of `init=`."""

    calls: tuple[Call, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect 50: params == 25_557_032; macs ~ 4.1G`: facts for one variant, or for all."""

    variant: str | None
    facts: tuple[Compare, ...]
    span: Span


Declaration = Citation | Input | Parameter | Scaling | Variants | Define | Require | Defaults | Init | Expect
Item = Declaration | FlowStatement

# --- a file --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Import:
    """`from blocks.residual import Bottleneck`: `path` is ("blocks", "residual")."""

    path: tuple[str, ...]
    names: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Ports:
    """`from carry, *rest`: a block's named inputs, the last of which may take any number."""

    names: tuple[Name, ...]
    rest: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    name: Name
    parameters: tuple[Parameter, ...]
    ports: Ports | None
    doc: String | None
    body: Body
    span: Span


@dataclass(frozen=True, slots=True)
class Network:
    name: Name
    doc: String | None
    items: tuple[Item, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Comment:
    """`# ...`; `own_line` where nothing else stands on its line."""

    text: str
    own_line: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole file. `items` holds what was written in the order it was written."""

    source: Source
    items: tuple[Import | Defaults | Define | Block | Network, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
