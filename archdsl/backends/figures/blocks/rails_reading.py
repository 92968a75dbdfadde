"""Finds cells of sums that end in one concat: their columns, and what comes before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.backends.figures.items import Item, OpRow, Tag, View, is_bar
from archdsl.ir.graph import Graph, Value
from archdsl.ops.base import Family

LEAST, MOST = 2, 8
"""Sums that make a cell of this form, and columns that fit a slide."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The ops between a rail, which has `value`, and the sum or concat that takes what they make; perhaps none."""

    value: Value
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Two chains and the sum that joins them, or one chain. `tier`: 1 reads no other column, 2 one of tier 1."""

    chains: tuple[Chain, ...]
    join: OpRow | None
    made: Value
    tier: int

    @property
    def items(self) -> Iterator[Item]:
        for chain in self.chains:
            yield from chain.items
        if self.join:
            yield self.join


@dataclass(frozen=True, slots=True)
class Cell:
    """The columns in order, the items that come before the rails, and the concat that all end in."""

    columns: tuple[Column, ...]
    before: tuple[Item, ...]
    concat: OpRow


class Reader:
    """Finds the parts of a cell in a view."""

    def __init__(self, view: View, graph: Graph) -> None:
        self.view, self.graph = view, graph
        self.makers = {value: item for item in view.items for value in item.outputs}
        self.uses = Counter([*(value for item in view.items for value in item.inputs), *view.outputs])
        self.columns: dict[Value, Column] = {}

    def cell(self) -> Cell | None:
        concat = self.view.items[-1] if self.view.items else None
        if not isinstance(concat, OpRow) or concat.outputs != self.view.outputs or not self._is_concat(concat):
            return None
        if any(isinstance(item, Tag) for item in self.view.items):
            return None
        if len(concat.inputs) > MOST or not all(self._add(value) for value in concat.inputs):
            return None
        columns = tuple(self.columns.values())
        held = {id(item) for column in columns for item in column.items} | {id(concat)}
        before = tuple(item for item in self.view.items if id(item) not in held)
        sums = sum(column.join is not None for column in columns)
        known = {*self.view.inputs, *(value for item in before for value in item.outputs)}
        apart = all(value in known for item in before for value in item.inputs)
        return Cell(columns, before, concat) if sums >= LEAST and len(columns) <= MOST and apart else None

    def _is_concat(self, row: OpRow) -> bool:
        return row.count == 1 and is_bar(row.nodes[0], self.graph) and len(row.nodes) == 1

    def _sum(self, value: Value) -> OpRow | None:
        """The sum or product of two values that makes a value."""
        item = self.makers.get(value)
        if not isinstance(item, OpRow) or item.nodes[0].op.family is not Family.MERGE:
            return None
        return item if item.count == 1 and not is_bar(item.nodes[0], self.graph) else None

    def _add(self, value: Value) -> bool:
        """Adds the column that makes a value, after those that it reads; False: it has another form."""
        if value in self.columns:
            return True
        join = self._sum(value)
        chains = [self._chain(taken) for taken in (join.inputs if join else (value,))]
        if len(self.columns) > MOST or None in chains:
            return False
        found = tuple(chain for chain in chains if chain is not None)
        read = [chain.value for chain in found if self._sum(chain.value)]
        if value in read or not all(self._add(taken) for taken in read):
            return False
        tier = 1 + max((self.columns[taken].tier for taken in read), default=0)
        self.columns[value] = Column(found, join, value, tier)
        return True

    def _chain(self, value: Value) -> Chain | None:
        """From the rail that a value comes from; None where it comes from elsewhere."""
        items: list[Item] = []
        while value in self.makers and self.uses[value] == 1 and not self._sum(value):
            item = self.makers[value]
            if len(item.inputs) != 1 or len(item.outputs) != 1:
                return None
            items.append(item)
            value = item.inputs[0]
        return Chain(value, tuple(reversed(items)))
