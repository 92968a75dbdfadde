"""Figures: every network of the library fits a slide, nothing is cut or overlaps, same input gives same bytes."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from itertools import combinations
from pathlib import Path

import pytest

from archdsl import loads
from archdsl.analyses import totals
from archdsl.analyses.notation import count
from archdsl.backends.figures import FIGURES, FigureError, ThemeName, as_scene, draw, written
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.style import CONTRAST, LOOKS, THEMES, contrast, mix
from archdsl.driver import compile_network, open_spec, split_variant
from archdsl.ir.graph import Graph
from archdsl.resources import specs_folder
from tests.pictures import Box, Picture

CASES = Path(__file__).parent / "cases" / "figures"
SLIDE = 960.0
SMALLEST = 14.0

GOLDEN = [
    ("lenet@5", "overview"),
    ("lenet@5", "graph"),
    ("textcnn", "block"),
    ("unet@2015", "graph"),
    ("unet@2015", "overview"),
    ("resnet@18", "block"),
    ("densenet@121", "block"),
    ("googlenet@paper", "block"),
    ("resnext_block@a", "graph"),
]


@cache
def network(name: str) -> Graph:
    spec, variant = split_variant(name)
    return compile_network(open_spec(spec), variant).graph


def library() -> list[str]:
    """A variant of each spec: of those with several, the one in the middle, which differs from the defaults."""
    names = []
    for path in sorted(specs_folder().glob("*.arch")):
        found = open_spec(path.stem).network
        if found is not None:
            variants = list(found.variants)
            names.append(f"{path.stem}@{variants[len(variants) // 2]}" if variants else path.stem)
    return names


OF_GRAPHS = [name for name, figure in FIGURES.items() if figure.of == "graph"]

every_figure = pytest.mark.parametrize("figure", OF_GRAPHS)
every_network = pytest.mark.parametrize("name", library())


@cache
def scene_of(name: str, figure: str) -> Scene:
    return as_scene(network(name), figure)


@cache
def picture(name: str, figure: str) -> Picture:
    return Picture(written(scene_of(name, figure)))


def fits_a_slide_with_text_that_can_be_read(found: Picture) -> None:
    assert found.width <= SLIDE + 0.01, "larger than a slide"
    assert found.width / found.height == pytest.approx(16 / 9, abs=0.01)
    assert min(found.sizes()) * found.scale >= SMALLEST - 0.01


def nothing_is_outside_of_the_page(found: Picture) -> None:
    for box in [*found.texts(), *found.shapes(), *found.strokes()]:
        assert found.page.holds(box), f"{box} is outside of {found.page}"


def text_lies_inside_its_box(found: Picture) -> None:
    for thing in found.things():
        for words in thing.texts:
            assert thing.outline.holds(words, 0.0), f"{words} sticks out of {thing.id} at {thing.outline}"


def nothing_lies_on_something_else(found: Picture) -> None:
    for one, other in combinations(found.texts(), 2):
        assert not one.meets(other), f"{one} and {other} overlap"
    for a, b in combinations(found.things(), 2):
        assert not a.outline.meets(b.outline), f"{a.id} and {b.id} overlap"


def lines_pass_beside_boxes_and_text(found: Picture) -> None:
    solid = [thing.outline for thing in found.things()]
    for stroke in found.strokes():
        thick = Box(stroke.left - 0.5, stroke.top - 0.5, stroke.right + 0.5, stroke.bottom + 0.5, stroke.name)
        for box in [*solid, *found.texts()]:
            assert not thick.meets(box, 0.99), f"{stroke} runs through {box}"


def ids_are_unique(found: Picture) -> None:
    assert len(found.ids) == len(set(found.ids))


CHECKS = (
    fits_a_slide_with_text_that_can_be_read,
    nothing_is_outside_of_the_page,
    text_lies_inside_its_box,
    nothing_lies_on_something_else,
    lines_pass_beside_boxes_and_text,
    ids_are_unique,
)


@pytest.mark.sampled
@every_figure
@every_network
def test_every_network_makes_a_slide(name: str, figure: str) -> None:
    found, graph = picture(name, figure), network(name)
    assert found.things()
    for check in CHECKS:
        check(found)
    paths = {node.id for node in graph} | set(graph.scopes)
    assert set(found.ids) - {"figure-title", "figure-description"} <= paths


def test_the_checks_find_what_they_look_for() -> None:
    """Each is shown a picture with the mistake in it."""
    good = draw(network("lenet@5"), "graph").decode()
    rect = '<rect x="10" y="60" width="600" height="200" fill="none"/>'
    spoiled = {
        "larger than a slide": good.replace('width="960pt"', 'width="1960pt"'),
        "is outside": good.replace("</svg>", '<rect x="-50" y="0" width="10" height="10"/></svg>'),
        "sticks out": good.replace('textLength="39.31"', 'textLength="90"'),
        "overlap": good.replace("</svg>", f'<g data-kind="op" id="copy">{rect}</g></svg>'),
        "runs through": good.replace("</svg>", '<path d="M0 100 L900 100"/></svg>'),
        "assert": good.replace('id="C1"', 'id="S2"'),
    }
    for (message, text), check in zip(spoiled.items(), CHECKS, strict=True):
        assert text != good
        check(Picture(good.encode()))
        with pytest.raises(AssertionError, match=message):
            check(Picture(text.encode()))


@pytest.mark.sampled
@every_network
def test_stages_cost_as_much_as_the_network(name: str) -> None:
    graph = network(name)
    nodes = [node for node in totals.nodes_in(graph, training=True) if not of_training_alone(graph, node.id)]
    groups = [group for group in picture(name, "overview").groups() if "data-macs" in group.attrib]
    assert sum(int(group.attrib["data-macs"]) for group in groups) == totals.macs(graph, nodes)
    assert sum(int(group.attrib["data-parameters"]) for group in groups) == totals.parameters(graph, nodes)


@pytest.mark.parametrize("name", [*library()[::4], "two outputs"])
def test_the_bars_of_stages_add_up_to_what_the_head_says(name: str) -> None:
    """Also where a further output has ops of its own."""
    found = picture(name, "overview") if "@" in name or name in library() else Picture(draw(loads(TWO).graph))
    groups = [group for group in found.groups() if "data-macs" in group.attrib]
    parameters, macs = (sum(int(group.attrib[f"data-{cost}"]) for group in groups) for cost in ("parameters", "macs"))
    assert any(word.endswith(f" in · {count(parameters)} parameters · {count(macs)} MACs") for word in found.words)


TWO = """
network Two:
    input image: 3 x 32 x 32
    stage a: conv(16, 3) -> relu
    output small: a -> conv(8, 1)
    stage b: conv(64, 3, stride=2) -> global_avg_pool -> flatten -> linear(10)
