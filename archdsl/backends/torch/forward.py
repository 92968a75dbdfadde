"""Writes the `forward` of a class, line by line, with calls nested as a person would nest them.

A value that only the next step uses gets no variable: it is written where it is used. A line ends where values branch,
after an activation, at a name that the user gave, and before it becomes too long. An `if` of the block is an `if` here.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from archdsl.backends.python.code import Code, Line, Suite
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.bodies import Call, If, Item, Several, Turns, Wire, every
from archdsl.backends.torch.called import MANY, Called
from archdsl.backends.torch.choices import choice_code
from archdsl.backends.torch.gathering import Gatherer
from archdsl.backends.torch.outline import Member, Outline
from archdsl.backends.torch.references import module_text
from archdsl.backends.torch.statements import Applied, Assignment, Branch, Return, Source, Statement
from archdsl.backends.torch.turns import loop_lines
from archdsl.backends.torch.writing import Layout, Operand, Words
from archdsl.ir.graph import Node, Scope
from archdsl.ops.base import Expression, Family

WIDEST = 82
"""The most characters of an expression in a line of a method."""

DEEPEST = 4
"""The most calls that are nested in each other."""


class Forward(Called):
    """Writes steps one after the other: `lines` are the lines so far, and `statements` the same as data."""

    def __init__(
        self, construction: Words, takes: Sequence[str], results: Sequence[Wire], layout: Layout, shapes: bool
    ) -> None:
        super().__init__(construction, takes, results, layout)
        self.shapes = shapes
        self.gatherer = Gatherer(self, (item for item in every(self.items) if isinstance(item, Call)))
        self.lines: list[Code] = []
        self.statements: list[Statement] = []
        self.waiting: dict[Wire, tuple[Operand, Call]] = {}

    def run(self, items: Iterable[Item]) -> None:
        """Writes items one after the other; expressions may be left waiting."""
        for item in items:
            if isinstance(item, Turns):
                self.flush()
                self.loop(item)
            elif isinstance(item, If) and self.gatherer.is_branch(item):
                self.gatherer.branch(item)
            elif isinstance(item, If):
                self.flush()
                self.choice(item)
            elif isinstance(item, Call):
                self._call(item)

    def loop(self, item: Turns) -> None:
        """Writes a loop over copies."""
        owner = self.body.uses[next(iter(item.loops))].path
        lines, statements = loop_lines(self.outline, owner, self.variables, item, self.real, self.shapes)
        self.lines += lines
        self.statements += statements

    def run_and_return(self, results: Sequence[Wire]) -> str:
        """Writes the items, and returns the text to stand after `return`."""
        items = self.items
        last = items[-1] if items else None
        wires = tuple(map(self.real, results))
        as_made = isinstance(last, Call) and last.gives == wires and all(self.uses[wire] == 1 for wire in wires)
        if isinstance(last, Call) and len(results) > 1 and as_made:
            self.run(items[:-1])
            return self._returned_text([operand for operand in [self._operand(last)] if operand])
        if isinstance(last, If) and len(wires) == 1 and any(join.wire is wires[0] for join in last.joins):
            self.run(items[:-1])
            self.flush()
            return self.returned(last)
        self.run(items)
        if len(results) > 1:
            self.flush()
        return self._returned_text([self.read(wire) for wire in wires])

    def _returned_text(self, operands: Sequence[Operand]) -> str:
        self.statements.append(Return(tuple(operand.source for operand in operands)))
        return ", ".join(operand.text for operand in operands)

    # --- choices ---------------------------------------------------------------------------

    def choice(self, item: If) -> None:
        """Writes an `if`, each arm of which sets the same variables."""
        counts = {number: self._count_arm(item, number) for number in self._arms(item)}
        after = Counter(self.variables.left)
        for count in counts.values():
            after.subtract(count)
        joins = self._joins(item)
        names: dict[Wire, str] = {}
        for join in joins:
            names[join.wire] = self._joined_name(join.wire, join.sources, after, names.values())
        state, outer = self.variables.state(), (self.lines, self.statements)
        suites: dict[int, tuple[Code, ...]] = {}
        arms: dict[int, tuple[Statement, ...]] = {}
        for number in self._arms(item):
            self.variables.restore(state)
            self.variables.left = after + counts[number]
            self.lines, self.statements = [], []
            self.run(item.arms.get(number, ()))
            self._set({names[j.wire]: self.real(j.sources[number]) for j in joins if number in j.sources})
            suites[number], arms[number] = tuple(self.lines), tuple(self.statements)
        self.lines, self.statements = outer
        self.statements.append(Branch(item, arms))
        self.variables.restore(state)
        self.variables.left = after
        for wire, name in names.items():
            self.variables.assign(wire, name, passing=True)
        flags = self.construction.flags[id(item)]
        short = _as_expression(list(names.values()), suites, [text_of(flag) for flag in flags])
        if short is not None:
            self.lines.append(short)
            return
        self.lines += choice_code(flags, suites)

    def returned(self, item: If) -> str:
        """Writes an `if` whose arms each return a value. Returns the text of the last value, without its `return`."""
        (join,) = self._joins(item)
        counts = {number: self._count_arm(item, number) for number in self._arms(item)}
        after = Counter(self.variables.left)
        for count in counts.values():
            after.subtract(count)
        state, outer = self.variables.state(), (self.lines, self.statements)
        arms: list[tuple[int, list[Code], str]] = []
        done: dict[int, tuple[Statement, ...]] = {}
        for number in sorted(join.sources):
            self.variables.restore(state)
            self.variables.left = after + counts[number]
            self.lines, self.statements = [], []
            self.run(item.arms.get(number, ()))
            result = self.read(join.sources[number])
            self.waiting.pop(self.real(join.sources[number]), None)
            self.flush()
            arms.append((number, self.lines, self._returned_text([result])))
            done[number] = tuple(self.statements)
        self.lines, self.statements = outer
        self.statements.append(Branch(item, done))
        flags = self.construction.flags[id(item)]
        for number, lines, text in arms[:-1]:
            flag = flags[number]
            known = flag.value if isinstance(flag, ast.Constant) else None
            if known is True:
                self.lines += lines
                return text
            if known is None:
                self.lines.append(Suite(f"if {text_of(flag)}:", (*lines, Line(f"return {text}"))))
        self.lines += arms[-1][1]
        return arms[-1][2]

    def _set(self, values: Mapping[str, Wire]) -> None:
        """Writes one assignment that sets the variables to the values of an arm."""
        operands = {name: self.read(wire) for name, wire in values.items()}
        for wire in values.values():
            self.waiting.pop(wire, None)
        changed = {name: operand for name, operand in operands.items() if name != operand.text}
        self.flush()
        if changed:
            self.lines.append(Line(f"{', '.join(changed)} = {', '.join(o.text for o in changed.values())}"))
            self.statements.append(
                Assignment(tuple(changed), tuple(o.source for o in changed.values()), frozenset(changed))
            )

    # --- calls -----------------------------------------------------------------------------

    def _call(self, step: Call) -> None:
        if self.outline.is_value(step.member):
            self._value(step)
            return
        operand = self._operand(step)
        if operand is None:
            return
        takes = tuple(map(self.real, step.takes))
        waiting = [self.waiting[wire][0] for wire in takes if wire in self.waiting]
        if waiting and (self._is_too_much(operand, step) or (_begins_line(step) and any(o.ended for o in waiting))):
            self.flush()
            operand = self._operand(step) or operand
        for wire in takes:
            self.waiting.pop(wire, None)
        if self._waits(step, operand):
            self.waiting[step.gives[0]] = (operand, step)
        else:
            self.flush()
            self._write(operand, step)

    def _value(self, step: Call) -> None:
        """Notes that a parameter stands for its value wherever that is read: `self.position`."""
        text = module_text(self.outline, self._owner(step), step.member.weights)
        self.variables.assign(step.gives[0], text)
        self.statements.append(Assignment((text,), (Applied(step, ()),)))

    def _operand(self, step: Call) -> Operand | None:
        """A step as an expression; None if a variable already holds its output."""
        if step.optional:
            return self.gatherer.finish(step)
        inputs = [self.read(wire) for wire in step.takes]
        reads = tuple(wire for operand in inputs for wire in operand.reads)
        depth = 1 + max((operand.depth for operand in inputs), default=0)
        member = step.member
        ended = any(operand.ended for operand in inputs) or (depth > 1 and _is_activation(member))
        emission = self.construction.expressions.get(id(step))
        if emission is not None:
            if emission.text == "{0}":
                return inputs[0]
            numbers = dict(self.construction.numbers.get(id(step), {}))
            if emission.borrows and isinstance(member, Node):
                numbers["module"] = module_text(self.outline, self._owner(step), member.weights)
            if step.whole is not None:
                return self._joined(emission, step, step.whole, numbers)
            texts = tuple(_bracketed(emission.text, inputs))
            if "{all}" in emission.text:
                texts = tuple(self.with_lists(tuple(map(self.real, step.takes)), texts))
            text = emission.written(texts, numbers)
            width = len(emission.written(("",) * len(inputs))) + sum(operand.width for operand in inputs)
            source: Source = Applied(step, tuple(_in_order(emission.text, inputs)))
            if len(inputs) > 2 and isinstance(member, Node) and member.op.folds and "{all}" not in emission.text:
                source = self.gatherer.nested(step, [operand.source for operand in inputs])
            return Operand(text, source, reads, width, emission.atomic, depth, ended)
        lent = () if isinstance(member, Node) else self.outline.borrowed[member.path]
        owner = self._owner(step)
        modules = (module_text(self.outline, owner, weights) for weights in lent)
        arguments = (*(operand.text for operand in inputs), *modules)
        called = module_text(self.outline, owner, member.weights)
        source = Applied(step, tuple(operand.source for operand in inputs))
        width = len(called) + 2 * len(inputs) + sum(operand.width for operand in inputs)
        text = called if self.outline.is_value(member) else f"{called}({', '.join(arguments)})"
        return Operand(text, source, reads, width, True, depth, ended)

    def operand(
        self,
        text: str,
        source: Source,
        reads: tuple[Wire | Several, ...],
        inputs: Sequence[Operand],
        atomic: bool,
    ) -> Operand:
        """An expression with the given text, made of the expressions `inputs`."""
        depth = 1 + max((operand.depth for operand in inputs), default=0)
        return Operand(text, source, reads, len(text), atomic, depth, any(operand.ended for operand in inputs))

    def with_lists(self, wires: tuple[Wire, ...], texts: Sequence[str]) -> Iterator[str]:
        """The texts of values that are joined; the elements of a list are written as `*branches`."""
        known = {held[0]: (held, name) for held, name in self.variables.lists.items() if held}
        place = 0
        while place < len(wires):
            held, name = known.get(wires[place], ((), ""))
            whole = bool(held) and wires[place : place + len(held)] == held
            yield f"*{name}" if whole else texts[place]
            place += len(held) if whole else 1

    def _joined(self, emission: Expression, step: Call, whole: Several, numbers: Mapping[str, str] | None) -> Operand:
        """The join of all elements of a list: `torch.cat(branches, dim=1)`."""
        name = self.variables.text(whole)
        text = emission.text.replace("[{all}]", name).replace("{all}", f"*{name}")
        text = Expression(text, values=emission.values).written((), numbers)
        return Operand(text, Applied(step, (whole,)), (whole,), len(name), emission.atomic, 1)

    def _owner(self, step: Call) -> str:
        """The path of the use of the class that a step's member is part of."""
        return self.body.uses[next(iter(step.members))].path

    def read(self, wire: Wire) -> Operand:
        """A value as an expression: its variable, or the expression that has been waiting to be used."""
        wire = self.real(wire)
        if wire in self.waiting:
            return self.waiting[wire][0]
        text = self.variables.text(wire)
        return Operand(text, wire, (wire,), len(text))

    def _is_too_much(self, operand: Operand, step: Call) -> bool:
        if operand.depth > DEEPEST or _repeats_input(self.outline, step.member):
            return True
        listed = not self.outline.is_module(step.member) and len(step.takes) >= MANY
        return operand.width > WIDEST and not listed

    def _waits(self, step: Call, operand: Operand) -> bool:
        """Whether an expression gets no line of its own, but waits to be written where its value is used."""
        if len(step.gives) != 1 or self.uses[step.gives[0]] != 1 or self.outline.gives_pair(step.member):
            return False
        (wire,) = step.gives
        if self._changes(step.path, False) or (
            self.shapes and (isinstance(step.member, Scope) or wire in self.results)
        ):
            return False
        if wire in self.results:
            return True
        if wire in self.borders or isinstance(self.consumers.get(wire), Turns) or self.own_name(step, wire):
            return False
        return operand.width <= WIDEST

    def flush(self, wires: Iterable[Wire] | None = None) -> None:
        """Writes a line for each waiting expression, in order; with `wires`, only for these."""
        chosen = tuple(self.waiting if wires is None else wires)
        for operand, step in [self.waiting.pop(wire) for wire in chosen]:
            self._write(operand, step)

    def _write(self, operand: Operand, step: Call) -> None:
        self.variables.read(operand.reads)
        if operand.text.isidentifier() and self.variables.is_free(operand.text):
            self.variables.assign(step.gives[0], operand.text, passing=True)  # a merge of one value gives that value
            return
        names = [self._name(wire, step, operand.reads) for wire in step.gives]
        shapes = self.outline.shape_text([wire.values.values() for wire in step.gives]) if self.shapes else ""
        unused = ", _" if self.outline.gives_pair(step.member) else ""
        self.lines.append(Line(f"{', '.join(names)}{unused} = {operand.text}", shapes))
        passing = frozenset(filter(self.variables.is_passing, names))
        self.statements.append(Assignment(tuple(names), (operand.source,), passing))


