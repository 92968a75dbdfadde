"""Follows one forward pass of an emitted module at inference: when each value is computed, and how long it is held.

No code is run. The statements of each `forward` are followed by the rules of Python and of `nn.Module`:

- the caller of a module holds its arguments until the call returns;
- a variable holds its value until it is set again or its function returns;
- a value without a variable is held until the step that uses it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archdsl.analyses.memory import Step, partly_joined
from archdsl.backends.torch.bodies import Body, Several, Turns, Wire
from archdsl.backends.torch.classes import Classes
from archdsl.backends.torch.loops import Made, Position, State
from archdsl.backends.torch.outline import Form, Member, Outline
from archdsl.backends.torch.statements import (
    Applied,
    Assignment,
    Branch,
    Gathered,
    Loop,
    OneByOne,
    Return,
    Source,
    Statement,
)
from archdsl.ir.graph import Node, Scope, Value


@dataclass(eq=False)
class Frame:
    """A running call of a class: its use, the values of its variables, and the steps that are being computed.

    `active` has the outermost step first. `passing` are the variables that the next value may take over.
    """

    outline: Outline
    body: Body
    scope: Scope
    variables: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    passing: set[str] = field(default_factory=set)
    active: list[Active] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Finds `like`, the use that stands for this one in the class: of equal uses, a class has only the first."""
        self.use = self.body.same[self.scope.path]
        self.like = self.body.uses[self.use]
        takes = zip(self.outline.takes(self.like), self.outline.takes(self.scope), strict=True)
        self.taken = {} if self.like is self.scope else dict(takes)

    def values(self, source: Wire | Several) -> Sequence[Value]:
        """The values of the graph that a wire or a list stands for in this use."""
        found = source.values[self.use] if isinstance(source, Several) else (source.values[self.use],)
        return (
            found
            if self.like is self.scope
            else [self.taken.get(v) or v._replace(node=self._own(v.node)) for v in found]
        )

    def member(self, member: Member) -> Member:
        """The member of this use that corresponds to a member of the use `like`."""
        if self.like is self.scope:
            return member
        return self.outline.member(self._own(member.id if isinstance(member, Node) else member.path))

    def _own(self, path: str) -> str:
        return self.scope.path + path[len(self.like.path) :]


@dataclass(eq=False)
class Active:
    """A step whose inputs are being computed, or that is running; or a turn of the loop `turns`."""

    step: Applied | None
    arguments: list[Value] = field(default_factory=list)
    computed: int = 0
    """How many inputs have been computed."""
    turns: Turns | None = None


@dataclass(eq=False)
class Chain:
    """A running call of an `nn.Sequential`. `flow` are the arguments of its running member."""

    scope: Scope
    flow: Sequence[Value]


