"""Writes the generated documents anew; `tests/test_generated.py` holds the files to what this would write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import command_reference
import cuda_page
import error_examples
import gallery_record
import keras_record
import python_reference
import zoo_record
from shown_figures import PICTURES

from archdsl import codes, foreign
from archdsl.backends.tables import reference as costs
from archdsl.highlighting import textmate
from archdsl.ir.schema import schema
from archdsl.ops import reference as ops

DOCS = Path(__file__).parent.parent / "docs"

GENERATED: dict[str, Callable[[], str]] = {
    "diagnostics.md": lambda: codes.reference(error_examples.render),
    "ops.md": ops.markdown,
    "gallery.md": gallery_record.markdown,
    "keras_gallery.md": keras_record.markdown,
    "zoo.md": zoo_record.markdown,
    "benchmarks.md": cuda_page.markdown,
    "costs.md": costs.markdown,
    "words.md": foreign.markdown,
    "commands.md": command_reference.markdown,
    "python.md": python_reference.markdown,
    "graph.schema.json": lambda: json.dumps(schema(), indent=2) + "\n",
    "../editors/vscode/syntaxes/archdsl.tmLanguage.json": lambda: json.dumps(textmate.grammar(), indent=2) + "\n",
    **{f"figures/{name}.svg": shown.svg for name, shown in PICTURES.items()},
}


def main() -> None:
    for name in GENERATED:
        write(name)


def write(name: str) -> None:
    (DOCS / name).write_text(GENERATED[name](), encoding="utf-8")
    print((DOCS / name).resolve().relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