def _as_expression(names: Sequence[str], arms: Mapping[int, Sequence[Code]], flags: Sequence[str]) -> Line | None:
    """`y = self.conv(x) if self.has_conv else x`; None unless both arms set one variable in one short line."""
    if len(names) != 1 or len(flags) != 1 or sorted(arms) != [0, 1]:
        return None
    start = f"{names[0]} = "
    lines = [arms[number] for number in (0, 1)]
    if not all(len(arm) == 1 and isinstance(arm[0], Line) and arm[0].text.startswith(start) for arm in lines):
        return None
    then, otherwise = (str(arm[0].text).removeprefix(start) for arm in lines if isinstance(arm[0], Line))
    text = f"{start}{then} if {flags[0]} else {otherwise}"
    return Line(text) if len(text) <= WIDEST + len(start) else None


def _bracketed(template: str, inputs: Sequence[Operand]) -> Iterator[str]:
    """The texts of inputs. Those that are not atomic get parentheses, unless brackets or commas are around them."""
    for index, operand in enumerate(inputs):
        before, field, after = template.partition(f"{{{index}}}")
        opened = before[-1:] in ("", "(", "[") or before.endswith(", ")
        alone = not field or (opened and after[:1] in ("", ")", "]", ","))
        yield operand.text if operand.atomic or (alone and (before or after)) else f"({operand.text})"


def _in_order(template: str, inputs: Sequence[Operand]) -> Iterator[Source]:
    """The inputs, in the order in which they stand in the text."""
    places = [template.find(f"{{{index}}}") for index in range(len(inputs))]
    for index in sorted(range(len(inputs)), key=places.__getitem__):
        yield inputs[index].source


def _is_activation(member: Member) -> bool:
    return isinstance(member, Node) and member.op.family is Family.ACTIVATION


def _begins_line(step: Call) -> bool:
    """Whether a step after an activation begins a new line. Pooling and the like stay on the line of the activation."""
    return isinstance(step.member, Scope) or step.member.op.family in (Family.CONV, Family.LINEAR, Family.RECURRENT)


def _repeats_input(outline: Outline, member: Member) -> bool:
    """Whether an expression contains an input more than once, which then needs a variable."""
    emission = outline.emission(member) if isinstance(member, Node) else None
    return isinstance(emission, Expression) and any(emission.text.count(f"{{{i}}}") > 1 for i in range(10))
