"""Names the steps of a text. Names depend on the text alone, so the same step has the same name in all uses of a block.

`step_names` takes the statements of one scope (a block, a stage, the body of a loop) and gives a name to each step,
loop, stage and output in them. A step is named by its `as`, or else by its op or block as it is written. If several
steps would have the same name, they are numbered from 1 in the order of the text. Only one arm of an `if` is built, so
the numbers in each arm begin where those before the `if` end, and the steps after the `if` are numbered on from the arm
with more steps of that name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from archdsl.naming import RESERVED, snake_case
from archdsl.resolve.names import makes_stages
from archdsl.syntax import tree

REPEAT, BRANCH, GROUP = "repeat", "branch", "group"
"""The names of loops over lines, of loops over branches, and of chains that are copied."""


class Named(NamedTuple):
    """A part of the tree that needs a name, and its name without a number."""

    part: object
    base: str


class Arms(NamedTuple):
    """The arms of an `if`, of which one is built."""

    arms: tuple[tuple[Named | Arms, ...], ...]


Entry = Named | Arms


Text = tree.Body | tree.Chain | tree.Branch | tree.Step
"""The parts of a syntax tree that may be the content of a scope."""


def step_names(text: Text, values: Iterable[str] = ()) -> Mapping[int, str]:
    """The names of a text's parts, by each part's `id`.

    `values` are names of values from outside (inputs of the network or block), which no step may have.
    """
    outside = {"it", "input", *values}
    entries = tuple(_Finder({*outside, *_value_names(text)}).text(text))
    counts = _counts(entries)
    alone = {base for base, count in counts.items() if count == 1} - RESERVED - outside
    names: dict[int, str] = {}
    _number(entries, alone, alone | outside | set(_shared_names(text)), {}, names)
    return names


def step_base(target: tree.StepTarget) -> str:
    """The name of a step without a number, by what it applies: `MBConv(16, 3)` gives `mb_conv`."""
    match target:
        case tree.Name(name=name) | tree.VariantOf(name=name) | tree.Call(function=tree.Name(name=name)):
            return snake_case(name)
        case tree.Call(function=tree.VariantOf(name=name)):
            return snake_case(name)
        case tree.Merge(op=tree.Name(name=name)) | tree.Merge(op=tree.Call(function=tree.Name(name=name))):
            return name
        case _:
            return GROUP


# --- what needs a name -------------------------------------------------------------------------


def _value_names(text: tree.FlowStatement | tree.StepTarget | Text | None) -> Iterator[str]:
    """The names that a text gives to values by `as`, `path` or `stage`."""
    match text:
        case tree.Body(statements=statements):
            for statement in statements:
                yield from _value_names(statement)
        case tree.Chain(steps=steps):
            for step in steps:
                yield from _value_names(step)
        case tree.Merge(branches=branches):
            for branch in branches:
                yield from _value_names(branch)
        case tree.Path(name=name, flow=flow) | tree.Stage(name=name, flow=flow) | tree.Output(name=name, flow=flow):
            if not (isinstance(text, tree.Stage) and text.number is not None):
                yield name.name
            yield from _value_names(flow)
        case tree.Learned(name=name):
            yield name.name
        case tree.If(arms=arms, otherwise=otherwise):
            for body in (*(body for _, body in arms), otherwise):
                yield from _value_names(body)
        case tree.Step(target=target, binding=binding):
            yield from (name.name for name in binding.names) if binding else ()
            yield from _value_names(target)
        case tree.Branch(chain=chain) | tree.Group(chain=chain):
            yield from _value_names(chain)
        case tree.Choice():
            yield from _value_names(text.then)
            yield from _value_names(text.otherwise)


def _shared_names(text: tree.FlowStatement | Text | None) -> Iterator[str]:
    """The names of a text's shared modules, under which their weights are stored: no other step may have one."""
    match text:
        case tree.Body(statements=statements):
            for statement in statements:
                yield from _shared_names(statement)
        case tree.Shared(name=name):
            yield name.name
        case tree.Path(flow=flow):
            yield from _shared_names(flow)
        case tree.If(arms=arms, otherwise=otherwise):
            for body in (*(body for _, body in arms), otherwise):
                yield from _shared_names(body)


