"""Describes how the module of a member is made in one use of a class: `nn.Conv2d(in_channels, width, 3)`.

Each number has its formula. The channels of the module's outputs are computed too, by the op's own rule for shapes.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from archdsl.backends.torch.bodies import Body
from archdsl.backends.torch.classes import Classes
from archdsl.backends.torch.outline import Form, Member, Outline
from archdsl.formula import (
    UNKNOWN_NUMBER,
    combined,
    evaluated,
    exactly,
    formula_of,
    is_known,
    named,
    names,
    plain,
    same,
    substituted,
    text,
    unknown,
)
from archdsl.ir.graph import Node, Scope
from archdsl.ops.base import Expression, Mismatch, Module, Op
from archdsl.ops.merge import Concat
from archdsl.tensor import Tensor

if TYPE_CHECKING:
    from archdsl.backends.torch.context import Context

Channels: TypeAlias = "ast.expr | None"
"""The formula for the channels of a value; None if only their number is known."""


ANY = "any_channels"
"""Stands for the channels of an input, whatever they are."""


class Argument(NamedTuple):
    """One argument: its keyword (None by place), its formula, its value, and what it is `called` as a parameter.

    `default` is the value that PyTorch or the class has if it is left out; `...` if there is none. The name of an
    argument by `place` is found by `Modules.called`, which takes time and is seldom needed. An argument that
    `counts_network` depends on a place in the whole network, which only the network's class knows.
    """

    keyword: str | None
    called: str
    formula: ast.expr
    value: Any
    default: Any = ...
    node: Node | None = None
    place: int = 0
    counts_network: bool = False


@dataclass(frozen=True, slots=True)
class New:
    """A new module: of torch, of a class that the emitted file defines for an op, or of an emitted block (`body`)."""

    target: str
    arguments: tuple[Argument, ...]
    inplace: bool = False
    body: Body | None = None
    around: str = ""


def written_call(new: New, settled: Sequence[ast.expr], inplace: bool) -> ast.expr:
    """`nn.Conv2d(in_channels, width, 3, stride=stride)`, without arguments that equal their default."""
    positional: list[ast.expr] = []
    keywords: list[ast.keyword] = []
    for argument, found in zip(new.arguments, settled, strict=True):
        if argument.keyword is None:
            positional.append(found)
        elif argument.default is ... or not _is_default(found, argument.default):
            keywords.append(ast.keyword(argument.keyword, found))
    if inplace:
        keywords.append(ast.keyword("inplace", ast.Constant(True)))
    call = ast.Call(ast.Name(new.target), positional, keywords)
    return _enclosed(new.around, call) if new.around else call


def _enclosed(around: str, call: ast.expr) -> ast.expr:
    """The expression `around` with the call in place of `{}`."""

    class Filling(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return call if node.id == "_call" else node

    filled: ast.expr = Filling().visit(ast.parse(around.format("_call"), mode="eval").body)
    return filled


def _is_default(found: ast.expr, default: Any) -> bool:
    return not names(found) and same(evaluated(found, {}), default)


@dataclass(frozen=True, slots=True)
class Chain:
    """`nn.Sequential(OrderedDict(conv=..., bn=...))`."""

    children: tuple[tuple[str, Tree], ...]


@dataclass(frozen=True, slots=True)
class Copies:
    """`nn.Sequential(...)` or `nn.ModuleList([...])` of numbered modules; `count` is the formula for their number.

    `steady` says for each copy whether one more copy after it would be the same: it gives as many channels as it takes,
    and its loop has no variable. `numbered` says whether the loop has a variable.
    """

    form: Form
    children: tuple[Tree, ...]
    count: ast.expr | None
    steady: tuple[bool, ...]
    numbered: bool


Tree: TypeAlias = New | Chain | Copies


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a class's constructor.

    `source` says where its value comes from in a use: the channels of an input ("channels"), an argument of the block
    or a name of the text around it ("own"), a setting of the network ("setting"). If it is none of these, it is
    "added", or "counted" if it depends on a place in the whole network.
    """

    name: str
    source: str
    type: str
    default: Any = ...
    place: int = 0
    """For channels: the number of the input that has them."""


