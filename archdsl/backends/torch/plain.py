"""The `forward`s of classes, also without their constructors, with placeholders for conditions and numbers.

Writing constructors takes most of the time of emission. To know which steps a `forward` runs they are not needed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from archdsl.backends.torch.blocks import write_block
from archdsl.backends.torch.bodies import Body, Call, If, every
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.gathering import joining
from archdsl.backends.torch.network import write_network
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.writing import Change, Layout, Words
from archdsl.ir.graph import Node
from archdsl.ops.base import Expression


class Forwards:
    """The `forward`s of classes, each written once for each layout of its lines.

    `words` gives, for a class, the texts of its conditions and numbers.
    """

    def __init__(self, words: Callable[[Body], Words]) -> None:
        self._words = words
        self._known: dict[tuple[int, Layout], Forward] = {}
        self._layout: Layout = frozenset()
        self._changes: dict[str, Layout] = {}

    def written(self, body: Body, layout: Layout) -> Forward:
        """The `forward` of a class, or of the network."""
        changes = self._by_use(layout).get(body.scope.path, frozenset())
        key = id(body), changes
        if key not in self._known:
            write = write_network if body.scope.parent is None else write_block
            self._known[key] = write(self._words(body), changes)
        return self._known[key]

    def _by_use(self, layout: Layout) -> Mapping[str, Layout]:
        """The changes of a layout by the class that they are for. The last layout is remembered."""
        if layout is not self._layout:
            found: dict[str, set[Change]] = {}
            for change in layout:
                found.setdefault(change.use, set()).add(change)
            self._layout, self._changes = layout, {use: frozenset(changes) for use, changes in found.items()}
        return self._changes


@dataclass
class Plain:
    """A class without its constructor: enough to know which steps `forward` runs. Conditions are `self.flag0`, ..."""

    outline: Outline
    body: Body
    title: str = ""
    folded: dict[int, int] = field(default_factory=dict)
    flags: dict[int, tuple[ast.expr, ...]] = field(default_factory=dict)
    expressions: dict[int, Expression] = field(default_factory=dict)
    numbers: dict[int, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for item in every(self.body.items):
            if isinstance(item, If):
                self._enter_choice(item)
            elif isinstance(item, Call) and isinstance(node := next(iter(item.members.values())), Node):
                emission = self.outline.emission(node)
                if isinstance(emission, Expression):
                    self.expressions[id(item)] = emission if not item.optional else joining(self.outline, item)

    def _enter_choice(self, item: If) -> None:
        taken = {choice.taken for choice in item.choices.values()}
        if len(taken) == 1 and not (item.can_skip and min(taken) < item.choice.arms):
            self.folded[id(item)] = min(taken)
        self.flags[id(item)] = tuple(ast.Name(f"self.flag{place}") for place in range(len(item.choice.conditions)))
