"""Templates and numbers -> the text that makes a module: `nn.Conv2d(in_channels, width, 3, padding=1)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from archdsl.backends.torch.channels import Channels, combined
from archdsl.backends.torch.copies import run_items
from archdsl.backends.torch.formula import MISSING, Formula
from archdsl.backends.torch.outline import Form, Outline
from archdsl.backends.torch.progression import Progression, as_ratio
from archdsl.backends.torch.template import Chain, Constructor, Copies, Instance, Leaf, Slot, Template
from archdsl.backends.torch.vectors import Variables, Vector, constant, literal, written
from archdsl.ir.graph import Node, Scope, Value

Number: TypeAlias = Vector | Progression | Formula
"""One open number: its value in every use of the class; one that grows from copy to copy; or what is to be written."""


class Maker:
    """Settles the numbers of one class, one template after the other, in the order of its steps."""

    def __init__(self, outline: Outline, variables: Variables, channels: Channels) -> None:
        self.outline = outline
        self.variables = variables
        self.channels = channels

    def make(self, template: Template, numbers: Iterator[Number]) -> str:
        match template:
            case Leaf():
                return self._leaf(template, [self.settle(slot, next(numbers)) for slot in template.slots])
            case Instance():
                return self._instance(template, [self.settle(slot, next(numbers)) for slot in template.slots])
            case Chain():
                children = (f"{name}={self.make(child, numbers)}" for name, child in template.children)
                return f"nn.Sequential(OrderedDict({', '.join(children)}))"
            case Copies():
                return self._copies(template, numbers)

    # --- single modules --------------------------------------------------------------------

    def _leaf(self, leaf: Leaf, formulas: Sequence[Formula]) -> str:
        count = len(leaf.arguments)
        texts = [formula.text for formula in formulas[:count]]
        for (keyword, _, default), formula in zip(leaf.keywords, formulas[count:], strict=True):
            if default is ... or formula != literal(default):
                texts.append(f"{keyword}={formula.text}")
        if leaf.inplace:
            texts.append("inplace=True")
        self._suggest(leaf.node, formulas[:count])
        return f"{leaf.target}({', '.join(texts)})"

    def _suggest(self, node: Node, formulas: Sequence[Formula]) -> None:
        # The last argument of that value is the output's: a convolution takes its inputs first.
        numbers = [(self.here(formula), formula) for formula in reversed(formulas)]
        self.channels.after(node, numbers)

    def here(self, formula: Formula) -> object:
        """A formula's value in the use that the class is written from."""
        return self.variables.vector(formula)[0]

    def _instance(self, instance: Instance, formulas: Sequence[Formula]) -> str:
        constructor = instance.constructor
        texts = []
        for parameter, formula in zip(constructor.parameters, formulas, strict=True):
            if parameter.default is None:
                texts.append(formula.text)
            elif formula != literal(parameter.default):
                texts.append(f"{parameter.name}={formula.text}")
        if instance.slots:
            site = instance.slots[0].site
            assert isinstance(site, Scope)
            self._suggest_gives(site, constructor, formulas)
        return f"{constructor.name}({', '.join(texts)})"

    def _suggest_gives(self, scope: Scope, constructor: Constructor, formulas: Sequence[Formula]) -> None:
        names = {p.name: formula for p, formula in zip(constructor.parameters, formulas, strict=True)}
        for value, inner in zip(self.outline.interfaces[scope.path].gives, constructor.channels, strict=True):
            self.channels.set(value, (formula.substituted(names) for formula in inner))

    # --- one number ------------------------------------------------------------------------

    def settle(self, slot: Slot, number: Number) -> Formula:
        """What to write for a number."""
        if isinstance(number, Formula):
            return number
        if isinstance(number, Progression):
            return self._settle_progression(slot, number)
        value = constant(number)
        if self.variables.count == 1 and value is not MISSING:
            return literal(value)
        said = dict(written(slot.site.written))
        own = [said.pop(slot.field)] if slot.field in said else []
        found = self.variables.first(own, number, varying=True)
        if found is None and value is not MISSING:
            return literal(value)
        found = (
            found
            or self.variables.plainest(self._flows(slot), number)
            or self.variables.first((*own, *said.values(), *self._halves(slot, said)), number)
            or self.variables.find(number)
            or self.variables.add(slot.name, number)
        )
        return self.variables.use(found)

    def _settle_progression(self, slot: Slot, progression: Progression) -> Formula:
        start = self.settle(slot, progression.start)
        if constant(progression.step) == 0:
            return start
        ratio = as_ratio(constant(progression.start), constant(progression.step), self.index)
        if ratio is not None:
            return Formula(ratio)
        step = self.settle(Slot(f"{slot.name}_step", "", slot.site), progression.step)
        index = Formula(self.index)
        each = index if step.text == "1" else combined("a0 * a1", step, index)
        if start.text in ("0", "0.0"):
            return each
        if step.text.startswith("-"):
            return combined("a0 - a1 * a2", start, Formula(step.text[1:]), index)
        return combined("a0 + a1", start, each)

    @property
    def index(self) -> str:
        """A name for the number of a copy that nothing else has."""
        return next(name for name in ("i", "j", "k", "copy_index") if name not in self.variables.vectors)

    def _flows(self, slot: Slot) -> list[Formula]:
        return [formula for value in self.outline.takes(slot.site) for formula in self.channels.of(value)]

    def _halves(self, slot: Slot, said: Mapping[str, Formula]) -> Iterator[Formula]:
        """The padding that keeps the size, from a kernel that varies."""
        if slot.field == "padding" and "kernel" in said:
            yield combined("a0 // 2", said["kernel"])

    # --- copies ----------------------------------------------------------------------------

    def _copies(self, copies: Copies, numbers: Iterator[Number]) -> str:
        items: list[str] = []
        before = self._flow_before(copies)
        for run in copies.runs:
            count, *series = [_vector(next(numbers)) for _ in run.slots]
            items.extend(run_items(self, run, count, series, apart=not copies.regular))
        self._flow_after(copies, before)
        if not copies.regular:
            return _with_gaps(copies, items)
        if copies.form is Form.COPIES:
            return f"nn.Sequential({', '.join(items)})"
        if len(items) == 1 and items[0].startswith("*"):
            return f"nn.ModuleList{items[0][1:]}"
        return f"nn.ModuleList([{', '.join(items)}])"

    def _flow_before(self, copies: Copies) -> dict[Value, tuple[Formula, ...]]:
        takes = self.outline.takes(copies.runs[0].count.site)
        return {value: self.channels.of(value) for value in takes}

    def _flow_after(self, copies: Copies, before: Mapping[Value, tuple[Formula, ...]]) -> None:
        """While copies are made, what flows from one to the next has the place of what flows into the first."""
        gives = self.outline.gives(copies.runs[0].count.site)
        if len(before) == 1 and len(gives) == 1:
            self.channels.set(gives[0], self.channels.of(*before))
        for value, formulas in before.items():
            self.channels.set(value, formulas)


def _vector(number: Number) -> Vector:
    assert isinstance(number, tuple), "copies of copies are classes"
    return number


def _with_gaps(copies: Copies, items: Sequence[str]) -> str:
    """Copies of which some hold nothing and are missing keep their numbers as names."""
    names = (f'"{name}"' for run in copies.runs for name in run.names)
    pairs = list(zip(names, items, strict=True))
    if copies.form is Form.COPIES:
        return f"nn.Sequential(OrderedDict([{', '.join(f'({name}, {item})' for name, item in pairs)}]))"
    return f"nn.ModuleDict({{{', '.join(f'{name}: {item}' for name, item in pairs)}}})"
