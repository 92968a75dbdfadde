"""One function of an emitted file: its numbers (`Numbers`), and the lines that call layers (`Flow`).

A function is made of what the PyTorch emitter makes a class of. The modules that a class's constructor would make are
here the layers that the function calls, each at the place where `forward` would call its module.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from archdsl import formula
from archdsl.backends.python.code import Code, Line, Suite
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.bodies import Call, Turns, Wire
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.modules import Constructor, Parameter
from archdsl.backends.torch.numbers import Subject
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.turns import LoopLines
from archdsl.backends.torch.variables import Variables
from archdsl.backends.torch.writing import Operand
from archdsl.ops.keras_layers import LAYER_NAME

SEPARATOR = "_"
"""Stands in the names of layers where the paths of steps have a dot, which PyTorch's parameters may not have."""


class Numbers(Construction):
    """The numbers of one function. `made` has, for each member, the call that a constructor would make it with.

    `incoming` are the numbers of channels that the function reads from its inputs.
    """

    def __init__(self, subject: Subject, is_recursive: bool = False) -> None:
        self.made: dict[str, ast.expr] = {}
        self.refusals: list[Suite] = []
        self.incoming: tuple[Parameter, ...] = ()
        super().__init__(subject, is_recursive)

    def _constructor(self) -> Constructor:
        found = super()._constructor()
        self.incoming = tuple(p for p in found.parameters if p.source == "channels")
        return replace(found, parameters=tuple(p for p in found.parameters if p.source != "channels"))

    def assigned(self, target: str, value: ast.expr) -> Line:
        """Notes what a member is made with."""
        self.made[target] = value
        return super().assigned(target, value)

    def stored(self, called: str, found: ast.expr) -> Generator[Code, None, str]:
        """The text of a number, which a function can say where it is needed."""
        yield from ()
        return text_of(found)

    def flag(self, item: object, number: int, condition: ast.expr) -> tuple[ast.expr, list[Code]]:
        """The condition itself, which a function can ask where it is needed."""
        if not isinstance(condition, ast.Constant):
            self.context.note(condition)
        return condition, []

    def refusal(self, missing: ast.expr) -> Suite:
        """The lines that refuse arguments, which the function begins with."""
        self.refusals.append(super().refusal(missing))
        return self.refusals[-1]

    def first_lines(self) -> Iterator[Code]:
        """The lines at the top of the function: settings, requirements and named numbers."""
        for line in self.lines:
            if isinstance(line, Suite):
                if line.header.startswith("def ") or any(line is known for known in self.refusals):
                    yield line
            elif not line.text.startswith("self."):
                yield line


class Flow(Forward):
    """Writes the lines of one function, a line for each layer. `prefix` begins the names of its layers."""

    construction: Numbers

    def __init__(
        self, construction: Numbers, takes: Sequence[str], results: Sequence[Wire], prefix: str, fixed: Sequence[str]
    ) -> None:
        super().__init__(construction, takes, results, frozenset(), shapes=prefix == "")
        self.variables.fix(fixed)
        self.calls = Calls(prefix, {*construction.context.values[0], *fixed})

    def _waits(self, step: Call, operand: Operand) -> bool:
        return False

    def _operand(self, step: Call) -> Operand | None:
        found = super()._operand(step)
        return found and replace(found, text=found.text.replace(LAYER_NAME, self.calls.label(step.path)))

    def _write(self, operand: Operand, step: Call) -> None:
        super()._write(replace(operand, text=operand.text.replace(LAYER_NAME, self.calls.label(step.path))), step)

    def _call(self, step: Call) -> None:
        if not self.outline.is_module(step.member):
            super()._call(step)
            return
        inputs = [self.read(wire) for wire in step.takes]
        reads = tuple(read for operand in inputs for read in operand.reads)
        self.variables.read(reads)
        targets = [self._name(wire, step, reads) for wire in step.gives]
        made = member(self.construction.made, step.path)
        lines = list(self.calls.applied(made, [operand.text for operand in inputs], targets, step.path))
        shape = self.outline.shape_text([wire.values.values() for wire in step.gives]) if self.shapes else ""
        if shape and isinstance(lines[-1], Line):
            lines[-1] = replace(lines[-1], comment=shape)
        self.lines += lines

    def loop(self, item: Turns) -> None:
        """Writes a loop over copies."""
        owner = self.body.uses[next(iter(item.loops))].path
        arguments = tuple(self.real(one) if isinstance(one, Wire) else one for one in item.arguments)
        decided = replace(item, initial=tuple(map(self.real, item.initial)), arguments=arguments)
        made = member(self.construction.made, item.path)
        self.lines += Loops(self.outline, owner, self.variables, decided, self.calls, made).lines()


