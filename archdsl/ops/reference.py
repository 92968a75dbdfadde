"""The reference of the ops, made from their classes: `archdsl ops conv` and `docs/ops.md`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from archdsl.ops.arguments import Count, Dims, Distance, Like, Pixels, SharedStep, Sides, Size
from archdsl.ops.base import Example, Family, Op
from archdsl.ops.initialize import INITIALIZERS, Initializer, Scale, Weights
from archdsl.ops.registry import REGISTRY
from archdsl.ops.reshape import Parts
from archdsl.tensor import Tensor

WORDS: dict[Any, str] = {
    Count: "a whole number from 1",
    Distance: "a whole number from 0",
    Size: "a size (3, 1x7, 3x1x1)",
    Dims: "a shape (32 x 7 x 7)",
    Pixels: "pixels (1, 1x2)",
    Sides: "pixels (1, 1x2, [0, 1, 0, 1])",
    Parts: "a number or a list",
    Like: "a value of the network",
    SharedStep: "a `shared` step",
    Weights: "an initializer or a number",
    Scale: "a number or an initializer for single numbers",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
}

BOUNDS = {"ge": "from", "gt": "above", "le": "to", "lt": "to below"}
"""The words for bounds, by pydantic's names for them."""


@dataclass(frozen=True, slots=True)
class ArgumentReference:
    """One argument: its type in words, and its default as a spec would write it ("" if it cannot be written)."""

    name: str
    type: str
    required: bool
    default: str
    description: str

    def __str__(self) -> str:
        if self.required:
            return self.name
        return f"{self.name}={self.default}" if self.default else f"[{self.name}]"


@dataclass(frozen=True, slots=True)
class OpReference:
    """An op's entry in the reference. `examples` are triples: a call, its input shapes, its output shapes."""

    name: str
    family: Family
    signature: str
    summary: str
    details: str
    arguments: tuple[ArgumentReference, ...]
    examples: tuple[tuple[str, str, str], ...]


def reference(op: type[Op]) -> OpReference:
    """The reference entry of one op."""
    arguments = tuple(_arguments(op))
    summary, _, details = (inspect.getdoc(op) or "").partition("\n\n")
    return OpReference(
        op.name,
        op.family,
        _call(op.name, map(str, arguments)),
        " ".join(summary.split()),
        details.strip(),
        arguments,
        tuple(_example(example) for example in op.examples()),
    )


def families() -> dict[Family, list[type[Op]]]:
    """The ops that specs may use, by family, in the order of the families and of their names."""
    ops = sorted(REGISTRY.written().values(), key=lambda op: op.name)
    grouped = {family: [op for op in ops if op.family == family] for family in Family}
    return {family: members for family, members in grouped.items() if members}


def markdown() -> str:
    """The text of `docs/ops.md`: all ops by family, then the initializers."""
    return "\n".join([*_introduction(), *_all_ops(), *_initializers()])


def _arguments(op: type[Op]) -> Iterator[ArgumentReference]:
    hints = get_type_hints(op, include_extras=True)
    for name, field in op.model_fields.items():
        required = field.is_required()
        default = "" if required or field.default is None else literal(field.default)
        yield ArgumentReference(
            name, type_words(Annotated[hints[name], field]), required, default, field.description or ""
        )


def type_words(annotation: Any) -> str:
    """An argument's type in words."""
    if annotation in WORDS:
        return WORDS[annotation]
    origin = get_origin(annotation)
    if origin is Annotated and annotation.__origin__ is float:
        return " ".join([WORDS[float], *_bounds(annotation.__metadata__)])
    if origin is Annotated:  # WORDS may know the type without its last metadata (a description, a range)
        *metadata, _ = annotation.__metadata__
        return type_words(Annotated[(annotation.__origin__, *metadata)] if metadata else annotation.__origin__)
    if origin is Literal:
        return ", ".join(map(str, get_args(annotation)))
    assert origin in (Union, UnionType), f"no words for {annotation}"
    return " or ".join(type_words(inner) for inner in get_args(annotation) if inner is not NoneType)


