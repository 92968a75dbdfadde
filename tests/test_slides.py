"""The recipe for slides: its page is carried out, then each kind of slides is opened by the program that it is for."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import chromium
from lessons import Lesson

from archdsl import cli

PAGE = Path(__file__).parent.parent / "docs" / "cookbook" / "slides.md"
FRAMES = 11
PICTURES = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder in which the page was carried out."""
    made, before = tmp_path_factory.mktemp("slides"), Path.cwd()

    def archdsl(words: list[str]) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            assert cli.main(words) == 0
        return printed.getvalue()

    os.chdir(made)
    try:
        Lesson(PAGE, archdsl, update=bool(request.config.getoption("--update"))).carry_out()
        yield made
    finally:
        os.chdir(before)


def test_there_are_as_many_frames_as_the_page_says(folder: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    assert len(pypdf.PdfReader(folder / "bottleneck.pdf").pages) == FRAMES
    assert f"{{1,...,{FRAMES}}}" in PAGE.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_beamer_has_an_overlay_for_each_frame(folder: Path) -> None:
    from pypdf import PdfReader

    if subprocess.run(["kpsewhich", "beamer.cls"], capture_output=True, check=False).returncode:
        pytest.skip("this TeX has no Beamer")
    call = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "beamer.tex"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert len(PdfReader(folder / "beamer.pdf").pages) == FRAMES


def test_powerpoint_has_a_slide_for_each_frame(folder: Path) -> None:
    pptx = pytest.importorskip("pptx", reason="python-pptx is not installed")
    done = subprocess.run([sys.executable, "powerpoint.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout == f"{PICTURES} slides\n", done.stderr
    deck = pptx.Presentation(str(folder / "bottleneck.pptx"))
    for slide, number in zip(deck.slides, range(1, PICTURES + 1), strict=True):
        (picture,) = slide.shapes
        assert picture.image.blob == (folder / f"bottleneck-{number}.png").read_bytes()
        assert picture.left >= 0
        assert picture.top >= 0
        assert picture.left + picture.width <= deck.slide_width
        assert picture.top + picture.height <= deck.slide_height
    assert zipfile.ZipFile(folder / "bottleneck.pptx").testzip() is None


def test_reveal_shows_a_step_for_each_key(folder: Path, reveal: Path, tmp_path: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    (folder / "node_modules").mkdir()
    shutil.copytree(reveal, folder / "node_modules" / "reveal.js")
    with chromium(tmp_path) as driver:
        driver.get((folder / "reveal.html").as_uri())
        seen = []
        for _ in range(FRAMES + 1):
            seen.append(driver.execute_script("return document.querySelectorAll('.fragment.visible').length"))
            ActionChains(driver, duration=0).send_keys(Keys.ARROW_RIGHT).perform()
        total = driver.execute_script("return document.querySelectorAll('.fragment').length")
        assert driver.get_log("browser") == []
    assert seen[0] == 0
    assert seen == sorted(seen)
    assert len(set(seen)) == FRAMES
    assert seen[-2:] == [total, total]


@pytest.fixture
def reveal(tmp_path: Path) -> Path:
    """The package reveal.js, which npm fetches; the test skips where it cannot."""
    if shutil.which("npm") is None or shutil.which("chromium") is None:
        pytest.skip("there is no npm, or no Chromium")
    call = ["npm", "pack", "reveal.js@6.0.2", "--silent", "--fetch-retries=0", "--fetch-timeout=20000"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("npm has no reveal.js here")
    shutil.unpack_archive(tmp_path / done.stdout.strip(), tmp_path, filter="data")
    return tmp_path / "package"
