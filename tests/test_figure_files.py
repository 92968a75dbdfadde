"""Written figures, read back by readers of their formats: the same letters, as wide and as large as was measured."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import resvg_py
from PIL import Image, ImageChops, ImageFont
from pypdf import PdfReader

from archdsl.backends.figures import draw, written
from archdsl.backends.figures.text import FONTS, lacking, letters, metrics, width
from tests.test_figures import SMALLEST, every_figure, library, network, picture, scene_of

FILES = {False: "regular.ttf", True: "bold.ttf"}


class Word(NamedTuple):
    """A text of a PDF and how large its letters are on the page, in points."""

    text: str
    size: float


def words(data: bytes) -> Iterator[Word]:
    """All texts of a PDF's first page, in the order in which they are drawn."""
    found: list[Word] = []

    def seen(text: str, page: list[float], line: list[float], font: object, size: float) -> None:
        if text.strip():
            found.append(Word(text.strip("\n"), abs(size * page[3] * line[3])))

    PdfReader(io.BytesIO(data)).pages[0].extract_text(visitor_text=seen)
    yield from found


@cache
def font(bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / FILES[bold], metrics().units)


@pytest.mark.parametrize("bold", FILES)
def test_widths_are_those_of_the_font_as_freetype_reads_it(bold: bool) -> None:
    every = (metrics().regular, metrics().bold)[bold]
    for text in [*every, "VGG AVA Tower", "3×3, 64, /2", "Îmbinări în față", "αβγ → ∞"]:
        assert width(text, 14, bold) == pytest.approx(font(bold).getlength(text) * 14 / metrics().units, abs=0.01), text


def test_widths_are_those_of_arial() -> None:
    """Liberation Sans has Arial's and Helvetica's widths, by design, and is another font."""
    for name, bold in (("LiberationSans-Regular.ttf", False), ("LiberationSans-Bold.ttf", True)):
        try:
            other = ImageFont.truetype(name, 1000, layout_engine=ImageFont.Layout.BASIC)
        except OSError:
            pytest.skip(f"{name} is not installed")
        for letter in map(chr, range(32, 127)):
            assert width(letter, 1000, bold) == pytest.approx(other.getlength(letter), abs=2), letter


@pytest.mark.sampled
@every_figure
@pytest.mark.parametrize("name", library()[::3])
def test_a_pdf_has_the_texts_of_the_svg_at_14_points_or_more(name: str, figure: str) -> None:
    found = list(words(written(scene_of(name, figure), "pdf")))
    letters_found, expected = "".join(word.text for word in found), "".join(picture(name, figure).words)
    assert sorted(letters_found.replace(" ", "")) == sorted(expected.replace(" ", ""))
    assert min(word.size for word in found) >= SMALLEST - 0.01


def test_a_pdf_carries_its_fonts_and_says_what_it_is() -> None:
    reader = PdfReader(io.BytesIO(draw(network("resnet@50"), "block", "pdf")))
    assert reader.pdf_header == "%PDF-1.4"
    assert reader.metadata is not None
    assert reader.metadata.title == "ResNet 50: blocks"
    assert "25.6 M parameters" in (reader.metadata.subject or "")
    fonts = reader.pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    drawn = [found for entry in fonts.values() if "Arimo" in (found := entry.get_object())["/BaseFont"]]
    assert len(drawn) == 2
    for entry in drawn:
        assert "/FontFile2" in entry["/FontDescriptor"]
        assert "/ToUnicode" in entry
    assert len(reader.pages[0].images) == 0


SCRIPT = """
import sys
from archdsl.backends.figures import draw, written
from archdsl.driver import compile_network, open_spec
graph = compile_network(open_spec("googlenet"), "paper").graph
for figure in ("overview", "block", "graph"):
    for format in ("svg", "pdf", "png"):
        sys.stdout.buffer.write(draw(graph, figure, format))
"""


def test_the_machines_fonts_do_not_matter(tmp_path: Path) -> None:
    """The same bytes where there is no font at all, no program, and another seed of hashes."""
    (tmp_path / "empty.conf").write_text("<fontconfig></fontconfig>")
    bare = {**os.environ, "FONTCONFIG_FILE": str(tmp_path / "empty.conf"), "PATH": "", "PYTHONHASHSEED": "7"}
    runs = [
        subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, check=True).stdout
        for env in (dict(os.environ), bare)
    ]
    assert runs[0]
    assert runs[0] == runs[1]


def test_text_as_shapes_looks_as_text_does() -> None:
    """Drawn without any font, the outlines give the picture that the font gives."""
    graph = network("resnet@18")
    shapes = resvg_py.svg_to_bytes(
        svg_string=draw(graph, "block", text="outline").decode(), dpi=96, zoom=2, skip_system_fonts=True
    )
    one, other = (Image.open(io.BytesIO(data)).convert("L") for data in (draw(graph, "block", "png"), bytes(shapes)))
    assert one.size == other.size == (2560, 1440)
    different = ImageChops.difference(one, other).point(lambda value: 255 if value > 96 else 0)
    assert different.histogram()[255] < 0.0005 * one.size[0] * one.size[1]
    blank = draw(graph, "block", text="plain").decode()
    missing = resvg_py.svg_to_bytes(svg_string=blank, dpi=96, zoom=2, skip_system_fonts=True)
    without = ImageChops.difference(one, Image.open(io.BytesIO(bytes(missing))).convert("L"))
    assert without.point(lambda value: 255 if value > 96 else 0).histogram()[255] > 0.005 * one.size[0] * one.size[1]


def test_an_svg_carries_the_letters_that_it_uses() -> None:
    text = draw(network("lenet@5")).decode()
    assert text.count("@font-face") == 2
    assert len(text) < 40_000
    assert "@font-face" not in draw(network("lenet@5"), text="plain").decode()
    assert "<text" not in draw(network("lenet@5"), text="outline").decode()


def test_letters_that_the_font_lacks_are_known() -> None:
    assert lacking("Rețea 3×3 – “ResNet”") == ""
    assert lacking("网络") == "络网"
    assert letters("e\u0301") == "é"
