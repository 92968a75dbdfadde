"""The commands, in the order in which one needs them."""

from __future__ import annotations

from typing import Annotated

import typer

from archdsl.cli.check import check
from archdsl.cli.compare import compare
from archdsl.cli.compile import compile
from archdsl.cli.diff import diff
from archdsl.cli.draw import draw
from archdsl.cli.explain import explain
from archdsl.cli.fit import fit
from archdsl.cli.fmt import fmt
from archdsl.cli.import_ import import_
from archdsl.cli.listing import list_specs
from archdsl.cli.ops import ops
from archdsl.cli.prove import prove
from archdsl.cli.show import show
from archdsl.cli.sizes import sizes
from archdsl.cli.specs import SpecCommand
from archdsl.cli.sweep import sweep
from archdsl.cli.table import table

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"archdsl {version('archdsl')}")
        raise typer.Exit


@app.callback()
def archdsl(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where a bug of archdsl itself lies.")] = False,
) -> None:
    """A small compiler of neural-network architectures.

    A spec is a file, or the name of one that comes with archdsl; `efficientnet@b3` names a variant of it. Exit
    codes: 0, 1 for an error in a spec, 2 for a wrong call.
    """


app.command("list")(list_specs)
app.command(cls=SpecCommand)(check)
app.command(cls=SpecCommand)(compile)
app.command(cls=SpecCommand)(draw)
app.command(cls=SpecCommand)(explain)
app.command(cls=SpecCommand)(show)
app.command(cls=SpecCommand)(table)
app.command(cls=SpecCommand)(diff)
app.command(cls=SpecCommand)(compare)
app.command(cls=SpecCommand)(sweep)
app.command(cls=SpecCommand)(fit)
app.command(cls=SpecCommand)(sizes)
app.command()(fmt)
app.command()(ops)
app.command("import")(import_)
app.command(cls=SpecCommand)(prove)