@dataclass(frozen=True, slots=True)
class Constructor:
    """The constructor of a class, as those that call it need it.

    `values` has the value of each parameter in each use, by the path of the use. `formulas` has, for the parameters
    that were added, the formula in terms of the other parameters. `takes` are the names for the channels of the inputs,
    `channels` are the channels of the outputs. `borrowed` are the channels of the inputs of shared modules that are
    kept outside the class, by their names.
    """

    name: str
    parameters: tuple[Parameter, ...]
    values: Mapping[str, Mapping[str, Any]]
    formulas: Mapping[str, Mapping[str, ast.expr]]
    takes: tuple[str, ...]
    channels: tuple[Channels, ...]
    borrowed: Mapping[str, Sequence[Channels]]


class Modules:
    """Describes how the members of one class are made: a `Tree` for each."""

    def __init__(self, classes: Classes, constructors: Mapping[int, Constructor], context: Context) -> None:
        self.classes, self.outline, self.context = classes, classes.outline, context
        self.constructors = constructors
        self.borrowed: dict[str, Sequence[Channels]] = {}
        """The channels of the inputs of shared modules that are kept outside the class, by their names."""
        self._emissions: dict[Hashable, tuple[Module | Expression, tuple[Channels, ...]]] = {}
        """Results by op, shapes and formulas, since most uses of a class differ in few of its steps."""

    def tree(self, member: Member, use: int, name: str, inputs: Sequence[Channels]) -> tuple[Tree, list[Channels]]:
        """How a member is made, and the channels of its outputs, from those of its inputs."""
        if isinstance(member, Node):
            emission, channels = self.emission(member, use, inputs)
            assert isinstance(emission, Module)
            return self._leaf(member, emission, name), channels
        match self.classes.form(member):
            case Form.CLASS:
                return self._instance(member, use, name, inputs)
            case Form.CHAIN:
                return self._chain(member, use, name, inputs)
            case form:
                return self._copies(member, use, name, inputs, form)

    # --- ops -------------------------------------------------------------------------------

    def emission(self, node: Node, use: int, inputs: Sequence[Channels]) -> tuple[Module | Expression, list[Channels]]:
        """How an op is written in PyTorch with these formulas, and the channels of its outputs."""
        fields = dict(self._fields(node, use))
        tensors = self.outline.graph.tensors_into(node.id)
        if not fields and all(isinstance(channels, ast.Constant) for channels in inputs):
            return self.outline.emission(node), [ast.Constant(output.dims[0]) for output in node.outputs]
        formulas = tuple((name, text(formula_of(value))) for name, value in fields.items())
        key = id(node.op), tensors, formulas, tuple(None if known is None else text(known) for known in inputs)
        if key not in self._emissions:
            self._emissions[key] = _computed(self.outline, node, fields, tensors, inputs)
            self.outline.define(self._emissions[key][0])
        emission, channels = self._emissions[key]
        return emission, list(channels)

    def _fields(self, node: Node, use: int) -> Iterator[tuple[str, Any]]:
        """The op's arguments that have a formula, as numbers that remember it."""
        for name, written in node.written:
            value = getattr(node.op, name, None)
            said = self.context.said(written, use)
            if isinstance(value, str) or (isinstance(said, ast.Constant | ast.Tuple) and not names(said)):
                continue
            if said is None:
                yield name, named(value, unknown(f"{node.name}.{name}"))
            elif self.context.comes_to(said, use, value):
                yield name, named(value, self.context.as_whole(said, [(use, value)]))

    def _leaf(self, node: Node, emission: Module, name: str) -> New:
        counts = any(written.share is not None for _, written in node.written)
        positional = (
            Argument(None, name, formula_of(value), plain(value), node=node, place=place, counts_network=counts)
            for place, value in enumerate(emission.args)
        )
        given = dict(emission.kwargs)
        extra = (item for item in emission.kwargs if item[0] not in dict(emission.defaults))
        options = (
            *((key, value, ...) for key, value in extra),
            *((k, given.get(k, d), d) for k, d in emission.defaults),
        )
        keywords = (
            Argument(key, f"{name}_{key}", formula_of(value), plain(value), default) for key, value, default in options
        )
        return New(
            emission.target, (*positional, *keywords), node.id in self.outline.overwriting, around=emission.around
        )

    def called(self, argument: Argument) -> str:
        """The name that an argument would have as a parameter of the class."""
        if argument.node is None:
            return argument.called
        return f"{argument.called}_{self.positions(argument.node)[argument.place]}"

    def positions(self, node: Node) -> tuple[str, ...]:
        """The names of arguments by place, found by giving the op names in place of numbers."""
        tensors = self.outline.graph.tensors_into(node.id)
        fields = {
            field: named(value, ast.Name(field), True)
            for field, value in node.op
            if isinstance(value, int | float | tuple)
        }
        marked = (
            Tensor(named(t.dims[0], ast.Name("in_channels"), True), *t.dims[1:], kind=t.kind, last=t.last)
            for t in tensors
        )
        if node.op.learns_by_position():
            marked = (_with_length(t, ast.Name("length")) for t in marked)
        emission = self.outline.spelled(node.op.model_copy(update=fields), tuple(marked))
        assert isinstance(emission, Module)
        formulas = map(formula_of, emission.args)
        return tuple(f.id if isinstance(f, ast.Name) else f"argument{i + 1}" for i, f in enumerate(formulas))

    # --- scopes ----------------------------------------------------------------------------

    def _instance(self, scope: Scope, use: int, name: str, inputs: Sequence[Channels]) -> tuple[Tree, list[Channels]]:
        body = self.classes.of[scope.path]
        constructor = self.constructors[id(body)]
        values = constructor.values[scope.path]
        flows = zip(constructor.takes, inputs, strict=True)
        said: dict[str, ast.expr] = {own: UNKNOWN_NUMBER if flow is None else flow for own, flow in flows}
        arguments: list[Argument] = []
        for parameter in constructor.parameters:
            value = values[parameter.name]
            found = self._argument(scope, parameter, use, inputs, constructor, said)
            if found is None or not self.context.comes_to(found, use, value):
                found = UNKNOWN_NUMBER
            said[parameter.name] = found = self.context.as_whole(found, [(use, value)])
            keyword = parameter.name if parameter.default is not ... else None
            called, counts = f"{name}_{parameter.name}", parameter.source == "counted"
            arguments.append(Argument(keyword, called, found, value, parameter.default, counts_network=counts))
        channels = self.given(scope, use, constructor, said)
        for own, row in constructor.borrowed.items():
            self.borrowed.setdefault(own, [known and self._outside(scope, use, known, said) for known in row])
        return New(constructor.name, tuple(arguments), body=body), channels

    def given(self, scope: Scope, use: int, constructor: Constructor, said: dict[str, ast.expr]) -> list[Channels]:
        """The channels of the outputs of a use of a class; `said` has the formulas of its parameters here."""
        return [None if known is None else self._outside(scope, use, known, said) for known in constructor.channels]

    def _outside(self, scope: Scope, use: int, found: ast.expr, said: dict[str, ast.expr]) -> Channels:
        """A formula of an inner class, rewritten with the names of this one; None if that is not possible."""
        for own in names(found) - said.keys():
            said[own] = self.context.given(scope, own, use, said) or UNKNOWN_NUMBER
        known = substituted(found, said)
        return known if is_known(known) else None

    def _argument(
        self,
        scope: Scope,
        parameter: Parameter,
        use: int,
        inputs: Sequence[Channels],
        constructor: Constructor,
        said: dict[str, ast.expr],
    ) -> Channels:
        """The formula in this class for a parameter of an inner class; None if there is none."""
        match parameter.source:
            case "channels":
                return inputs[parameter.place]
            case "own":
                return self.context.given(scope, parameter.name, use, said)
            case "setting":
                return self.context.setting(parameter.name)
            case _:
                known = constructor.formulas[scope.path].get(parameter.name)
                return None if known is None else self._outside(scope, use, known, said)

    def _chain(self, scope: Scope, use: int, name: str, inputs: Sequence[Channels]) -> tuple[Tree, list[Channels]]:
        children: list[tuple[str, Tree]] = []
        flow = list(inputs)
        for member in self.outline.members(scope.path):
            child, flow = self.tree(member, use, f"{name}_{member.name}", flow)
            children.append((member.name, child))
            self.context.enter_values(self.outline.gives(member), flow, use)
        return Chain(tuple(children)), flow

    def _copies(
        self, scope: Scope, use: int, name: str, inputs: Sequence[Channels], form: Form
    ) -> tuple[Tree, list[Channels]]:
        children: list[Tree] = []
        steady: list[bool] = []
        flow = list(inputs)
        flows = [flow]
        copies = [member for member in self.outline.members(scope.path) if self.outline.is_own(member)]
        for index, member in enumerate(copies):
            if isinstance(member, Scope):
                self.context.enter_turn(scope, member, index, use)
            known = flow if form is Form.COPIES else self.known(member, use)
            child, flow = self.tree(member, use, name, known)
            children.append(child)
            steady.append(not _has_variable(member) and _is_same(known, flow))
            flows.append(flow)
            self.context.enter_values(self.outline.gives(member), flow, use)
        count = self.context.count(scope, use, len(children))
        if form is Form.COPIES and count is not None and names(count):
            known = [row[0] for row in flows]
            last = _last_element(count, known)
            if last is None:
                last = self._after_one(copies[0], use, count, known) if len(copies) == 1 else _after(count, known)
            flow = [last]
        return Copies(form, tuple(children), count, tuple(steady), any(map(_has_variable, copies))), flow

    def _after_one(self, copy: Member, use: int, count: ast.expr, flows: Sequence[Channels]) -> Channels:
        """The channels after a varying number of copies, from the only copy of this use: it gives the same channels for
        any input, or adds the same number."""
        first, last = flows
        if first is None or last is None:
            return None
        self.context.values[use][ANY] = evaluated(first, self.context.values[use])
        _, (found,) = self.tree(copy, use, ANY, [ast.Name(ANY)])
        del self.context.values[use][ANY]
        if found is None or not is_known(found):
            return None
        if ANY not in names(found):
            return last
        step = combined(ast.Sub, found, ast.Name(ANY))
        return None if ANY in names(step) else combined(ast.Add, first, combined(ast.Mult, step, count))

    def known(self, member: Member, use: int) -> list[Channels]:
        """The channels of the inputs of a member, as noted for their values."""
        return [self.context.of_value(value, use) for value in self.outline.takes(member)]