"""


def of_training_alone(graph: Graph, id: str) -> bool:
    """Whether a node belongs to the own ops of an output that only training has, which has no stage here."""
    return id in graph.training_only and any(scope.kind == "output" for scope in graph.ancestry(graph.node(id).scope))


def test_repeats_are_folded_by_structure() -> None:
    words = picture("densenet@121", "graph").words
    assert [word for word in words if word.startswith("DenseLayer")] == [f"DenseLayer ×{n}" for n in (6, 12, 24, 16)]
    assert "repeat ×7" in Picture(draw(network("hourglass@8"), "graph")).words
    assert "32 paths" in picture("resnext_block@a", "graph").words


def test_depth_says_how_much_is_opened() -> None:
    graph = network("resnet@50")
    closed = Picture(draw(graph, "graph", depth=0)).ids
    assert {"conv2", "conv5"} <= set(closed)
    assert "conv2.unit.0" not in closed
    opened = Picture(draw(graph, "graph", depth=1)).ids
    assert "conv4.1" in opened
    assert "conv4.1.conv1" not in opened
    assert "conv4.1.conv1" in Picture(draw(graph, "graph", depth=2)).ids


def test_expand_opens_what_matches_and_nothing_else() -> None:
    ids = Picture(draw(network("resnet@50"), "graph", expand=["conv4.*"])).ids
    assert {"conv4.0.conv1", "conv4.1.conv3", "conv3"} <= set(ids)
    assert "conv3.0" not in ids


def test_a_block_is_asked_for_by_name_or_path() -> None:
    graph = network("hourglass@2")
    assert "Residual" in Picture(draw(graph, "block", block="Residual")).words
    assert "stem.residual2.conv1" in Picture(draw(graph, "block", block="stem.residual2")).ids
    with pytest.raises(FigureError, match=r"its blocks are: Residual, Hourglass"):
        draw(graph, "block", block="Bottleneck")
    with pytest.raises(FigureError, match="nothing in the network is called `conv9"):
        draw(graph, "graph", expand=["conv9.*"])


def test_depths_that_there_are_not_and_options_of_other_kinds_are_refused() -> None:
    """They are never left out in silence; what is said, applied, draws."""
    graph = network("lenet@5")
    with pytest.raises(FigureError, match=r"no 3 levels to open; depth may be 0 to 2"):
        draw(graph, "graph", depth=3)
    draw(graph, "graph", depth=2)
    for option, value in {"depth": 1, "expand": ["C1"], "block": "Full"}.items():
        for figure in OF_GRAPHS:
            if option in FIGURES[figure].takes:
                draw(graph, figure, **{option: value})
            else:
                with pytest.raises(FigureError, match=f"`{option}` is for the figure"):
                    draw(graph, figure, **{option: value})


def test_widths_are_written_also_where_they_are_small() -> None:
    """A number of channels below ten is a size like any other."""
    block = "block Unit(width):\n    conv(width, 3) -> relu -> conv(width, 1)\n"
    stages = "".join(f"    stage s{i}: Unit({width}) * 2\n" for i, width in enumerate((8, 16, 7, 8)))
    graph = loads(f"{block}network N:\n    input image: 3 x 64 x 64\n{stages}").graph
    names = [text.name for text in Picture(draw(graph, "overview")).texts()]
    assert [name for name in names if name.startswith("Unit")] == [f"Unit {width} ×2" for width in (8, 16, 7, 8)]


def test_the_source_of_a_further_output_has_a_name() -> None:
    """A value that a copy makes is called after its stage."""
    graph = loads(
        'network N:\n    input image: 3 x 32 x 32\n    stage first "First stage": (conv(8, 3) -> relu) * 2\n'
        "    stage last: global_avg_pool -> flatten -> linear(10)\n    output aux: first -> global_avg_pool\n"
    ).graph
    assert "1" not in {text.name for text in Picture(draw(graph, "graph")).texts()}
    assert "from First stage" in {text.name for text in Picture(draw(graph, "overview")).texts()}


def test_an_unknown_theme_is_refused() -> None:
    for format in ("svg", "dot"):
        with pytest.raises(FigureError, match="no theme 'pink'; it may be light or dark"):
            draw(network("lenet@5"), format=format, theme="pink")  # type: ignore[arg-type]


def test_a_u_net_is_a_u() -> None:
    """Each level of the way down stands left of the level that it hands its value to."""
    boxes = {thing.id: thing.outline for thing in picture("unet@2015", "graph").things()}
    for level in (2, 3, 4):
        down, up = boxes[f"enc{level}"], boxes[f"dec{level}"]
        assert down.right < up.left
        assert boxes["bottom"].top > down.top
    assert boxes["enc2"].top < boxes["enc3"].top < boxes["enc4"].top
    assert boxes["dec2"].top < boxes["dec3"].top < boxes["dec4"].top


def test_the_page_can_have_another_form() -> None:
    for wide, aspect in ((960.0, 4 / 3), (595.0, 0.707)):
        found = Picture(draw(network("resnet@50"), "graph", width=wide, aspect=aspect))
        assert found.width / found.height == pytest.approx(aspect, abs=0.01)
        assert found.width == pytest.approx(wide, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_told_from_what_is_behind_it(theme: ThemeName) -> None:
    colours = THEMES[theme]
    for family in LOOKS:
        assert contrast(colours.ink, colours.fill(family)) >= CONTRAST
    for behind in (colours.background, colours.stage, colours.block):
        assert contrast(colours.ink, behind) >= CONTRAST
    assert contrast(colours.faint, colours.background) >= CONTRAST
    assert contrast(colours.skip, colours.background) >= 3, "lines need less (WCAG 1.4.11)"


def test_contrast_agrees_with_published_pairs() -> None:
    """#767676 is known as the lightest grey that passes on white, #777777 as the first that does not."""
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.005)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)
    assert mix("#0072B2", "#FFFFFF", 1.0) == "#0072B2"


