"""`archdsl ops`: the reference of the ops, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.complete import op_names
from archdsl.cli.output import WRONG_CALL, console, table, width

if TYPE_CHECKING:
    from archdsl.ops.reference import OpReference

NameArgument = Annotated[
    str | None, typer.Argument(metavar="NAME", help="One op.", autocompletion=op_names, show_default=False)
]


def ops(name: NameArgument = None) -> None:
    """List the ops, or say everything about one: its arguments, their defaults, examples with shapes."""
    if name is None:
        _print_all()
    else:
        _print_one(name)


def _print_all() -> None:
    from archdsl.ops.reference import families, reference

    for family, members in families().items():
        print(f"{family.capitalize()}")
        rows = table("", "")
        rows.show_header = False
        for op in members:
            rows.add_row(f"  {op.name}", reference(op).summary)
        console().print(rows)
        print()
    print("`archdsl ops NAME` tells all about one.")


def _print_one(name: str) -> None:
    from archdsl.ops.reference import families, reference

    known = {op.name: op for members in families().values() for op in members}
    if name not in known:
        from difflib import get_close_matches

        close = get_close_matches(name, known, 1)
        typer.echo(f"There is no op '{name}'" + (f"; did you mean '{close[0]}'?" if close else "."), err=True)
        raise typer.Exit(WRONG_CALL)
    entry = reference(known[name])
    print("\n".join(_lines(entry)))


def _lines(entry: OpReference) -> Iterator[str]:
    from textwrap import wrap

    yield entry.signature
    yield ""
    yield from wrap(entry.summary, width())
    if entry.details:
        yield ""
        yield entry.details
