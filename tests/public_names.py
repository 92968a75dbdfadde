"""The names that later versions keep, as lines such as `op conv stride, argument 3`: see docs/compatibility.md."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

import archdsl
from archdsl.analyses.measures import MEASURES
from archdsl.backends.figures import FIGURES, FORMATS, THEMES
from archdsl.cli.app import app
from archdsl.codes import CODES
from archdsl.driver import open_spec
from archdsl.ops.registry import REGISTRY
from archdsl.outputs import OUTPUTS
from archdsl.resolve.model import Block, File
from archdsl.resolve.names import FUNCTIONS
from archdsl.resources import specs_folder

SCHEMA = Path(__file__).parent.parent / "docs" / "graph.schema.json"


def public_names() -> Iterator[str]:
    """All of them, each once, in the order of the parts of docs/compatibility.md."""
    yield from _language()
    yield from _library()
    yield from _commands()
    yield from _python()
    yield from _graph_file()


def _language() -> Iterator[str]:
    for name, op in REGISTRY.written().items():
        yield f"op {name}"
        for place, argument in enumerate(op.model_fields, start=1):
            yield f"op {name} {argument}, argument {place}"
    yield from (f"function {name}" for name in FUNCTIONS)


def _library() -> Iterator[str]:
    for path in sorted(specs_folder().rglob("*.arch")):
        name = path.relative_to(specs_folder()).with_suffix("").as_posix()
        file = open_spec(str(path))
        yield f"spec {name}"
        if file.network is not None:
            yield from (f"spec {name}@{variant}" for variant in file.network.variants)
            yield from (f"spec {name} --{parameter.name}" for parameter in file.network.parameters)
        elif name.startswith("blocks/"):
            yield from _blocks(name, file)


def _blocks(name: str, file: File) -> Iterator[str]:
    for block in file.definitions.values():
        if isinstance(block, Block) and block.span.source is file.source:
            yield f"block {name} {block.name}"
            for place, parameter in enumerate(block.parameters, start=1):
                yield f"block {name} {block.name} {parameter.name}, argument {place}"


def _commands() -> Iterator[str]:
    group: Any = get_command(app())
    yield from (f"option {option}" for parameter in group.params for option in parameter.opts)
    for name, command in group.commands.items():
        yield f"command {name}"
        for parameter in command.params:
            yield from (f"command {name} {option}" for option in parameter.opts if option.startswith("-"))
    yield from (f"form {output.name} in files *{output.suffix}" for output in OUTPUTS)
    yield from (f"figure {name}" for name in FIGURES)
    yield from (f"file of a figure *.{name}" for name in FORMATS)
    yield from (f"theme {name}" for name in THEMES)
    yield from (f"measure {name}" for name in MEASURES)
    yield from (f"code {name}" for name in CODES)


def _python() -> Iterator[str]:
    for name in archdsl.__all__:
        value = getattr(archdsl, name)
        yield f"archdsl.{name}"
        if inspect.isclass(value):
            for member, what in vars(value).items():
                if not member.startswith("_"):
                    yield f"archdsl.{name}.{member}"
                    yield from _arguments(f"archdsl.{name}.{member}", what)
        else:
            yield from _arguments(f"archdsl.{name}", value)


def _arguments(name: str, what: object) -> Iterator[str]:
    if not inspect.isfunction(what):
        return
    for place, parameter in enumerate(inspect.signature(what).parameters.values()):
        if parameter.kind is parameter.KEYWORD_ONLY:
            yield f"{name} {parameter.name}="
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name != "self":
            yield f"{name} {parameter.name}=, argument {place}"


def _graph_file() -> Iterator[str]:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for part, contents in {"": schema, **schema["$defs"]}.items():
        for key in contents.get("properties", ()):
            needed = "has to be there" if key in contents.get("required", ()) else "may be left out"
            yield f"graph file {part} {key}, {needed}"
