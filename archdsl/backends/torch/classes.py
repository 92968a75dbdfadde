"""Decides which scopes of a graph are uses of one class, and unites their steps in one `Body`.

All uses of a block are one class. If the block's text has an `if`, the class has it too, with the steps of each arm
from the uses that built it. Uses that cannot be united (an imported class whose instances differ, a join whose
branches vary in number) become classes of their own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from archdsl.backends.torch.bodies import Body, Differ
from archdsl.backends.torch.outline import Form, Outline, absolute, depth, relative
from archdsl.backends.torch.union import Union
from archdsl.ir.graph import Node, Scope, Value
from archdsl.ops.base import Expression


class Classes:
    """The classes of a graph, each after those that it holds. `of` has the class of each scope, by its path."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.keys: dict[str, Hashable] = {}
        self.forms: dict[Hashable, Form] = {}
        for path, scope in outline.graph.scopes.items():
            self.keys[path] = self._key(scope)
            self._agree_on_form(self.keys[path], outline.forms[path])
        self.of: dict[str, Body] = {}
        self._signatures: dict[str, Hashable] = {}
        groups: dict[Hashable, list[Scope]] = {}
        for path, scope in outline.graph.scopes.items():
            if self.form(scope) is Form.CLASS and not self.makes_nothing(scope):
                groups.setdefault(self.keys[path], []).append(scope)
        for uses in sorted(groups.values(), key=lambda uses: -max(depth(scope.path) for scope in uses)):
            self.enter(uses)

    def form(self, scope: Scope) -> Form:
        """What a scope is in PyTorch. It is the same in every use of the block around it."""
        return self.forms[self.keys[scope.path]]

    def only_hands_on(self, scope: Scope) -> bool:
        """Whether a region has no members: it is no step, and its input is its output."""
        return scope.parent is not None and scope.block is None and not self.outline.members(scope.path)

    def makes_nothing(self, scope: Scope) -> bool:
        """Whether a region has no module of its own; its steps then belong to the scope around it."""
        if scope.parent is None or scope.block is not None or scope.kind == "copy":
            return False
        for member in self.outline.members(scope.path):
            if isinstance(member, Scope):
                if self.outline.is_own(member):
                    return False
            elif self.outline.is_own(member) and self.outline.is_module(member):
                return False
        return True

    def _key(self, scope: Scope) -> Hashable:
        """A key that scopes of one class share: the block and the blocks given to it, or their place in a text."""
        if scope.parent is None:
            return ""
        if scope.block is not None:
            given = tuple((name, value) for name, value in scope.arguments if name in scope.units)
            return scope.block, scope.defined, given
        name = "*" if scope.kind == "copy" else scope.name
        return self.keys[scope.parent], name

    def _agree_on_form(self, key: Hashable, form: Form) -> None:
        known = self.forms.get(key, form)
        preferred = (Form.LIST, Form.CLASS, Form.COPIES, Form.CHAIN)
        self.forms[key] = min(known, form, key=preferred.index)

    def enter(self, uses: Sequence[Scope], apart: bool = False) -> None:
        """Makes one class of these uses. If they differ, or with `apart`, makes one class of each structure."""
        try:
            if apart:
                self._signatures.clear()
                for scope in uses:
                    self.of.pop(scope.path, None)
                raise Differ
            body = self.body(uses)
        except Differ:
            if len(uses) == 1:
                raise
            groups = self._parted(uses)
            is_of_text = uses[0].block is not None and not apart
            for group in self._brought_together(groups) if is_of_text else groups:
                self.enter(group)
            return
        self.of.update(dict.fromkeys((scope.path for scope in uses), body))

    def body(self, uses: Sequence[Scope]) -> Body:
        """The class of these uses. Of equal uses only the first is examined. Raises `Differ`."""
        first: dict[Hashable, int] = {}
        chosen: list[Scope] = []
        same: dict[str, int] = {}
        for scope in uses:
            content = self.outline.content(scope)
            number = first.setdefault(scope.path if content is None else content, len(chosen))
            if number == len(chosen):
                chosen.append(scope)
            same[scope.path] = number
        body = Union(self, chosen).body(same)
        for scope in uses:
            self._agree_on_results(scope, chosen[same[scope.path]])
        return body

    def _agree_on_results(self, scope: Scope, like: Scope) -> None:
        """Gives a use the same outputs, in the same order, as the use `like` that it is equal to."""
        if scope.path != like.path:
            takes, own = self.outline.takes(like), self.outline.takes(scope)
            gives = self.outline.gives(like)
            self.outline.gives_of[scope.path] = tuple(absolute(relative(v, like, takes), scope, own) for v in gives)

    def _brought_together(self, groups: Sequence[list[Scope]]) -> Iterator[list[Scope]]:
        """Unites groups of uses that can be one class, so that there are few classes."""
        left = list(groups)
        while left:
            first, *others = left
            left = []
            for group in others:
                if self._is_one_class([*first, *group]):
                    first = [*first, *group]
                else:
                    left.append(group)
            yield first

    def _is_one_class(self, uses: Sequence[Scope]) -> bool:
        try:
            self.body(uses)
        except Differ:
            return False
        return True

    def _parted(self, uses: Sequence[Scope]) -> list[list[Scope]]:
        """Splits uses that cannot be one class into groups of equal structure or, if they are of one, into single uses.

        Variants of a network, and their stages, are split first by those settings that are words or truth values.
        """
        ways = (self.signature, id) if uses[0].block else (self._kind_of_network, self.signature, self._root, id)
        for way in ways:
            groups: dict[Hashable, list[Scope]] = {}
            for scope in uses:
                groups.setdefault(way(scope), []).append(scope)
            if len(groups) > 1:
                break
        return list(groups.values())

    def _root(self, scope: Scope) -> str:
        return self.outline.root(scope.path)

    def _kind_of_network(self, scope: Scope) -> Hashable:
        """The settings of the scope's network that are words, blocks or truth values."""
        settings = self.outline.networks[self._root(scope)].header.settings
        return tuple((setting.name, setting.value) for setting in settings if isinstance(setting.value, str | bool))

    # --- structures ------------------------------------------------------------------------

    def signature(self, scope: Scope) -> Hashable:
        """The structure of a scope without its numbers: names and kinds of its members, their inputs, its results."""
        if scope.path not in self._signatures:
            self._signatures[scope.path] = tuple(self._signature(scope))
        return self._signatures[scope.path]

    def _signature(self, scope: Scope) -> Iterator[Hashable]:
        numbers: dict[Value, int] = {}
        for value in self.outline.takes(scope):
            numbers.setdefault(value, len(numbers))
        for member in self.outline.members(scope.path):
            kind = self._node_signature(member) if isinstance(member, Node) else self._scope_signature(member)
            takes = tuple(numbers.get(value, -1) for value in self.outline.takes(member))
            yield member.name, kind, self.outline.is_own(member), takes
            for value in self.outline.gives(member):
                numbers.setdefault(value, len(numbers))
        yield tuple(numbers.get(value, -1) for value in self.outline.gives(scope))

    def _node_signature(self, node: Node) -> Hashable:
        emission = self.outline.emission(node)
        if isinstance(emission, Expression):
            return emission.text, tuple(name for name, _ in emission.values)
        given = tuple(name for name, _ in emission.kwargs) if not emission.defaults else len(emission.defaults)
        return node.op.name, emission.target, len(emission.args), given, node.op.initialize("module")

    def _scope_signature(self, scope: Scope) -> Hashable:
        body = self.of.get(scope.path)
        return id(body) if body is not None else (self.form(scope), self.signature(scope))
