"""The JSON format of a graph as pydantic models, whose fields are written in this order.

`docs/graph.schema.json` is generated from these models. If the meaning of the format changes, `FORMAT` has to change.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, NonNegativeInt, PositiveInt, Tag

from archdsl.ir.graph import ScopeKind
from archdsl.tensor import Kind

FORMAT: Literal["archdsl-graph-1"] = "archdsl-graph-1"

Plain = Annotated[
    JsonValue, Field(description='A number, word, truth value or null, a list of them, or a shape: {"shape": [1, 7]}.')
]

Reference = Annotated[
    str,
    Field(pattern=r"^[^:]+(:[0-9]{1,9})?$", description="The id of a node; `:1` is the second of several outputs."),
]


class Part(BaseModel):
    """Keys at their default may be left out. Keys that are not listed are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SourceText(Part):
    """A spec and its text, into which the positions point."""

    name: str
    text: str


class Place(Part):
    """A stretch of text: index of its source, offset of the first character, offset after the last one."""

    source: NonNegativeInt
    start: NonNegativeInt
    end: NonNegativeInt


class TensorType(Part):
    """Channels first, without the batch."""

    dims: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    kind: Kind = "float"


class WrittenPart(Part):
    """An expression of the spec: its text and place, the scope whose names it uses, and the values that it names."""

    text: str
    place: Place
    home: Annotated[str | None, Field(description="Left out if it does not use the names of a scope.")] = None
    values: tuple[tuple[str, Reference], ...] = ()
    share: Annotated[
        tuple[NonNegativeInt, PositiveInt] | None,
        Field(
            description="The fraction of the expression's value that applies: place in the network, number of places."
        ),
    ] = None
    numbers: Annotated[
        tuple[tuple[str, Plain], ...], Field(description="The variables of loops over stages in it.")
    ] = ()


class SettingPart(Part):
    name: str
    value: Plain
    origin: str
    written: WrittenPart | None = None


class RulePart(Part):
    """A condition on the settings, and its reason."""

    condition: WrittenPart
    reason: str


class HeaderPart(Part):
    """The facts about the network as a whole; `source` is the citation."""

    name: str
    spec: str
    doc: str = ""
    source: str = ""
    variant: str | None = None
    settings: tuple[SettingPart, ...] = ()
    rules: tuple[RulePart, ...] = ()


class LetPart(Part):
    """A number that a block names: the expression and its value."""

    name: str
    written: WrittenPart
    value: Plain


def _kind(step: Any) -> str:
    return "path" if isinstance(step, str) else "choice"


StepPart: TypeAlias = Annotated[
    Annotated[str, Tag("path")] | Annotated["ChoicePart", Tag("choice")],
    Discriminator(_kind),
    Field(description="The path of a node or a scope, or a choice."),
]


class ChoicePart(Part):
    """An `if` of the spec: of its `arms`, the one at `taken` was built, made `steps` and gives values by name."""

    place: Place
    conditions: tuple[WrittenPart, ...]
    arms: NonNegativeInt
    taken: NonNegativeInt
    before: tuple[Reference, ...] = ()
    steps: tuple[StepPart, ...] = ()
    gives: tuple[tuple[str, tuple[Reference, ...]], ...] = ()


class ScopePart(Part):
    """A region of the graph; `path` and `weights` of the network itself are empty, and its `parent` is null."""

    path: str
    kind: ScopeKind
    parent: str | None
    span: Place
    weights: str
    block: str | None = None
    defined: Place | None = None
    arguments: tuple[tuple[str, Plain], ...] = ()
    written: tuple[tuple[str, WrittenPart], ...] = ()
    omitted: Annotated[tuple[str, ...], Field(description="Parameters that were left at their defaults.")] = ()
    settings: Annotated[tuple[SettingPart, ...], Field(description="Only for a network used as a block.")] = ()
    units: Annotated[tuple[str, ...], Field(description="Parameters that are blocks or ops.")] = ()
    labels: Annotated[tuple[tuple[str, str], ...], Field(description="What the block says of its parameters.")] = ()
    lets: tuple[LetPart, ...] = ()
    count: Annotated[WrittenPart | None, Field(description="Number of copies, or the list of a loop.")] = None
    steps: Annotated[tuple[StepPart, ...], Field(description="The parts of the text, in order.")] = ()
    loops: Annotated[tuple[WrittenPart, ...], Field(description="The lists of loops over stages.")] = ()
    copy_of: Annotated[tuple[int, int] | None, Field(description="Index from 0, and how many copies.")] = None
    turn: Annotated[tuple[tuple[str, Plain], ...], Field(description="The variables of the loop.")] = ()
    title: str | None = None
    doc: str | None = None
    names: Annotated[tuple[tuple[str, Reference], ...], Field(description="Values that the text names.")] = ()
    ports: Annotated[tuple[str, ...], Field(description="The first of `names`: the values that flow in.")] = ()
    results: tuple[Reference, ...] = ()


class OpPart(Part):
    """An op of the registry with all its arguments."""

    op: str
    arguments: dict[str, Any]


class NodePart(Part):
    """An op at one place; `id` is its path, and `weights` the id under which its parameters are stored."""

    id: str
    op: OpPart
    inputs: tuple[Reference, ...] = ()
    outputs: Annotated[tuple[TensorType, ...], Field(min_length=1)]
    scope: str
    span: Place
    weights: str
    label: str | None = None
    written: tuple[tuple[str, WrittenPart], ...] = ()


class OutputPart(Part):
    name: str
    values: tuple[Reference, ...]
    training: bool = False
    several: bool = False


class GraphPart(Part):
    """A network. Nodes come after those whose outputs they take; the first output is the main one."""

    format: Literal["archdsl-graph-1"]
    header: HeaderPart
    sources: tuple[SourceText, ...]
    scopes: tuple[ScopePart, ...]
    nodes: tuple[NodePart, ...]
    outputs: tuple[OutputPart, ...]


def schema() -> dict[str, Any]:
    """The JSON Schema of the format."""
    return GraphPart.model_json_schema()
