"""Puts the page together: drawings, facts, table, style and script in one file that asks for nothing else.

Whatever a spec brings comes in by one of three ways: escaped into the markup, as SVG by the figures' own writer, or as
JSON. A content security policy allows the style and the script of this file by their hashes, and nothing else.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from pathlib import Path

from archdsl.analyses.measures import summarize
from archdsl.analyses.notation import shape
from archdsl.analyses.rows import CUTS, rows
from archdsl.backends.figures import page
from archdsl.backends.figures.formats.svg import faces
from archdsl.backends.figures.label import network_name
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.request import Request
from archdsl.backends.tables.table import Column, Line, Table, cells, total_cells
from archdsl.backends.torch.schedule import emitted
from archdsl.ir.graph import Graph
from archdsl.ir.steps import drawn
from archdsl.webpage.colours import Colours
from archdsl.webpage.facts import facts
from archdsl.webpage.levels import levels

HERE = Path(__file__).parent
COLUMNS = ("path", "op", "output", "params", "macs")
"""Of the table, as `archdsl table` has them."""


def document(graph: Graph) -> bytes:
    """The whole file; the same network gives the same bytes."""
    shown = drawn(graph)
    found = levels(shown)
    table = build(shown, Request(rows="block", columns=COLUMNS, format="html"), schedule=emitted)
    data = facts(shown, found, rows(summarize(shown), CUTS["block"]))
    colours = Colours()
    drawings = [colours.named(text) for text in found.drawings]
    style = "\n".join([*faces(found.items), colours.rules(), _file("page.css")])
    script = _file("page.js")
    places = data["places"]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy(style, script)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(network_name(graph.header))}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        *_head(shown),
        "<main>",
        *_figure(drawings[0]),
        *_costs(table, {path for path in places if path}),
        "</main>",
        *(f'<template id="drawing-{i}">{text}</template>' for i, text in enumerate(drawings)),
        f'<script type="application/json" id="data">{as_json({"name": network_name(graph.header), **data})}</script>',
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join([*lines, ""]).encode()


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """What the page may do: nothing but its own style and script, and fonts within the style."""
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; font-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def as_json(data: object) -> str:
    """JSON in which nothing ends the script element that it stands in, or begins a comment there."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


# --- parts of the body ---------------------------------------------------------------------

KEYS = (
    ("click, Enter", "open a box"),
    ("Esc", "close it"),
    ("drag, arrows", "move"),
    ("wheel, + and −", "zoom"),
    ("0", "show all"),
    ("/", "find"),
)
"""What the reader can do, and how."""


def _head(graph: Graph) -> Iterator[str]:
    inputs = ", ".join(shape(node.output) for node in graph.inputs)
    yield "<header>"
    yield '<a class="skip" href="#costs-title">To the table of costs</a>'
    yield f"<h1>{escape(network_name(graph.header))}</h1>"
    yield f"<p>{escape(f'{inputs} in · {page.facts(graph)}')}</p>"
    yield '<form id="search" role="search">'
    yield '<label for="find">Find <kbd>/</kbd></label>'
    yield '<input id="find" type="search" autocomplete="off" spellcheck="false" aria-describedby="found-told">'
    yield '<p id="found-told" role="status"></p>'
    yield '<ul id="found" aria-label="What was found"></ul>'
    yield "</form>"
    yield '<div class="tools" role="group" aria-label="View">'
    for name, label, text in (
        ("close", "Close this level (Escape)", "Close"),
        ("out", "Zoom out (minus key)", "−"),
        ("in", "Zoom in (plus key)", "+"),
        ("fit", "Show all (key 0)", "Fit"),
    ):
        yield f'<button type="button" id="{name}" aria-label="{label}">{text}</button>'
    yield '<button type="button" id="theme">Dark</button>'
    yield '<button type="button" id="side" aria-expanded="true" aria-controls="aside">Costs</button>'
    yield "</div>"
    yield "</header>"


def _figure(drawing: str) -> Iterator[str]:
    """The first drawing stands in the page itself, for readers whose browser runs no scripts."""
    yield '<section id="pane" aria-label="Figure">'
    yield '<nav aria-label="Opened so far"><ol id="trail"></ol></nav>'
    yield f'<div id="figure" tabindex="0" role="group" aria-label="Figure" aria-describedby="keys">{drawing}</div>'
    told = " · ".join(f"<span><kbd>{escape(key)}</kbd> {escape(what)}</span>" for key, what in KEYS)
    yield f'<p id="keys">{told}</p>'
    yield "</section>"


def _costs(table: Table, places: set[str]) -> Iterator[str]:
    yield '<aside id="aside" aria-label="Costs">'
    yield '<section id="panel" aria-live="polite" aria-label="What is chosen"><h2></h2><dl></dl></section>'
    yield '<section id="costs" aria-labelledby="costs-title">'
    yield '<h2 id="costs-title" tabindex="-1">Costs</h2>'
    yield '<div class="scroll"><table aria-labelledby="costs-title">'
    heads = (
        f'<th scope="col"{_class(column)} title="{escape(column.about)}">{escape(column.heading)}</th>'
        for column in table.columns
    )
    yield f"<thead><tr>{''.join(heads)}</tr></thead>"
    yield "<tbody>"
    yield from (_line(table, line, places) for line in table.lines)
    yield "</tbody>"
    totals = zip(table.columns, total_cells(table), strict=True)
    row = "".join(
        f'<th scope="row">{escape(text)}</th>' if column.leads else f"<td{_class(column)}>{escape(text)}</td>"
        for column, text in totals
    )
    yield f"<tfoot><tr>{row}</tr></tfoot>"
    yield "</table></div>"
    yield from (f"<p>{escape(line)}</p>" for line in (*table.heading, *table.notes))
    yield "</section>"
    yield "</aside>"


def _line(table: Table, line: Line, places: set[str]) -> str:
    """A row; its name is a button that leads to its box, where it is drawn."""
    opened = ' class="opened"' if line.opened else ""
    texts = zip(table.columns, cells(table, line), strict=True)
    return f"<tr{opened}>{''.join(_cell(column, text, line, places) for column, text in texts)}</tr>"


def _cell(column: Column, text: str, line: Line, places: set[str]) -> str:
    if not column.leads:
        return f"<td{_class(column)}>{escape(text)}</td>"
    name = escape(text.strip())
    if line.path in places:
        told = f"Show {line.path}" + (f" and {line.copies - 1} alike" if line.copies > 1 else "")
        name = f'<button type="button" data-go="{escape(line.path)}" aria-label="{escape(told)}">{name}</button>'
    return f'<th scope="row" class="level-{min(line.level, 6)}">{name}</th>'


def _class(column: Column) -> str:
    return "" if column.is_text else ' class="number"'
