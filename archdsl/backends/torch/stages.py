"""The classes of a pipeline: one for each stage, with the modules of its part of the network and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from archdsl.backends.python.code import Class, Code, Function, Line, Suite
from archdsl.backends.torch.blocks import argument
from archdsl.backends.torch.bodies import Body, Call, Item, Wire
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.features import Part as Words
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.names import Namespace
from archdsl.backends.torch.network import input_names
from archdsl.backends.torch.parts import Part, Steps
from archdsl.backends.torch.slices import Slices, used_names
from archdsl.backends.torch.variables import FLOW

ATTRIBUTE = re.compile(r"\bself\.(\w+)")
MODULE = re.compile(r"\bmodule\.([\w.\[\]]+)")
"""A module as `initialize` names it: `module.head.linear.weight`, `module.units[3].conv`."""


class StageClass:
    """The class of stage `number` of a pipeline; `steps` must be those of the construction's own body."""

    def __init__(self, construction: Construction, steps: Steps, parts: Sequence[Part], number: int, name: str) -> None:
        self.construction, self.steps = construction, steps
        self.part, self.number, self.count, self.name = parts[number], number, len(parts), name
        self.forward = Forward(self._words(), self._takes(), self.part.gives, frozenset(), shapes=True)
        self.forward.run(self.forward.items)
        self.forward.flush()
        self.returned = ", ".join(map(self._given, self.part.gives))
        text = "\n".join([*map(_text, self.forward.lines), self.returned])
        self.attributes = frozenset(ATTRIBUTE.findall(text))

    def _words(self) -> Words:
        own = self.construction
        body: Body = replace(own.body, items=tuple(self._items()), takes=self.part.takes, gives=self.part.gives)
        return Words(own.outline, body, own.title, own.folded, own.flags, own.expressions, own.numbers)

    def _items(self) -> Iterator[Item]:
        """The steps of the part. A sequence of which the part has a share is called as a whole."""
        for item in dict.fromkeys(unit.item for unit in self.part.units):
            own = [unit for unit in self.part.units if unit.item is item]
            everything = [unit for unit in self.steps.units if unit.item is item]
            if isinstance(item, Call) and len(own) < len(everything):
                yield replace(item, takes=own[0].takes, gives=own[-1].gives)
            else:
                yield item

    def _takes(self) -> list[str]:
        """The arguments of `forward`: what flows is `x`, other values have the names of the spec."""
        names = Namespace(("self",))
        if self.number == 0:
            return [names.unique(name) for name in input_names(self.steps.graph)]
        found = [names.unique(FLOW)]
        for wire in self.part.takes[1:]:
            found.append(names.unique(self.steps.outline.given_name(wire.value, "") or "skip"))
        return found

    def _given(self, wire: Wire) -> str:
        """A value that `forward` returns. What is sent has to lie in memory in its own order."""
        operand, tensor = self.forward.read(wire), self.steps.graph.tensor(wire.value)
        if self.number + 1 == self.count or not tensor.last:
            return operand.text
        return f"{operand.text}.contiguous()"

    def written(self, initializes: bool) -> Class:
        """The class as code. `initializes` says whether the file has a function `initialize`."""
        own = Slices(self.steps, self.part).lines(self.construction.lines, self.attributes)
        needed = used_names(own)
        parameters = [one for one in self.construction.constructor.parameters if one.name in needed]
        last = (Line("self.apply(initialize)"),) if initializes else ()
        lines = (Line("super().__init__()"), *own, *last)
        made = Function("__init__", ("self", *map(argument, parameters)), "None", lines)
        takes = ("self", *(f"{name}: Tensor" for name in self._takes()))
        one = len(self.part.gives) == 1
        result = "Tensor" if one else f"tuple[{', '.join(['Tensor'] * len(self.part.gives))}]"
        shapes = self.steps.outline.shape_text([wire.values.values() for wire in self.part.takes])
        run = Function("forward", takes, result, (*self.forward.lines, Line(f"return {self.returned}")), shapes)
        doc = f"Stage {self.number} of {self.count}: {self.part.title}."
        return Class(self.name, "nn.Module", (doc,), methods=(made, run))


def staged(initialize: Function, network: str, stages: Sequence[StageClass]) -> Function:
    """The function `initialize` of the whole network, in which what its class sets is set by the stages."""
    lines: list[Code] = []
    for line in initialize.lines:
        if not (isinstance(line, Suite) and line.header.endswith(f"isinstance(module, {network}):")):
            lines.append(line)
            continue
        for stage in stages:
            own = tuple(found for one in line.lines if (found := _of_stage(one, stage)) is not None)
            word = "elif" if lines else "if"
            lines += [Suite(f"{word} isinstance(module, {stage.name}):", own)] if own else []
    return replace(initialize, lines=tuple(lines))


def _of_stage(line: Code, stage: StageClass) -> Code | None:
    """A line of `initialize` as it is for a stage; None if it is about modules that the stage does not have.

    In a sequence of which the stage has a share, the first module has the index 0.
    """
    text = line.text if isinstance(line, Line) else line.header
    found = MODULE.search(text)
    if found is None:
        return None
    path = found[1].replace("[", ".").replace("]", "")
    own = [unit.path for unit in stage.part.units]
    if not any(f"{one}.".startswith(f"{path}.") or f"{path}.".startswith(f"{one}.") for one in own):
        return None
    sequence, bracket, rest = found[1].partition("[")
    if not bracket:
        return line
    number, _, rest = rest.partition("]")
    first = min(int(one[len(sequence) + 1 :].partition(".")[0]) for one in own if one.startswith(f"{sequence}."))
    shifted = f"module.{sequence}[{int(number) - first}]{rest}"
    return Line(text.replace(found[0], shifted)) if isinstance(line, Line) else replace(line, header=shifted)


def _text(code: Code) -> str:
    return code.text if isinstance(code, Line) else "\n".join([code.header, *map(_text, code.lines)])
