"""The `if`s of a class: their conditions as Python in the constructor, the modules of their arms, the values they set.

If no use of the class has built an arm, its steps are not known: the class then refuses arguments that need this arm.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence

from archdsl import formula
from archdsl.backends.python.code import Code, Line, Suite
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.bodies import Call, If, Item, every
from archdsl.backends.torch.modules import (
    Argument,
    Channels,
)
from archdsl.backends.torch.numbers import Subject
from archdsl.backends.torch.parameters import Parameters
from archdsl.formula import UNKNOWN_NUMBER, substituted
from archdsl.ir.graph import Value


class Choices(Parameters):
    """The `if`s of one class.

    `flags` are the conditions as `forward` asks for them (`self.has_conv2`), by the `id` of the item; `folded` are the
    `if`s that come out the same in every use, with the arm that is taken.
    """

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.is_recursive = False
        self.attributes: dict[str, None] = {}
        self.guarded: set[str] = set()
        """Parameters that only some uses give and that an arm needs."""
        self.flags: dict[int, tuple[ast.expr, ...]] = {}
        self.folded: dict[int, int] = {}
        self.shown: dict[int, ast.expr] = {}
        """By the `id` of a wire that some uses lack: the condition under which it exists."""

    @abstractmethod
    def items(self, items: Sequence[Item]) -> Iterator[Code]:
        """The lines that make the modules of some steps."""

    def choice(self, item: If) -> Iterator[Code]:
        """The lines that make the modules of an `if`, and the attributes by which `forward` decides it."""
        conditions = self.conditions(item)
        taken = {choice.taken for choice in item.choices.values()}
        known = [c.value if isinstance(c, ast.Constant) else None for c in conditions]
        if None not in known or (known and known[0] is True):
            number = known.index(True) if True in known else len(known)
            self.folded[id(item)] = number
            yield from self.items(item.arms[number])
            self.joins(item, conditions)
            return
        yield from self.guard(item, conditions)
        if len(taken) == 1 and not (item.can_skip and min(taken) < item.choice.arms):
            (number,) = taken
            self.folded[id(item)] = number
            yield from self.items(item.arms[number])
        else:
            yield from self.arms(item, conditions)
        self.joins(item, conditions)

    def conditions(self, item: If) -> list[ast.expr]:
        """The condition of each arm; one that cannot be written with the constructor's names becomes a parameter."""
        found: list[ast.expr] = []
        for place in range(len(item.choice.conditions)):
            reached = {use: choice for use, choice in item.choices.items() if choice.taken >= place}
            said = self.said(item, place)
            if None in said.values() and len({choice.taken == place for choice in reached.values()}) == 1:
                self.ask_channels(item, place)
                said = self.said(item, place)
            texts = {None if s is None else formula.text(s) for s in said.values()}
            first = next(iter(said.values()))
            outcomes = {use: choice.taken == place for use, choice in reached.items()}
            holds = first is not None and len(texts) == 1
            if holds and first is not None and all(self._decides(first, use, out) for use, out in outcomes.items()):
                found.append(first)
            else:
                found.append(self.decision(item, place, outcomes))
        return found

    def said(self, item: If, place: int) -> dict[int, ast.expr | None]:
        """The condition of an arm as the constructor says it, for each use; None where it has no words for it."""
        return {use: self.context.said(choice.conditions[place], use) for use, choice in item.choices.items()}

    def ask_channels(self, item: If, place: int) -> None:
        """Makes parameters of the channels that a condition is about, where nothing says what they are."""
        asked: dict[str, dict[int, Value]] = {}
        for use, choice in item.choices.items():
            for base, value in choice.conditions[place].values:
                if self.context.of_value(value, use) is None and self.outline.graph.tensor(value).channels:
                    asked.setdefault(base, {})[use] = value
        if self.context.is_network:
            self.has_unknown |= bool(asked)
            return
        called = self.flag_name(item, place).removeprefix("has_") + "_in_channels"
        for values in asked.values():
            numbers = {use: self.outline.graph.tensor(value).channels for use, value in values.items()}
            found = self.add({use: Argument(None, called, UNKNOWN_NUMBER, n) for use, n in numbers.items()})
            for use, value in values.items():
                self.context.by_value[use, value] = found

    def _decides(self, condition: ast.expr, use: int, outcome: bool) -> bool:
        result = formula.evaluated(condition, self.context.values[use])
        return isinstance(result, bool) and result is outcome

    def decision(self, item: If, place: int, outcomes: Mapping[int, bool]) -> ast.expr:
        """A parameter that says whether an arm is taken; a decision that never varies is none.

        Where no use has come as far, it counts as taken: what comes as far is refused, since the arm is not known.
        """
        values = set(outcomes.values()) or {True}
        if len(values) == 1:
            return ast.Constant(values.pop())
        arguments = {
            use: Argument(None, self.flag_name(item, place), ast.Constant(o), o) for use, o in outcomes.items()
        }
        return self.add(arguments)

    def flag_name(self, item: If, place: int) -> str:
        """A name for the flag of an arm, made of its first step: `has_shortcut`."""
        first = next((call for call in _calls(item.arms.get(place, ()))), None)
        if first is None:
            first = next((call for arm in item.arms.values() for call in _calls(arm)), None)
        return "has_" + (first.path.rpartition(".")[2] if first else "arm")

    def guard(self, item: If, conditions: Sequence[ast.expr]) -> Iterator[Code]:
        """Lines that refuse arguments for which an arm is taken that no use of the class has built."""
        text = item.choice
        for number in range(len(conditions) + 1 if not item.can_skip else text.arms):
            if number in item.arms:
                continue
            missing = _reached(conditions, number)
            self.context.note(missing)
            yield self.refusal(missing)

    def arms(self, item: If, conditions: Sequence[ast.expr]) -> Iterator[Code]:
        """The arms that some use has built; `guard` has refused the others."""
        flags: list[ast.expr] = []
        for number, condition in enumerate(conditions):
            flag, lines = self.flag(item, number, condition) if number in item.arms else (condition, [])
            yield from lines
            flags.append(flag)
        self.flags[id(item)] = tuple(flags)
        tests = [_tested(condition, flag) for condition, flag in zip(conditions, flags, strict=True)]
        before, after = dict(self.attributes), dict(self.attributes)
        suites: dict[int, tuple[Code, ...]] = {}
        for number in sorted({*item.arms, *(n for join in item.joins for n in join.sources)}):
            self.attributes = dict(before)
            suites[number] = tuple(self.arm(item.arms.get(number, ())))
            after |= self.attributes
        self.attributes = after
        yield from choice_code(tests, suites)

    def arm(self, items: Sequence[Item]) -> Iterator[Code]:
        """The modules of an arm. Before them, a line refuses None for the parameters that only this arm needs."""
        known = set(self.added)
        lines = list(self.items(items))
        for own in self.added.keys() - known:
            if self.is_partial(own) and own not in self.guarded:
                self.guarded.add(own)
                yield self.refusal(ast.Compare(ast.Name(own), [ast.Is()], [ast.Constant(None)]))
        yield from lines

    def flag(self, item: If, number: int, condition: ast.expr) -> tuple[ast.expr, list[Code]]:
        """How `forward` asks for a condition: as an attribute, with the lines of the constructor that set it."""
        if isinstance(condition, ast.Constant):
            return condition, []
        self.context.note(condition)
        wanted = condition.id if isinstance(condition, ast.Name) else self.flag_name(item, number)
        attribute = wanted if isinstance(condition, ast.Name) else self._names.unique(wanted)
        if attribute in self.attributes:
            return ast.parse(f"self.{attribute}", mode="eval").body, []
        self.attributes[attribute] = None
        return ast.parse(f"self.{attribute}", mode="eval").body, [self.assigned(attribute, condition)]

    def assigned(self, target: str, value: ast.expr) -> Line:
        """A line that sets an attribute."""
        return Line(f"self.{target} = {text_of(value)}")

    # --- what an `if` sets -----------------------------------------------------------------

    def joins(self, item: If, conditions: Sequence[ast.expr]) -> None:
        """Enters the channels of the values that an `if` sets."""
        only = self.folded.get(id(item))
        for join in item.joins:
            if item.falls_away:
                inner = [self.shown[id(wire)] for wire in join.sources.values() if id(wire) in self.shown]
                self.shown[id(join.wire)] = formula.logic(ast.And(), [conditions[0], *inner])
            wires = {n: wire for n, wire in join.sources.items() if only is None or n == only}
            sources = {n: self.context.channels.get(id(wire)) for n, wire in wires.items()}
            found = self.joined(sources, conditions)
            self.context.enter(join.wire, [found] * len(join.wire.values))

    def joined(self, sources: Mapping[int, Channels], conditions: Sequence[ast.expr]) -> Channels:
        """The channels of a value that each arm sets to another value.

        One formula is enough if the condition makes the formulas of the arms equal. Where `if expand != 1` does not
        hold, `expand` is 1, so the value has `in_channels * expand` channels in either case.
        """
        known = {number: channels for number, channels in sources.items() if channels is not None}
        if not known or (len(known) < len(sources) and not self.is_recursive):
            return None
        first = known[min(known)]
        if all(formula.text(channels) == formula.text(first) for channels in known.values()):
            return first
        if len(conditions) == 1:
            second = known[max(known)]
            if self._are_equal(first, second, equalities(conditions[0], False)):
                return first
            if self._are_equal(first, second, equalities(conditions[0], True)):
                return second
        *earlier, last = sorted(known)
        found = known[last]
        for number in reversed(earlier):
            condition = conditions[number]
            if not isinstance(condition, ast.Constant):
                found = ast.IfExp(condition, known[number], found)
            elif condition.value:
                found = known[number]
        return self.local(self._names.unique("channels"), found)

    def _are_equal(self, first: ast.expr, second: ast.expr, known: Mapping[str, ast.expr]) -> bool:
        """Whether two formulas are equal once the `known` names are replaced."""
        one, other = (substituted(self.spelled_out(found), known) for found in (first, second))
        return formula.text(one) == formula.text(other)


