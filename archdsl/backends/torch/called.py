"""Names for the values in a `forward`: those of the spec, else `x` for the value that flows on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from archdsl.backends.torch.bodies import Call, Several, Turns, Wire
from archdsl.backends.torch.names import legal
from archdsl.backends.torch.references import borrowed_name
from archdsl.backends.torch.steps import Steps
from archdsl.backends.torch.turns import port_name
from archdsl.backends.torch.variables import FLOW, Variables
from archdsl.backends.torch.writing import Layout, Words
from archdsl.ir.graph import Node, Scope, Value
from archdsl.ops.registry import REGISTRY

MANY = 3
"""If a merge has at least this many branches, each branch has a line of its own."""


ROLES = frozenset(role for op in REGISTRY.values() for role in op.roles)
"""The names that ops have for their inputs."""


class Called(Steps):
    """The names of the values of one class."""

    def __init__(self, construction: Words, takes: Sequence[str], results: Sequence[Wire], layout: Layout) -> None:
        super().__init__(construction, results, layout)
        borrowed = map(borrowed_name, self.outline.borrowed[self.body.scope.path])
        self.variables = Variables(Counter(self.uses), (*borrowed, "self"))
        for wire, name in zip(self.body.takes, takes, strict=True):
            self.variables.assign(wire, name, passing=True)
        self._branches: dict[Wire, str | None] = {}

    def _name(self, wire: Wire, step: Call, reads: Sequence[Wire | Several]) -> str:
        if not self.uses[wire]:
            return "_"
        own = self.own_name(step, wire)
        if own:
            return self.variables.assign(wire, self.variables.unique(own))
        branch, ends = self._branch(wire), self._changes(step.path, False)
        if branch and (not self.variables.is_free(FLOW) or (branch in ROLES and not ends)):
            return self.variables.assign(wire, self.variables.unique(branch))
        if ends:  # arguments are excluded, since the caller holds them in any case
            reads = [read for read in reads if read not in self.body.takes] or reads
        return self.variables.pass_on(wire, reads, self._named_later(wire), step.member.name, let_go=ends)

    def _named_later(self, wire: Wire) -> str | None:
        """The spec's name for a value that is computed from this one: `body` for each value within `path body`."""
        while self.uses[wire] == 1 and isinstance(step := self.consumers.get(wire), Call) and len(step.gives) == 1:
            (wire,) = step.gives
            name = self._text_name(wire)
            if name:
                return legal(name)
        return None

    def _text_name(self, wire: Wire) -> str | None:
        """The name that the block's own text has for a value; the same in every use."""
        rows = [self._names_of(use, value) for use, value in wire.values.items()]
        return next((name for name in rows[0] if all(name in row for row in rows[1:])), None)

    def _names_of(self, use: int, value: Value) -> list[str]:
        scope = self.outline.graph.scopes[self.body.uses[use].path]
        return [name for name, named in scope.names if named == value and name != "input"]

    def own_name(self, step: Call, wire: Wire) -> str | None:
        """The spec's name for a value; None if it has none.

        A value that only the next step uses does not get the name of its stage or block.
        """
        if isinstance(step.member, Scope) and step.member.kind == "output":
            return step.member.name
        if self.body.scope.parent is None:
            for output in self.outline.graph.outputs[1:]:
                if wire.value in output.values and not output.several:
                    return output.name
        if wire in self.sources and self.uses[wire] == 1:
            return None  # the value that the `if` sets has the name
        named = self._text_name(wire)
        if named:
            return named
        turns = self.consumers.get(wire)
        if isinstance(turns, Turns) and self.uses[wire] == 1 and wire in map(self.real, turns.initial):
            port = port_name(self.outline, turns, [self.real(other) for other in turns.initial].index(wire))
            if port:
                return port
        if self.uses[wire] > 1 or len(step.gives) > 1:
            use, value = next(iter(wire.values.items()))
            return self.outline.given_name(value, self.body.uses[use].path)
        return step.member.label if isinstance(step.member, Node) else None

    def _branch(self, wire: Wire) -> str | None:
        """`branch2` for all values that lead to the second input of a merge of many, `q` for those that lead to the
        queries of attention, so that they share one name."""
        way: list[Wire] = []
        while wire not in self._branches:
            way.append(wire)
            found, after = self._merged(wire)
            if after is None:
                self._branches[wire] = found
            else:
                wire = after
        self._branches.update(dict.fromkeys(way, self._branches[wire]))
        return self._branches[wire]

    def _merged(self, wire: Wire) -> tuple[str | None, Wire | None]:
        """The name of a value that is an input of a merge of many, or of an op whose inputs have names; or else the
        value that one step computes from it."""
        step = self.consumers.get(wire)
        if self.uses[wire] != 1 or not isinstance(step, Call):
            return None, None
        if isinstance(step.member, Node) and step.member.op.roles:
            return step.member.op.roles[[*map(self.real, step.takes)].index(wire)], None
        if len(step.takes) >= MANY and not self.outline.is_module(step.member):
            return f"branch{[*map(self.real, step.takes)].index(wire) + 1}", None
        return None, step.gives[0] if len(step.takes) == 1 and len(step.gives) == 1 else None

    def _joined_name(
        self, wire: Wire, sources: Mapping[int, Wire], after: Counter[Wire | Several], taken: Iterable[str]
    ) -> str:
        """The variable for a value that an `if` sets: the spec's name, else a variable that is not needed any more."""
        own = self._text_name(wire)
        if own and own not in taken and self.variables.is_free(own):
            return own
        own = own or (None if self.variables.is_free(FLOW) else self._named_later(wire))
        for source in map(self.real, sources.values()):
            if self.variables.has_name(source) and after[source] <= 0:
                name = self.variables.text(source)
                if self.variables.is_passing(name) and name not in taken:
                    return name
        left, self.variables.left = self.variables.left, after
        try:
            return self.variables.unique_beside(own or FLOW, taken)
        finally:
            self.variables.left = left
