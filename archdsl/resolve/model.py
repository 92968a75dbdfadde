"""A spec after its names were looked up: imports read, definitions found, parameters typed.

Bodies stay as they were written (`syntax.tree`); `check.py` has made sure that every name in them means something.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from archdsl.diagnostics import Diagnostic
from archdsl.source import Source, Span
from archdsl.syntax import tree


class _Instance:
    """Validates by isinstance alone; pydantic would otherwise model the whole syntax tree again."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(source)


T = TypeVar("T")
Written = Annotated[T, _Instance()]
"""A part of the syntax tree, or a span in it, that pydantic takes as it is."""


class Model(BaseModel):
    """Base of the models: frozen, and without undeclared fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameter(Model):
    """A setting of a network or an argument of a block. `type` is None where any kind of value will do."""

    name: str
    type: tree.ParameterType | None
    default: Written[tree.Expression] | None
    doc: str = ""
    span: Written[Span]


class Block(Model):
    """A block and the file whose definitions its body sees."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    ports: Written[tree.Ports] | None
    body: Written[tree.Body]
    span: Written[Span]
    file: File = Field(repr=False)


class Variant(Model):
    name: str
    assignments: tuple[Written[tree.Assignment], ...]
    span: Written[Span]


class Network(Model):
    """A network: declarations sorted by kind, and its flow in the order it was written."""

    name: str
    doc: str
    citation: str
    inputs: tuple[Written[tree.Input], ...]
    parameters: tuple[Parameter, ...]
    scaling: tuple[Written[tree.Assignment], ...]
    variants: dict[str, Variant]
    functions: dict[str, Written[tree.Define]]
    requires: tuple[Written[tree.Require], ...]
    defaults: tuple[Written[tree.Call], ...]
    expectations: tuple[Written[tree.Expect], ...]
    flow: Written[tree.Body]
    span: Written[Span]
    file: File = Field(repr=False)


class File(Model):
    """One spec file. `definitions` holds its own and its imported blocks and networks, `functions` its `def`s.

    `problems` is what is wrong with names and arguments here and in what was imported; `broken` are names
    whose import failed, of which nothing more is said.
    """

    source: Written[Source]
    definitions: dict[str, Block | Network] = Field(repr=False)
    functions: dict[str, Written[tree.Define]]
    defaults: tuple[Written[tree.Call], ...]
    network: Network | None = None
    problems: tuple[Written[Diagnostic], ...] = ()
    broken: set[str] = Field(default_factory=set)


Block.model_rebuild()
Network.model_rebuild()
File.model_rebuild()
