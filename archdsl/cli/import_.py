"""`archdsl import`: makes a graph or a spec of networks that are Python code, or files of other tools."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.options import Format, FormatOption, OutputOption
from archdsl.cli.output import put_out, reporting
from archdsl.files import SPEC, refuse_overwriting, refuse_replacing_spec, write, write_spec
from archdsl.readers import REFERENCES, readable_files, translator_of
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.tensor import Kind

ReferencesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="REFERENCE",
        help=f"{REFERENCES} (with #PART, a part of it), or a file: {readable_files()}. Several become variants of one "
        "spec.",
        show_default=False,
    ),
]
InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="Shape of an input: channels x height x width, as in 3x224x224 (clips have frames before the height: "
        "3x16x112x112); `128 int` for tokens. Once for each input.  [default: the shape that the package states for "
        "the network]",
    ),
]
ModuleOption = Annotated[
    str | None,
    typer.Option(
        "--module",
        metavar="PATH",
        help="Import a part of the network: `--module backbone` is REFERENCE#backbone.  [default: the whole network]",
    ),
]
ProveOption = Annotated[
    bool,
    typer.Option(help="Prove that a spec that is written is the same network: its structure and its weights."),
]


def import_(
    references: ReferencesArgument,
    output: OutputOption = None,
    input: InputOption = None,
    module: ModuleOption = None,
    prove: ProveOption = True,
    format: FormatOption = Format.TEXT,
) -> None:
    """Import a network that is Python code, which is executed, or a file of another tool.

    With `-o net.arch` it is written as a spec, which is then proven to be the same network. Several networks of one
    family become one spec with a variant for each, and each variant is proven. Otherwise a network's graph is
    written as JSON, or in another form of `compile --emit` that the suffix of -o names. Prints what the network costs.
    Operations that the language has no op for are kept as opaque nodes, and they are listed.
    """
    references = [_part(reference, module) for reference in references]
    shapes = [_shape(text) for text in input or ()]
    path = output or Path(f"{re.sub(r'[^a-zA-Z0-9_]+', '_', references[0])}.json")
    _check(references, path)
    with reporting(format) as report:
        if path.suffix == SPEC:
            refuse_replacing_spec(path)
        elif path != Path("-"):
            refuse_overwriting([path])
        from archdsl.cli.imported import of_networks
        from archdsl.cli.translated import of_file_with_variants

        if _has_variants(references[0]):
            if shapes:
                raise typer.BadParameter(f"{references[0]} becomes a spec, whose parameter `resolution` is the size.")
            result = of_file_with_variants(references[0], path.suffix, prove)
        else:
            result = of_networks(references, shapes, path.suffix, prove)
        if path == Path("-"):
            put_out(result.content)
            report.result_printed = True
            return
        if path.suffix == SPEC:
            write_spec(path, str(result.content))
        else:
            write({path: result.content})
        if report.verbose:
            for line in result.about:
                print(line)
            print(f"wrote {shown(str(path))}{result.said}")


def _part(reference: str, module: str | None) -> str:
    """The reference with the part that `--module` names."""
    if module and "#" in reference:
        raise typer.BadParameter(f"{reference} names a part already; leave out --module or what follows the #.")
    return f"{reference}#{module}" if module else reference


def _check(references: list[str], path: Path) -> None:
    """Ends the command if the references and the name of the file do not fit together."""
    from archdsl.outputs import OUTPUTS

    suffixes = [SPEC, *(output.suffix for output in OUTPUTS if not output.suffix.endswith(".py"))]
    if path != Path("-") and path.suffix not in suffixes:
        raise typer.BadParameter(f"{path} must end in one of {', '.join(suffixes)}.")
    if len(references) == 1:
        return
    if path.suffix != SPEC:
        raise typer.BadParameter("several networks are written as one spec: give it a name, as in -o nets.arch.")
    for place, reference in enumerate(references):
        if reference in references[:place]:
            raise typer.BadParameter(f"{reference} is named twice.")
        if _has_variants(reference):
            raise typer.BadParameter(f"{reference} holds all its variants itself: import it alone.")


def _has_variants(reference: str) -> bool:
    """Whether this names a file that is read as a spec with variants, or one of them: `yolov8.yaml@n`."""
    from archdsl.driver import split_variant

    return translator_of(split_variant(reference)[0]) is not None


def _shape(text: str) -> tuple[tuple[int, ...], Kind]:
    """Dimensions and kind of numbers of `3x224x224` or `128 int`; text that is no shape ends the command."""
    found = re.fullmatch(r"(\d+(?:[x×]\d+)*)(?:\s+(?:of\s+)?(int|float))?", text.strip())
    if found is None:
        raise typer.BadParameter(f"'{text}' is not a shape; write one like 3x224x224, or '128 int' for tokens.")
    return tuple(map(int, re.split("[x×]", found[1]))), "int" if found[2] == "int" else "float"