def _has_variable(copy: Member) -> bool:
    """Whether the loop that made a copy has a variable."""
    return isinstance(copy, Scope) and bool(copy.turn or (copy.block is None and copy.arguments))


def _is_same(before: Sequence[Channels], after: Sequence[Channels]) -> bool:
    said = [[channels and text(channels) for channels in row] for row in (before, after)]
    return None not in said[0] and said[0] == said[1]


def _last_element(count: ast.expr, flows: Sequence[Channels]) -> Channels:
    """The channels after one copy for each element of a list, if that is the width: `widths[-1]`, or `rows[-1][1]`."""
    made = [channels for channels in flows[1:] if isinstance(channels, ast.Subscript)]
    if not made or len(made) + 1 < len(flows) or not isinstance(count, ast.Call) or text(count.func) != "len":
        return None

    def element(place: int) -> ast.expr:
        found = ast.Subscript(count.args[0], ast.Constant(place), ast.Load())
        return ast.Subscript(found, made[0].slice, ast.Load()) if in_rows else found

    in_rows = isinstance(made[0].value, ast.Subscript) and text(made[0].value) != text(count.args[0])
    if any(text(channels) != text(element(place)) for place, channels in enumerate(made)):
        return None
    return element(-1)


def _after(count: ast.expr, flows: Sequence[Channels]) -> Channels:
    """The channels after a varying number of copies: a sum of equal steps, or the channels that every copy gives."""
    known = [channels for channels in flows if channels is not None]
    if len(known) < len(flows) or len(flows) < 2:
        return None
    first, second, last = known[0], known[1], known[-1]
    step = combined(ast.Sub, second, first)
    if len(known) > 2 or names(step).isdisjoint(names(first)):
        total = combined(ast.Add, first, combined(ast.Mult, step, ast.Constant(len(known) - 1)))
        if text(total) == text(last):
            return combined(ast.Add, first, combined(ast.Mult, step, count))
    return last if all(text(channels) == text(last) for channels in known[1:]) else None


