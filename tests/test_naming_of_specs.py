"""Any name of any spec can be replaced by another one, and the network stays what it is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from archdsl.analyses import totals
from archdsl.driver import compile_network
from archdsl.editing.naming import given_at, imported_at, refusal, specs_in, use_at, users, uses_of, with_users
from archdsl.resolve.model import File
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source, Span

SPECS = sorted(specs_folder().glob("*.arch"))


def opened(path: Path) -> File:
    return resolve(Source(path.name, path.read_text(encoding="utf-8"), path=path), path.parent)


def renamed(places: list[Span], new: str) -> dict[Path, str]:
    """The texts after a change of a name, by path."""
    texts: dict[Path, str] = {}
    for span in sorted(places, key=lambda span: -span.start):
        path = span.source.path
        assert path is not None
        text = texts.get(path, span.source.text)
        texts[path] = text[: span.start] + new + text[span.end :]
    return texts


def costs(file: File, variant: str | None) -> tuple[int, int, int, list[str]]:
    graph = compile_network(file, variant).graph
    nodes = totals.nodes_in(graph)
    shapes = [f"{node.op.name} {node.output}" for node in graph]
    return len(nodes), totals.parameters(graph, nodes), totals.macs(graph, nodes), shapes


@pytest.mark.sampled
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_renamed_network_is_the_same_network(path: Path) -> None:
    """Names are changed one after another, each in all files. Costs and shapes are those of the spec as it was."""
    file = opened(path)
    files = with_users(file, {}, [])
    given = sorted({use.given for use in file.uses}, key=lambda span: (str(span.source.path), span.start))
    choose = random.Random(path.stem)
    assert file.network is not None
    variant = choose.choice([None, *file.network.variants])
    if any(parameter.default is None for parameter in file.network.parameters):
        variant = variant or next(iter(file.network.variants), None)
    for span in choose.sample(given, min(4, len(given))):
        new = span.text[0] + "renamed"
        assert refusal(span, new, files) is None
        texts = renamed(uses_of(span, files), new)
        source = Source(path.name, texts.get(path, file.source.text), path=path)
        again = resolve(source, path.parent, texts)
        own = new if span.text == variant and span.source.path == path else variant
        assert costs(again, own) == costs(file, variant), (span.text, str(span))


def test_every_word_that_is_no_word_of_the_language_has_a_definition() -> None:
    """Of a spec with each kind of name, by hand: where it stands, and where it was given (line and column)."""
    text = (
        "network N:\n"  # 1
        "    param width: int = 8\n"
        "    variants:\n"
        "        big: width = 16\n"
        "    def C(c) = c * width\n"  # 5
        "    input image: 3 x 16 x 16\n"
        "    conv(C(1), 3) as skip\n"
        "    if width > 8:\n"
        "        path side = skip -> bn\n"
        "    else:\n"  # 10
        "        path side = skip -> relu\n"
        "    stage body: add{it | side} -> Unit(out=width) * 2 last(out=8)\n"
        "    for i in range(2):\n"
        "        stage s{i}: conv(8, 3)\n"
        "    concat{it | s0 | image -> Unit(8)}\n"  # 15
        "    expect big: body.shape == 8 x 16 x 16\n"
        "\n"
        "block Unit(out):\n"
        "    conv(out, 3)\n"
    )
    file = resolve(Source("net.arch", text))
    assert not file.problems
    found = {}
    for use in file.uses:
        if use.place != use.given:
            found[f"{use.place.text} {use.place.line}:{use.place.column}"] = f"{use.given.line}:{use.given.column}"
    assert found == {
        "width 4:14": "2:11",
        "c 5:16": "5:11",
        "width 5:20": "2:11",
        "C 7:10": "5:9",
        "width 8:8": "2:11",
        "skip 9:21": "7:22",
        "side 9:14": "11:14",
        "skip 11:21": "7:22",
        "side 12:26": "11:14",
        "Unit 12:35": "18:7",
        "out 12:40": "18:12",
        "width 12:44": "2:11",
        "out 12:60": "18:12",
        "i 14:17": "13:9",
        "s 15:17": "14:15",
        "image 15:22": "6:11",
        "Unit 15:31": "18:7",
        "big 16:12": "4:9",
        "body 16:17": "12:11",
        "out 19:10": "18:12",
    }


def test_names_lead_into_imported_files() -> None:
    path = specs_folder() / "resnet.arch"
    file = opened(path)
    text = file.source.text
    given = given_at(file, text.index("Bottleneck") + 3)
    assert given is not None
    assert given.source.path == specs_folder() / "blocks" / "residual.arch"
    assert given.text == "Bottleneck"
    assert imported_at(file, text.index("residual")) == specs_folder() / "blocks" / "residual.arch"
    assert imported_at(file, text.index("Bottleneck")) is None
    assert use_at(file, text.index("network")) is None


def test_files_of_blocks_have_users() -> None:
    folder = specs_folder()
    found = users(folder / "blocks" / "mobile.arch", {}, [folder])
    first = next(found)
    assert "from blocks.mobile import" in first.source.text
    names = {file.source.name for file in (first, *found)}
    assert {"efficientnet.arch", "mobilenet_v2.arch"} <= names
    assert "vgg.arch" not in names


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("width", "2x", "is no name"),
        ("width", "x", "a meaning of its own"),
        ("width", "conv", "an op or a function"),
        ("width", "Width", "CamelCase"),
        ("width", "image", "a name here already"),
        ("width", "forward", "a meaning of its own"),
        ("50", "a b", "no name of a variant"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(old: str, new: str, said: str) -> None:
    text = (
        "network N:\n    param width: int = 8\n    variants:\n        50: width = 8\n    input image: width x 8 x 8\n"
    )
    file = resolve(Source("net.arch", text + "    conv(width, 3)\n"))
    span = next(use.given for use in file.uses if use.given.text == old)
    assert said in (refusal(span, new, [file]) or "")


def test_folders_are_searched_to_an_end(tmp_path: Path) -> None:
    for place in ("a", "b/c", ".git", "node_modules/d"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "net.arch").write_text("", encoding="utf-8")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    found = specs_in([tmp_path], {Path("/open.arch"): ""})
    assert found == [Path("/open.arch"), tmp_path / "a" / "net.arch", tmp_path / "b" / "c" / "net.arch"]
