"""Figures as TikZ: a reader of its own finds in the file what another finds in the SVG, and TeX, where there is one."""

from __future__ import annotations

import shutil
import subprocess
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from pypdf import PdfReader

import archdsl
from archdsl.backends.figures import FIGURES, THEMES, ThemeName, as_scene, as_scene_of, draw, lacking, written
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.text import metrics
from archdsl.driver import open_spec
from archdsl.latex import spelled, without_command
from archdsl.studies.scaling import scaling
from archdsl.studies.subject import Subject
from tests.test_figure_scatter import made
from tests.test_figures import OF_GRAPHS, library, network, scene_of
from tests.tikz import Drawn, channels, drawn_in_svg, read, typeset

SAMPLE = [*library()[::12], "densenet@121", "unet@2015"]


@cache
def of_several(figure: str, theme: ThemeName) -> Scene:
    """A figure that is not of one network."""
    match figure:
        case "compare":
            return as_scene_of([network("resnet@plain34"), network("resnet@34")], cost="macs", theme=theme)
        case "scaling":
            return as_scene_of(scaling(Subject(open_spec("lenet"), "5", {"classes": 100})), "scaling", theme=theme)
        case "scatter":
            return as_scene_of(made(3, 12), "scatter", theme=theme)
    raise AssertionError(f"no example of {figure}")


def differences(scene: Scene) -> list[tuple[Drawn, Drawn]]:
    """What an SVG and a TikZ of the same figure do not have alike."""
    there, here = drawn_in_svg(written(scene, text="plain")), read(written(scene, "tex").decode()).drawn
    assert len(there) == len(here) > 3
    return [(one, other) for one, other in zip(there, here, strict=True) if not alike(one, other)]


def alike(one: Drawn, other: Drawn) -> bool:
    """Two decimals are written, so that sums of them differ by one; mixed colours are rounded to whole channels."""
    rest = {"points": (), "radii": (), "dash": (), "fill": "", "stroke": "", "line": 0.0, "size": 0.0, "long": 0.0}
    if one._replace(**rest) != other._replace(**rest) or len(numbers(one)) != len(numbers(other)):
        return False
    near = all(abs(a - b) < 0.0101 for a, b in zip(numbers(one), numbers(other), strict=True))
    return near and same_colour(one.fill, other.fill) and same_colour(one.stroke, other.stroke)


def numbers(drawn: Drawn) -> list[float]:
    """All lengths, and how many there are of each kind."""
    counts = [len(drawn.points), len(drawn.radii), len(drawn.dash)]
    lengths = [*drawn.radii, *drawn.dash, drawn.line, drawn.size, drawn.long]
    return [*counts, *(side for point in drawn.points for side in point), *lengths]


def same_colour(one: str, other: str) -> bool:
    if not one or not other:
        return one == other
    return all(abs(a - b) <= 1 for a, b in zip(channels(one), channels(other), strict=True))


@pytest.mark.parametrize("figure", OF_GRAPHS)
@pytest.mark.parametrize("name", SAMPLE)
def test_it_has_what_the_svg_has(name: str, figure: str) -> None:
    assert differences(scene_of(name, figure)) == []


@pytest.mark.parametrize("figure", OF_GRAPHS)
def test_the_dark_theme_is_another_set_of_colours(figure: str) -> None:
    scene = as_scene(network("unet@2015"), figure, theme="dark")
    assert differences(scene) == []
    light, dark = (read(written(one, "tex").decode()).colours for one in (scene_of("unet@2015", figure), scene))
    assert dark["paper"] != light["paper"]
    assert dark["ink"] != light["ink"]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("figure", [name for name, kind in FIGURES.items() if kind.of != "graph"])
def test_it_has_what_the_svg_of_several_networks_has(figure: str, theme: ThemeName) -> None:
    assert differences(of_several(figure, theme)) == []


