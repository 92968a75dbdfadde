"""The page of a network: whole in one file, true to the graph, and proof against whatever a spec brings."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from functools import cache
from hashlib import sha256
from math import prod
from pathlib import Path

import html5lib
import pytest
from calls import Caller
from hostile import TEXTS, letters
from test_hostile_texts import MARK, PLACES, _may_hold, spec
from webpages import Page

import archdsl
from archdsl.analyses import totals
from archdsl.analyses.measures import summarize
from archdsl.analyses.receptive_field import receptive_fields
from archdsl.analyses.summary import Basis
from archdsl.backends.figures.style import THEMES
from archdsl.ir.graph import Graph, Scope
from archdsl.ir.steps import drawn as without_lone_joins
from archdsl.webpage.document import document
from tests.test_figures import network
from tests.wires import Folds, Part, collect, drawn, expected, tips

SAMPLE = [
    *("resnet@50", "googlenet@paper", "densenet@121", "unet@2015", "nasnet_cifar", "hourglass@2", "resnext_block@a"),
    *("efficientnet@b3", "fcn@8s", "textcnn", "inception_module@reduced"),
]
"""Stages and none, branches, dense blocks, skips, cells of two inputs, outputs in copies, gates, paths alike."""

every_sample = pytest.mark.parametrize("name", SAMPLE)


@cache
def page(name: str) -> Page:
    return Page(document(network(name)))


# --- one file ------------------------------------------------------------------------------


@every_sample
def test_a_page_asks_for_nothing_else(name: str) -> None:
    found = page(name)
    for tag, attributes in found.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "image", "use", "foreignobject"}
        assert not any(key.startswith("on") or key in ("src", "style", "srcset", "action") for key in attributes), tag
        assert str(attributes.get("href", "#")).startswith("#")
    assert set(re.findall(r"url\((.{5})", found.source)) <= {"data:"}
    assert "http:" not in found.source.replace("http://www.w3.org", "")
    assert "@import" not in found.source


@every_sample
def test_the_policy_allows_this_style_and_this_script_alone(name: str) -> None:
    found = page(name)
    (policy,) = (str(a["content"]) for a in found.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (style,), scripts = found.inside("style"), found.inside("script")
    assert len(scripts) == 2, "the data and the script"
    hashes = ["'sha256-" + b64encode(sha256(text.encode()).digest()).decode() + "'" for text in (style, scripts[1])]
    assert [rules.pop("style-src"), rules.pop("script-src")] == hashes
    assert rules.pop("font-src") == "data:"
    assert rules == {
        **dict.fromkeys(("default-src", "base-uri", "form-action", "trusted-types"), "'none'"),
        "require-trusted-types-for": "'script'",
    }
    # The policy comes before what it is about.
    assert found.source.index("Content-Security-Policy") < found.source.index("<style>")


@pytest.mark.parametrize("name", ["lenet@5", "textcnn"])
def test_a_page_is_html_by_the_standard(name: str) -> None:
    """html5lib reports every error that the standard knows; it is too slow for large pages."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root = parser.parse(document(network(name)).decode())
    assert root.attrib["lang"] == "en"
    assert root.findtext("head/title")
    assert [heading.text for heading in root.iter("h1")] == [root.findtext("head/title")]


@every_sample
def test_ids_are_unique_and_what_refers_to_one_finds_it(name: str) -> None:
    found = page(name)
    ids = set(found.ids)
    assert len(found.ids) == len(ids)
    for _, attributes in found.elements:
        for key in ("for", "aria-controls", "aria-labelledby", "aria-describedby"):
            assert set(str(attributes.get(key) or "").split()) <= ids
        assert str(attributes.get("href", "#costs-title")).removeprefix("#") in ids


@every_sample
def test_every_control_has_a_name(name: str) -> None:
    found = page(name)
    labelled = {attributes["for"] for attributes in found.of("label")}
    named = re.findall(r"<button[^>]*?(aria-label=\"[^\"]+\")?>([^<]*)</button>", found.source)
    assert len(named) == sum(1 for _ in found.of("button")) > 5
    assert all(label or text.strip() for label, text in named)
    assert all(attributes["id"] in labelled for attributes in found.of("input"))
    for tag in ("section", "aside", "nav", "table", "form"):
        for attributes in found.of(tag):
            assert {"aria-label", "aria-labelledby", "role"} & set(attributes), tag


