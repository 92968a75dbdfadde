"""Writes bodies as the lines of a spec, which the formatter then breaks where they are too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from archdsl.decompile.blocks import Block
from archdsl.decompile.body import ACTIVATION, COUNT, FIRST, LIKE, UNIT, Body, Chain, Formula, Step
from archdsl.decompile.numbers import Numbers
from archdsl.formula import same
from archdsl.ops.base import Family
from archdsl.ops.reference import literal
from archdsl.ops.registry import REGISTRY
from archdsl.ops.words import words

INDENT = "    "
WIDE = 84
"""Joins with more characters have each branch on a line of its own."""
LONGEST_PERIOD = 4
"""The most steps of a chain that are written as `(a -> b) * n`."""
WEIGHTED = frozenset({Family.CONV, Family.LINEAR, Family.ATTENTION, Family.RECURRENT})

Usual = Mapping[str, Mapping[str, Any]]
"""The values of arguments, by op, that the file's `defaults` set."""


class Writer:
    """Writes the text of one block, or of the network."""

    def __init__(self, blocks: Mapping[str, Block], numbers: Numbers, usual: Usual) -> None:
        self.blocks, self.numbers, self.usual = blocks, numbers, usual

    # --- bodies -----------------------------------------------------------------------------

    def body(self, body: Body) -> Iterator[str]:
        """The lines of a body, without the indentation of its header."""
        yield from self.declarations(body)
        for line in body.lines:
            yield from self.path(line.chain, line.names[0]) if line.is_path else self.line(line.chain, line.names)
        if body.returns:
            yield f"return {', '.join(body.returns)}"

    def declarations(self, body: Body) -> Iterator[str]:
        """The learned values of a body, its shared ops, and those that take nothing."""
        for name, step in body.learned:
            sizes = (self.value(step, hole) for hole in step.holes)
            yield f"learned {name}: {' x '.join(f'({size})' if ' ' in size else size for size in sizes)}"
        for name, step in body.shared:
            yield f"shared {name} = {self.call(step)}"
        for name, step in body.fixed:
            yield f"path {name} = {self.call(step)}"

    def path(self, chain: Chain, name: str) -> Iterator[str]:
        """A chain beside what flows on: in one line that the formatter breaks, or, with a long join, in several."""
        rows = list(self.line(chain))
        if not any(row.endswith(":") for row in rows):
            yield f"path {name} = {self.chain(chain)}"
        elif len(chain.steps) == 1 and not chain.start:
            yield from (f"path {name} = {rows[0]}", *rows[1:])
        else:
            yield from (f"path {name}:", *indented(rows))

    def line(self, chain: Chain, names: Sequence[str] = ()) -> Iterator[str]:
        """A chain, in which each op with many weights and each long join begins a new line."""
        row = [*([start(chain.start)] if chain.start else [])]
        heavy = False
        rows: list[str] = []
        for uses, group in groupby(chain.steps, key=lambda step: frozenset(step.uses)):
            steps = list(group)
            if uses != frozenset(chain.uses):
                rows += [" -> ".join(row)] if row else []
                row, heavy = [], False
                rows += [f"if {self.numbers.conditions[uses]}:", f"{INDENT}{' -> '.join(self.runs(steps))}"]
                continue
            for text, (first, *copies) in self._texts(steps):
                if first.branches and len(text) > WIDE and not copies:
                    rows += [" -> ".join(row)] if row else []
                    row, heavy = [], False
                    rows += self.join(first)
                    continue
                weighty = self._is_weighty(first)
                if weighty and heavy:
                    rows.append(" -> ".join(row))
                    row, heavy = [], False
                row.append(text)
                heavy = heavy or weighty
        rows += [" -> ".join(row)] if row else []
        yield from self._labelled(rows or ["identity"], names)

    def _labelled(self, rows: list[str], names: Sequence[str]) -> Iterator[str]:
        if not names:
            yield from rows
            return
        label = names[0] if len(names) == 1 else f"({', '.join(names)})"
        if rows[-1].startswith((INDENT, "|")):
            yield from [*rows, f"it as {label}"]
        else:
            yield from [*rows[:-1], f"{rows[-1]} as {label}"]

    def join(self, step: Step) -> Iterator[str]:
        """A join with each branch on a line of its own."""
        yield f"{self.call(step)}:"
        for branch in step.branches:
            yield f"{INDENT}| {self.branch(branch, step)}"

    def branch(self, branch: Chain, step: Step) -> str:
        text = self.chain(branch)
        if branch.uses != step.uses:
            return f"if {self.numbers.conditions[frozenset(branch.uses)]}: {text}"
        return text

    def chain(self, chain: Chain) -> str:
        """A chain as one text."""
        parts = [start(chain.start)] if chain.start else []
        for uses, group in groupby(chain.steps, key=lambda step: frozenset(step.uses)):
            texts = self.runs(list(group))
            if uses == frozenset(chain.uses):
                parts += texts
                continue
            inner = f"({' -> '.join(texts)})" if len(texts) > 1 else texts[0]
            parts.append(f"if {self.numbers.conditions[uses]} then {inner}")
        return " -> ".join(parts) or "it"

    def runs(self, steps: Sequence[Step]) -> list[str]:
        return [text for text, _ in self._texts(steps)]

    def _texts(self, steps: Sequence[Step]) -> Iterator[tuple[str, list[Step]]]:
        """The steps' texts, each with its steps; those that come several times in a row are copies."""
        texts = [self.step(step) for step in steps]
        place = 0
        while place < len(steps):
            for period in range(1, LONGEST_PERIOD + 1):
                unit = texts[place : place + period]
                times = 1
                while texts[place + times * period : place + (times + 1) * period] == unit:
                    times += 1
                copies = any(COUNT in step.holes for step in steps[place : place + period])
                if (
                    times > 1
                    and len(unit) == period
                    and not copies
                    and (period > 1 or times > 2 or steps[place].is_call)
                ):
                    text = unit[0] if period == 1 else f"({' -> '.join(unit)})"
                    yield f"{text} * {times}", list(steps[place : place + period * times])
                    place += times * period
                    break
            else:
                yield texts[place], [steps[place]]
                place += 1

    def _is_weighty(self, step: Step) -> bool:
        return step.is_call or (step.name in REGISTRY and REGISTRY[step.name].family in WEIGHTED)

    # --- steps ------------------------------------------------------------------------------

    def step(self, step: Step) -> str:
        if step.branches:
            return f"{self.call(step)}{{{' | '.join(self.branch(branch, step) for branch in step.branches)}}}"
        text = self.call(step)
        if (count := self.written(step, COUNT)) not in (None, 1):
            text += f" * {count}" if str(count).isalnum() else f" * ({count})"
        first = [hole for hole in step.holes if hole.startswith(FIRST)]
        if first:
            given = ", ".join(f"{hole.removeprefix(FIRST)}={self.value(step, hole)}" for hole in first)
            text += f" first({given})"
        return text

    def written(self, step: Step, hole: str) -> Any:
        return self.numbers.written.get((id(step), hole))

    def value(self, step: Step, hole: str) -> str:
        found = self.written(step, hole)
        if found == LIKE:
            likes = [name for name in step.holes if self.written(step, name) == LIKE]
            return step.values[likes.index(hole)]
        if isinstance(found, tuple) and step.name in REGISTRY and REGISTRY[step.name].imported:
            return _listed(found)
        return found if isinstance(found, Formula) else written_value(found, hole)

    def call(self, step: Step) -> str:
        """A step's name with its arguments: first those without names, in order, then the others."""
        names, required, defaults = self._parameters(step)
        given: list[str] = list(step.values) if step.is_call else []
        plain = True
        for name in names:
            found = self.written(step, name)
            default = defaults.get(name)
            if name not in step.holes:
                if default is not None and self.usual.get(step.name, {}).get(name, default) != default:
                    given.append(f"{name}={written_value(default, name)}")
                plain = False
                continue
            usual = self.usual.get(step.name, {}).get(name, default)
            if name not in required and not isinstance(found, Formula) and same(found, usual):
                plain = False
                continue
            text = self.value(step, name)
            given.append(text if plain and name in required else f"{name}={text}")
            plain = plain and name in required
        named = next((hole for hole in (ACTIVATION, UNIT) if hole in step.holes), None)
        called = self.value(step, named) if named else step.name
        return f"{called}({', '.join(given)})" if given else called

    def _parameters(self, step: Step) -> tuple[Sequence[str], frozenset[str], Mapping[str, Any]]:
        """The arguments of a step in order, those that it needs, and the defaults of the others."""
        if step.is_call:
            blocks = [self.blocks[name] for name in dict.fromkeys([step.name, *step.holes.get(UNIT, {}).values()])]
            return _of_all(blocks)
        fields = REGISTRY[step.name].model_fields if step.name in REGISTRY else {}
        needed = frozenset(name for name, field in fields.items() if field.is_required())
        return tuple(fields), needed, {n: field.default for n, field in fields.items() if n not in needed}