def _computed(
    outline: Outline, node: Node, fields: Mapping[str, Any], tensors: Sequence[Tensor], inputs: Sequence[Channels]
) -> tuple[Module | Expression, tuple[Channels, ...]]:
    """How an op is written with formulas for its arguments (`fields`) and inputs, and the channels of its outputs."""
    said = tuple(_with_channels(tensor, channels) for tensor, channels in zip(tensors, inputs, strict=True))
    if node.op.learns_by_position():
        said = tuple(_with_length(tensor, UNKNOWN_NUMBER) for tensor in said)
    op = node.op.model_copy(update=fields)
    exact_op = node.op.model_copy(update={name: exactly(value) for name, value in fields.items()})
    exact = tuple(Tensor(*map(exactly, tensor.dims), kind=tensor.kind, last=tensor.last) for tensor in said)
    return outline.spelled(exact_op, exact), tuple(_outputs(op, node, said, inputs))


def _with_channels(tensor: Tensor, channels: Channels) -> Tensor:
    if isinstance(channels, ast.Constant):
        return tensor
    return Tensor(
        named(tensor.dims[0], channels or UNKNOWN_NUMBER), *tensor.dims[1:], kind=tensor.kind, last=tensor.last
    )


def _with_length(tensor: Tensor, formula: ast.expr) -> Tensor:
    channels, *spatial = tensor.dims
    return Tensor(channels, *(named(n, formula, True) for n in spatial), kind=tensor.kind, last=tensor.last)