def test_a_page_has_both_themes() -> None:
    """Every colour of the drawings has a name with a value in each; the script needs no colours."""
    found = page("googlenet@paper")
    (style,) = found.inside("style")
    rules = [re.findall(r"(--\w+):(#[0-9A-F]{6})", line) for line in style.split("\n") if "--ink:#" in line]
    light, dark, also_dark = rules
    assert dark == also_dark
    assert [name for name, _ in light] == [name for name, _ in dark]
    for theme, colours in (("light", dict(light)), ("dark", dict(dark))):
        assert colours["--ink"] == THEMES[theme].ink  # type: ignore[index]
        assert colours["--block"] == THEMES[theme].block  # type: ignore[index]
    used = set(re.findall(r"var\((--\w+)\)", found.source))
    assert used <= {name for name, _ in light}
    assert not any(re.search("#[0-9A-F]{6}", text) for text in found.drawings)


def test_the_same_network_gives_the_same_bytes() -> None:
    assert document(network("googlenet@paper")) == page("googlenet@paper").source.encode()


# --- true to the graph ---------------------------------------------------------------------


@every_sample
def test_places_say_what_the_analyses_say(name: str) -> None:
    graph = without_lone_joins(network(name))
    found, summary, everything = page(name), summarize(graph), summarize(graph, Basis(training=True))
    ungated = receptive_fields(graph, gates=False).fields
    for node in graph:
        told, part = found.places[node.id], (summary if summary.holds(node) else everything).nodes[node.id]
        assert (told["params"], told["macs"], told["memory"]) == (part.params, part.macs, part.memory)
        assert tuple(told["shape"]) == node.output.dims
        assert pixels(told["field"]) == part.field
        sizes = [field.size if field.jump else None for field in ungated[node.id].largest]
        convs = pixels(told.get("convs", told["field"]))
        assert convs == ("global" if not any(sizes) else sizes[0] if len(set(sizes)) == 1 else tuple(sizes))
        file, line, text = found.data["lines"][told["line"]]
        assert (file, line) == (node.span.source.name, node.span.line)
        assert text == node.span.source.text.split("\n")[line - 1].strip()
        assert told["what"].startswith(node.op.name)
    main = totals.nodes_in(graph)
    assert found.places[""]["params"] == totals.parameters(graph, main)
    assert found.places[""]["macs"] == totals.macs(graph, main)
    for scope in graph.stages:
        nodes = [node for node in totals.nodes_in(graph, scope.path) if node.id in summary.first_uses]
        assert found.places[scope.path]["params"] == totals.parameters(graph, nodes)


def pixels(told: object) -> object:
    return tuple(told) if isinstance(told, list) else told


@every_sample
def test_what_a_box_opens_is_what_it_stands_for(name: str) -> None:
    """Each op is in one level; boxes of a level are its scope's parts; a box that is not an op can be opened."""
    graph, found = without_lone_joins(network(name)), page(name)
    levels = [path for path, place in found.places.items() if "drawing" in place]
    boxes = {path: found.boxes(path) for path in levels}
    for path, shown in boxes.items():
        for box in shown:
            assert found.places[box]["level"] == path
            assert box in graph or "drawing" in found.places[box]
    assert {node.id for node in graph} <= set(found.places)
    for path, place in found.places.items():
        if path:
            level, box = place["level"], place.get("box", path)
            assert not level or path.startswith(f"{level}.")
            rows = [row.split() for row in re.findall('data-nodes="(.*?)"', found.drawings[0])]
            assert box in boxes[level] or any(box in row for row in rows), f"{path} is not drawn as {box}"


@every_sample
def test_lines_of_every_level_join_what_the_graph_joins(name: str) -> None:
    graph, found = without_lone_joins(network(name)), page(name)
    seen: Counter[int] = Counter()
    count = 0
    for path, place in found.places.items():
        if "drawing" in place and seen[place["drawing"]] < 2:  # of scopes that share a drawing, two
            seen[place["drawing"]] += 1
            count += follow(graph, found, path)
    assert count > len(found.drawings)


def follow(graph: Graph, found: Page, path: str) -> int:
    """Holds one level to the graph, and gives how many edges it shows."""
    part, root = Part(frame=path), found.level(path)
    collect(root, part)
    folds, meant = Folds(part), expected(graph, part, not path and bool(graph.stages))
    seen, meant = folds.tags_folded(drawn(part, tips(root))), folds.tags_folded(meant)
    assert seen == meant, f"{path}: missing {sorted(meant - seen)}, not in the graph {sorted(seen - meant)}"
    return len(seen)


def test_scopes_that_look_alike_share_a_drawing() -> None:
    found = page("resnet@50")
    assert found.places["conv4.1"]["drawing"] == found.places["conv4.5"]["drawing"]
    assert found.places["conv4.1"]["drawing"] != found.places["conv5.1"]["drawing"], "their shapes differ"
    assert len(found.drawings) == len(set(found.drawings))
    assert found.places["conv4.5"]["box"] == "conv4.1"


