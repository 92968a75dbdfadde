"""What the `forward` of a class says, line by line: calls are nested as a person would nest them.

A value that is used once, next, is written where it is used. A line ends where values branch, after an
activation, at a name that the user gave, and before it becomes too long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from archdsl.backends.python.code import Code, Line
from archdsl.backends.torch.body import Call, Step
from archdsl.backends.torch.context import Context
from archdsl.backends.torch.loops import Loop
from archdsl.backends.torch.outline import Member, Outline
from archdsl.backends.torch.references import borrowed_name, module_text
from archdsl.backends.torch.turns import loop_lines
from archdsl.backends.torch.variables import Variables
from archdsl.ir.graph import Node, Scope, Value
from archdsl.ops.base import Expression, Family

WIDEST = 82
"""Characters of an expression that fit a line of a method, with the name it is given."""

DEEPEST = 4
"""Calls nested in each other."""

MANY = 3
"""A merge of so many branches is written with a branch to a line."""


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression, the values that it reads from variables, and how deep its calls are nested.

    `ended`: it contains an activation after other calls, where a person would end the line.
    """

    text: str
    reads: tuple[Value, ...]
    atomic: bool = True
    depth: int = 0
    ended: bool = False


class Forward:
    """Writes steps one after the other; `lines` is what has been written."""

    def __init__(self, context: Context, takes: Mapping[Value, str], results: Sequence[Value]) -> None:
        self.context, self.outline = context, context.outline
        self.uses = Counter(value for step in context.steps for value in step.takes)
        self.uses.update(results)
        self.results = frozenset(results)
        self.consumers = {value: step for step in context.steps for value in step.takes}
        borrowed = map(borrowed_name, self.outline.borrowed[context.path])
        self.variables = Variables(Counter(self.uses), (*borrowed, "self"))
        for value, name in takes.items():
            self.variables.assign(value, name, passing=True)
        self.lines: list[Code] = []
        self._waiting: dict[Value, tuple[Operand, Call]] = {}

    def run(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, Loop):
                self.flush()
                self.lines += loop_lines(self.context, self.variables, step)
            else:
                self._call(step)

    def run_and_return(self, steps: Sequence[Step], results: Sequence[Value]) -> str:
        """Writes the steps; what is to be returned."""
        last = steps[-1] if steps else None
        as_made = (
            isinstance(last, Call) and last.gives == tuple(results) and all(self.uses[value] == 1 for value in results)
        )
        if isinstance(last, Call) and len(results) > 1 and as_made:
            self.run(steps[:-1])
            return self._operand(last).text
        self.run(steps)
        if len(results) > 1:
            self.flush()
        return ", ".join(self.read(value).text for value in results)

    # --- calls -----------------------------------------------------------------------------

    def _call(self, step: Call) -> None:
        operand = self._operand(step)
        waiting = [self._waiting[value][0] for value in step.takes if value in self._waiting]
        if waiting and (self._is_too_much(operand, step) or (_begins_line(step) and any(o.ended for o in waiting))):
            self.flush()
            operand = self._operand(step)
        for value in step.takes:
            self._waiting.pop(value, None)
        if self._waits(step, operand):
            self._waiting[step.gives[0]] = (operand, step)
        else:
            self.flush()
            self._write(operand, step)

    def _operand(self, step: Call) -> Operand:
        inputs = [self.read(value) for value in step.takes]
        reads = tuple(value for operand in inputs for value in operand.reads)
        depth = 1 + max((operand.depth for operand in inputs), default=0)
        member = step.member
        ended = any(operand.ended for operand in inputs) or (depth > 1 and _is_activation(member))
        emission = self.outline.emission(member) if isinstance(member, Node) else None
        if isinstance(member, Node) and isinstance(emission, Expression):
            if emission.text == "{0}":
                return inputs[0]
            text = emission.written(tuple(_bracketed(emission.text, inputs)), self.context.numbers.get(member.id))
            return Operand(text, reads, emission.atomic, depth, ended)
        lent = () if isinstance(member, Node) else self.outline.borrowed[member.path]
        arguments = (*(operand.text for operand in inputs), *(self._module(weights) for weights in lent))
        return Operand(f"{self._module(member.weights)}({', '.join(arguments)})", reads, True, depth, ended)

    def read(self, value: Value) -> Operand:
        """A value as an expression: a variable, or what has been waiting for its use."""
        if value in self._waiting:
            return self._waiting[value][0]
        return Operand(self.variables.text(value), (value,))

    def _module(self, weights: str) -> str:
        return module_text(self.outline, self.context.path, weights)

    def _is_too_much(self, operand: Operand, step: Call) -> bool:
        if operand.depth > DEEPEST or _repeats_input(self.outline, step.member):
            return True
        listed = not self.outline.is_module(step.member) and len(step.takes) >= MANY
        return len(operand.text) > WIDEST and not listed

    def _waits(self, step: Call, operand: Operand) -> bool:
        """Whether a value is left to be written where it is used."""
        if len(step.gives) != 1 or self.uses[step.gives[0]] != 1:
            return False
        (value,) = step.gives
        if self.context.shapes and (isinstance(step.member, Scope) or value in self.results):
            return False
        if value in self.results:
            return True
        if isinstance(self.consumers[value], Loop) or self._own_name(step, value):
            return False
        return len(operand.text) <= WIDEST

    def flush(self) -> None:
        """Writes what is waiting, in order."""
        waiting, self._waiting = self._waiting, {}
        for operand, step in waiting.values():
            self._write(operand, step)

    def _write(self, operand: Operand, step: Call) -> None:
        self.variables.read(operand.reads)
        if operand.text.isidentifier() and self.variables.is_free(operand.text):
            self.variables.assign(step.gives[0], operand.text, passing=True)  # a merge of one value is that value
            return
        names = [self._name(value, step, operand.reads) for value in step.gives]
        shapes = ", ".join(str(self.outline.graph.tensor(value)) for value in step.gives)
        self.lines.append(Line(f"{', '.join(names)} = {operand.text}", shapes if self.context.shapes else ""))

    # --- names -----------------------------------------------------------------------------

    def _name(self, value: Value, step: Call, reads: Sequence[Value]) -> str:
        if not self.uses[value]:
            return "_"
        own = self._own_name(step, value)
        if own:
            return self.variables.assign(value, self.variables.unique(own))
        branch = self._branch(value)
        if branch and not self.variables.is_free("x"):
            return self.variables.assign(value, self.variables.unique(branch))
        return self.variables.pass_on(value, reads, step.member.name)

    def _own_name(self, step: Call, value: Value) -> str | None:
        """What the user calls a value; of what flows from stage to stage only where it is used further on, too."""
        if isinstance(step.member, Scope) and step.member.kind == "output":
            return step.member.name
        named = self.outline.names(self.context.path).get(value)
        if named and named != "input":
            return named
        if self.uses[value] > 1 or len(step.gives) > 1:
            return self.outline.given_name(value, self.context.path)
        return step.member.label if isinstance(step.member, Node) else None

    def _branch(self, value: Value) -> str | None:
        """`branch2` for a value on its way to be the second of many that are merged."""
        while self.uses[value] == 1 and value in self.consumers:
            step = self.consumers[value]
            if len(step.takes) >= MANY and isinstance(step, Call) and not self.outline.is_module(step.member):
                return f"branch{step.takes.index(value) + 1}"
            if len(step.takes) != 1 or len(step.gives) != 1:
                return None
            (value,) = step.gives
        return None


def _bracketed(template: str, inputs: Sequence[Operand]) -> Iterator[str]:
    """Inputs with parentheses where the text around them would tear them apart."""
    for index, operand in enumerate(inputs):
        before, field, after = template.partition(f"{{{index}}}")
        opened = before[-1:] in ("", "(", "[") or before.endswith(", ")
        alone = not field or (opened and after[:1] in ("", ")", "]", ","))
        yield operand.text if operand.atomic or (alone and (before or after)) else f"({operand.text})"


def _is_activation(member: Member) -> bool:
    return isinstance(member, Node) and member.op.family is Family.ACTIVATION


def _begins_line(step: Call) -> bool:
    """Whether a step begins something new after an activation; pooling and the like still belong to what was before."""
    return isinstance(step.member, Scope) or step.member.op.family in (Family.CONV, Family.LINEAR)


def _repeats_input(outline: Outline, member: Member) -> bool:
    """Whether an expression names an input more than once: it is then computed before."""
    emission = outline.emission(member) if isinstance(member, Node) else None
    return isinstance(emission, Expression) and any(emission.text.count(f"{{{i}}}") > 1 for i in range(10))
