"""`archdsl draw`: figures of a network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archdsl.backends import figures
from archdsl.backends.figures import FIGURES, FORMATS, TEXT_FORMS, THEMES, WHOLE, FigureError, ThemeName
from archdsl.cli import complete
from archdsl.cli.networks import NetworkArguments, one_or_several
from archdsl.cli.options import Format, FormatOption, OutputOption, SpecOptions, grouped, one_of
from archdsl.cli.output import Report, keep, reporting
from archdsl.diagnostics import Diagnostic
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.backends.figures.scene import Scene
    from archdsl.cli.target import Target
    from archdsl.ir.graph import Graph

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
CostOption = Annotated[
    str | None,
    typer.Option("--cost", metavar="NAME", help="Add bars of what things cost: macs or params (for --figure compare)."),
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


StepsOption = Annotated[
    bool,
    typer.Option("--steps", help="Build the figure up in numbered frames, for a lecture: at most 12."),
]
FramesOption = Annotated[
    int | None,
    typer.Option("--frames", metavar="N", min=1, help="In at most so many frames (--steps is then not needed)."),
]


@grouped
def draw(
    ctx: typer.Context,
    specs: NetworkArguments,
    output: OutputOption = None,
    figure: FigureOption = "overview",
    block: BlockOption = None,
    depth: LevelsOption = None,
    expand: ExpandOption = None,
    cost: CostOption = None,
    theme: ThemeOption = "light",
    text: TextOption = "font",
    steps: StepsOption = False,
    frames: FramesOption = None,
    *,
    options: SpecOptions,
    format: FormatOption = Format.TEXT,
) -> None:
    """Draw a network as SVG, PDF, PNG or TikZ (.tex), or as a page (HTML) whose boxes open, as the suffix of -o says.

    archdsl draw resnet@plain34 @34 --figure compare draws several side by side; other figures are of one.

    With --steps, an SVG says when each item appears (for reveal.js), a PDF has a page for each frame (for Beamer), and
    x.png becomes x-1.png, x-2.png and so on.

    Any other option is a parameter of the spec: --phi 3. `SPEC --help` lists them.
    """
    from archdsl.files import write

    for what, word, known in (("figure", figure, FIGURES), ("theme", theme, THEMES), ("text", text, TEXT_FORMS)):
        if word not in known:
            ctx.fail(f"There is no {what} '{word}'; it may be {', '.join(known)}.")
    if specs[0].endswith(".csv") and FIGURES[figure].of != "table":
        tables = ", ".join(name for name, kind in FIGURES.items() if kind.of == "table")
        ctx.fail(f"{specs[0]} is a table, and {figure} is drawn from a spec; a table is drawn by --figure {tables}.")
    targets = _targets(ctx, specs, options, figure)
    with reporting(format) as report:
        path = _place(ctx, output, "_".join([*_names(targets, figure), figure]), FORMATS)
        keep(targets, path)
        picture_format = path.suffix.removeprefix(".") or "svg"
        (chosen,) = (name for name in THEMES if name == theme)
        (form,) = (name for name in TEXT_FORMS if name == text)
        wanted = {"block": block, "depth": depth, "expand": expand or (), "cost": cost}
        try:
            if picture_format in WHOLE:
                if len(targets) > 1 or FIGURES[figure].of == "table":
                    ctx.fail(f"A {picture_format.upper()} file is of one network.")
                figures.refuse_in_whole(picture_format, figure, **wanted, steps=steps, frames=frames)
                contents = {path: _whole(_compiled(targets[0], report), picture_format, chosen)}
            else:
                found = _scene(targets, figure, report, wanted, chosen)
                found = figures.in_steps(found, frames) if steps or frames else found
                contents = figures.files(found, path, form)
                report.add(_notes(found, picture_format))
        except FigureError as error:
            ctx.fail(f"{str(error)[:1].upper()}{str(error)[1:]}")
        if path == Path("-"):
            sys.stdout.buffer.write(contents[path])
            report.result_printed = True
            return
        keep(targets, *contents)
        write(contents)
        if report.verbose:
            print(f"wrote {_told(list(contents))}")


def _told(paths: list[Path]) -> str:
    """The files that were written: one by its name, of several the first and the last."""
    if len(paths) == 1:
        return shown(str(paths[0]))
    return f"{len(paths)} files, {shown(str(paths[0]))} to {shown(str(paths[-1]))}"


def _whole(graph: Graph, format: str, theme: ThemeName) -> bytes:
    """What shows a whole network, whichever the figure: a DOT file, or a page."""
    if format == "dot":
        return figures.as_dot(graph, theme)
    from archdsl.webpage.document import document

    return document(graph)


def _targets(ctx: typer.Context, specs: list[str], options: SpecOptions, figure: str) -> list[Target]:
    """The networks to draw: one, but for figures of several."""
    found = [asked for _, asked in one_or_several(ctx, specs, options)]
    if len(found) > 1 and FIGURES[figure].of != "graphs":
        many = ", ".join(name for name, kind in FIGURES.items() if kind.of == "graphs")
        ctx.fail(f"The figure {figure} is of one network; {many} shows several.")
    return found


def _names(targets: list[Target], figure: str) -> list[str]:
    """What the figure's file is called after: the specs, or the table."""
    return [Path(asked.spec).stem if FIGURES[figure].of == "table" else asked.name for asked in targets]


def _scene(targets: list[Target], figure: str, report: Report, wanted: dict[str, Any], theme: ThemeName) -> Scene:
    """The figure of what was asked for: of one network, of several, or of what a study finds."""
    figures.refuse(figure, **wanted)
    cost, of = wanted.pop("cost"), FIGURES[figure].of
    if of == "graph":
        return figures.as_scene(_compiled(targets[0], report), figure, theme=theme, **wanted)
    what = [_compiled(asked, report) for asked in targets] if of == "graphs" else _studied(targets[0], figure)
    return figures.as_scene_of(what, figure, cost=cost, theme=theme)


def _compiled(asked: Target, report: Report) -> Graph:
    compiled = asked.compile()
    report.add(compiled.warnings)
    return compiled.graph


def _studied(asked: Target, figure: str) -> Any:
    """What the study of a figure finds."""
    from archdsl.cli.studies import subject

    module, _, function = FIGURES[figure].study.partition(":")
    study = getattr(import_module(f"archdsl.studies.{module}"), function)
    return study(asked.spec if FIGURES[figure].of == "table" else subject(asked))


def _notes(scene: Scene, format: str) -> Iterator[Diagnostic]:
    """What a figure's user should know of it."""
    yield from (Diagnostic("small-text", note, severity="warning", help=help) for note, help in scene.notes)
    missing = figures.lacking(scene, format)
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
