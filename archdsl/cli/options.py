"""Arguments and options that several commands have, each declared once.

Options that belong together are the fields of a dataclass. A command takes such a group as one parameter, and
`grouped` makes an option of each field, as typer needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

import typer

from archdsl.analyses.measures import COMPARED
from archdsl.backends.tables import FORMATS
from archdsl.cli.complete import formats, measures, spec_names, variants
from archdsl.limits import DEPTH, STEPS
from archdsl.readers import REFERENCES


class Format(StrEnum):
    """How diagnostics are printed."""

    TEXT = "text"
    LINE = "line"
    JSON = "json"


class Purpose(StrEnum):
    """What a network is written for, if it is not only for training."""

    INFERENCE = "inference"


OR_CODE = f"Or code, which is executed: {REFERENCES}."
"""The end of the help for each argument that may be a reference."""

SpecArgument = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help=f"A file, or a name that `archdsl list` shows; `efficientnet@b3` names a variant. {OR_CODE}",
        autocompletion=spec_names,
        show_default=False,
    ),
]
SpecArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC",
        help=f"Files, or names that `archdsl list` shows; `efficientnet@b3` names a variant. {OR_CODE}",
        autocompletion=spec_names,
        show_default=False,
    ),
]
VariantOption = Annotated[
    str | None, typer.Option("--variant", metavar="NAME", help="One of the spec's variants.", autocompletion=variants)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A=1,B=2", help="Settings of the spec, also those that are named like an option."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How errors and warnings are printed.")]
StepsOption = Annotated[
    int, typer.Option("--max-steps", metavar="N", min=1, help="The most steps that expanding a network may take.")
]
DepthOption = Annotated[
    int, typer.Option("--max-depth", metavar="N", min=1, max=1000, help="How deep blocks may be nested.")
]
FileOption = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file.")]
TableFormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"{', '.join(FORMATS)}.",
        show_default="by the suffix of -o, else text",
        autocompletion=formats,
    ),
]
MeasuresOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B",
        help=f"Which measures to show, of {', '.join(COMPARED)}.",
        show_default=False,
        autocompletion=measures,
    ),
]
ExactOption = Annotated[bool, typer.Option("--exact", help="Show all digits of numbers.")]
PrecisionOption = Annotated[
    str, typer.Option("--precision", metavar="NAME", help="Of weights and values: fp64, fp32, bf16 or fp16.")
]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="PATH", help="A file or a folder; - is standard output.")
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", metavar="N", min=1, help="Number of processes.", show_default="one per core")
]


def one_of(words: Iterable[str]) -> str:
    """Words as a list in English: `parse, resolve, expand or emit`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """How large a network may get."""

    max_steps: StepsOption = STEPS
    max_depth: DepthOption = DEPTH


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Options for several networks: settings that all of them have."""

    settings: SetOption = None
    limits: LimitOptions = field(default_factory=LimitOptions)


@dataclass(frozen=True, slots=True)
class SpecOptions:
    """Options for a spec: its variant and settings."""

    variant: VariantOption = None
    network: NetworkOptions = field(default_factory=NetworkOptions)


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """Makes a command of a function, with one option for each field of its parameters that are groups.

    `compile(ctx, spec, options: SpecOptions)` becomes a command with --variant, --set, --max-steps and --max-depth.
    """
    kinds = {name: kind for name, kind in get_type_hints(function, include_extras=True).items() if name != "return"}
    given = signature(function).parameters
    shown = [one for name, kind in kinds.items() for one in _parameters(name, kind, given[name].default)]

    def command(**values: Any) -> None:
        function(**{name: _value(name, kind, values) for name, kind in kinds.items()})

    command.__name__, command.__doc__, command.__module__ = function.__name__, function.__doc__, function.__module__
    command.__annotations__ = {one.name: one.annotation for one in shown}
    command.__signature__ = Signature(shown)  # type: ignore[attr-defined]
    return command


def _parameters(name: str, kind: Any, default: Any) -> Iterator[Parameter]:
    """The parameters that typer sees for one of the function: itself or, for a group, one for each field."""
    if not is_dataclass(kind):
        yield Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        return
    kinds = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        yield from _parameters(one.name, kinds[one.name], one.default)


def _value(name: str, kind: Any, values: Mapping[str, Any]) -> Any:
    """The argument for a parameter of the function, put together from the values of the options."""
    if not is_dataclass(kind):
        return values[name]
    kinds, make = get_type_hints(kind, include_extras=True), cast("Callable[..., Any]", kind)
    return make(**{one.name: _value(one.name, kinds[one.name], values) for one in fields(kind)})
