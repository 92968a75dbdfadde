"""Loops in `forward`: the variables that pass values from turn to turn, and the lists that collect values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from archdsl.backends.python.code import Code, Line, Suite
from archdsl.backends.torch.bodies import Turns, Wire
from archdsl.backends.torch.loops import Made, Position, State
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.references import module_text
from archdsl.backends.torch.statements import Assignment, Loop, Statement
from archdsl.backends.torch.variables import FLOW, Variables
from archdsl.naming import snake_case


def loop_lines(
    outline: Outline, path: str, variables: Variables, turns: Turns, real: Callable[[Wire], Wire], shapes: bool
) -> tuple[list[Code], list[Statement]]:
    """The lines that prepare a loop and those of the loop, and the same as data.

    `path` is a use of the class that has the loop; `real` follows decided choices.
    """
    initial = tuple(map(real, turns.initial))
    arguments = tuple(real(argument) if isinstance(argument, Wire) else argument for argument in turns.arguments)
    decided = replace(turns, initial=initial, arguments=arguments)
    writer = LoopLines(outline, path, variables, decided, shapes)
    return list(writer.lines()), writer.statements


def port_name(outline: Outline, turns: Turns, index: int) -> str | None:
    """The name that the text of the copies has for a value which is passed from turn to turn."""
    copy = turns.loop.copies[-1]
    taken = zip(turns.loop.arguments, outline.takes(copy), strict=True)
    names = (outline.names(copy.path).get(value) for place, value in taken if place == State(index))
    return next((name for name in names if name and name != "input"), None)


class LoopLines:
    may_be_short = True
    """Whether a loop that only collects values may be one line."""

    def __init__(self, outline: Outline, path: str, variables: Variables, turns: Turns, shapes: bool) -> None:
        self.outline, self.path, self.shapes = outline, path, shapes
        self.variables = variables
        self.turns, self.loop = turns, turns.loop
        self.gives = self.outline.gives_of[self.loop.copies[0].path]
        self.statements: list[Statement] = []

    def lines(self) -> Iterator[Code]:
        before = [self.variables.text(wire) for wire in self.turns.initial]
        states = self._states(before)
        if self.may_be_short and not states and len(self.gives) == 1 and self.loop.collected == (0,):
            yield self._collected()
            return
        if states != before:
            yield Line(f"{', '.join(states)} = {', '.join(before)}")
            self.statements.append(Assignment(tuple(states), self.turns.initial))
        kept = {self.variables.text(wire) for wire in self.turns.takes}
        items = {index: self.variables.unique(self._item(index), kept) for index in self.loop.collected}
        lists = {index: self.variables.unique(f"{item}s", kept) for index, item in items.items()}
        self.variables.fix(lists.values())
        yield from (Line(f"{name} = []") for name in lists.values())
        turn = self.variables.unique(snake_case(self.loop.copies[0].block or "turn"), kept)
        yield from self.suites(turn, states, lambda call: tuple(self._turn(turn, call, states, items, lists)))
        for index, whole, wires in zip(lists, self.turns.wholes, self.turns.lists, strict=True):
            self.variables.place_list(lists[index], whole, wires)

    def suites(self, turn: str, states: Sequence[str], body: Callable[[str], tuple[Code, ...]]) -> Iterator[Code]:
        """The loop over the copies; `body` has the lines of one turn, which call what it is given."""
        modules = module_text(self.outline, self.path, self.loop.container.weights)
        yield Suite(f"for {turn} in {modules}{self.loop.section}:", body(f"{turn}({{}})"))

    def _collected(self) -> Line:
        """A loop that only collects: `branches = [branch(x) for branch in self.branch]`."""
        kept = {self.variables.text(wire) for wire in self.turns.takes}
        turn = self.variables.unique(snake_case(self.loop.copies[0].block or self.loop.container.name), kept)
        name = self.variables.unique(f"{turn}s" if not turn.endswith("ch") else f"{turn}es", kept)
        self.variables.fix([name])
        modules = module_text(self.outline, self.path, self.loop.container.weights)
        lent = self.outline.borrowed[self.loop.copies[0].path]
        arguments = [self._text(position, (), ()) for position in self.turns.arguments]
        arguments += [module_text(self.outline, self.path, weights) for weights in lent]
        self.variables.place_list(name, self.turns.wholes[0], self.turns.lists[0])
        self.statements.append(Loop(self.turns, (), (), {0: name}))
        return Line(f"{name} = [{turn}({', '.join(arguments)}) for {turn} in {modules}{self.loop.section}]")

    # --- names -----------------------------------------------------------------------------

    def _states(self, before: Sequence[str]) -> list[str]:
        """A variable for each state, which is set before the loop to the variable in `before`."""
        kept = {self.variables.text(wire) for wire in self.turns.arguments if isinstance(wire, Wire)}
        self.variables.read(self.turns.takes)
        names: list[str] = []
        for index, text in enumerate(before):
            wanted = self._port(index) or (text if text.isidentifier() else FLOW)
            names.append(self.variables.unique_beside(wanted, (*kept, *names)))
        for name, wire in zip(names, self.turns.final, strict=True):
            self.variables.assign(wire, name, passing=name == FLOW)
        return names

    def _port(self, index: int) -> str | None:
        return port_name(self.outline, self.turns, index)

    def _item(self, index: int) -> str:
        """A name for a collected value: that of the network's output, else the one that it has in the first copy."""
        value = self.gives[index]
        outputs = (output.name for output in self.outline.outputs if value in output.values)
        named = self.outline.given_name(value, self.loop.copies[0].path)
        return next(outputs, named or value.node.rpartition(".")[2])

    # --- one turn --------------------------------------------------------------------------

    def _turn(
        self, turn: str, called: str, states: Sequence[str], items: dict[int, str], lists: dict[int, str]
    ) -> Iterator[Code]:
        """The lines of one turn; `called` is the call of the copy, with `{}` for its arguments."""
        lent = self.outline.borrowed[self.loop.copies[0].path]
        arguments = [self._text(position, states, ()) for position in self.turns.arguments]
        arguments += [module_text(self.outline, self.path, weights) for weights in lent]
        if self.turns.opened:
            yield from self._opened(turn, states)
            return
        call = called.replace("{}", ", ".join(arguments), 1)
        if len(self.gives) == 1 and not lists:
            yield self._update(states, (call,), self._common_shape())
            self.statements.append(Loop(self.turns, tuple(states), (), {}))
            return
        passes = any(isinstance(update, State) for update in self.loop.updates)
        made = [self._target(index, items, () if passes else states) for index in range(len(self.gives))]
        yield Line(f"{', '.join(made)} = {call}")
        if passes:
            yield self._update(states, made, "")
        self.statements.append(Loop(self.turns, tuple(states) if passes else (), tuple(made), lists))
        yield from (Line(f"{lists[index]}.append({made[index]})") for index in lists)

    def _opened(self, turn: str, states: Sequence[str]) -> Iterator[Code]:
        """The calls of the members of a copy, a line for each."""
        (state,) = states
        self.statements.append(Loop(self.turns, (state,), (), {}))
        *before, last = (f"{state} = {turn}.{name}({state})" for name in self.turns.opened)
        yield from map(Line, before)
        yield Line(last, self._common_shape())

    def _update(self, states: Sequence[str], made: Sequence[str], shape: str) -> Line:
        """An assignment to all states at once, since a state may get the old value of another."""
        values = ", ".join(self._text(update, states, made) for update in self.loop.updates)
        return Line(f"{', '.join(states)} = {values}", shape)

    def _target(self, index: int, items: dict[int, str], states: Sequence[str]) -> str:
        """The variable for an output of the copy: its state, if `states` may be set directly, else another variable."""
        if states and Made(index) in self.loop.updates:
            return states[self.loop.updates.index(Made(index))]
        return items.get(index) or (f"made{index + 1}" if Made(index) in self.loop.updates else "_")

    def _text(self, position: Position | Wire, states: Sequence[str], made: Sequence[str]) -> str:
        match position:
            case State(index):
                return states[index]
            case Wire():
                return self.variables.text(position)
            case Made(index):
                return made[index]
        raise AssertionError(f"no text for {position}")

    def _common_shape(self) -> str:
        """The shape of every copy's output, for a comment; "" if they differ."""
        copies = (copy for loop in self.turns.loops.values() for copy in loop.copies)
        made = [value for copy in copies for value in self.outline.gives_of[copy.path]]
        return self.outline.shape_text([made]) if self.shapes else ""