class Run:
    """One forward pass. `statements` gives the statements of a class's `forward`; `calls` have not yet returned.

    `places` says for a value whose memory it uses, as in `archdsl.analyses.memory`.
    """

    def __init__(
        self,
        classes: Classes,
        root: str,
        places: Mapping[Value, Value],
        statements: Callable[[Body], Sequence[Statement]],
    ) -> None:
        self.classes, self.outline, self.graph = classes, classes.outline, classes.outline.networks[root]
        self.root = classes.outline.graph.scopes[root]
        self.places = places
        self.calls: list[Frame | Chain] = []
        self.holders: Counter[Value] = Counter()
        self._steps: list[tuple[str, list[Value], int]] = []
        self._write = statements
        self._statements: dict[int, Sequence[Statement]] = {}

    def steps(self) -> tuple[Step, ...]:
        """Follows the pass, and returns its steps. The caller holds the network's inputs all the time."""
        inputs = [Value(node.id) for node in self.graph.inputs]
        self.hold(inputs)
        self.called(self.root, inputs)
        return tuple(Step(node, tuple(freed), joined) for node, freed, joined in self._steps)

    def ran(self, node: Node) -> None:
        """Called when a node has computed its outputs and still holds its inputs."""

    def joined(self, node: Node, count: int, arguments: Sequence[Value], result: Value) -> None:
        """Called when a join has joined its first `count` inputs and still holds the last `arguments`."""

    def gave_back(self, place: Value) -> None:
        """Called when nothing holds a value any longer."""
        if self._steps:
            self._steps[-1][1].append(place)

    # --- holding ---------------------------------------------------------------------------

    def place(self, value: Value) -> Value:
        """The value whose memory this one uses. The partial result of a join has its own."""
        return self.places.get(value, value)

    def hold(self, values: Iterable[Value]) -> None:
        """Counts one more holder for each value."""
        for value in values:
            self.holders[self.place(value)] += 1

    def let_go(self, values: Iterable[Value]) -> None:
        """Counts one holder less for each value, and reports those that nothing holds any longer."""
        for value in values:
            place = self.place(value)
            self.holders[place] -= 1
            if not self.holders[place]:
                self.gave_back(place)

    # --- calls -----------------------------------------------------------------------------

    def called(self, member: Member, arguments: Sequence[Value]) -> Sequence[Value]:
        """Calls a member, and returns its outputs, each held once. The caller holds the arguments."""
        if isinstance(member, Node):
            results = self.outline.gives(member)
            self._steps.append((member.id, [], 0))
            self.hold(results)
            self.ran(member)
            return results
        if self.classes.form(member) is Form.CLASS:
            return self._class(member)
        chain = Chain(member, arguments)
        self.calls.append(chain)
        self.hold(arguments)
        for inner in self.outline.members(member.path):
            before, chain.flow = chain.flow, self.called(inner, chain.flow)
            self.let_go(before)
        self.calls.pop()
        return chain.flow

    def _class(self, scope: Scope) -> Sequence[Value]:
        body = self.classes.of[scope.path]
        if id(body) not in self._statements:
            self._statements[id(body)] = self._write(body)
        frame = Frame(self.outline, body, scope)
        self.calls.append(frame)
        results = self._run(self._statements[id(body)], frame)
        assert results is not None, f"{scope.path} returns nothing"
        for held in frame.variables.values():
            self.let_go(held)
        self.calls.pop()
        return results

    # --- statements ------------------------------------------------------------------------

    def _run(self, statements: Sequence[Statement], frame: Frame) -> Sequence[Value] | None:
        """Follows statements up to a `return`, and returns its values; None if there is no `return`."""
        for statement in statements:
            match statement:
                case Assignment(names, sources, passing):
                    self._assign(frame, names, self._values(sources, frame))
                    frame.passing.difference_update(names)
                    frame.passing |= passing
                case Branch(item, arms):
                    results = self._run(arms.get(item.choices[frame.use].taken, ()), frame)
                    if results is not None:
                        return results
                case Loop():
                    self._loop(statement, frame)
                case Gathered():
                    self._gather(statement, frame)
                case OneByOne():
                    self._one_by_one(statement, frame)
                case Return(sources):
                    return self._values(sources, frame)
        return None

    def _assign(self, frame: Frame, names: Sequence[str], values: Sequence[Value]) -> None:
        for name, value in zip(names, values, strict=True):
            before = frame.variables.get(name, ())
            frame.variables[name] = (value,)
            self.let_go(before)

    def _values(self, sources: Sequence[Source], frame: Frame) -> list[Value]:
        return [value for source in sources for value in self._value(source, frame)]

    def _value(self, source: Source, frame: Frame) -> Sequence[Value]:
        """Computes an expression, and returns its values, each held once."""
        if not isinstance(source, Applied):
            values = frame.values(source)
            self.hold(values)
            return values
        active = Active(source)
        frame.active.append(active)
        for inner in source.inputs:
            active.arguments += self._value(inner, frame)
            active.computed += 1
        member = frame.member(source.step.members[frame.use])
        results = (
            self._join(member, active.arguments, frame.values(source.step.gives[0])[0])
            if isinstance(member, Node) and source.step.is_part
            else self.called(member, active.arguments)
        )
        frame.active.pop()
        self.let_go(active.arguments)
        return results

    # --- joins with branches on a condition ------------------------------------------------

    def _join(self, node: Node, arguments: Sequence[Value], result: Value) -> Sequence[Value]:
        """Joins the partial result of a join with one more input, and returns `result`, held once."""
        count = -result.port if result.port else len(self.graph.inputs_of(node.id))
        self._steps.append((node.id, [], count))
        self.hold([result])
        self.joined(node, count, arguments, result)
        return [result]

    def _gather(self, statement: Gathered, frame: Frame) -> None:
        values = self._values(statement.sources, frame)
        before = frame.variables.get(statement.name, ())
        if statement.begins:
            self.let_go(before)
        frame.variables[statement.name] = (*(() if statement.begins else before), *values)

    def _one_by_one(self, statement: OneByOne, frame: Frame) -> None:
        """Joins the elements of a list one by one."""
        node = frame.member(statement.step.members[frame.use])
        assert isinstance(node, Node)
        first, *others = frame.variables[statement.elements]
        self.hold([first])
        self._assign(frame, (statement.name,), (first,))
        for count, value in enumerate(others, 2):
            arguments = [*frame.variables[statement.name], value]
            self.hold(arguments)
            results = self._join(node, arguments, partly_joined(self.graph, node, count))
            self.let_go(arguments)
            self._assign(frame, (statement.name,), results)

    # --- loops -----------------------------------------------------------------------------

    def _loop(self, statement: Loop, frame: Frame) -> None:
        turns = statement.turns
        loop = turns.loops[frame.use]
        states = [value for wire in turns.initial for value in frame.values(wire)]
        for name in statement.lists.values():
            self.let_go(frame.variables.get(name, ()))
            frame.variables[name] = ()
        turn = self._opened_turn if turns.opened else self._turn
        for copy in loop.copies:
            states = turn(statement, frame.member(copy), states, frame)

    def _turn(self, statement: Loop, copy: Member, states: Sequence[Value], frame: Frame) -> list[Value]:
        """Follows a turn that calls the copy, and returns the states after it."""
        turns = statement.turns
        arguments = [self._at(position, states, (), frame) for position in turns.arguments]
        self.hold(arguments)
        frame.active.append(Active(None, arguments, turns=turns))
        results = self.called(copy, arguments)
        frame.active.pop()
        self.let_go(arguments)
        updated = [self._at(position, states, results, frame) for position in turns.loops[frame.use].updates]
        self._set(statement, frame, results, updated)
        return updated

    def _opened_turn(self, statement: Loop, copy: Member, states: Sequence[Value], frame: Frame) -> list[Value]:
        """Follows a turn that calls the members of the copy one by one; each of them sets the only state."""
        assert isinstance(copy, Scope), "a node has no members"
        flow = list(states)
        for name in statement.turns.opened:
            self.hold(flow)
            frame.active.append(Active(None, flow))
            results = self.called(self.outline.member(f"{copy.path}.{name}"), flow)
            frame.active.pop()
            self.let_go(flow)
            self._assign(frame, statement.states, results)
            flow = list(results)
        return flow

    def _set(self, statement: Loop, frame: Frame, results: Sequence[Value], updated: Sequence[Value]) -> None:
        """Sets the variables after a turn; `results` are held once."""
        if statement.states:
            self.hold(updated)
        if statement.made:
            self._assign(frame, statement.made, results)
        if statement.states:
            self._assign(frame, statement.states, updated)
        for place, name in statement.lists.items():
            self.hold([results[place]])
            frame.variables[name] = (*frame.variables[name], results[place])
        if not statement.made:
            self.let_go(results)

    def _at(self, position: Position | Wire, states: Sequence[Value], made: Sequence[Value], frame: Frame) -> Value:
        match position:
            case State(index):
                return states[index]
            case Made(index):
                return made[index]
            case Wire():
                return frame.values(position)[0]
        raise AssertionError(f"no value at {position}")
