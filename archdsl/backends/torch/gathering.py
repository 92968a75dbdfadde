"""Joins that lack a branch in some uses of a class: `forward` gathers the branches that exist, one after the other.

parts = [self.conv1(x)]            y = self.conv1(x)
if self.has_conv2:                 if self.has_conv2:
    parts.append(self.conv2(x))        y = y + self.conv2(x)
x = torch.cat(parts, dim=1)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from archdsl.backends.python.code import Code, Line, Suite
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.bodies import Call, If, Several, Wire
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.statements import Applied, Assignment, Branch, Gathered, OneByOne, Source, Statement
from archdsl.backends.torch.writing import Operand, Writing
from archdsl.ir.graph import Node, Value
from archdsl.ops.base import Expression

PARTS = "parts"
"""The name of a list of gathered values."""


def joining(outline: Outline, step: Call, count: int = 2) -> Expression:
    """The expression that joins `count` values by the op of a step."""
    node = step.member
    assert isinstance(node, Node)
    tensor, *_ = outline.graph.tensors_into(node.id)
    found = outline.spelled(node.op, [tensor] * count)
    assert isinstance(found, Expression)
    return found


@dataclass
class _Gathering:
    """A join that is being written: the variable `name` for the values so far, and the wires `done`, in order."""

    step: Call
    is_list: bool
    name: str = ""
    done: list[Wire] = field(default_factory=list)
    whole: Wire | Several | None = None
    """The value, or the list, that the variable now holds."""

    def left(self, end: int) -> list[Wire]:
        """The inputs of the join before place `end` that are not yet joined; the first two may have changed places."""
        return list(self.step.takes[len(self.done) : end])


class Gatherer:
    """Writes the branches on a condition, and the joins after them, of one `forward`."""

    def __init__(self, forward: Writing, steps: Iterable[Call]) -> None:
        self.forward, self.outline = forward, forward.outline
        self._of: dict[Wire, Call] = {wire: step for step in steps for wire in step.optional}
        self._open: dict[int, _Gathering] = {}

    def is_branch(self, item: If) -> bool:
        """Whether an `if` is a branch of a join that this object writes."""
        return item.falls_away and any(join.wire in self._of for join in item.joins)

    # --- branches --------------------------------------------------------------------------

    def branch(self, item: If) -> None:
        """Writes an `if` that adds a value to a join, after joining the inputs that come before this one."""
        wires = [join.wire for join in item.joins]
        step = self._of[wires[0]]
        gathering = self._gathering(step)
        before = gathering.left(step.takes.index(wires[0]))
        if not gathering.is_list and not gathering.done:
            before = before or [step.takes[1]]
        self.add(before, gathering)
        if gathering.is_list and not gathering.name:
            self._append([], gathering)
        self._suite(item, wires, gathering)
        gathering.done += wires
        self._hold(gathering)

    def _gathering(self, step: Call) -> _Gathering:
        """The join that a branch belongs to.

        It is gathered in a list if its op joins a list, or if no value exists to which a first branch could be added.
        """
        if id(step) not in self._open:
            begins = step.takes[0]
            if begins in step.optional:
                second = step.takes[1] if len(step.takes) > 1 else begins
                begins = second if self._is_at_hand(second) else begins
            is_list = self._joins_lists(step) or begins in step.optional
            self._open[id(step)] = _Gathering(step, is_list)
        return self._open[id(step)]

    def _is_at_hand(self, wire: Wire) -> bool:
        wire = self.forward.real(wire)
        return wire in self.forward.waiting or self.forward.variables.has_name(wire)

    def _joins_lists(self, step: Call) -> bool:
        return "[{all}]" in self.forward.construction.expressions[id(step)].text

    def _suite(self, item: If, slots: Sequence[Wire], gathering: _Gathering) -> None:
        """Writes the `if` with its arm; `slots` are the inputs of the join that the arm provides."""
        lines, statements = self._arm(item, slots, gathering)
        (flag,) = self.forward.construction.flags[id(item)]
        self.forward.lines.append(Suite(f"if {text_of(flag)}:", tuple(lines)))
        self.forward.statements.append(Branch(item, {0: tuple(statements)}))

    def _arm(
        self, item: If, slots: Sequence[Wire], gathering: _Gathering
    ) -> tuple[Sequence[Code], Sequence[Statement]]:
        """The arm: its steps, then the join of its results. If it ends in another such `if`, that one joins them."""
        forward = self.forward
        state, outer = forward.variables.state(), (forward.lines, forward.statements)
        forward.lines, forward.statements = [], []
        wires = [forward.real(join.sources[0]) for join in item.joins]
        *before, last = item.arms[0] or (None,)
        if isinstance(last, If) and last.falls_away and [join.wire for join in last.joins] == wires:
            forward.run(step for step in before if step is not None)
            forward.flush()
            self._suite(last, slots, gathering)
        else:
            forward.run(item.arms[0])
            self._give(wires, slots, gathering)
        forward.flush()
        found = forward.lines, forward.statements
        forward.lines, forward.statements = outer
        forward.variables.restore(state)
        return found

    def _give(self, wires: Sequence[Wire], slots: Sequence[Wire], gathering: _Gathering) -> None:
        """Joins the results of an arm."""
        if gathering.is_list:
            self._append(wires, gathering)
            return
        done = gathering.done
        for wire, slot in zip(wires, slots, strict=True):
            comes_first = slot is gathering.step.takes[0]
            done = [slot, *done] if comes_first else [*done, slot]
            self._join(wire, done, gathering, comes_first)

    # --- joining values --------------------------------------------------------------------

    def add(self, wires: Sequence[Wire], gathering: _Gathering) -> None:
        """Joins values that every use has."""
        if not wires:
            return
        if gathering.is_list:
            self._append(wires, gathering)
        elif gathering.name:
            for place, wire in enumerate(wires):
                self._join(wire, [*gathering.done, *wires[: place + 1]], gathering, False)
        else:
            self._begin(wires, gathering)
        gathering.done += wires
        self._hold(gathering)

    def _append(self, wires: Sequence[Wire], gathering: _Gathering) -> None:
        """Adds values to the list: `parts = [a, b]`, `parts.append(c)`, `parts += [d, e]`."""
        forward = self.forward
        operands = self._taken(wires)
        texts = list(forward.with_lists(tuple(map(forward.real, wires)), [operand.text for operand in operands]))
        begins = not gathering.name
        if begins:
            gathering.name = forward.variables.unique(PARTS)
            forward.variables.fix([gathering.name])
        for operand in operands:
            forward.variables.read(operand.reads)
        if begins:
            text = f"{gathering.name} = [{', '.join(texts)}]"
        elif len(texts) == 1 and not texts[0].startswith("*"):
            text = f"{gathering.name}.append({texts[0]})"
        else:
            whole = len(texts) == 1
            text = f"{gathering.name} += {texts[0][1:] if whole else '[' + ', '.join(texts) + ']'}"
        forward.lines.append(Line(text))
        forward.statements.append(Gathered(gathering.name, tuple(o.source for o in operands), begins))

    def _begin(self, wires: Sequence[Wire], gathering: _Gathering) -> None:
        """Sets the variable that gathers a sum to the first values."""
        forward = self.forward
        own = forward.own_name(gathering.step, gathering.step.gives[0])
        first = forward.real(wires[0])
        if len(wires) == 1 and not own and self._is_last_read(first):
            gathering.name = forward.variables.text(first)
            forward.variables.read([first])
            return
        operands = self._taken(wires)
        text, source = self._joined(operands, wires, gathering)
        reads = [read for operand in operands for read in operand.reads]
        forward.variables.read(reads)
        holder = self._stands_for(gathering.step, wires)
        if own:
            gathering.name = forward.variables.assign(holder, forward.variables.unique(own))
        else:
            gathering.name = forward.variables.pass_on(holder, reads, None, gathering.step.member.name, let_go=False)
        self._write(text, source, gathering.name)

    def _is_last_read(self, wire: Wire) -> bool:
        """Whether a variable holds this value and only the join still needs it."""
        variables = self.forward.variables
        if not variables.has_name(wire) or variables.left[wire] != 1:
            return False
        name = variables.text(wire)
        return name.isidentifier() and not variables.is_fixed(name)

    def _join(self, wire: Wire, done: Sequence[Wire], gathering: _Gathering, comes_first: bool) -> None:
        """Adds one value to the variable: `y = y + self.conv(x)`."""
        (operand,) = self._taken([wire])
        self.forward.variables.read(operand.reads)
        assert isinstance(gathering.whole, Wire)
        so_far = gathering.name, gathering.whole
        own = operand.text if operand.atomic else f"({operand.text})"
        texts, sources = ([own, so_far[0]], [operand.source, so_far[1]])
        if not comes_first:
            texts.reverse()
            sources.reverse()
        step = self._part(gathering.step, sources, self._stands_for(gathering.step, done))
        expression = joining(self.outline, gathering.step)
        self._write(expression.written(tuple(texts)), Applied(step, tuple(sources)), gathering.name)
        gathering.whole = step.gives[0]

    def _write(self, text: str, source: Source, name: str) -> None:
        if text != name:
            self.forward.lines.append(Line(f"{name} = {text}"))
            passing = frozenset([name]) if self.forward.variables.is_passing(name) else frozenset()
            self.forward.statements.append(Assignment((name,), (source,), passing))

    def _joined(self, operands: Sequence[Operand], wires: Sequence[Wire], gathering: _Gathering) -> tuple[str, Source]:
        """The expression that joins values with those so far, and the same as data: one join after the other."""
        texts = [operand.text if operand.atomic else f"({operand.text})" for operand in operands]
        sources = [operand.source for operand in operands]
        done = list(gathering.done)
        if isinstance(gathering.whole, Wire):
            texts.insert(0, gathering.name)
            source: Source = gathering.whole
        else:
            source, done = sources.pop(0), [*done, wires[0]]
            wires = wires[1:]
        for wire, other in zip(wires, sources, strict=True):
            done.append(wire)
            step = self._part(gathering.step, (source, other), self._stands_for(gathering.step, done))
            source = Applied(step, (source, other))
        if len(texts) == 1:
            return operands[0].text if operands else texts[0], source
        return joining(self.outline, gathering.step, len(texts)).written(tuple(texts)), source

    def _taken(self, wires: Sequence[Wire]) -> list[Operand]:
        """The expressions for values. Other waiting expressions are written first, so that the order of steps stays."""
        real = [self.forward.real(wire) for wire in wires]
        waiting = list(self.forward.waiting)
        while waiting and waiting[-1] in real:
            waiting.pop()
        self.forward.flush(waiting)
        operands = [self.forward.read(wire) for wire in real]
        for wire in real:
            self.forward.waiting.pop(wire, None)
        return operands

    # --- the join itself -------------------------------------------------------------------

    def finish(self, step: Call) -> Operand | None:
        """The join as an expression, with the inputs after its last branch; None if a variable already holds it."""
        gathering = self._gathering(step)
        left = gathering.left(len(step.takes))
        if not gathering.is_list:
            if left:
                return self._last(left, gathering)
            self._is_done(gathering)
            return None
        self.add(left, gathering)
        if self._joins_lists(step):
            return self._list_joined(gathering)
        self._one_by_one(gathering)
        return None

    def _last(self, wires: Sequence[Wire], gathering: _Gathering) -> Operand:
        assert isinstance(gathering.whole, Wire)
        operands = [self.forward.read(wire) for wire in wires]
        text, source = self._joined(operands, wires, gathering)
        reads = (gathering.whole, *(read for operand in operands for read in operand.reads))
        atomic = joining(self.outline, gathering.step).atomic
        return self.forward.operand(text, source, reads, operands, atomic)

    def _list_joined(self, gathering: _Gathering) -> Operand:
        rows = {use: self.outline.takes(member) for use, member in gathering.step.members.items()}
        whole = Several(rows)
        self.forward.variables.place_list(gathering.name, whole, ())
        expression = self.forward.construction.expressions[id(gathering.step)]
        text = expression.text.replace("[{all}]", gathering.name)
        source = Applied(gathering.step, (whole,))
        return self.forward.operand(text, source, (whole,), (), expression.atomic)

    def _one_by_one(self, gathering: _Gathering) -> None:
        forward, step = self.forward, gathering.step
        forward.flush()
        own = forward.own_name(step, step.gives[0])
        if own:
            name = forward.variables.assign(step.gives[0], forward.variables.unique(own))
        else:
            name = forward.variables.pass_on(step.gives[0], (), None, step.member.name, let_go=False)
        part = forward.variables.unique(PARTS.removesuffix("s"), [name])
        joined = joining(self.outline, step).written((name, part))
        forward.lines.append(Line(f"{name} = {gathering.name}[0]"))
        forward.lines.append(Suite(f"for {part} in {gathering.name}[1:]:", (Line(f"{name} = {joined}"),)))
        forward.statements.append(OneByOne(step, name, gathering.name))

    def _is_done(self, gathering: _Gathering) -> None:
        """Notes that the variable that gathered the values now holds the result."""
        variables = self.forward.variables
        variables.assign(gathering.step.gives[0], gathering.name, variables.is_passing(gathering.name))

    # --- joins of what every use has ------------------------------------------------------

    def nested(self, step: Call, sources: Sequence[Source]) -> Source:
        """`a + b + c` as data, in the order in which Python computes it: each input is released once it is joined."""
        source = sources[0]
        for count in range(1, len(sources)):
            gives = self._stands_for(step, step.takes[: count + 1])
            source = Applied(self._part(step, (source, sources[count]), gives), (source, sources[count]))
        return source

    # --- data ------------------------------------------------------------------------------

    def _hold(self, gathering: _Gathering) -> None:
        """Notes the value that the variable now holds, so that nothing else gets its name."""
        if gathering.is_list:
            return
        variables = self.forward.variables
        gathering.whole = self._stands_for(gathering.step, gathering.done)
        variables.left[gathering.whole] = 1
        variables.assign(gathering.whole, gathering.name, variables.is_passing(gathering.name))

    def _stands_for(self, step: Call, done: Sequence[Wire]) -> Wire:
        """A wire for the partial result of the join after the inputs `done`, in each use."""
        return Wire({use: self._so_far(step, use, done) for use in step.members})

    def _so_far(self, step: Call, use: int, done: Sequence[Wire]) -> Value:
        node = step.members[use]
        assert isinstance(node, Node)
        values = [wire.values[use] for wire in done if use in wire.values]
        if len(values) < 2:
            return values[0]
        return Value(node.id, 0 if len(values) == len(self.outline.takes(node)) else -len(values))

    def _part(self, step: Call, sources: Sequence[Source], gives: Wire) -> Call:
        takes = tuple(source for source in sources if isinstance(source, Wire))
        return Call(step.path, step.members, takes, (gives,), is_live=True, is_part=True)
