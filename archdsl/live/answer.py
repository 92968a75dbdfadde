"""A question of the page -> its answer: what is wrong in the text, its controls, and the view that is in sight.

A pure function of JSON, with neither threads nor processes of its own: the server calls it in a child process with
limits, and the page without a server calls it in the browser.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archdsl.analyses.notation import shape
from archdsl.backends.figures import page
from archdsl.diagnostics import CompileError
from archdsl.editing.checking import Spec, found, shown_variants
from archdsl.editing.lines import lines
from archdsl.elaborate.settings import setting_names
from archdsl.ir.graph import Graph
from archdsl.live.beside import second_graph
from archdsl.live.controls import controls
from archdsl.live.messages import mended, messages
from archdsl.live.question import Question
from archdsl.live.views import view
from archdsl.syntax.parser import parse


def answer(given: dict[str, Any]) -> dict[str, Any]:
    """Answers `{"question": ..., "path": ...}`.

    `question` is the page's, as in `Question`. `path` is that of the spec, in whose folder imports are looked for
    besides the library; None is a text without a file. It comes from the server, never from the page.
    """
    try:
        asked = Question.model_validate(given["question"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return {"refused": f"this is no question of the page: {where}: {first['msg']}"[:300]}
    spec = Spec(asked.text, None if given["path"] is None else Path(given["path"]))
    try:
        spec = _as_asked(spec, asked)
    except CompileError as error:
        return {"diagnostics": (mended if asked.fixes else messages)(error.diagnostics, spec)}
    if asked.fixes:
        return {"diagnostics": mended(found(spec), spec)}
    return _checked(spec, asked)


def _as_asked(spec: Spec, asked: Question) -> Spec:
    """The spec with the variant and the settings of the question, as far as its network has them."""
    network = spec.file.network
    if network is None:
        return spec
    known = shown_variants(network)
    variant = asked.variant if asked.variant in known else known[0]
    settings = {name: value for name, value in asked.settings.items() if name in setting_names(network)}
    return replace(spec.of_variant(variant), settings=settings)


def _checked(spec: Spec, asked: Question) -> dict[str, Any]:
    network = spec.file.network
    if network is None:
        return {"diagnostics": messages(found(spec), spec)}
    try:
        compiled = spec.compiled
    except CompileError as error:
        return {"diagnostics": messages(error.diagnostics, spec), "controls": controls(network, spec.variant)}
    return {
        "diagnostics": messages(compiled.warnings, spec),
        "controls": controls(network, spec.variant, compiled.graph.header.settings),
        "lines": [
            {"line": one.line, "text": one.text} for one in lines(compiled.graph, spec.source, parse(spec.source))
        ],
        "network": {"name": network.name, "facts": _facts(compiled.graph)},
        **_views(spec, compiled.graph, asked),
    }


def _views(spec: Spec, graph: Graph, asked: Question) -> dict[str, Any]:
    """The view, and in `beside` what is wrong with the name of a second network; the first is then shown alone.

    Code is of one network.
    """
    graphs, names, wrong = [graph], [spec.variant or graph.header.name], {}
    if asked.beside.strip() and asked.view != "code":
        try:
            graphs.append(second_graph(spec, asked.beside.strip()))
            names.append(asked.beside.strip())
        except CompileError as error:
            wrong["beside"] = "\n".join(": ".join(filter(None, (one.message, one.help))) for one in error.diagnostics)
    return {"view": view(graphs, names, asked), **wrong}


def _facts(graph: Graph) -> str:
    """Inputs, size and costs in a line: `3×224×224 in · 25.6 M parameters · 4.09 G MACs`."""
    return f"{', '.join(shape(node.output) for node in graph.inputs)} in · {page.facts(graph)}"
