"""One class of the emitted module: its constructor and its `forward`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archdsl.backends.python.code import Class, Code, Function, Line
from archdsl.backends.torch.arguments import Settled, settle_class
from archdsl.backends.torch.context import Context
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.names import Namespace
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.references import borrowed_name
from archdsl.backends.torch.structure import Structures
from archdsl.backends.torch.template import Parameter, Templates
from archdsl.backends.torch.uses import Uses
from archdsl.backends.torch.variables import FLOW
from archdsl.ir.graph import Scope, Value

SKIP = "skip"
"""A value from further out that has other names in other uses of a class."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A class to be written: all uses of one structure, its name, and the lines of its docstring."""

    structures: Structures
    templates: Templates
    number: int
    name: str
    doc: tuple[str, ...]

    @property
    def scope(self) -> Scope:
        return self.structures.uses[self.number][0]


def block_class(blueprint: Blueprint) -> Class:
    """A class for a block, a stage or a copy. Enters its constructor, which the classes around it need."""
    outline, scope = blueprint.structures.outline, blueprint.scope
    takes = take_names(outline, blueprint.structures.uses[blueprint.number])
    settled = settle(blueprint, list(takes.values()))
    forward = _forward(blueprint, settled, takes, outline.interfaces[scope.path].gives)
    made = (constructor(settled, ()),) if settled.attributes else ()
    return Class(blueprint.name, "nn.Module", blueprint.doc, methods=(*made, *forward))


def settle(blueprint: Blueprint, takes: Sequence[str]) -> Settled:
    """Settles a class's numbers and enters its constructor."""
    uses = Uses(blueprint.structures, blueprint.templates, blueprint.number)
    settled = settle_class(uses, blueprint.name, takes)
    blueprint.templates.constructors[blueprint.number] = settled.constructor
    return settled


def constructor(settled: Settled, last: Sequence[Code]) -> Function:
    """`__init__`: named numbers, then the modules; `last` are lines at its end."""
    arguments = ("self", *map(_argument, settled.constructor.parameters))
    lines: list[Code] = [Line("super().__init__()")]
    lines += [Line(f"{name} = {text}") for name, text in settled.lets]
    lines += [Line(f"self.{name} = {text}") for name, text in settled.attributes]
    return Function("__init__", arguments, "None", (*lines, *last))


def _argument(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f" = {parameter.default!r}"
    return f"{parameter.name}: {parameter.type}{default}"


def _forward(
    blueprint: Blueprint, settled: Settled, takes: Mapping[Value, str], gives: Sequence[Value]
) -> Iterator[Function]:
    """`forward`, unless nothing of the block serves any output."""
    outline, path = blueprint.structures.outline, blueprint.scope.path
    if not gives:
        return
    steps = blueprint.structures.steps[path]
    forward = Forward(Context(outline, path, steps, settled.in_forward, shapes=False), takes, gives)
    results = forward.run_and_return(steps, gives)
    arguments = (
        "self",
        *(f"{name}: Tensor" for name in takes.values()),
        *(f"{borrowed_name(weights)}: nn.Module" for weights in outline.borrowed[path]),
    )
    result = "Tensor" if len(gives) == 1 else f"tuple[{', '.join(['Tensor'] * len(gives))}]"
    yield Function("forward", arguments, result, (*forward.lines, Line(f"return {results}")))


def take_names(outline: Outline, uses: Sequence[Scope]) -> Mapping[Value, str]:
    """Arguments of `forward`: the block's ports, `x` for what flows in, others by the name they have in every use."""
    columns = list(zip(*(outline.interfaces[scope.path].takes for scope in uses), strict=True))
    names = Namespace(map(borrowed_name, outline.borrowed[uses[0].path]))
    named: dict[Value, str] = {}
    for column in columns:
        known = {_name_inside(outline, scope, value) for scope, value in zip(uses, column, strict=True)}
        name = known.pop() if len(known) == 1 else None
        named[column[0]] = names.unique(name or (SKIP if FLOW in names else FLOW))
    return named


def _name_inside(outline: Outline, scope: Scope, value: Value) -> str | None:
    """What the text of a scope calls a value that comes from outside."""
    name = outline.names(scope.path).get(value)
    if name is not None:
        return FLOW if name == "input" else name
    region = scope.kind in ("stage", "output") and len(outline.interfaces[scope.path].takes) > 1
    return outline.given_name(value, "") if region else None
