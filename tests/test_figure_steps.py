"""Figures in steps: frames only add, a line comes with both of its ends, and the last frame is the whole figure."""

from __future__ import annotations

import io
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from pypdf import PdfReader

import archdsl
from archdsl.backends.figures import FIGURES, as_scene_of, files, in_steps, written
from archdsl.backends.figures.scene import Group, Item, Scene, Text
from archdsl.backends.figures.steps import MOST, frames, stepped
from archdsl.studies.scaling import scaling
from archdsl.studies.scatter import scatter
from archdsl.studies.subject import Subject
from tests.pictures import SVG, Box, Picture, own_shapes
from tests.test_figures import OF_GRAPHS, library, network, scene_of
from tests.wires import near, points, tips

SAMPLE = [*library()[::15], "resnet@50", "unet@2015", "nasnet@mobile", "googlenet@paper"]
"""Every fifteenth network of the library, and some with skips, further outputs and many columns."""

PAIRS = {"rows": ("resnet@plain34", "resnet@34"), "panels": ("inception_module@naive", "inception_module@reduced")}


@cache
def others() -> dict[str, Scene]:
    """A figure of each kind that is not of one network."""
    found = {name: as_scene_of([network(one) for one in pair]) for name, pair in PAIRS.items()}
    grown = scaling(Subject(archdsl.driver.open_spec("mobilenet"), None, {"alpha": 0.5, "resolution": 160}))
    return {**found, "scaling": as_scene_of(grown, "scaling"), "scatter": as_scene_of(scatter("errors.csv"), "scatter")}


def scenes() -> Iterator[tuple[str, Scene]]:
    yield from ((f"{name} {figure}", scene_of(name, figure)) for name in SAMPLE for figure in OF_GRAPHS)
    yield from others().items()


def items(all: tuple[Item, ...], around: str = "") -> Iterator[tuple[str, Item]]:
    """Everything that is drawn, each with what the groups around it say."""
    for item in all:
        if isinstance(item, Group):
            yield from items(item.items, f"{around} {item.id}{item.data}")
        else:
            yield around, item


def boxes(scene: Scene) -> Counter[str]:
    """How often each thing is drawn that says of what kind it is, or of which part."""
    facts = {"kind", "column", "band"}
    return Counter(str(data) for data in _data(scene.items) if facts & {name for name, _ in data})


def _data(all: tuple[Item, ...]) -> Iterator[tuple[tuple[str, str], ...]]:
    for item in all:
        if isinstance(item, Group):
            yield item.data
            yield from _data(item.items)


def test_frames_only_add_and_end_in_the_whole() -> None:
    for name, scene in scenes():
        found = frames(in_steps(scene))
        assert found[-1] == scene, name
        assert 1 <= len(found) <= MOST, name
        for before, after in pairwise(found):
            old, new = Counter(items(before.items)), Counter(items(after.items))
            assert old <= new, name
            assert (before.width, before.height, before.scale) == (scene.width, scene.height, scene.scale)
            assert boxes(before) < boxes(after), f"{name}: a frame adds no box"
        head, legend = scene.around
        always = [*scene.items[:head], *scene.items[len(scene.items) - legend :]]
        assert always, name
        assert all(item in found[0].items for item in always), f"{name}: no title or legend in the first frame"
        assert boxes(found[0]), name


def placed(root: Element) -> set[str]:
    """The paths of everything that is drawn."""
    groups = list(root.iter(f"{SVG}g"))
    several = {path for group in groups for path in group.get("data-nodes", "").split()}
    return several | {group.get(name, "") for group in groups for name in ("data-path", "id")} - {""}


def test_a_line_comes_with_both_of_its_ends() -> None:
    count = 0
    for name, scene in scenes():
        whole = Picture(written(scene, text="plain"))
        known = placed(whole.root)
        for frame in frames(in_steps(scene))[:-1]:
            root = Picture(written(frame, text="plain")).root
            drawn = placed(root)
            for line in root.iter(f"{SVG}path"):
                ends = {line.get("data-from", ""), line.get("data-to", "")} & known
                assert ends <= drawn, f"{name}: {line.attrib} ends on {ends - drawn}, which is not there yet"
                count += len(ends)
    assert count > 1000


def test_no_line_ends_in_the_empty_page() -> None:
    """By geometry alone: an end that touches a box or meets a line in the whole figure does so in each frame."""
    for name in ("unet@2015", "googlenet@paper"):
        for figure in ("overview", "block", "graph", "volumes"):
            *early, whole = (loose_ends(Picture(written(f, text="plain")).root) for f in in_frames(name, figure))
            assert all(loose <= whole for loose in early), f"{name} {figure}"


def in_frames(name: str, figure: str) -> list[Scene]:
    return frames(in_steps(scene_of(name, figure)))