class _Finder:
    """Finds the named parts of a text, in order. Stages, outputs and loops are not entered: each is its own scope."""

    def __init__(self, values: set[str]) -> None:
        self.values = values

    def text(self, text: Text) -> Iterator[Entry]:
        match text:
            case tree.Body(statements=statements):
                yield from self.statements(statements)
            case tree.Chain():
                yield from self.chain(text)
            case tree.Branch():
                yield from self.branch(text)
            case tree.Step():
                yield from self.step(text)

    def statements(self, statements: Iterable[tree.FlowStatement]) -> Iterator[Entry]:
        for statement in statements:
            yield from self.statement(statement)

    def statement(self, statement: tree.FlowStatement) -> Iterator[Entry]:
        match statement:
            case tree.Chain():
                yield from self.chain(statement)
            case tree.Path(flow=flow):
                yield from self.chain(flow) if isinstance(flow, tree.Chain) else self.statements(flow.statements)
            case tree.Repeat() | tree.For() if makes_stages(statement):
                return  # a loop over stages: the stages are named by their own text
            case tree.Repeat() | tree.For():
                yield Named(statement, REPEAT)
            case tree.Stage(name=name) | tree.Output(name=name) | tree.Learned(name=name):
                yield Named(statement, name.name)
            case tree.If(arms=arms, otherwise=otherwise):
                bodies = (*(body for _, body in arms), *((otherwise,) if otherwise else ()))
                yield Arms(tuple(tuple(self.statements(body.statements)) for body in bodies))

    def chain(self, chain: tree.Chain) -> Iterator[Entry]:
        for step in chain.steps:
            yield from self.step(step)

    def step(self, step: tree.Step) -> Iterator[Entry]:
        base = step.binding.names[0].name if step.binding and not step.binding.several else step_base(step.target)
        match step.target:
            case _ if step.copies is not None:
                yield Named(step, base)
            case tree.Name(name=name) if name in self.values:
                return
            case tree.Name() | tree.Call() | tree.VariantOf():
                yield Named(step, base)
            case tree.Merge(op=op, branches=branches):
                for branch in branches:
                    yield from self.branch(branch)
                if op is not None:
                    yield Named(step, base)
            case tree.Group(chain=chain):
                yield from self.chain(chain)
            case tree.Choice(then=then, otherwise=otherwise):
                arms = (then,) if otherwise is None else (then, otherwise)
                yield Arms(tuple(tuple(self.step(arm)) for arm in arms))

    def branch(self, branch: tree.Branch) -> Iterator[Entry]:
        match branch.clauses:
            case ():
                yield from self.chain(branch.chain)
            case (tree.When(), *_):
                yield Arms((tuple(self.branch(without_clause(branch))),))
            case _:
                yield Named(branch.chain, BRANCH)


def without_clause(branch: tree.Branch) -> tree.Branch:
    """The branch without its first `for` or `if`."""
    return tree.Branch(branch.clauses[1:], branch.chain, branch.span)


# --- numbers -----------------------------------------------------------------------------------


def _counts(entries: Iterable[Entry]) -> Counter[str]:
    """How often each name can occur at once: of the arms of an `if`, the one with most counts."""
    counts: Counter[str] = Counter()
    for entry in entries:
        if isinstance(entry, Named):
            counts[entry.base] += 1
        else:
            counts.update(_most(_counts(arm) for arm in entry.arms))
    return counts


def _most(counters: Iterable[Mapping[str, int]]) -> dict[str, int]:
    most: dict[str, int] = {}
    for counter in counters:
        for base, count in counter.items():
            most[base] = max(most.get(base, 0), count)
    return most


def _number(
    entries: Iterable[Entry], alone: set[str], taken: set[str], reached: dict[str, int], names: dict[int, str]
) -> dict[str, int]:
    """Adds the names of `entries` to `names`.

    `reached` has the last number used so far for each name without its number; the result is the same after `entries`.
    """
    for entry in entries:
        if isinstance(entry, Arms):
            reached = _most([reached, *(_number(arm, alone, taken, dict(reached), names) for arm in entry.arms)])
        elif entry.base in alone:
            names[id(entry.part)] = entry.base
        else:
            stem = _stem(entry.base)
            names[id(entry.part)], reached[stem] = _numbered(stem, taken, reached.get(stem, 0))
    return reached


def _stem(base: str) -> str:
    # `relu6` becomes `relu6_1`, because `relu61` would read as another op.
    return f"{base}_" if base[-1:].isdigit() else base


def _numbered(stem: str, taken: set[str], number: int) -> tuple[str, int]:
    while True:
        number += 1
        if f"{stem}{number}" not in taken:
            return f"{stem}{number}", number