@pytest.mark.sampled
@every_figure
@pytest.mark.parametrize("theme", THEMES)
def test_the_same_input_gives_the_same_bytes(figure: str, theme: ThemeName) -> None:
    graph = network("googlenet@paper")
    for format in ("svg", "pdf", "png", "dot"):
        assert draw(graph, figure, format, theme=theme) == draw(graph, figure, format, theme=theme)


SCRIPT = """
import sys
from archdsl.backends.figures import draw
from archdsl.driver import compile_network, open_spec
graph = compile_network(open_spec("nasnet"), "mobile").graph
for figure in ("overview", "block", "graph"):
    sys.stdout.buffer.write(draw(graph, figure))
"""


def test_the_seed_of_hashes_does_not_matter() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout


@every_figure
def test_themes_have_the_same_geometry(figure: str) -> None:
    """What holds for places in one theme holds in the other: only colours differ."""
    light, dark = (draw(network("resnet@18"), figure, theme=theme).decode() for theme in ("light", "dark"))
    assert light != dark
    assert re.sub("#[0-9A-F]{6}", "", light) == re.sub("#[0-9A-F]{6}", "", dark)


@every_figure
def test_pdf_and_png_need_no_program(figure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    graph = network("lenet@5")
    pdf, png = draw(graph, figure, "pdf"), draw(graph, figure, "png")
    assert pdf.startswith(b"%PDF-")
    assert b"/MediaBox [ 0 0 960 540 ]" in pdf
    assert png.startswith(b"\x89PNG\r\n")
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == pytest.approx((2560, 1440), abs=1)


def test_dot_is_the_whole_graph() -> None:
    import pygraphviz

    graph = network("resnet@18")
    drawing = pygraphviz.AGraph(string=draw(graph, format="dot").decode())
    assert set(drawing.nodes()) == {node.id for node in graph}
    assert len(drawing.edges()) == graph.network.number_of_edges()


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no format 'gif'"):
        draw(network("lenet@5"), format="gif")


def test_a_figure_tells_those_who_do_not_see_it() -> None:
    root = picture("lenet@5", "graph").root
    assert root.attrib["role"] == "img"
    title, description = (root.find(f"{{*}}{tag}") for tag in ("title", "desc"))
    assert title is not None
    assert title.text == "LeNet 5: graph"
    assert description is not None
    assert "61.7 K parameters" in str(description.text)


@pytest.mark.parametrize(("name", "figure"), GOLDEN)
def test_looks_as_it_did(name: str, figure: str, update: bool) -> None:
    path = CASES / f"{name.replace('@', '_')}_{figure}.svg"
    drawn = draw(network(name), figure)
    if update:
        path.write_bytes(drawn)
    assert drawn == path.read_bytes()


@pytest.mark.parametrize("module", ["text", "style", "formats.svg", "layout.separate"])
def test_examples_in_docstrings(module: str) -> None:
    failed, tried = doctest.testmod(import_module(f"archdsl.backends.figures.{module}"))
    assert tried
    assert not failed


@pytest.mark.parametrize("format", ["png", "pdf", "svg"])
def test_drawing_says_nothing_of_the_machines_fonts(format: str, tmp_path: Path) -> None:
    call = [sys.executable, "-m", "archdsl", "draw", "lenet", "-o", str(tmp_path / f"lenet.{format}")]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert done.stderr == ""