def loose_ends(root: Element) -> set[tuple[str, str, tuple[float, float]]]:
    """Ends of lines that neither lie on a shape of a group nor where another line begins or ends."""
    ends = tips(root)
    shapes = [box for group in root.iter(f"{SVG}g") if group.get("data-kind") for box in shapes_of(group)]
    lines = [line for line in root.iter(f"{SVG}path") if "data-value" in line.attrib]
    ways = [(points(line.attrib["d"])[0], ends.get(id(line), points(line.attrib["d"])[-1])) for line in lines]
    loose = set()
    for i, (line, way) in enumerate(zip(lines, ways, strict=True)):
        for side, point in zip(("from", "to"), way, strict=True):
            on = any(b.left - 1 <= point[0] <= b.right + 1 and b.top - 1 <= point[1] <= b.bottom + 1 for b in shapes)
            meets = any(near(point, end) for j, other in enumerate(ways) for end in other if j != i)
            if not on and not meets:
                loose.add((line.attrib["data-value"], side, point))
    return loose


def shapes_of(group: Element) -> list[Box]:
    return own_shapes(group) if any(e.tag in (f"{SVG}rect", f"{SVG}polygon") for e in group) else []


def test_more_steps_where_they_are_asked_for() -> None:
    scene = scene_of("googlenet@paper", "graph")
    few, usual, many = (len(frames(stepped(scene, most))) for most in (3, MOST, 1000))
    assert few == 3
    assert few < usual < many
    assert len(frames(stepped(scene, 1))) == 1
    with pytest.raises(ValueError, match="one frame at least"):
        stepped(scene, 0)


def test_compare_shows_first_what_is_common() -> None:
    for name in PAIRS:
        first = Picture(written(frames(in_steps(others()[name]))[0]))
        assert {group.get("data-only", "0") for group in first.groups()} == {"0"}


# --- files -----------------------------------------------------------------------------------


def test_an_svg_says_when_each_item_appears() -> None:
    """What reveal.js needs of it is a class and a number; what has appeared by a step is the frame of that step."""
    scene = in_steps(scene_of("resnet@50", "block"))
    root = Picture(written(scene)).root
    assert all(group.get("data-step") for group in root.findall(f"{SVG}g"))
    found = frames(scene)
    for number, frame in enumerate(found, 1):
        texts = [item.text for _, item in items(frame.items) if isinstance(item, Text)]
        assert [text for text, step in stepped_texts(root, "0") if int(step) <= number] == texts
    for element in root.iter():
        step = int(element.get("data-step", "1"))
        assert element.get("class") == ("fragment" if step > 1 else None)
        assert element.get("data-fragment-index") == (str(step - 1) if step > 1 else None)
    assert {int(e.get("data-step", "1")) for e in root.iter()} == set(range(1, len(found) + 1))


def stepped_texts(element: Element, step: str) -> Iterator[tuple[str, str]]:
    """Every text, with the step that the nearest element around it says."""
    for child in element:
        own = child.get("data-step", step)
        if child.tag == f"{SVG}text":
            yield child.text or "", own
        yield from stepped_texts(child, own)


def test_a_pdf_has_a_page_for_each_frame(tmp_path: Path) -> None:
    drawing = archdsl.load("lenet@5").draw(steps=True)
    assert drawing.scene is not None
    count = len(frames(drawing.scene))
    drawing.save(tmp_path / "x.pdf")
    pages = PdfReader(tmp_path / "x.pdf").pages
    assert len(pages) == count > 3
    texts = [set(page.extract_text().split("\n")) for page in pages]
    assert all(before < after for before, after in pairwise(texts))
    assert len(PdfReader(io.BytesIO(archdsl.load("lenet@5").draw(format="pdf").data)).pages) == 1


def test_a_png_for_each_frame_the_last_as_without_steps(tmp_path: Path) -> None:
    net = archdsl.load("lenet@5")
    drawing = net.draw(format="png", steps=3)
    drawing.save(tmp_path / "x.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-1.png", "x-2.png", "x-3.png"]
    whole = net.draw(format="png").data
    assert (tmp_path / "x-3.png").read_bytes() == whole == drawing.data
    assert (tmp_path / "x-1.png").read_bytes() != whole
    drawing.save(tmp_path / "f{n}.svg")
    assert (tmp_path / "f3.svg").read_bytes() == net.draw().data


def test_names_of_frames() -> None:
    scene = in_steps(others()["panels"])
    assert [path.name for path in files(scene, Path("a/b.png"))] == ["b-1.png", "b-2.png"]
    assert [path.name for path in files(scene, Path("a/{n}_b.pdf"))] == ["1_b.pdf", "2_b.pdf"]
    assert [path.name for path in files(scene, Path("a/b.svg"))] == ["b.svg"]
    assert [path.name for path in files(others()["panels"], Path("a/{n}.png"))] == ["{n}.png"]


def test_the_command_writes_all_frames_or_none(tmp_path: Path) -> None:
    (tmp_path / "x-2.png").mkdir()
    call = [sys.executable, "-m", "archdsl", "draw", "lenet", "--frames", "3", "-o", str(tmp_path / "x.png")]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "x-2.png cannot be written: it is a folder" in " ".join(done.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["x-2.png"]
    (tmp_path / "x-2.png").rmdir()
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("wrote 3 files, ")
    assert len(list(tmp_path.iterdir())) == 3


def test_every_kind_is_tried() -> None:
    assert {*OF_GRAPHS, "compare", "scaling", "scatter"} == set(FIGURES)