def _bounds(fields: Iterable[Any]) -> Iterator[str]:
    """The words for the least and the largest number in a field's metadata. Other metadata is ignored."""
    for bound in dict.fromkeys(bound for field in fields for bound in getattr(field, "metadata", ())):
        for name, word in BOUNDS.items():
            if hasattr(bound, name):
                yield f"{word} {getattr(bound, name)}"


def literal(value: Any, dimensions: int = 0) -> str:
    """A value as it is written in a spec. A tuple of `dimensions` numbers is written as a shape."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple() if len(value) == dimensions > 1:
            return "x".join(map(str, value))
        case tuple():
            return f"[{', '.join(map(str, value))}]"
        case "like":
            return "other"
        case float():
            return repr(value).replace("e-0", "e-").removesuffix(".0")
        case _:
            return str(value)


def _call(name: str, arguments: Iterable[str]) -> str:
    inside = ", ".join(arguments)
    return f"{name}({inside})" if inside else name


def _example(example: Example) -> tuple[str, str, str]:
    outputs = example.outputs if isinstance(example.outputs, tuple) else (example.outputs,)
    return _call(example.op.name, _given(example)), _tensors(example.inputs), _tensors(outputs)


def _given(example: Example) -> Iterator[str]:
    """The arguments that an example sets, as they are written in a spec. Required ones are written without names."""
    for name, field in type(example.op).model_fields.items():
        if name in example.op.model_fields_set:
            value = getattr(example.op, name)
            text = " x ".join(map(str, value)) if name == "dims" else literal(value, len(example.inputs[0].spatial))
            text = f'"{text}"' if field.annotation in (str, str | None) and name != "weight" else text
            yield text if field.is_required() else f"{name}={text}"


def _tensors(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(map(str, tensors))


def _introduction() -> Iterator[str]:
    yield "# Ops\n"
    yield "<!-- Generated by `make docs` from the ops' classes. -->\n"
    yield "Shapes are channels x length, channels x height x width (maps) or channels x frames x height x width"
    yield "(clips), without the batch; a vector is a number of features. Sizes are in pixels and frames: one number for"
    yield "all dimensions, or one for each, in the order of the shape. Arguments may be given in the order below or by"
    yield "name; what has a default may be left out. `archdsl ops NAME` prints one of these entries.\n"
    for family, ops in families().items():
        yield f"- **{family}**: {', '.join(f'[`{op.name}`](#{op.name})' for op in ops)}"
    yield "- **initial weights**: [the values of `init`](#initial-weights)\n"


def _all_ops() -> Iterator[str]:
    for family, ops in families().items():
        yield f"## {family.capitalize()}\n"
        for op in ops:
            yield from _section(reference(op))


def _section(entry: OpReference) -> Iterator[str]:
    yield f"### {entry.name}\n"
    yield f"`{entry.signature}`\n"
    yield f"{entry.summary}\n"
    if entry.details:
        yield f"{entry.details}\n"
    if entry.arguments:
        yield "| argument | type | default | meaning |"
        yield "| --- | --- | --- | --- |"
        for argument in entry.arguments:
            default = f"`{argument.default}`" if argument.default else "required" if argument.required else "unset"
            yield f"| `{argument.name}` | {argument.type} | {default} | {argument.description} |"
        yield ""
    yield "| example | in | out |"
    yield "| --- | --- | --- |"
    for call, inputs, outputs in entry.examples:
        yield f"| `{call}` | {inputs} | {outputs} |"
    yield ""


def _initializers() -> Iterator[str]:
    yield "## Initial weights\n"
    yield "The argument `init` of an op is one of these, its name alone, or a number: `conv(64, 3, init=kaiming)`,"
    yield "`linear(10, init=normal(std=0.01))`, `bn(init=0)`. Biases then start at 0. Without `init`, both start as"
    yield "PyTorch initializes them.\n"
    yield "| initializer | meaning |"
    yield "| --- | --- |"
    for kind in INITIALIZERS.values():
        yield f"| `{_initializer_signature(kind)}` | {inspect.getdoc(kind)} |"
    yield ""


def _initializer_signature(kind: type[Initializer]) -> str:
    return _call(kind.name, [f"{name}={literal(field.default)}" for name, field in kind.model_fields.items()])
