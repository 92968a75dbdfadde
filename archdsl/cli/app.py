"""The commands, in the order in which a new user needs them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from archdsl.cli.specs import SpecCommand

COMMANDS = (
    ("list", "listing.list_specs"),
    ("check", "check.check"),
    ("compile", "compile.compile"),
    ("draw", "draw.draw"),
    ("serve", "serve.serve"),
    ("explain", "explain.explain"),
    ("show", "show.show"),
    ("table", "table.table"),
    ("diff", "diff.diff"),
    ("compare", "compare.compare"),
    ("sweep", "sweep.sweep"),
    ("fit", "fit.fit"),
    ("sizes", "sizes.sizes"),
    ("fmt", "fmt.fmt"),
    ("lsp", "lsp.lsp"),
    ("ops", "listing.ops"),
    ("import", "import_.import_"),
    ("prove", "prove.prove"),
)
"""The name of each command, with its module and function."""

WITHOUT_SPEC = ("list", "serve", "fmt", "lsp", "ops", "import")


def app(asked: str | None = None) -> typer.Typer:
    """The command line with all commands, or only with the command `asked`, if there is one of that name.

    Importing all of them takes longer than reading a spec. `--version` needs none of them.
    """
    made = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(archdsl)
    for name, place in _commands(asked):
        module, _, function = place.partition(".")
        command = getattr(import_module(f"archdsl.cli.{module}"), function)
        made.command(name, cls=None if name in WITHOUT_SPEC else SpecCommand)(command)
    return made


def _commands(asked: str | None) -> Sequence[tuple[str, str]]:
    if asked == "--version":
        return ()
    return [pair for pair in COMMANDS if pair[0] == asked] or COMMANDS


def _print_version(asked: bool) -> None:
    if asked:
        from archdsl.cli.version import lines

        print("\n".join(lines()))
        raise typer.Exit


def archdsl(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version, and those of Python and packages.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show the traceback of a bug in archdsl.")] = False,
) -> None:
    """A small compiler of neural-network architectures.

    A spec is a file, or the name of one that comes with archdsl; `efficientnet@b3` names a variant of it. Exit
    codes: 0 for success, 1 for an error in a spec, 2 for a wrong call.
    """
