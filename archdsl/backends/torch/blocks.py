"""The class of a block, a stage or a copy: its constructor and its `forward`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from archdsl.backends.python.code import Class, Code, Function, Line
from archdsl.backends.python.layout import text_of
from archdsl.backends.torch.bodies import Body
from archdsl.backends.torch.constructor import Construction
from archdsl.backends.torch.documents import block_doc
from archdsl.backends.torch.forward import Forward
from archdsl.backends.torch.modules import Parameter
from archdsl.backends.torch.names import Namespace, legal
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.references import borrowed_name
from archdsl.backends.torch.variables import FLOW
from archdsl.backends.torch.writing import Layout, Words
from archdsl.formula import formula_of
from archdsl.ir.graph import Scope, Value
from archdsl.syntax import tree

ForwardKind = TypeVar("ForwardKind", bound=Forward)

SKIP = "skip"
"""The argument of `forward` for a value from outside the block that has different names in different uses."""


def block_class(construction: Construction, forward: Forward | None, further: Sequence[Function] = ()) -> Class:
    """A class for a block, a stage or a copy, with `further` methods. It has no `forward` if no output needs it."""
    has_constructor = construction.lines or construction.constructor.parameters
    methods = [constructor(construction, ())] if has_constructor else []
    methods += [] if forward is None else [_forward(construction, forward), *further]
    doc, fields = block_doc(construction.body.scope), tuple(constants(construction))
    return Class(construction.title, "nn.Module", doc, fields, tuple(methods))


def constants(construction: Construction) -> Iterator[Line]:
    """`__constants__`: the attributes by which `forward` decides. TorchScript then compiles only the arm taken."""
    flags = [text_of(flag) for flags in construction.flags.values() for flag in flags]
    names = dict.fromkeys(flag.removeprefix("self.") for flag in flags if flag.startswith("self."))
    if names:
        listed = ", ".join(f'"{name}"' for name in names)
        yield Line(f"__constants__ = ({listed},)")


def constructor(construction: Construction, last: Sequence[Code]) -> Function:
    """The method `__init__`: named numbers, then the modules, then the lines `last`."""
    arguments = ("self", *map(argument, construction.constructor.parameters))
    return Function("__init__", arguments, "None", (Line("super().__init__()"), *construction.lines, *last))


def argument(parameter: Parameter) -> str:
    """A parameter with its annotation and default, as it stands in the head of `__init__`."""
    default = "" if parameter.default is ... else f" = {text_of(formula_of(parameter.default))}"
    return f"{parameter.name}: {parameter.type}{default}"


def write_block(words: Words, layout: Layout) -> Forward:
    """Writes the `forward` of a class, including its `return`."""
    return finish_block(Forward(words, take_names(words.outline, words.body), words.body.gives, layout, shapes=False))


def finish_block(forward: ForwardKind) -> ForwardKind:
    """Writes the `forward` of a class with what is prepared for it."""
    forward.lines.append(Line(f"return {forward.run_and_return(forward.body.gives)}"))
    return forward


def _forward(construction: Construction, forward: Forward) -> Function:
    body, outline = construction.body, construction.outline
    takes = take_names(outline, body)
    arguments = (
        "self",
        *(f"{name}: Tensor" for name in takes),
        *(f"{borrowed_name(weights)}: nn.Module" for weights in outline.borrowed[body.scope.path]),
    )
    result = "Tensor" if len(body.gives) == 1 else f"tuple[{', '.join(['Tensor'] * len(body.gives))}]"
    return Function("forward", arguments, result, tuple(forward.lines))


def take_names(outline: Outline, body: Body) -> list[str]:
    """Names of the arguments of `forward`: the names of the block's `from`, `x` for the value that flows in, and for
    values from outside the name that they have in every use."""
    names = Namespace(("self", *map(borrowed_name, outline.borrowed[body.scope.path])))
    takes: list[str] = []
    for place in range(len(body.takes)):
        known = {_name_inside(outline, scope, place) for scope in body.uses}
        name = known.pop() if len(known) == 1 else None
        takes.append(names.unique(name or (SKIP if FLOW in names else FLOW)))
    return takes


def _argument(scope: Scope, value: Value) -> str | None:
    """The parameter of a block that is a value of the network: `memory` of `Decoder(8, encoder)`."""
    for name, written in scope.written:
        if isinstance(written.expression, tree.Name) and value in [known for _, known in written.values]:
            return legal(name)
    return None


def _name_inside(outline: Outline, scope: Scope, place: int) -> str | None:
    """The name that the text of a scope has for its input number `place`; None if it has none."""
    value: Value = outline.takes(scope)[place]
    if scope.block is not None and place < len(scope.ports):
        name: str | None = scope.ports[place]
    else:
        name = outline.names(scope.path).get(value)
    name = name or _argument(scope, value)
    if name is not None:
        return FLOW if name == "input" else name
    region = scope.kind in ("stage", "output") and len(outline.takes(scope)) > 1
    return outline.given_name(value, "") if region else None
