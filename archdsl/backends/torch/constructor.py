"""The constructor of a class: the modules that it makes, one line each.

For every member, each use of the class has a description of its module in which numbers have formulas. Where all uses
have the same formula for a number, it is written. Where they differ, the number becomes a parameter of the class.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import partial, reduce

from archdsl import formula
from archdsl.backends.python.code import Code
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.bodies import Call, Differ, If, Item, Listed, Several, Turns, Wire, alike
from archdsl.backends.torch.choices import Choices, equalities
from archdsl.backends.torch.gathering import joining
from archdsl.backends.torch.modules import (
    Argument,
    Channels,
    Copies,
    Tree,
    joined_channels,
)
from archdsl.backends.torch.numbers import Subject
from archdsl.backends.torch.outline import Member
from archdsl.formula import UNKNOWN_NUMBER, formula_of, plain
from archdsl.ir.graph import Node, Scope
from archdsl.ops.base import Expression
from archdsl.ops.merge import Concat


class Construction(Choices):
    """Writes the constructor of one class; `lines` are those of `__init__`.

    `numbers` has the text of each number in an expression of `forward`, by the `id` of its step.
    """

    def __init__(self, subject: Subject, is_recursive: bool = False) -> None:
        super().__init__(subject)
        self.numbers: dict[int, dict[str, str]] = {}
        self.taken = {*all_taken(self.body.items), *self.body.gives}
        """Wires that a step takes one by one, not as part of a list."""
        self.counts: dict[int, ast.expr] = {}
        """By the `id` of a list: the number of its elements, if that varies."""
        self.expressions: dict[int, Expression] = {}
        """By the `id` of a step: the expression that `forward` has for it."""
        self._hosted = dict(self.outline.hosted[self.body.scope.path])
        self.is_recursive = is_recursive
        if is_recursive:
            self.context.used.update(dict.fromkeys(self.context.own_names()))
        if is_recursive and id(self.body) not in subject.constructors:
            self.lines: list[Code] = []
            self.constructor = self._constructor()
            return
        self.context.define_lets()
        modules: list[Code] = [*self.items(self.body.items), *self.hosted_left()]
        followed = list(self.setting_lines())
        self.lines = [*followed, *self.lets_and_requirements(), *modules]
        self.constructor = self._constructor()

    def items(self, items: Sequence[Item]) -> Iterator[Code]:
        """The lines that make the modules of some steps."""
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
        """The lines that make the member of a call. Enters the channels of its outputs."""
        member = item.member
        if isinstance(member, Node) and isinstance(self.outline.emission(member), Expression):
            yield from self.expression(item)
            return
        known: list[Channels] = [*map(self.flow, item.takes)] or [None] * len(self.outline.takes(member))
        trees: dict[int, Tree] = {}
        channels: dict[int, list[Channels]] = {}
        attribute = item.path.replace(".", "_")
        for use, other in item.members.items():
            trees[use], channels[use] = self.modules.tree(other, use, attribute, known)
        yield from self.attribute(item, trees, known)
        for wire in item.takes:
            self.learn(wire)
        channels |= self.given(item, known)
        self.enter(item.gives, {use: self.named(row) for use, row in channels.items()}, attribute)

    def given(self, item: Call, known: Sequence[Channels]) -> dict[int, list[Channels]]:
        """The channels of the outputs of an inner class, computed from the arguments that were written for it."""
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

    def attribute(self, item: Call, trees: Mapping[int, Tree], known: Sequence[Channels]) -> Iterator[Code]:
        """The line that makes a member; none if it is in a list, or if its weights are kept elsewhere."""
        own = alike(map(self.outline.is_own, item.members.values()), item.path)
        target = item.path if own else self.hosted_name(item.member)
        if target is None:
            self.modules.borrowed.setdefault(item.member.weights.rpartition(".")[2], known)
        if target is None or "." in target or target in self.attributes:
            return
        self.attributes[target] = None
        yield self.assigned(target, self.settled(trees, target))

    def hosted_name(self, member: Member) -> str | None:
        """The attribute for a shared module, if this class keeps it."""
        home, _, own = member.weights.rpartition(".")
        return own if own in self._hosted and home == self.body.scope.weights else None

    def hosted_left(self) -> Iterator[Code]:
        """The lines that make shared modules which only inner classes call."""
        for own, member in self._hosted.items():
            is_text = isinstance(member, Scope) and self.classes.makes_nothing(member)
            if own not in self.attributes and not is_text:
                self.attributes[own] = None
                known = self.modules.borrowed.get(own) or [None for _ in self.outline.takes(member)]
                kept = {use: self.outline.hosted[scope.path].get(own) for use, scope in enumerate(self.body.uses)}
                trees = {use: self.modules.tree(one, use, own, known)[0] for use, one in kept.items() if one}
                yield self.assigned(own, self.settled(trees, own))

    def expression(self, item: Call) -> Iterator[Code]:
        """Enters the expression that `forward` has for a step. Numbers in it that are no literals become attributes."""
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
            said[str(first.keyword)] = yield from self.stored(first.called, found)
        if item.whole is not None and id(item.whole) in self.counts:
            self.enter(item.gives, {use: [self.joined_list(item, item.whole)] for use in item.members})
        else:
            self.enter(item.gives, {use: self.named(row) for use, row in channels.items()})

    def stored(self, called: str, found: ast.expr) -> Generator[Code, None, str]:
        """The text of a number in an expression of `forward`, and the line that stores it if it is no literal."""
        if not formula.names(found):
            return text_of(found)
        attribute = self._names.unique(called)
        yield self.assigned(attribute, found)
        return f"self.{attribute}"

    def gathered(self, item: Call) -> Channels:
        """The channels of a join that lacks a branch in some uses."""
        assert isinstance(item.member, Node)
        known = [self.context.channels.get(id(wire)) for wire in item.takes]
        if not _adds_channels(item.member):
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
        """The channels of values that may be absent, under the condition of each: after `if it.channels == width: it`
        they are also `width`."""
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
        """The channels of a join of all elements of a list, whose number may vary."""
        each = [self.context.of_value(value, use) for use, values in whole.values.items() for value in values]
        texts = {None if channels is None else formula.text(channels) for channels in each}
        node = item.member
        if not each or each[0] is None or len(texts) > 1 or not isinstance(node, Node):
            return None
        return formula.combined(ast.Mult, self.counts[id(whole)], each[0]) if _adds_channels(node) else each[0]

    def turns(self, item: Turns) -> Iterator[Code]:
        """The lines that make a list of copies which a loop calls. Enters the channels after the loop."""
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
        """Requires that the number of copies which are called one by one does not change."""
        for use, container in item.members.items():
            number = len(self.outline.members(container.path)) if isinstance(container, Scope) else 0
            count = self.context.count(container, use, number) if isinstance(container, Scope) else None
            if count is not None and formula.names(count):
                self.require(count, number)

    def list_counts(self, item: Turns) -> Iterator[tuple[int, ast.expr]]:
        """The number of elements of each list that a loop fills, if it varies, by the `id` of the list."""
        said = {use: self.context.count(loop.container, use, len(loop.copies)) for use, loop in item.loops.items()}
        first = next(iter(said.values()))
        texts = {None if count is None else formula.text(count) for count in said.values()}
        if first is not None and len(texts) == 1 and formula.names(first) and not item.loop.section:
            yield from ((id(whole), first) for whole in item.wholes)

    def list_attribute(self, item: Turns | Listed) -> Iterator[Code]:
        """The line that makes a list of copies; none if all its elements are uses of a shared module."""
        trees: dict[int, Tree] = {}
        for use, container in item.members.items():
            assert isinstance(container, Scope)
            known = [self.context.of_value(value, use) for value in self.outline.takes(container)]
            trees[use], _ = self.modules.tree(container, use, item.path.replace(".", "_"), known)
        is_empty = all(isinstance(tree, Copies) and not tree.children for tree in trees.values())
        if item.path not in self.attributes and "." not in item.path and not is_empty:
            self.attributes[item.path] = None
            yield self.assigned(item.path, self.settled(trees, item.path))


def _adds_channels(node: Node) -> bool:
    """Whether a node puts the channels of its inputs one after the other."""
    return isinstance(node.op, Concat) and node.op.over == "channels"


def all_taken(items: Sequence[Item]) -> Iterator[Wire]:
    """The wires that steps take, and those that become a value which an `if` sets."""
    for item in items:
        if isinstance(item, If):
            yield from (wire for join in item.joins for wire in join.sources.values())
            for arm in item.arms.values():
                yield from all_taken(arm)
        else:
            yield from item.takes
