"""Arguments of blocks as columns, as papers print them: GoogLeNet's `#3×3 reduce`, the t, c and s of MobileNetV2.

The block that most rows are of has a column for each argument; other blocks have theirs in the column `op`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from archdsl.analyses.notation import plain, size
from archdsl.analyses.rows import Row
from archdsl.analyses.summary import Summary
from archdsl.backends.tables.descriptions import DESCRIPTIONS, Description, leading
from archdsl.backends.tables.table import Value
from archdsl.ir.graph import Scope
from archdsl.ops.base import WEIGHTED, Family

SHARE = 0.5
"""A block has columns if at least this share of the rows of the most used block are of it."""

LONGEST = 16
"""The most characters of a parameter's text that may stand above a column; else its name does."""

COPIES = DESCRIPTIONS["repeats"]

PREFIX = "argument_"
"""What the names of the columns begin with in formats for programs; no measure begins with it."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of the blocks that most of `rows` are of."""

    summary: Summary
    rows: Sequence[Row]

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks that have columns, those of the most rows first."""
        rows = (row for row in self.rows if not row.opened or (isinstance(row.main, Scope) and row.main.block))
        found = Counter(block for row in rows for block in self._blocks_of(row))
        most = max(found.values(), default=0)
        return tuple(block for block, count in found.most_common() if count >= SHARE * most)

    @cached_property
    def columns(self) -> Mapping[str, Description]:
        """The columns by name: one for each parameter, which several blocks may have."""
        names = dict.fromkeys(name for block in self.blocks for name in self.parameters[block])
        return {PREFIX + name: self._column(name) for name in names}

    @cached_property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """For each block, the parameters that have columns: those that differ between its uses, else those given."""
        found: dict[str, tuple[str, ...]] = {}
        for block, uses in self.uses.items():
            names = [name for name, _ in uses[0].arguments]
            varying = [name for name in names if name in self.summary.varying[block]]
            found[block] = tuple(varying or (n for n in names if any(n not in use.omitted for use in uses)))
        return found

    @cached_property
    def uses(self) -> Mapping[str, list[Scope]]:
        """The uses of each block in the network, but for networks that are used as a block."""
        found: dict[str, list[Scope]] = {}
        for scope in self.summary.graph.scopes.values():
            if scope.block is not None and not scope.settings:
                found.setdefault(scope.block, []).append(scope)
        return found

    @property
    def needs_op(self) -> bool:
        """Whether only the column `op` says what is in some rows: other blocks, or ops beside a block."""
        closed = [row for row in self.rows if not row.opened]
        hidden = any(self._blocks_of(row) and leading(row) is None for row in closed if not self.of(row))
        return len(self.blocks) > 1 or hidden or any(map(self._is_mixed, closed))

    def _is_mixed(self, row: Row) -> bool:
        """Whether a row has a convolution or pooling beside blocks that have columns."""
        uses = self.of(row)
        inside = {node.id for node in self.summary.nodes_in(uses)}
        return bool(uses) and any(
            node.id not in inside and node.op.family in (*WEIGHTED, Family.POOL)
            for node in self.summary.nodes_in(row.members)
        )

    @property
    def has_copies(self) -> bool:
        """Whether a row has several copies of its block."""
        return any((COPIES.of(row) or 1) > 1 for row in self.rows)

    def of(self, row: Row) -> list[Scope]:
        """The uses in a row of blocks that have columns."""
        return [use for use in row.uses if use.block in self.blocks]

    def notes(self) -> Iterator[str]:
        """The lines below a table that say what the columns mean, and which arguments are the same everywhere."""
        if not self.columns:
            yield "No block here has arguments"
        for block in self.blocks:
            arguments = self.uses[block][0].arguments
            named = ", ".join(self._named(name) for name, _ in arguments if PREFIX + name in self.columns)
            fixed = [f"{name} {_text(name, value)}" for name, value in arguments if PREFIX + name not in self.columns]
            yield f"{block}: {named}" + (f"; always {', '.join(fixed)}" if fixed else "")
        values = [column.of(row) for row in self.rows for column in self.columns.values()]
        if any(isinstance(value, tuple) for value in values):
            yield "a, b ×n: a in the first copy, b in the n copies after it"

    def _blocks_of(self, row: Row) -> set[str]:
        """The blocks with parameters that a row uses."""
        return {block for use in row.uses if (block := use.block) in self.uses and block and self.parameters[block]}

    # --- a column --------------------------------------------------------------------------

    def _column(self, name: str) -> Description:
        owners = [block for block in self.blocks if name in self.parameters[block]]
        label = self._label(owners[0], name)
        heading = label if 0 < len(label) <= LONGEST else name
        about = f"{label or 'argument'} ({name} of {' and '.join(owners)})"
        return Description(PREFIX + name, heading, "argument", about, lambda row: self._value(row, name))

    def _label(self, block: str, name: str) -> str:
        """What the block says of its parameter; empty if it says nothing."""
        return next((text for use in self.uses[block] for own, text in use.labels if own == name), "")

    def _named(self, name: str) -> str:
        column = self.columns[PREFIX + name]
        label = next((text for block in self.blocks if (text := self._label(block, name))), "")
        return f"{column.heading} = {label if column.heading == name else name}" if label else name

    def _value(self, row: Row, name: str) -> Value:
        """The argument in all uses in the row; a tuple with one value for each use if they differ."""
        given = [_plain(name, dict(use.arguments)[name]) for use in self.of(row) if name in dict(use.arguments)]
        if row.opened and row.main not in self.of(row):
            return None
        return given[0] if len(set(map(repr, given))) == 1 else tuple(given) or None


def _plain(name: str, value: Any) -> Value:
    """An argument as the value of a cell: a number or a truth value, else its text."""
    return value if isinstance(value, int | float | str) else _text(name, value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, tuple | list):
        return size(tuple(value)) if name in ("kernel", "stride") else f"[{plain(value)}]"
    return str(value).lower() if isinstance(value, bool) else plain(value)
