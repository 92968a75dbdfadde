"""A notebook as a page of Markdown: its texts, its code, and what the code printed or drew when it was last run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def as_markdown(path: Path) -> str:
    """The whole notebook, cell by cell."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return "\n\n".join(part for cell in notebook["cells"] for part in _cell(cell)) + "\n"


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield text
    elif text.strip():
        yield _fenced("arch" if text.startswith("%%arch") else "python", text)
        yield from map(_output, cell["outputs"])


def _output(output: dict[str, Any]) -> str:
    """The richest form that a page can have: a drawing, a table, or else the text."""
    if output["output_type"] == "stream":
        return _fenced("text", "".join(output["text"]))
    if output["output_type"] == "error":
        return _fenced("text", "\n".join(output["traceback"]))
    data = output["data"]
    for kind in ("image/svg+xml", "text/html"):
        if kind in data:
            return f'<div class="output">\n{"".join(data[kind])}\n</div>'
    return _fenced("text", "".join(data["text/plain"]))


def _fenced(kind: str, text: str) -> str:
    return f"````{kind}\n{text.rstrip()}\n````"
