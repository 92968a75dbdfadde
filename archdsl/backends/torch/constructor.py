"""The constructor of a class: its parameters, and the modules that it makes, one line each.

Every member is made in each use of the class, with formulas; here the uses are brought together. Where all say the same
formula it is written. Where they do not, the number is a parameter of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

from archdsl import formula
from archdsl.backends.python.code import Code, Line, Suite
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.classes import Body, Call, Classes, Differ, If, Item, Listed, Several, Turns, Wire, alike
from archdsl.backends.torch.context import Context
from archdsl.backends.torch.copies import Elements
from archdsl.backends.torch.gathering import joining
from archdsl.backends.torch.modules import (
    Argument,
    Chain,
    Channels,
    Constructor,
    Copies,
    Modules,
    New,
    Parameter,
    Tree,
    joined_channels,
)
from archdsl.backends.torch.names import Namespace, legal
from archdsl.backends.torch.outline import Member
from archdsl.backends.torch.settings import Settings, names_in
from archdsl.formula import UNKNOWN_NUMBER, formula_of, name, plain, same, substituted
from archdsl.ir.graph import Node, Scope, Setting
from archdsl.ops.base import Expression

LONG = 20
"""Characters of a formula for channels that is given a name."""


class Construction:
    """Settles one class. `lines` are those of `__init__`, `flags` name each `if` for `forward`, by the item.

    `numbers` are, by the `id` of a step, the texts for the numbers of an expression that stands in `forward`.
    """

    def __init__(
        self,
        classes: Classes,
        constructors: Mapping[int, Constructor],
        body: Body,
        title: str,
        takes: Sequence[str],
        settings: Settings,
        is_recursive: bool = False,
    ) -> None:
        self.classes, self.outline, self.body, self.title = classes, classes.outline, body, title
        self.context = Context(self.outline, body, takes, settings)
        self.modules = Modules(classes, constructors, self.context)
        self.added: dict[str, dict[int, tuple[Any, ast.expr | None]]] = {}
        self.attributes: dict[str, None] = {}
        self.flags: dict[int, tuple[ast.expr, ...]] = {}
        self.folded: dict[int, int] = {}
        self.numbers: dict[int, dict[str, str]] = {}
        self.settled_arguments: dict[str, tuple[Body, dict[str, ast.expr]]] = {}
        """By attribute: the class that it is a use of, and what was written for its parameters."""
        self.requirements: dict[str, tuple[ast.expr, Suite]] = {}
        """What the class holds only for: when it does not, and what then refuses it."""
        self.taken = {*all_taken(body.items), *body.gives}
        """Wires that are taken one by one."""
        self.derived: dict[str, ast.expr] = {}
        """By a setting of the network that follows others unless it is given: its formula."""
        self.has_unknown = False
        self.unknowns: dict[str, ast.expr] = {}
        """By a number that had no formula: the parameter that stands for it."""
        self.counts: dict[int, ast.expr] = {}
        """By the `id` of a list: how many elements it has, where that varies."""
        self.expressions: dict[int, Expression] = {}
        """By the `id` of a step: what stands for it in `forward`."""
        self.shown: dict[int, ast.expr] = {}
        """By the `id` of a wire that some uses lack, as a branch falls away: when it is there."""
        self._names = Namespace(("self", *self.context.values[0]))
        self._hosted = dict(self.outline.hosted[body.scope.path])
        self.is_recursive = is_recursive
        if is_recursive:
            self.context.used.update(dict.fromkeys(self.context.own_names()))
        if is_recursive and id(body) not in constructors:
            self.lines: list[Code] = []
            self.constructor = self._constructor()
            return
        self.context.define_lets()
        self.modules_made: list[Code] = list(self.items(body.items))
        self.modules_made += self.hosted_left()
        followed = list(self.setting_lines())
        self.lines = [*followed, *self.lets_and_requirements(), *self.modules_made]
        self.constructor = self._constructor()

    # --- items -----------------------------------------------------------------------------

    def items(self, items: Sequence[Item]) -> Iterator[Code]:
        for item in items:
            self.context.define_lets()
            match item:
                case Call():
                    yield from self.call(item)
                case If():
                    yield from self.choice(item)
                case Turns():
                    yield from self.turns(item)
                case Listed():
                    yield from self.list_attribute(item)
                    self.require_count(item)

    def call(self, item: Call) -> Iterator[Code]:
        member = item.member
        if isinstance(member, Node) and isinstance(self.outline.emission(member), Expression):
            yield from self.expression(item)
            return
        known = [self.context.channels.get(id(wire)) for wire in item.takes] or [None] * len(self.outline.takes(member))
        trees: dict[int, Tree] = {}
        channels: dict[int, list[Channels]] = {}
        attribute = item.path.replace(".", "_")
        for use, other in item.members.items():
            trees[use], channels[use] = self.modules.tree(other, use, attribute, known)
        yield from self.attribute(item, trees, known)
        channels |= self.given(item, known)
        self.enter(item.gives, {use: self.named(row) for use, row in channels.items()}, attribute)

    def given(self, item: Call, known: Sequence[Channels]) -> dict[int, list[Channels]]:
        """The channels of what a class gives, by the arguments that were written for all of its uses."""
        settled = self.settled_arguments.get(item.path)
        if settled is None:
            return {}
        body, arguments = settled
        constructor = self.modules.constructors[id(body)]
        flows = {own: flow or UNKNOWN_NUMBER for own, flow in zip(constructor.takes, known, strict=True)}
        return {
            use: self.modules.given(scope, use, constructor, {**flows, **arguments})
            for use, scope in item.members.items()
            if isinstance(scope, Scope)
        }

    def named(self, channels: Sequence[Channels]) -> list[Channels]:
        """Formulas with the parameters that stand for what had none; None where something still has none."""
        found = [None if known is None else substituted(known, self.unknowns) for known in channels]
        return [known if known is not None and formula.is_known(known) else None for known in found]

    def enter(self, gives: Sequence[Wire], channels: Mapping[int, Sequence[Channels]], path: str = "") -> None:
        for place, wire in enumerate(gives):
            found = self.context.enter(wire, [row[place] for row in channels.values()])
            if found is not None and path and len(formula.text(found)) > LONG:
                own = self._names.unique(f"{path}_channels" if len(gives) == 1 else f"{path}_channels{place + 1}")
                self.context.enter(wire, [self.local(own, found)] * len(channels))

    def local(self, own: str, found: ast.expr) -> ast.expr:
        """A name for a long formula, given at the top of the constructor."""
        if isinstance(found, ast.Name | ast.Constant):
            return found
        self.context.lets[own] = found
        for use, values in enumerate(self.context.values):
            values[own] = formula.evaluated(found, self.context.values[use])
        return name(own)

    def attribute(self, item: Call, trees: Mapping[int, Tree], known: Sequence[Channels]) -> Iterator[Code]:
        """The line that makes a member, unless it lies in a list or is kept elsewhere."""
        own = alike(map(self.outline.is_own, item.members.values()), item.path)
        target = item.path if own else self.hosted_name(item.member)
        if target is None:
            self.modules.borrowed.setdefault(item.member.weights.rpartition(".")[2], known)
        if target is None or "." in target or target in self.attributes:
            return
        self.attributes[target] = None
        yield self.assigned(target, self.settled(trees, target))

    def hosted_name(self, member: Member) -> str | None:
        """The attribute that keeps a shared module, if it is this class that keeps it."""
        home, _, own = member.weights.rpartition(".")
        return own if own in self._hosted and home == self.body.scope.weights else None

    def hosted_left(self) -> Iterator[Code]:
        """Shared modules that only inner classes call."""
        for own, member in self._hosted.items():
            if own not in self.attributes:
                self.attributes[own] = None
                known = self.modules.borrowed.get(own) or [None for _ in self.outline.takes(member)]
                tree, _ = self.modules.tree(member, 0, own, known)
                yield self.assigned(own, self.settled({0: tree}, own))

    def assigned(self, target: str, value: ast.expr) -> Line:
        return Line(f"self.{target} = {text_of(value)}")

    def expression(self, item: Call) -> Iterator[Code]:
        """What stands in `forward`; its numbers are attributes where they are more than a literal."""
        if item.optional:
            self.expressions[id(item)] = joining(self.outline, item)
            joined = self.gathered(item)
            self.enter(item.gives, {use: [joined] for use in item.members})
            return
        rows: dict[int, list[Argument]] = {}
        channels: dict[int, list[Channels]] = {}
        texts = set()
        for use, node in item.members.items():
            assert isinstance(node, Node)
            known = [self.context.channels.get(id(wire)) for wire in item.takes]
            if item.whole is not None:
                known = [self.context.of_value(value, use) for value in item.whole.values[use]]
            emission, channels[use] = self.modules.emission(node, use, known)
            assert isinstance(emission, Expression)
            self.expressions.setdefault(id(item), emission)
            texts.add(emission.text)
            rows[use] = [Argument(key, f"{node.name}_{key}", formula_of(v), plain(v)) for key, v in emission.values]
        if len(texts) > 1:
            raise Differ(item.path)
        for place, first in enumerate(next(iter(rows.values()))):
            found = self.settle({use: row[place] for use, row in rows.items()})
            said = self.numbers.setdefault(id(item), {})
            if formula.names(found):
                attribute = self._names.unique(first.called)
                yield self.assigned(attribute, found)
                said[str(first.keyword)] = f"self.{attribute}"
            else:
                said[str(first.keyword)] = text_of(found)
        if item.whole is not None and id(item.whole) in self.counts:
            self.enter(item.gives, {use: [self.joined_list(item, item.whole)] for use in item.members})
        else:
            self.enter(item.gives, {use: self.named(row) for use, row in channels.items()})

    def gathered(self, item: Call) -> Channels:
        """The channels of a join of which some uses lack a branch."""
        assert isinstance(item.member, Node)
        known = [self.context.channels.get(id(wire)) for wire in item.takes]
        if item.member.op.name != "concat":
            return joined_channels(item.member.op, known) or self._where_there(item, known)
        terms: list[ast.expr] = []
        for wire, channels in zip(item.takes, known, strict=True):
            if channels is None:
                return None
            is_optional = wire in item.optional
            terms.append(ast.IfExp(self.shown[id(wire)], channels, ast.Constant(0)) if is_optional else channels)
        total = reduce(partial(formula.combined, ast.Add), terms)
        return self.local(self._names.unique("channels"), total)

    def _where_there(self, item: Call, known: Sequence[Channels]) -> Channels:
        """The channels that all values have where they are there: after `if it.channels == width: it` also `width`."""
        pairs = list(zip(item.takes, known, strict=True))
        first = next((channels for wire, channels in pairs if wire not in item.optional), None)
        if first is None:
            return None
        for wire, channels in pairs:
            holds = equalities(self.shown[id(wire)], True) if wire in item.optional else {}
            if channels is None or not self._are_equal(first, channels, holds):
                return None
        return first

    def joined_list(self, item: Call, whole: Several) -> Channels:
        """The channels of all elements of a list joined, however many there are."""
        each = [self.context.of_value(value, use) for use, values in whole.values.items() for value in values]
        texts = {None if channels is None else formula.text(channels) for channels in each}
        node = item.member
        if not each or each[0] is None or len(texts) > 1 or not isinstance(node, Node):
            return None
        return formula.combined(ast.Mult, self.counts[id(whole)], each[0]) if node.op.name == "concat" else each[0]

    def turns(self, item: Turns) -> Iterator[Code]:
        yield from self.list_attribute(item)
        for place, wires in enumerate(item.lists):
            for turn, wire in enumerate(wires):
                known = [self.context.of_value(loop.lists[place][turn], use) for use, loop in item.loops.items()]
                self.context.enter(wire, known)
        self.counts.update(self.list_counts(item))
        for whole, wires in zip(item.wholes, item.lists, strict=True):
            if id(whole) in self.counts and not self.taken.isdisjoint(wires):
                self.require(self.counts[id(whole)], len(wires))
        for place, wire in enumerate(item.final):
            known = [self.context.of_value(loop.final[place], use) for use, loop in item.loops.items()]
            self.context.enter(wire, known)

    def require_count(self, item: Listed) -> None:
        """Copies that are called one by one are as many as they are."""
        for use, container in item.members.items():
            number = len(self.outline.members(container.path)) if isinstance(container, Scope) else 0
            count = self.context.count(container, use, number) if isinstance(container, Scope) else None
            if count is not None and formula.names(count):
                self.require(count, number)

    def list_counts(self, item: Turns) -> Iterator[tuple[int, ast.expr]]:
        """The number of elements of each list that a loop fills, where it varies; by the list's `id`."""
        said = {use: self.context.count(loop.container, use, len(loop.copies)) for use, loop in item.loops.items()}
        first = next(iter(said.values()))
        texts = {None if count is None else formula.text(count) for count in said.values()}
        if first is not None and len(texts) == 1 and formula.names(first) and not item.loop.section:
            yield from ((id(whole), first) for whole in item.wholes)

    def list_attribute(self, item: Turns | Listed) -> Iterator[Code]:
        """A list of copies. One that holds no module of its own (all are uses of a shared one) is none."""
        trees: dict[int, Tree] = {}
        for use, container in item.members.items():
            assert isinstance(container, Scope)
            known = [self.context.of_value(value, use) for value in self.outline.takes(container)]
            trees[use], _ = self.modules.tree(container, use, item.path.replace(".", "_"), known)
        is_empty = all(isinstance(tree, Copies) and not tree.children for tree in trees.values())
        if item.path not in self.attributes and "." not in item.path and not is_empty:
            self.attributes[item.path] = None
            yield self.assigned(item.path, self.settled(trees, item.path))

    # --- choices ---------------------------------------------------------------------------

    def choice(self, item: If) -> Iterator[Code]:
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
        """The condition of each arm; one that the constructor has no words for is a parameter."""
        found: list[ast.expr] = []
        for place in range(len(item.choice.conditions)):
            said = {use: self.context.said(c.conditions[place], use) for use, c in item.choices.items()}
            reached = {use: choice for use, choice in item.choices.items() if choice.taken >= place}
            texts = {None if s is None else formula.text(s) for s in said.values()}
            first = next(iter(said.values()))
            outcomes = {use: choice.taken == place for use, choice in reached.items()}
            holds = first is not None and len(texts) == 1
            if holds and first is not None and all(self._decides(first, use, out) for use, out in outcomes.items()):
                found.append(first)
            else:
                found.append(self.decision(item, place, outcomes))
        return found

    def _decides(self, condition: ast.expr, use: int, outcome: bool) -> bool:
        result = formula.evaluated(condition, self.context.values[use])
        return isinstance(result, bool) and result is outcome

    def decision(self, item: If, place: int, outcomes: Mapping[int, bool]) -> ast.expr:
        """A parameter that says whether an arm is taken; a decision that never varies is none."""
        values = set(outcomes.values())
        if len(values) == 1:
            return ast.Constant(values.pop())
        arguments = {
            use: Argument(None, self.flag_name(item, place), ast.Constant(o), o) for use, o in outcomes.items()
        }
        return self.add(arguments)

    def flag_name(self, item: If, place: int) -> str:
        """`has_shortcut`: by the first step of the arm."""
        first = next((call for call in _calls(item.arms.get(place, ()))), None)
        if first is None:
            first = next((call for arm in item.arms.values() for call in _calls(arm)), None)
        return "has_" + (first.path.rpartition(".")[2] if first else "arm")

    def guard(self, item: If, conditions: Sequence[ast.expr]) -> Iterator[Code]:
        """Ends what would need an arm that no use of the class has shown."""
        text = item.choice
        for number in range(len(conditions) + 1 if not item.can_skip else text.arms):
            if number in item.arms:
                continue
            missing = _reached(conditions, number)
            self.context.note(missing)
            yield self.refusal(missing)

    def refusal(self, missing: ast.expr, case: str = "another case") -> Suite:
        """Ends what would need another class than this one; `case` is what it was compiled for."""
        reason = f"{self.title} was compiled for {case}; compile the spec with these arguments"
        return Suite(f"if {text_of(missing)}:", (Line(f'raise ValueError("{reason}")'),))

    def require(self, count: ast.expr, number: int) -> None:
        """Notes that the class holds only for one number of copies, which its arguments could change."""
        self.context.note(count)
        wrong = ast.Compare(count, [ast.NotEq()], [ast.Constant(number)])
        case = f"{text_of(count)} == {number}"
        self.requirements.setdefault(formula.text(wrong), (wrong, self.refusal(wrong, case)))

    def lets_and_requirements(self) -> Iterator[Code]:
        """Named numbers, after the requirements that need none of them: they may only hold for these."""
        lines = list(self.let_lines())
        yield from (refusal for wrong, refusal in self.requirements.values() if not self._has_lets(wrong))
        yield from lines
        yield from (refusal for wrong, refusal in self.requirements.values() if self._has_lets(wrong))

    def _has_lets(self, found: ast.expr) -> bool:
        return not formula.names(found).isdisjoint({*self.context.lets, *self.context.functions})

    def arms(self, item: If, conditions: Sequence[ast.expr]) -> Iterator[Code]:
        """The arms that some use has built. What would need another one has been refused before."""
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
            suites[number] = tuple(self.items(item.arms.get(number, ())))
            after |= self.attributes
        self.attributes = after
        yield from choice_code(tests, suites)

    def flag(self, item: If, number: int, condition: ast.expr) -> tuple[ast.expr, list[Code]]:
        """How `forward` asks for a condition: an attribute that holds it."""
        if isinstance(condition, ast.Constant):
            return condition, []
        self.context.note(condition)
        wanted = condition.id if isinstance(condition, ast.Name) else self.flag_name(item, number)
        attribute = wanted if isinstance(condition, ast.Name) else self._names.unique(wanted)
        if attribute in self.attributes:
            return ast.parse(f"self.{attribute}", mode="eval").body, []
        self.attributes[attribute] = None
        return ast.parse(f"self.{attribute}", mode="eval").body, [self.assigned(attribute, condition)]

    def joins(self, item: If, conditions: Sequence[ast.expr]) -> None:
        """The channels of what an `if` sets."""
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
        """The channels of a value that is another in each arm.

        One formula is enough where the condition itself makes it the other: after `if expand != 1` both are `hidden`.
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
        """Whether two formulas are one where some names are known to be something else."""
        one, other = (substituted(self.spelled_out(found), known) for found in (first, second))
        return formula.text(one) == formula.text(other)

    def spelled_out(self, found: ast.expr) -> ast.expr:
        """A formula without named numbers."""
        while not formula.names(found).isdisjoint(self.context.lets):
            found = substituted(found, self.context.lets)
        return found

    # --- one number ------------------------------------------------------------------------

    def settled(self, trees: Mapping[int, Tree], attribute: str) -> ast.expr:
        """The Python that makes a member in every use."""
        first = next(iter(trees.values()))
        alike((type(tree) for tree in trees.values()), attribute)
        if isinstance(first, New):
            return self.new({use: tree for use, tree in trees.items() if isinstance(tree, New)}, attribute)
        if isinstance(first, Chain):
            return self.chain({use: tree for use, tree in trees.items() if isinstance(tree, Chain)})
        return Elements(self, {u: t for u, t in trees.items() if isinstance(t, Copies)}, attribute).made()

    def new(self, trees: Mapping[int, New], attribute: str) -> ast.expr:
        first = next(iter(trees.values()))
        alike(((tree.target, id(tree.body), len(tree.arguments)) for tree in trees.values()), attribute)
        settled = [
            self.settle({use: tree.arguments[place] for use, tree in trees.items()})
            for place in range(len(first.arguments))
        ]
        if first.body is not None:
            said = zip(self.modules.constructors[id(first.body)].parameters, settled, strict=True)
            self.settled_arguments[attribute] = first.body, {parameter.name: found for parameter, found in said}
        return written_call(first, settled, all(tree.inplace for tree in trees.values()))

    def chain(self, trees: Mapping[int, Chain]) -> ast.expr:
        alike((tuple(child for child, _ in tree.children) for tree in trees.values()), "a chain")
        first = next(iter(trees.values()))
        children = [
            ast.keyword(own, self.settled({use: tree.children[place][1] for use, tree in trees.items()}, own))
            for place, (own, _) in enumerate(first.children)
        ]
        if not children:
            return ast.Call(name("nn.Sequential"), [], [])
        return ast.Call(name("nn.Sequential"), [ast.Call(name("OrderedDict"), [], children)], [])

    def settle(self, arguments: Mapping[int, Argument]) -> ast.expr:
        """What to write for a number: the formula, where all uses say the same; else a parameter of its own."""
        if self.unknowns:
            arguments = {u: replace(a, formula=substituted(a.formula, self.unknowns)) for u, a in arguments.items()}
        first, *others = arguments.values()
        if not all(formula.is_known(argument.formula) for argument in arguments.values()):
            return self.unknown(arguments)
        if all(formula.text(other.formula) == formula.text(first.formula) for other in others):
            values = [(use, argument.value) for use, argument in arguments.items()]
            if all(self.context.comes_to(first.formula, use, value) for use, value in values):
                return self.context.note(self.context.as_whole(first.formula, values))
        if all(same(other.value, first.value) for other in others) and not formula.names(first.formula):
            return formula_of(first.value)
        return self.add(arguments)

    def unknown(self, arguments: Mapping[int, Argument]) -> ast.expr:
        """A number without a formula: the network knows its own; for a block it is a parameter."""
        first = next(iter(arguments.values()))
        if self.body.scope.parent is None:
            self.has_unknown = True
            return formula_of(first.value)
        found = self.add({use: replace(argument, formula=UNKNOWN_NUMBER) for use, argument in arguments.items()})
        texts = {formula.text(argument.formula) for argument in arguments.values()}
        if isinstance(first.formula, ast.Name) and len(texts) == 1:
            self.unknowns[first.formula.id] = found
        return found

    def add(self, arguments: Mapping[int, Argument]) -> ast.expr:
        """A parameter of the class that nothing in the text says: each use gives its own."""
        values = {
            use: (argument.value, argument.formula if formula.is_known(argument.formula) else None)
            for use, argument in arguments.items()
        }
        wanted = self.modules.called(next(iter(arguments.values())))
        for own, known in self.added.items():
            if own == wanted and known == values:
                return name(own)
        own = self._names.unique(wanted)
        self.added[own] = values
        for use, (value, _) in values.items():
            self.context.values[use][own] = value
        self.context.used[own] = None
        return name(own)

    def let_lines(self) -> Iterator[Code]:
        """Functions and named numbers that something uses."""
        functions = {own: found for own, found in self.context.functions.items() if own in self.context.used}
        for own, (parameters, body) in functions.items():
            yield Line("")
            yield Suite(f"def {own}({', '.join(parameters)}):", (Line(f"return {text_of(body)}"),))
        if functions:
            yield Line("")
        for own, found in self.context.lets.items():
            if own in self.context.used and not isinstance(found, ast.Name | ast.Constant):
                yield Line(f"{own} = {text_of(found)}")

    # --- the result ------------------------------------------------------------------------

    def _constructor(self) -> Constructor:
        outward = [self.context.channels.get(id(wire)) for wire in self.body.gives]
        channels = [None if c is None else self.spelled_out(c) for c in outward]
        parameters = tuple(self.parameters())
        known = self.context.values
        rows = [{p.name: values.get(p.name, p.default) for p in parameters} for values in known]
        formulas = [dict(self.added_formulas(use)) for use in range(len(known))]
        values = {path: rows[use] for path, use in self.body.same.items()}
        added = {path: formulas[use] for path, use in self.body.same.items()}
        takes = tuple(self.context.channel_names)
        borrowed = {
            own: [known and self.spelled_out(known) for known in row] for own, row in self.modules.borrowed.items()
        }
        return Constructor(self.title, parameters, values, added, takes, tuple(channels), borrowed)

    def added_formulas(self, use: int) -> Iterator[tuple[str, ast.expr]]:
        """What a use gives for the parameters that were added; what it has no need of has its default."""
        for own, row in self.added.items():
            _, found = row.get(use, (None, formula_of(self.unneeded(own))))
            if found is not None:
                yield own, found

    def unneeded(self, own: str) -> Any:
        """A value for uses that do not need a parameter."""
        return type(next(iter(self.added[own].values()))[0])()

    def parameters(self) -> Iterator[Parameter]:
        """First what flows in, then the block's own in its order, then the rest; those with a default come last."""
        helpers = {*self.context.lets, *self.context.functions} - self.added.keys()
        used = [own for own in self.context.used if own not in helpers]
        found = [self.parameter(own) for own in sorted(used, key=self._order)]
        yield from sorted(found, key=lambda parameter: parameter.default is not ...)

    def _order(self, own: str) -> tuple[int, int]:
        known = list(self.context.values[0])
        channels = self.context.channel_names
        if own in channels:
            return 0, channels.index(own)
        if own in self.added or not self.context.is_own(own):
            return 2 + (own in self.added), 0
        return 1, known.index(own) if own in known else 0

    def setting_lines(self) -> Iterator[Line]:
        """`stem = 2 * growth if stem is None else stem`: settings of a network that follow others."""
        if self.body.scope.parent is not None or len(self.body.uses) > 1:
            return
        for setting in self.outline.networks[self.outline.root(self.body.scope.path)].header.settings:
            found = self.follows(setting) if setting.name in self.context.used else None
            if found is not None:
                self.derived[setting.name] = self.context.note(found)
                yield Line(f"{setting.name} = {text_of(found)} if {setting.name} is None else {setting.name}")

    def follows(self, setting: Setting) -> ast.expr | None:
        """The formula over other open settings that a setting of the network is, if it is one."""
        if setting.written is None or setting.name not in self.context.settings:
            return None
        others = names_in(setting.written.expression)
        found = self.context.said(setting.written, 0) if others and others <= self.context.settings else None
        return found if found is not None and self.context.comes_to(found, 0, setting.value) else None

    def parameter(self, own: str) -> Parameter:
        values = [known[own] for known in self.context.values if own in known]
        kind = type_name(values)
        if self.body.scope.parent is None:
            if own in self.derived:
                return Parameter(own, "setting", f"{kind} | None", None)
            return Parameter(own, "setting", kind, _common(values))
        if own in self.context.channel_names:
            return Parameter(own, "channels", kind, place=self.context.channel_names.index(own))
        if own in self.added:
            # What only some uses need has a default for the others.
            return Parameter(own, "added", kind, ... if len(values) == len(self.body.uses) else self.unneeded(own))
        if not self.context.is_own(own):
            return Parameter(own, "setting", kind, _common([settings[own] for settings in self.context.settings_in]))
        return Parameter(own, "own", kind, self.default(own))

    def default(self, own: str) -> Any:
        """What a parameter is where the spec leaves it out; `...` if it never does, or says different things."""
        values = [plain(dict(scope.arguments)[own]) for scope in self.body.uses if own in map(legal, scope.omitted)]
        alike_all = values and all(same(value, values[0]) for value in values)
        computed = any(own in dict(scope.written) for scope in self.body.uses if own in scope.omitted)
        return values[0] if alike_all and not computed else ...