def equalities(condition: ast.expr, holds: bool) -> dict[str, ast.expr]:
    """Names with the formula that they are equal to if a condition holds, or if it does not: `holds` says which."""
    match condition:
        case ast.BoolOp(op=ast.And(), values=parts) if holds:
            return {own: f for part in parts for own, f in equalities(part, True).items()}
        case ast.BoolOp(op=ast.Or(), values=parts) if not holds:
            return {own: f for part in parts for own, f in equalities(part, False).items()}
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]) if holds:
            return _equal(left, right)
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]) if not holds:
            return _equal(left, right)
    return {}


def _equal(left: ast.expr, right: ast.expr) -> dict[str, ast.expr]:
    if isinstance(left, ast.Name):
        return {left.id: right}
    return {right.id: left} if isinstance(right, ast.Name) else {}


def _calls(items: Sequence[Item]) -> Iterator[Call]:
    return (item for item in every(items) if isinstance(item, Call))


def _reached(conditions: Sequence[ast.expr], number: int) -> ast.expr:
    """The condition under which arm `number` is built."""
    before = [formula.negated(condition) for condition in conditions[:number]]
    parts = [*before, *conditions[number : number + 1]]
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)


def _tested(condition: ast.expr, flag: ast.expr) -> ast.expr:
    """The condition to test in the constructor: itself if it is a name, else the attribute `flag` that holds it."""
    return condition if isinstance(condition, ast.Name) else flag


def choice_code(tests: Sequence[ast.expr], arms: Mapping[int, tuple[Code, ...]]) -> Iterator[Code]:
    """`if`, `elif` and `else` for the arms that have code; arm `len(tests)` is the `else`."""
    known = [test.value if isinstance(test, ast.Constant) else None for test in tests]
    final = known.index(True) if True in known else len(tests)
    kept = [number for number in sorted(arms) if number == final or (number < final and known[number] is not False)]
    while kept and not arms[kept[-1]]:
        kept.pop()
    if len(kept) == 2 and not arms[kept[0]] and kept[1] == final:
        yield Suite(f"if not {text_of(tests[kept[0]])}:", arms[kept[1]])
        return
    for place, number in enumerate(kept):
        word = "elif" if place else "if"
        header = "else:" if number == final else f"{word} {text_of(tests[number])}:"
        if header == "else:" and not place:
            yield from arms[number]
        else:
            yield Suite(header, arms[number] or (Line("pass"),))
