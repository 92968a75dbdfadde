"""Whatever a text holds, it is refused where it is read, or comes back as it was from every file that is written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hostile import LEGAL, NAMES, READERS, TEXTS, in_tikz, in_xml, letters

import archdsl
from archdsl.backends.figures import FIGURES
from archdsl.backends.figures import written as figure_written
from archdsl.backends.tables import FORMATS
from archdsl.backends.torch.load import module
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph
from archdsl.ir.serialize import from_json, to_json
from archdsl.outputs import OUTPUTS, prepared, written
from archdsl.report import render_json, render_line, render_text

MARK = "zqxmark"
"""Put first where a text goes, to see where it comes out."""

PLACES = ("doc", "citation", "parameter", "value", "title", "stage doc", "block doc", "note", "label")


def spec(text: str, places: tuple[str, ...] = PLACES) -> str:
    """A network with a text in every place where one may stand."""
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    at = {place: text if place in places else MARK for place in PLACES}
    said = {place: quoted if place in places else f'"{MARK}"' for place in PLACES}
    return f'''\
# {at["note"]}
network Net:
    """. {at["doc"]} ."""
    source {said["citation"]}
    input image: 3 x 16 x 16
    param mode: str = {said["value"]} {said["parameter"]}
    require mode != "never" {said["parameter"]}
    stage first {said["title"]}:
        """. {at["stage doc"]} ."""
        Unit(mode)
    stage last: conv(4, 1) -> bn
block Unit(mode {said["label"]}):
    """. {at["block doc"]} ."""
    conv(8, 3) -> if mode == "never" then bn else relu
'''


def pages(graph: Graph) -> Iterator[tuple[str, str]]:
    """Everything that is written of a network: what it is called, and what its reader finds in it."""
    network = archdsl.Network(archdsl.driver.Compiled(graph, None, ()))
    for output in OUTPUTS:
        yield output.name, READERS[output.name](written(graph, output.name))
    for figure in (name for name, kind in FIGURES.items() if kind.of == "graph"):
        drawing = network.draw(figure)
        yield f"figure {figure}", in_xml(drawing.data.decode())
        assert drawing.scene is not None
        yield f"figure {figure} as TikZ", in_tikz(figure_written(drawing.scene, "tex").decode(), drawing.data)
    for format in FORMATS:
        columns = ["path", "op", "title", "line", "arguments", "params"]
        yield f"table {format}", READERS[format](network.table(format, columns=columns))


@cache
def expected(places: tuple[str, ...]) -> frozenset[str]:
    """In which files a text turns up that stands in these places."""
    graph = archdsl.loads(spec("zqxother", places)).graph
    return frozenset(name for name, page in pages(graph) if "zqxother" in letters(page))


def refusals(text: str, places: tuple[str, ...]) -> list[str]:
    with pytest.raises(CompileError) as error:
        archdsl.loads(spec(text, places))
    found = error.value.diagnostics
    shown = [render_text(found), *map(render_line, found), render_json(found)]
    assert all(archdsl.text.hidden(part, several_lines=True) is None for part in shown)
    return [diagnostic.code for diagnostic in found]


@pytest.mark.sampled
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_comes_back_or_is_refused(text: str) -> None:
    if archdsl.text.hidden(text) is not None:
        for place in PLACES:
            # Python and the language read some of these as ends of lines; then the next line is at fault.
            if archdsl.text.hidden(text, several_lines=True) is not None and "\r" not in text:
                assert "hidden-character" in refusals(text, (place,)), place
        if archdsl.text.hidden(text, several_lines=True) is not None:
            return
    places = tuple(place for place in PLACES if _may_hold(place, text))
    network = archdsl.loads(spec(f"{MARK} {text} {MARK}", places))
    wanted = letters(f"{MARK}{text}{MARK}")
    for name, page in pages(network.graph):
        is_cut = "…" in page and len(text) > 40
        assert is_cut or (wanted in letters(page)) == (name in expected(places)), (name, page)
    assert from_json(to_json(network.graph)) == network.graph


def _may_hold(place: str, text: str) -> bool:
    several_lines = place in ("doc", "stage doc", "block doc")
    ends = ('"""',) if several_lines else ("\n", "\r", "\t")
    if place == "note":
        ends = ("\n", "\r")
    return not any(end in text for end in ends)


@pytest.mark.sampled
@pytest.mark.parametrize("name", [*NAMES, *LEGAL], ids=range(len(NAMES) + len(LEGAL)))
@pytest.mark.parametrize("place", ["block", "param", "stage", "label", "path", "let", "output", "network", "variant"])
def test_a_name_is_written_or_refused(name: str, place: str) -> None:
    at = dict.fromkeys(["block", "param", "stage", "label", "path", "let", "output", "network", "variant"], "")
    at = {"block": "Unit", "param": "width", "stage": "first", "label": "here", "path": "aside", "let": "half"}
    at |= {"output": "early", "network": "Net", "variant": "small", place: name}
    text = f"""\
network {at["network"]}:
    input image: 3 x 16 x 16
    param {at["param"]}: int = 8
    variants:
        {at["variant"]}: {at["param"]} = 4
    stage {at["stage"]}: {at["block"]}({at["param"]}) as {at["label"]}
    path {at["path"]} = relu
    output {at["output"]}: {at["path"]} -> bn
    relu
block {at["block"]}({at["param"]}):
    let {at["let"]} = {at["param"]} // 2
    conv({at["let"]}, 3) -> bn
"""
    try:
        graph = archdsl.loads(text).graph
    except CompileError:
        return
    for output in OUTPUTS:
        READERS[output.name](written(graph, output.name))
    module(prepared(graph, "torch"))


@pytest.mark.parametrize("text", ["\x1b[31m", "\x00", "\u202e", "a\nb"])
def test_settings_are_texts_too(text: str) -> None:
    for value in (text, f'"{text}"', [text]):
        with pytest.raises(CompileError):
            archdsl.loads(spec(MARK), mode=value)


@pytest.mark.parametrize("name", ["a\x1b[31mb.arch", "\u202eb.arch", "a\nb.arch", '"<&%$_\\.arch', "'a.arch", "#.arch"])
def test_names_of_files_are_cleaned(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(spec(MARK))
    graph = archdsl.load(tmp_path / name).graph
    for title, page in pages(graph):
        assert "\x1b" not in page, title
        assert "\u202e" not in page, title
    assert from_json(to_json(graph)) == graph