def test_the_reader_finds_what_it_looks_for() -> None:
    """Each is shown a document with the mistake in it."""
    good = draw(network("lenet@5"), "graph", "tex").decode()
    read(good)
    spoiled = {
        "has no style": good.replace(r"\path[conv]", r"\path[convolution]"),
        "has no colour": good.replace("fill=sky!42!paper", "fill=heaven!42!paper"),
        "declares in vain": good.replace(r"\tikzset{", "\\definecolor{heaven}{HTML}{000000}\n\\tikzset{"),
        "has a group open": good.replace(r"{\fitted{17.9}{C1}}", r"{\fitted{17.9}{C1}"),
        "has a bare sign": good.replace("{C1}};", "{C_1}};"),
        "runs a command": good.replace("{C1}};", r"{\input{C1}}};"),
        "has a dash": good.replace("{C1}};", "{C--1}};"),
        "says something else": good.replace(r"\end{tikzpicture}", "more\n\\end{tikzpicture}"),
        "has another page": good.replace("[tikz]", "[tikz,border=3pt]"),
    }
    for mistake, text in spoiled.items():
        assert text != good, mistake
        with pytest.raises((AssertionError, KeyError, ValueError)):
            read(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(94.99, 118)", "(95.99, 118)"),
        ("line width=1.2", "line width=1.4"),
        ("{0072B2}", "{0172FF}"),
        ("round=11", "round=9"),
        ("[round=3.5]", "[sharp corners]"),
        ("{C1}}", "{C2}}"),
        ("{17.9}", "{18}"),
        ("text=faint", "text=ink"),
        ("anchor=east", "anchor=west"),
        (", arrow]", "]"),
        ("on 3", "on 4"),
        ("{b}{n}", "{m}{n}"),
    ],
)
def test_a_difference_to_the_svg_is_found(old: str, new: str) -> None:
    scene = scene_of("lenet@5", "graph")
    there, text = drawn_in_svg(written(scene, text="plain")), written(scene, "tex").decode()
    assert all(map(alike, there, read(text).drawn))
    assert old in text
    assert not all(map(alike, there, read(text.replace(old, new), in_vain=True).drawn))


def test_every_letter_of_the_figures_font_can_be_written() -> None:
    """But for a few of Latin, Greek with accents, and hyphens of other widths: LaTeX's encodings lack them too."""
    every = "".join(metrics().regular)
    assert unicodedata.normalize("NFC", typeset(spelled(every))) == unicodedata.normalize("NFC", every)
    assert without_command(every) == "ĦħĸĿŀŉŦŧſΪΫάέήίΰ‐‑‒‛"


def test_hyphens_and_commas_stay_apart() -> None:
    assert spelled("a--b ---- ,,c,,, d") == "a-{}-b -{}-{}-{}- ,{},c,{},{}, d"


def test_letters_without_a_command_are_said() -> None:
    text = 'network Net:\n    input image: 3 x 8 x 8\n    stage one "网络 and Ħ": conv(8, 3)\n'
    scene = archdsl.loads(text).draw().scene
    assert scene is not None
    assert {form: lacking(scene, form) for form in ("svg", "pdf", "tex")} == {"svg": "", "pdf": "络网", "tex": "Ħ络网"}
    assert r"\foreign{网络} and \foreign{Ħ}" in written(scene, "tex").decode()


def test_it_says_where_it_comes_from_and_names_no_path() -> None:
    notes = "\n".join(read(draw(network("lenet@5"), "graph", "tex").decode()).notes)
    assert "LeNet 5: graph" in notes
    assert archdsl.__version__ in notes
    assert "61.7\nK parameters" in notes or "61.7 K parameters" in notes
    assert "/" not in notes.replace("and/or", "")
    assert {node.id for node in network("lenet@5")} <= set(notes.split("\n"))


def test_a_drawing_is_saved_by_its_suffix(tmp_path: Path) -> None:
    network_of = archdsl.load("lenet")
    network_of.draw("block").save(tmp_path / "a.tex")
    network_of.save(tmp_path / "b.tex")
    assert (tmp_path / "a.tex").read_bytes() == network_of.draw("block", "tex").data
    assert (tmp_path / "b.tex").read_bytes() == network_of.draw(format="tex").data


def has_tex() -> bool:
    try:
        found = subprocess.run(
            ["kpsewhich", "standalone.cls", "tikz.sty", "phvr8t.tfm", "fix-cm.sty"], capture_output=True
        )
    except OSError:
        return False
    return found.returncode == 0 and shutil.which("pdflatex") is not None


@pytest.mark.skipif(not has_tex(), reason="there is no pdflatex with standalone and TikZ on this machine")
@pytest.mark.parametrize(("name", "figure"), [("lenet@5", "graph"), ("resnet@50", "block")])
def test_latex_makes_the_page(name: str, figure: str, tmp_path: Path) -> None:
    (tmp_path / "net.tex").write_bytes(written(scene_of(name, figure), "tex"))
    call = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "net.tex"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    pages = PdfReader(tmp_path / "net.pdf").pages
    assert len(pages) == 1
    assert (pages[0].mediabox.width, pages[0].mediabox.height) == pytest.approx((960, 540), abs=0.1)
    text = pages[0].extract_text()
    assert all(word in text for word in ("ResNet 50", "Bottleneck", "ReLU") if name == "resnet@50")