def _of_all(blocks: Sequence[Block]) -> tuple[Sequence[str], frozenset[str], Mapping[str, Any]]:
    """The parameters that calls of some blocks may name, those that all need in one order, and the same defaults."""
    first, *others = blocks
    needed = [[name for name in block.parameters if name not in block.defaults] for block in blocks]
    alike = frozenset(name for name, *rest in zip(*needed, strict=False) if all(name == other for other in rest))
    defaults = {
        name: value
        for name, value in first.defaults.items()
        if all(name in block.defaults and same(block.defaults[name], value) for block in others)
    }
    return first.parameters, alike, defaults


def start(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def written_value(value: Any, name: str) -> str:
    """A value as the argument of this name is written."""
    if isinstance(value, tuple) and name == "dims":
        return " x ".join(map(str, value))
    if isinstance(value, tuple):
        shape = len(value) in (2, 3) and name not in ("parts", "sides") and all(type(n) is int and n > 0 for n in value)
        return literal(value, len(value)) if shape else _listed(value)
    if isinstance(value, str) and value not in words() and value not in REGISTRY:
        return f'"{value}"'
    return literal(value)


def _listed(values: tuple[Any, ...]) -> str:
    """A list of numbers, words or shapes: `[2, 3]`, `["int", "int"]`, `[64x7x7, 64]`."""
    texts = ("x".join(map(str, v)) if isinstance(v, tuple) else written_value(v, "") for v in values)
    return f"[{', '.join(texts)}]"


def header(block: Block) -> str:
    """`block Name(parameter, other=1) from a, b:`."""
    parameters = [*block.values]
    parameters += [f"{n}={written_value(block.defaults[n], n)}" if n in block.defaults else n for n in block.parameters]
    text = f"block {block.name}" + (f"({', '.join(parameters)})" if parameters else "")
    return f"{text}:"


def indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"{INDENT}{line}" for line in lines)