def _common(values: Sequence[Any]) -> Any:
    """The one value that all uses have, `...` where they differ."""
    return values[0] if all(same(value, values[0]) for value in values) else ...


def equalities(condition: ast.expr, holds: bool) -> dict[str, ast.expr]:
    """Names that are known to be something else where a condition holds, or where it does not."""
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


def all_taken(items: Sequence[Item]) -> Iterator[Wire]:
    """The wires that steps take, and those that an `if` hands on."""
    for item in items:
        if isinstance(item, If):
            yield from (wire for join in item.joins for wire in join.sources.values())
            for arm in item.arms.values():
                yield from all_taken(arm)
        else:
            yield from item.takes


def _calls(items: Sequence[Item]) -> Iterator[Call]:
    for item in items:
        if isinstance(item, Call):
            yield item
        elif isinstance(item, If):
            for arm in item.arms.values():
                yield from _calls(arm)


def _reached(conditions: Sequence[ast.expr], number: int) -> ast.expr:
    """When arm `number` is the one that is built."""
    before = [ast.UnaryOp(ast.Not(), condition) for condition in conditions[:number]]
    parts = [*before, *conditions[number : number + 1]]
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)


def _tested(condition: ast.expr, flag: ast.expr) -> ast.expr:
    """A name is asked as it is, anything longer by its attribute."""
    return condition if isinstance(condition, ast.Name) else flag


