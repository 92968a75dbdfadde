"""`archdsl draw`: figures of a network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archdsl.backends import figures
from archdsl.backends.figures import FIGURES, FORMATS, TEXT_FORMS, THEMES, FigureError
from archdsl.cli import complete
from archdsl.cli.options import Format, FormatOption, OutputOption, SpecArgument, SpecOptions, grouped, one_of
from archdsl.cli.output import keep, reporting
from archdsl.diagnostics import Diagnostic
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.backends.figures.scene import Scene
    from archdsl.cli.target import Target

FigureOption = Annotated[
    str, typer.Option("--figure", metavar="NAME", help=f"{one_of(FIGURES)}.", autocompletion=complete.figures)
]
BlockOption = Annotated[
    str | None,
    typer.Option("--block", metavar="NAME", help="The block to draw: its name or path (for --figure block)."),
]
LevelsOption = Annotated[
    int | None, typer.Option("--depth", metavar="N", min=0, help="How many levels to open (for --figure graph).")
]
ExpandOption = Annotated[
    list[str] | None,
    typer.Option("--expand", metavar="PATHS", help="Paths to open as well: conv4.* (for --figure graph)."),
]
ThemeOption = Annotated[
    str, typer.Option("--theme", metavar="NAME", help=f"{one_of(THEMES)}.", autocompletion=complete.themes)
]

TextOption = Annotated[
    str,
    typer.Option(
        "--text",
        metavar="FORM",
        help="How an SVG has its text: with the font in the file (font), as shapes (outline), or only named (plain).",
        autocompletion=complete.text_forms,
    ),
]


@grouped
def draw(
    ctx: typer.Context,
    spec: SpecArgument,
    output: OutputOption = None,
    figure: FigureOption = "overview",
    block: BlockOption = None,
    depth: LevelsOption = None,
    expand: ExpandOption = None,
    theme: ThemeOption = "light",
    text: TextOption = "font",
    *,
    options: SpecOptions,
    format: FormatOption = Format.TEXT,
) -> None:
    """Draw a network as SVG, PDF or PNG, as the suffix of -o says.

    Any other option is a parameter of the spec: --phi 3. `SPEC --help` lists them.
    """
    from archdsl.cli.target import target
    from archdsl.files import write

    asked = target(ctx, spec, options)
    for what, word, known in (("figure", figure, FIGURES), ("theme", theme, THEMES), ("text", text, TEXT_FORMS)):
        if word not in known:
            ctx.fail(f"There is no {what} '{word}'; it may be {', '.join(known)}.")
    with reporting(format) as report:
        path = _place(ctx, output, f"{_name(asked, figure)}_{figure}", FORMATS)
        keep(asked, path)
        picture_format = path.suffix.removeprefix(".") or "svg"
        (chosen,) = (name for name in THEMES if name == theme)
        (form,) = (name for name in TEXT_FORMS if name == text)
        try:
            if FIGURES[figure].study and picture_format != "dot":
                found = figures.scene_of(_studied(asked, figure), figure, theme=chosen)
            else:
                compiled = asked.compile()
                report.add(compiled.warnings)
                if picture_format != "dot":
                    found = figures.as_scene(
                        compiled.graph, figure, block=block, depth=depth, expand=expand or (), theme=chosen
                    )
            if picture_format == "dot":
                picture = figures.as_dot(compiled.graph, chosen)
            else:
                picture = figures.written(found, picture_format, form)
                report.add(_notes(found, picture_format))
        except FigureError as error:
            ctx.fail(f"{str(error)[:1].upper()}{str(error)[1:]}")
        if path == Path("-"):
            sys.stdout.buffer.write(picture)
            report.result_printed = True
            return
        write({path: picture})
        if report.verbose:
            print(f"wrote {shown(str(path))}")


def _name(asked: Target, figure: str) -> str:
    """What a file is called after: the spec, or the table."""
    return Path(asked.spec).stem if FIGURES[figure].of == "table" else asked.name


def _studied(asked: Target, figure: str) -> Any:
    """What the study of a figure finds."""
    from archdsl.cli.studies import subject

    module, _, function = FIGURES[figure].study.partition(":")
    study = getattr(import_module(f"archdsl.studies.{module}"), function)
    return study(asked.spec if FIGURES[figure].of == "table" else subject(asked))


def _notes(scene: Scene, format: str) -> Iterator[Diagnostic]:
    """What a figure's user should know of it."""
    yield from (Diagnostic("small-text", note, severity="warning", help=help) for note, help in scene.notes)
    from archdsl.backends.figures.scene import Text, leaves
    from archdsl.backends.figures.text import lacking

    drawn = "".join(leaf.text for leaf in leaves(scene.items) if isinstance(leaf, Text))
    missing = "" if format == "svg" else lacking(drawn)
    if missing:
        message = f"the font of figures has no {' '.join(missing)}: a box stands in"
        help = "draw it as SVG, where the viewer's fonts have them, or write the name with Latin or Greek letters"
        yield Diagnostic("missing-letters", message, severity="warning", help=help)


def _place(ctx: typer.Context, output: Path | None, name: str, formats: tuple[str, ...]) -> Path:
    """The path of the figure: that of -o, else a file `name`.svg in the folder. `-` is standard output."""
    if output is None or output == Path("-"):
        return output or Path(f"{name}.svg")
    if output.is_dir() or not output.suffix:
        return output / f"{name}.svg"
    if output.suffix.removeprefix(".") not in formats:
        ctx.fail(f"{output} must end in one of {', '.join(f'.{one}' for one in formats)}.")
    return output
