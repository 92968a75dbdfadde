"""`archdsl diff`: what makes one network another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from archdsl.cli.networks import NetworkArguments, networks
from archdsl.cli.options import (
    ExactOption,
    FileOption,
    Format,
    NetworkOptions,
    PrecisionOption,
    SheetFormatOption,
    grouped,
)
from archdsl.cli.output import in_color, reporting, width
from archdsl.cli.studies import bytes_of, columns, format_of, meanings

if TYPE_CHECKING:
    from pathlib import Path

    from archdsl.backends.sheet import Sheet
    from archdsl.studies.difference import NetworkDifference

BOTH = ("params", "macs", "flops", "live", "field", "layers")
"""Measures of both networks, side by side."""


@grouped
def diff(
    ctx: typer.Context,
    networks_: NetworkArguments,
    format: SheetFormatOption = None,
    output: FileOption = None,
    exact: ExactOption = False,
    precision: PrecisionOption = "fp32",
    *,
    options: NetworkOptions,
) -> None:
    """Tell what makes one network another.

    What was added, removed and changed, what each of it costs, and whether a checkpoint of the first loads into the
    second: archdsl diff resnet@50 @101, archdsl diff efficientnet efficientnet phi=1. Any other option is a setting of
    both: --classes 10.
    """
    from archdsl.studies.difference import difference

    asked = networks(ctx, networks_, options)
    if len(asked) != 2:
        ctx.fail(f"A difference is between two networks; {len(asked)} given.")
    with reporting(Format.TEXT) as report:
        report.result_printed = True
        kind = format_of(format, output)
        bytes_each = bytes_of(precision)
        compiled = [target.compile() for _, target in asked]
        for one in compiled:
            report.add(warning for warning in one.warnings if warning.code == "unused-setting")
        found = difference(compiled[0].graph, compiled[1].graph, bytes_each)
        labels = (asked[0][0], asked[1][0])
        _put(_sheets(found, labels, precision, exact), kind, output)


def _put(sheets: tuple[Sheet, Sheet], format: str, output: Path | None) -> None:
    """Prints both sheets for people, only the entries for programs."""
    import sys
    from pathlib import Path

    from archdsl.backends.sheet import render
    from archdsl.files import write

    to_file = output is not None and output != Path("-")
    color = not to_file and in_color(sys.stdout)
    wanted = sheets if format in ("text", "markdown") else sheets[1:]
    text = "\n".join(render(sheet, format, width(), color) for sheet in wanted)
    if output is None or not to_file:
        print(text, end="")
        return
    write({output: text})
    print(f"wrote {output}")


def _sheets(found: NetworkDifference, labels: tuple[str, str], precision: str, exact: bool) -> tuple[Sheet, Sheet]:
    return _totals(found, labels, precision, exact), _entries(found, labels, exact)


def _totals(found: NetworkDifference, labels: tuple[str, str], precision: str, exact: bool) -> Sheet:
    """Both networks side by side."""
    from archdsl.backends.sheet import Column, Sheet, shown

    rows = []
    for column in columns(BOTH):
        ours, theirs = (measures[column.name] for measures in found.measures)
        rows.append(
            [
                column.heading,
                shown(column, ours, exact),
                shown(column, theirs, exact),
                *_change(column, ours, theirs, exact),
            ]
        )
    names = [Column("measure", ""), Column("before", labels[0], "number"), Column("after", labels[1], "number")]
    return Sheet(
        f"{labels[0]} → {labels[1]}",
        [*names, Column("change", "change", "number"), Column("share", "", "number")],
        rows,
        [*(f"{name}: {_value(ours)} → {_value(theirs)}" for name, ours, theirs in found.settings)],
        meanings(BOTH, precision),
    )


def _change(column: Any, ours: float, theirs: float, exact: bool) -> tuple[str, str]:
    from dataclasses import replace
    from math import isinf

    from archdsl.backends.sheet import shown

    if ours == theirs:
        return "same", ""
    if isinf(ours) or isinf(theirs):
        return "", ""
    unit = "change B" if column.unit == "B" else "change"
    share = f"{100 * (theirs - ours) / ours:+.3g} %" if ours else ""
    return shown(replace(column, unit=unit), theirs - ours, exact), share


def _value(value: Any) -> str:
    from archdsl.elaborate.derive import shown

    return "none" if value is None else shown(value)


def _entries(found: NetworkDifference, labels: tuple[str, str], exact: bool) -> Sheet:
    """The differences, a row each, and what becomes of a checkpoint."""
    from archdsl.backends.sheet import Column, Sheet
    from archdsl.studies.weights import in_words

    rows: list[list[Any]] = [
        [e.kind, e.path, e.what + (f" (×{e.copies})" if e.copies > 1 else ""), *_cost(e.cost, e.kind)]
        for e in found.entries
    ]
    if found.followers:
        ops = f"{found.followers} op{'s' if found.followers != 1 else ''}"
        rows.append(["follows", ops, "as before, on other shapes", found.follows.params, found.follows.macs])
    count = len(found.entries)
    return Sheet(
        f"{count} difference{'s' if count != 1 else ''}" if rows else "no difference",
        [
            Column("kind", ""),
            Column("path", "path", "name"),
            Column("what", "what"),
            Column("params", "params", "change"),
            Column("macs", "MACs", "change"),
        ],
        rows,
        (),
        list(in_words(found.loading, *labels)),
        {"before": labels[0], "after": labels[1], **_facts(found)},
        exact,
    )


def _cost(cost: Any, kind: str) -> tuple[int | None, int | None]:
    """Parameters and MACs of an entry; none for a renamed member."""
    return (None, None) if kind == "renamed" else (cost.params, cost.macs)


def _facts(found: NetworkDifference) -> dict[str, Any]:
    from archdsl.backends.sheet import plain

    loading = found.loading
    return {
        "measures": [{name: plain(value) for name, value in measures.items()} for measures in found.measures],
        "settings": [{"name": name, "before": ours, "after": theirs} for name, ours, theirs in found.settings],
        "checkpoint": {
            "loads": loading.loads,
            "fitting": len(loading.fitting),
            "misshapen": list(loading.misshapen),
            "missing": list(loading.missing),
            "unexpected": list(loading.unexpected),
            "moved": dict(loading.moved),
        },
    }