def choice_code(tests: Sequence[ast.expr], arms: Mapping[int, tuple[Code, ...]]) -> Iterator[Code]:
    """`if`, `elif` and `else` for the arms, as far as they hold something; arm `len(tests)` is the `else`."""
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


def written_call(new: New, settled: Sequence[ast.expr], inplace: bool) -> ast.expr:
    """`nn.Conv2d(in_channels, width, 3, stride=stride)`; what equals its default goes unsaid."""
    positional: list[ast.expr] = []
    keywords: list[ast.keyword] = []
    for argument, found in zip(new.arguments, settled, strict=True):
        if argument.keyword is None:
            positional.append(found)
        elif argument.default is ... or not _is_default(found, argument.default):
            keywords.append(ast.keyword(argument.keyword, found))
    if inplace:
        keywords.append(ast.keyword("inplace", ast.Constant(True)))
    return ast.Call(name(new.target), positional, keywords)


def _is_default(found: ast.expr, default: Any) -> bool:
    return not formula.names(found) and same(formula.evaluated(found, {}), default)


def type_name(values: Sequence[Any]) -> str:
    """The annotation for a parameter with these values."""
    names = dict.fromkeys(sorted(map(_type_of, values), key=lambda own: own == "None"))
    return " | ".join(own for own in names if not (own == "int" and "float" in names))


def _type_of(value: Any) -> str:
    if isinstance(value, tuple):
        return f"tuple[{type_name(value)}, ...]" if value else "tuple[()]"
    return "None" if value is None else type(value).__name__