@every_sample
def test_rows_of_the_table_lead_to_places_that_lead_back(name: str) -> None:
    """Also: the costs of all rows that have no rows within them add up to the network's."""
    graph, found = network(name), page(name)
    table = archdsl.Network(archdsl.driver.Compiled(graph, None, ())).table("csv", rows="block").splitlines()
    targets = [str(attributes["data-go"]) for attributes in found.of("button") if "data-go" in attributes]
    assert len(targets) == len(table) - 2, "a row for each of `archdsl table` but its head and total, with a target"
    for number, path in enumerate(targets):
        assert found.places[path]["row"] == number
    for path, place in found.places.items():
        inner = place.get("row")
        if inner is not None and path in graph.scopes and isinstance(graph.scopes[path], Scope):
            assert path.startswith(targets[inner].rpartition(".")[0])


# --- proof against texts -------------------------------------------------------------------

MARKUP = [text for text in TEXTS if archdsl.text.hidden(text) is None and set(text) & set("<>&\"'\\]")]
"""The texts that a spec may hold and that mean something in HTML, JSON, JavaScript or CSS."""


@cache
def plain(places: tuple[str, ...]) -> Page:
    """The page of a network with a harmless text."""
    return Page(document(archdsl.loads(spec(f"{MARK} plain {MARK}", places)).graph))


def tags(found: Page) -> Counter[str]:
    """How many elements of each kind there are, but for those of texts, whose lines may be broken elsewhere."""
    return Counter(tag for tag, _ in found.elements if tag != "text")


@pytest.mark.parametrize("text", MARKUP, ids=range(len(MARKUP)))
def test_a_text_stays_a_text(text: str) -> None:
    places = tuple(place for place in PLACES if _may_hold(place, text))
    found = Page(document(archdsl.loads(spec(f"{MARK} {text} {MARK}", places)).graph))
    assert tags(found) == tags(plain(places))
    wanted = letters(f"{MARK}{text}{MARK}")
    assert wanted in letters("".join(told for tag, told in found.texts if tag == "p")), "the citation"
    assert wanted in letters(found.places["first"]["what"] + str(found.data["lines"])), "the title of a stage"


def test_data_cannot_end_its_script() -> None:
    """No `<` at all stands in the JSON, in which a comment or the end of a script might begin."""
    found = page("resnet@50")
    scripts = found.inside("script")
    assert not set("<>&") & set(scripts[0])
    assert prod(found.places[""]["shape"]) == 1000


def test_the_script_sets_text_and_no_markup() -> None:
    script = page("textcnn").inside("script")[1]
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval|Function\(|\bfetch|XMLHttp|import\("
    assert not re.search(forbidden, script)


# --- the commands --------------------------------------------------------------------------


def test_draw_writes_the_page(call: Caller, tmp_path: Path) -> None:
    path = tmp_path / "lenet.html"
    assert call("draw", "lenet", "-o", str(path)).code == 0
    net = archdsl.load("lenet")
    assert path.read_bytes() == net.draw(format="html").data == document(net.graph)
    net.save(tmp_path / "saved.html")
    assert (tmp_path / "saved.html").read_bytes() == path.read_bytes()


def test_a_page_is_of_one_whole_network(call: Caller, tmp_path: Path) -> None:
    path = str(tmp_path / "net.html")
    several = call("draw", "resnet@18", "@34", "--figure", "compare", "-o", path)
    assert (several.code, "is of one network" in several.err) == (2, True)
    block = call("draw", "lenet", "--figure", "block", "-o", path)
    assert (block.code, "leave out the figure block" in block.err) == (2, True)
    with pytest.raises(ValueError, match="leave out the figure block"):
        archdsl.load("lenet").draw("block", "html")


@pytest.mark.parametrize("suffix", ["html", "dot"])
@pytest.mark.parametrize(
    ("option", "words"), {"steps": ["--steps"], "depth": ["--depth", "0"], "block": ["--block", "Full"]}.items()
)
def test_what_only_parts_have_is_refused(
    call: Caller, tmp_path: Path, suffix: str, option: str, words: list[str]
) -> None:
    """By the command and from Python; nothing is left out in silence."""
    path = tmp_path / f"net.{suffix}"
    found = call("draw", "lenet", *words, "-o", str(path))
    assert (found.code, f"leave out `{option}`" in found.err, path.exists()) == (2, True, False)
    with pytest.raises(ValueError, match=f"leave out `{option}`"):
        archdsl.load("lenet").draw(format=suffix, **{option: True if option == "steps" else words[1]})


def test_outputs_of_training_say_so() -> None:
    """GoogLeNet's two auxiliary classifiers; the outputs of a network that has them in evaluation too say nothing."""

    def words(name: str) -> str:
        return " ".join(" ".join(told for _, told in page(name).texts).split())

    # The first drawing stands in the page, and once more for the script.
    assert words("googlenet").count(", in training only") == 2 * 2
    assert "in training only" not in words("hourglass@2")