def _outputs(op: Op, node: Node, tensors: Sequence[Tensor], inputs: Sequence[Channels]) -> Iterator[Channels]:
    """The channels of each output, by the op's own rule for shapes."""
    if is_alike(op):
        yield joined_channels(op, inputs)
        return
    try:
        shapes = op.shape(*tensors)
    except Mismatch:
        yield from [None] * len(node.outputs)
        return
    for shape in shapes if isinstance(shapes, tuple) else (shapes,):
        yield formula_of(shape.dims[0])


ALIKE = ("add", "sub", "mean", "maximum")


def is_alike(op: Op) -> bool:
    """Whether an op is a join whose inputs must have equal channels."""
    return op.name in ALIKE or (isinstance(op, Concat) and op.over == "positions")


def joined_channels(op: Op, inputs: Sequence[Channels]) -> Channels:
    """The channels of a join of values with equal channels; None if they are not known.

    Of several formulas, one in the block's own names is preferred to `in_channels`. A product may have a gate of one
    channel, so its channels are known only if all inputs have the same formula.
    """
    said = [channels for channels in inputs if channels is not None]
    if is_alike(op):
        return min(said, key=_worth) if said else None
    is_same = len(said) == len(inputs) and len({text(channels) for channels in said}) == 1
    return said[0] if is_same else None


def _worth(channels: ast.expr) -> int:
    """A key to sort formulas: first those in the block's own names, then those with `in_channels`, then numbers."""
    if isinstance(channels, ast.Constant):
        return 2
    return int(any(own.endswith("_channels") for own in names(channels)))