class Loops(LoopLines):
    """Writes a loop that passes several values from turn to turn, or collects them."""

    may_be_short = False

    def __init__(
        self, outline: Outline, path: str, variables: Variables, turns: Turns, calls: Calls, made: ast.expr
    ) -> None:
        super().__init__(outline, path, variables, turns, shapes=False)
        self.calls, self.made = calls, made

    def suites(self, turn: str, states: Sequence[str], body: Callable[[str], tuple[Code, ...]]) -> Iterator[Code]:
        """The loop over the copies, or several if they are made in different ways."""
        parts = sliced(elements(self.made), self.loop.section)
        for part in parts:
            header, label = self.calls.heading(part, self.turns.path)
            made = part.made
            assert isinstance(made, ast.Call)
            if text_of(made.func) == "nn.Sequential":
                (taken,) = (self._text(position, states, ()) for position in self.turns.arguments)
                lines = (*self.calls.applied(made, [taken], [turn], label), *body(turn))
            else:
                lines = body(self.calls.called(made, "{}", label))
            yield from (Suite(header, lines),) if header else lines


class Part:
    """A single copy, or adjacent ones that a loop over a range of numbers or over the rows of a list makes.

    `made` is how each is made, `first` the place of the first among all copies. The loop is over the places from `low`
    up to `high`, counted from `first`; `is_range` says that it is over numbers.
    """

    def __init__(self, made: ast.expr, first: ast.expr, loop: ast.comprehension | None = None) -> None:
        self.made, self.first, self.loop = made, first, loop
        self.is_range = False
        self.low: ast.expr = ast.Constant(0)
        self.high: ast.expr = ast.Constant(1)
        if loop is not None and isinstance(loop.iter, ast.Call) and text_of(loop.iter.func) == "range":
            self.is_range, self.high = True, loop.iter.args[0]
        elif loop is not None:
            self.high = ast.Call(ast.Name("len"), [loop.iter], [])


def elements(made: ast.expr) -> list[Part]:
    """The copies that an `nn.Sequential` or an `nn.ModuleList` holds."""
    assert isinstance(made, ast.Call)
    row = list(made.args)
    if text_of(made.func) == "nn.ModuleList":
        first = row[0]
        row = list(first.elts) if isinstance(first, ast.List) else [ast.Starred(first, ast.Load())]
    parts: list[Part] = []
    place: ast.expr = ast.Constant(0)
    for one in row:
        if isinstance(one, ast.Starred) and isinstance(one.value, ast.GeneratorExp):
            parts.append(Part(one.value.elt, place, one.value.generators[0]))
        else:
            parts.append(Part(one, place))
        place = formula.combined(ast.Add, place, parts[-1].high)
    return parts


def sliced(parts: list[Part], section: str) -> list[Part]:
    """The copies of a section such as `[1:]` or `[:-1]`."""
    start, _, stop = section.strip("[]").partition(":")
    parts = list(parts)
    for _ in range(int(start or 0)):
        if parts[0].loop is None:
            parts.pop(0)
        else:
            parts[0].low = formula.combined(ast.Add, parts[0].low, ast.Constant(1))
    for _ in range(-int(stop or 0)):
        if parts[-1].loop is None:
            parts.pop()
        else:
            parts[-1].high = formula.combined(ast.Sub, parts[-1].high, ast.Constant(1))
    return parts


def member(made: dict[str, ast.expr], path: str) -> ast.expr:
    """How the member at a path is made."""
    first, *rest = path.split(".")
    found = made[first]
    for name in rest:
        found = _inner(found, name)
    return found


def _inner(made: ast.expr, name: str) -> ast.expr:
    assert isinstance(made, ast.Call)
    if name.isdecimal():
        return _at(elements(made), int(name))
    return next(keyword.value for keyword in _named(made) if keyword.arg == name)


def _at(parts: Sequence[Part], place: int) -> ast.expr:
    """How the copy at a place is made: by the last part that begins there or before."""
    part = [one for one in parts if isinstance(one.first, ast.Constant) and int(str(one.first.value)) <= place][-1]
    if part.loop is None:
        return part.made
    turn = formula.combined(ast.Sub, ast.Constant(place), part.first)
    return formula.substituted(part.made, {text_of(part.loop.target): turn})


class Calls:
    """Writes calls of layers and functions. `prefix` begins the names of layers; `taken` are names in use."""

    def __init__(self, prefix: str, taken: set[str]) -> None:
        self.prefix, self.taken = prefix, taken

    def label(self, path: str) -> str:
        """The name of a layer as it is written: `"stem_conv"`, or `f"{name}_conv"`."""
        text = self.prefix + path.replace(".", SEPARATOR)
        return f'f"{text}"' if "{" in text else f'"{text}"'

    def applied(self, made: ast.expr, inputs: Sequence[str], targets: Sequence[str], path: str) -> Iterator[Code]:
        """The lines that call what `made` would make, and set the variables `targets`."""
        assert isinstance(made, ast.Call)
        if text_of(made.func) != "nn.Sequential":
            yield Line(f"{', '.join(targets)} = {self.called(made, ', '.join(inputs), path)}")
            return
        (target,), (value,) = targets, inputs
        children = _named(made)
        for child in children:
            yield from self.applied(child.value, [value], targets, f"{path}.{child.arg}")
            value = target
        for part in [] if children else elements(made):
            header, label = self.heading(part, path)
            if header and value != target:
                yield Line(f"{target} = {value}")
                value = target
            lines = tuple(self.applied(part.made, [value], targets, label))
            yield from (Suite(header, lines),) if header else lines
            value = target
        if value != target:
            yield Line(f"{target} = {value}")

    def called(self, made: ast.Call, inputs: str, path: str) -> str:
        """The call of a layer, `layers.ReLU(name="relu")(x)`, or of a function, `unit(x, 64, name="unit")`."""
        own = [ast.keyword("name", ast.Name(LAYER_NAME))]
        target = text_of(made.func)
        if target.startswith("layers.") or target[0].isupper():
            text = f"{text_of(ast.Call(made.func, made.args, [*made.keywords, *own]))}({inputs})"
        else:
            call = ast.Call(made.func, [ast.Name("INPUTS"), *made.args], [*made.keywords, *own])
            text = text_of(call).replace("INPUTS", inputs, 1)
        return text.replace(LAYER_NAME, self.label(path))

    def heading(self, part: Part, path: str) -> tuple[str, str]:
        """The header of the loop over some copies, "" for a single one, and the path of each."""
        if part.loop is None:
            return "", f"{path}.{_number(part.first)}"
        target = text_of(part.loop.target)
        if not part.is_range:
            index = self._index(path)
            rows = text_of(part.loop.iter)
            start = formula.combined(ast.Add, part.first, part.low)
            if text_of(part.low) != "0":
                rows += f"[{text_of(part.low)}:]"
            since = "" if text_of(start) == "0" else f", {text_of(start)}"
            each = f"({target})" if isinstance(part.loop.target, ast.Tuple) and target[0] != "(" else target
            return f"for {index}, {each} in enumerate({rows}{since}):", f"{path}.{{{index}}}"
        low, high = part.low, part.high
        place: ast.expr = ast.Name(target)
        if target == "_":
            target = self._index(path)
            low, high = (formula.combined(ast.Add, part.first, one) for one in (low, high))
            place = ast.Name(target)
        elif text_of(part.first) != "0":
            place = formula.combined(ast.Add, place, part.first)
        start_text = "" if text_of(low) == "0" else f"{text_of(low)}, "
        return f"for {target} in range({start_text}{text_of(high)}):", f"{path}.{_number(place)}"

    def _index(self, path: str) -> str:
        taken = {*self.taken, *(f"{own}" for own in "ijk" if f"{{{own}}}" in path)}
        return next(own for own in ("i", "j", "k", "copy_index") if own not in taken)


def _number(place: ast.expr) -> str:
    return str(place.value) if isinstance(place, ast.Constant) else f"{{{text_of(place)}}}"


def _named(made: ast.Call) -> list[ast.keyword]:
    """The members of an `nn.Sequential` by their names; none if they have numbers."""
    first = made.args[0] if made.args else None
    return first.keywords if isinstance(first, ast.Call) and text_of(first.func) == "OrderedDict" else []
