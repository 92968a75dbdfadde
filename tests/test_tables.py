"""Tables: golden files of every format, and what holds for the tables of every network."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from gallery import COUNTERPARTS
from literate import Case, cases

import archdsl
from archdsl import cli
from archdsl.analyses import totals
from archdsl.analyses.measures import ALL, COMPARED, LIMITED, MEASURES, summarize
from archdsl.analyses.rows import CUTS, Row, rows
from archdsl.analyses.summary import Basis, Summary
from archdsl.backends.tables import FORMATS, render
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.request import COLUMNS, Request
from archdsl.backends.tables.table import Column, Table, cells, lines
from archdsl.cli import complete
from archdsl.ir.graph import Graph, Node

SPECS = sorted(path.stem for path in (Path(__file__).parent.parent / "specs").glob("*.arch"))


@pytest.mark.parametrize("case", cases("table"), ids=str)
def test_case(
    case: Case,
    update: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The block's words are a call of the command line; `--width` stands for the terminal's."""
    monkeypatch.chdir(tmp_path)
    for file in case.all("arch"):
        Path(file.info or "net.arch").write_text(file.text, encoding="utf-8")
    (output,) = case.all("output")
    words = shlex.split(output.info)
    width = words[words.index("--width") + 1] if "--width" in words else "80"
    monkeypatch.setenv("COLUMNS", width)
    cli.main([word for word in words if word not in ("--width", width)])
    printed = capsys.readouterr()
    case.expect("output", printed.out + printed.err, update=update)


# --- rows ------------------------------------------------------------------------------------


def compiled(spec: str) -> Graph:
    return archdsl.load(spec).graph


@pytest.mark.sampled
@pytest.mark.parametrize("kind", CUTS)
@pytest.mark.parametrize("spec", SPECS)
def test_rows_hold_every_node_once_and_add_up(spec: str, kind: str) -> None:
    summary = summarize(compiled(spec), Basis(training=True))
    made = rows(summary, CUTS[kind])
    assert_sums(summary, [row for row in made if row.level == 0])
    closed = [row for row in made if not row.opened]
    assert sum(row.facts.params for row in closed) == summary.total.params
    assert sum(row.facts.flops for row in closed) == summary.total.flops
    inside = [node.id for row in closed if row.copies == 1 for node in summary.nodes_in(row.members)]
    assert len(inside) == len(set(inside))
    for index, row in enumerate(made):
        if row.opened:
            assert_parts(row, made[index + 1 :])


def assert_sums(summary: Summary, outer: list[Row]) -> None:
    for name in ("params", "buffers", "macs", "flops", "memory", "kept", "traffic"):
        assert sum(getattr(row.facts, name) for row in outer) == getattr(summary.total, name), name
    assert max(row.facts.live for row in outer) == summary.total.live


def assert_parts(row: Row, after: list[Row]) -> None:
    """The parts of an opened row add up to it."""
    end = next((i for i, other in enumerate(after) if other.level <= row.level), len(after))
    parts = [part for part in after[:end] if part.level == row.level + 1]
    assert sum(part.facts.params for part in parts) == row.facts.params
    assert sum(part.facts.macs for part in parts) == row.facts.macs


def test_every_op_has_a_row() -> None:
    summary = summarize(archdsl.load("resnet@18").graph)
    made = rows(summary, CUTS["op"])
    shown = sum(row.copies for row in made if isinstance(row.main, Node))
    assert shown <= len(summary.nodes) - 1
    assert {row.main.op.name for row in made if isinstance(row.main, Node)} == {
        node.op.name for node in summary.graph if node.op.name != "input"
    }


def test_copies_are_folded_only_where_they_are_alike() -> None:
    made = rows(summarize(archdsl.load("resnet@50").graph), CUTS["block"])
    folded = {row.path: row.copies for row in made if row.copies > 1}
    assert folded == {"conv2.unit.1": 2, "conv3.1": 3, "conv4.1": 5, "conv5.1": 2}


# --- what is printed -------------------------------------------------------------------------


@pytest.mark.sampled
@pytest.mark.parametrize("width", [40, 80, 132])
@pytest.mark.parametrize("spec", SPECS)
def test_nothing_is_cut_and_nothing_too_wide(spec: str, width: int) -> None:
    for request in (
        Request(),
        Request(rows="op", columns=["path", "op", "output", "params", "macs", "time"], peak="1T", bandwidth="1T"),
    ):
        table = build(compiled(spec), request, width)
        printed = render("text", table, width=width)
        assert max(map(len, printed.splitlines())) <= width
        squeezed = re.sub(r"\s", "", printed)
        for line in table.lines:
            for index, column in enumerate(table.columns):
                if not column.is_text:
                    assert re.sub(r"\s", "", cells(table, line)[index]) in squeezed
        for word in re.findall(r"[\w.]+", " ".join(cells(table, line)[0] for line in table.lines)):
            assert word in squeezed


@pytest.mark.sampled
@pytest.mark.parametrize("spec", SPECS)
def test_csv_and_json_hold_the_same_exact_numbers(spec: str) -> None:
    request = Request(columns=["path", "output", "params", "macs", "flops", "memory", "kept"])
    compiled_graph = compiled(spec)
    table = build(compiled_graph, request)
    (names, *lines, total) = csv.reader(io.StringIO(render("csv", table)))
    data = json.loads(render("json", table))
    assert names == ["level", "copies", "opened", *(column["name"] for column in data["columns"])]
    for line, row in zip(lines, data["rows"], strict=True):
        found = dict(zip(names, line, strict=True))
        assert found["params"] == str(row["params"])
        assert found["output"] == "x".join(map(str, row["output"]))
        assert found["kept_bytes"] == str(row["kept_bytes"])
    whole = dict(zip(names, total, strict=True))
    outer = [dict(zip(names, line, strict=True)) for line in lines if line[0] == "0"]
    for name in ("params", "macs", "flops", "memory_bytes"):
        assert sum(int(line[name]) for line in outer) == int(whole[name]) == data["total"][name]
    summary = summarize(compiled_graph)
    assert (data["total"]["params"], data["total"]["macs"]) == (summary.total.params, summary.total.macs)


@pytest.mark.parametrize("format", FORMATS)
def test_a_table_is_the_same_every_time(format: str) -> None:
    def made() -> str:
        graph = archdsl.load("googlenet").graph
        return render(format, build(graph, Request(format=format)))

    assert made() == made()


@pytest.mark.sampled
@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_of_every_kind_of_row(name: str) -> None:
    for spec in ("googlenet", "textcnn", "nasnet_cifar", "mlp"):
        for kind in CUTS:
            request = Request(columns=["path", name], rows=kind, machine="h200")
            assert render("text", build(archdsl.load(spec).graph, request))


def test_latex_escapes_what_it_must() -> None:
    printed = render("latex", build(archdsl.load("alexnet@two_gpu").graph, Request(columns=["path", "op", "params%"])))
    body = printed.partition(r"\endlastfoot")[2]
    assert "conv" in body
    assert not re.search(r"(?<!\\)[_%#]", re.sub(r"(?m)^ *%.*$", "", body))


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "html"])
def test_blank_columns_tell_nothing(format: str) -> None:
    request = Request(blank=["params", "macs", "output"], format=format)
    printed = render(format, build(archdsl.load("alexnet@single").graph, request))
    for answer in ("34,944", "34.9", "62.4", "96×55×55", "1.14 G"):
        assert answer not in printed


SOLVED = ("alexnet@two_gpu", "googlenet", "mobilenet", "unet", "resnext@50_32x4d", "densenet@121", "resnet@18")
SIGNS = str.maketrans({"·": "*", "×": "*", "⌊": "(", "⌈": "-(-", "⌋": ")", "⌉": ")"})


@pytest.mark.parametrize("spec", SOLVED)
@pytest.mark.parametrize("kind", CUTS)
def test_solutions_are_right(spec: str, kind: str) -> None:
    """What stands before a sign of equality comes to what stands behind it, and that is the number of the table."""
    graph = archdsl.load(spec).graph
    columns = ["path", "params", "macs", "output", "field"]
    solved = build(graph, Request(rows=kind, solution=True, columns=columns))
    plain = build(graph, Request(rows=kind, columns=columns))
    checked = 0
    for line, numbers in zip(solved.lines, plain.lines, strict=True):
        for value, number in zip(line.values[1:3], numbers.values[1:3], strict=True):
            assert str(value).rpartition(" = ")[2].replace(",", "") == str(number)
        for value in line.values[1:]:
            for text in re.findall(r"[^:=]+ = [\d,]+(?=, |$)", str(value)):
                left, _, right = text.rpartition(" = ")
                left = re.sub(r"(?<=\d),(?=\d{3})", "", left.strip().translate(SIGNS)).replace("/", "//")
                assert eval(left) == int(right.replace(",", "")), f"{line.path}: {text}"
                checked += 1
    assert checked > 1


def test_the_paper_is_reproduced_by_the_default_table_of_googlenet() -> None:
    """A row for each row of Table 1, in its order, with its output sizes."""
    table = build(archdsl.load("googlenet").graph, Request(columns=["path", "output"], format="csv"))
    shapes = ["x".join(map(str, line.values[1])) for line in table.lines if not line.opened]
    assert (
        shapes
        == (
            "64x112x112 64x56x56 64x56x56 192x56x56 192x28x28 256x28x28 480x28x28 480x14x14 "
            "512x14x14 512x14x14 512x14x14 528x14x14 832x14x14 832x7x7 832x7x7 1024x7x7 1000"
        ).split()
    )


def test_the_python_interface_makes_the_same_tables() -> None:
    net = archdsl.load("resnet@18")
    assert net.table("csv", columns=["path", "params"]).splitlines()[-1] == "total,,,total,11689512"
    assert net.summary.total.macs == net.macs
    with pytest.raises(archdsl.CompileError, match="there is no column `parms`"):
        net.table(columns=["parms"])


def test_every_counterpart_is_a_network_with_a_table() -> None:
    for pair in COUNTERPARTS[::10]:
        assert render("text", build(archdsl.load(pair.spec, **pair.settings).graph, Request()))


# --- one list of measures --------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["resnet@18", "googlenet", "inception_v3", "textcnn", "unet"])
def test_networks_are_compared_by_the_totals_of_their_tables(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = [name for name, measure in COMPARED.items() if measure.graph is None]
    assert {"params", "macs", "memory", "live"} <= set(names)

    def last_line(*words: str) -> list[str]:
        cli.main([*words, "--format", "csv", "--columns", ",".join(names)])
        return capsys.readouterr().out.splitlines()[-1].split(",")

    assert last_line("table", spec)[3:] == last_line("compare", spec)[2:]


def test_measures_are_named_once() -> None:
    assert len({measure.name for measure in ALL}) == len(ALL) == len(MEASURES)
    options = [measure.option or measure.name for measure in ALL if measure.is_limited]
    assert len(set(options)) == len(options) == len(LIMITED)
    for measure in ALL:
        assert measure.node or measure.part or measure.graph, measure.name


def test_the_shell_completes_measures_and_columns() -> None:
    assert ("params,macs", "") in complete.measures(None, "params,m")
    assert {word for word, _ in complete.measures(None, "")} == set(COMPARED)
    assert {word for word, _ in complete.columns(None, "")} == set(COLUMNS)


@pytest.mark.parametrize("spec", ["googlenet", "nasnet_cifar", "unet", "hourglass"])
def test_the_nodes_of_a_scope_are_those_whose_path_begins_with_its_own(spec: str) -> None:
    graph = compiled(spec)
    for path in graph.scopes:
        expected = [node.id for node in graph if not path or node.id == path or node.id.startswith(f"{path}.")]
        assert [node.id for node in totals.nodes_in(graph, path, training=True)] == expected


# --- plain data ------------------------------------------------------------------------------

PLAIN = Table(
    "Two networks & a title",
    [Column("name", "name", leads=True), Column("what", "what"), Column("size", "size", "bytes")],
    lines([["first_one", "a text of several words", 12_345], ["画像", "*stars*", None]]),
    total=["total", None, 12_345],
    heading=["a heading"],
    notes=["a note"],
)


def test_a_table_for_a_terminal() -> None:
    assert render("text", PLAIN, width=40) == (
        "Two networks & a title\n"
        "a heading\n"
        "\n"
        "name       what                     size\n"
        "────────────────────────────────────────\n"
        "first_one  a text of several     12.3 KB\n"
        "           words\n"
        "画像       *stars*\n"
        "────────────────────────────────────────\n"
        "total                            12.3 KB\n"
        "\n"
        "a note\n"
    )


def test_columns_that_do_not_fit_go_below() -> None:
    assert render("text", replace(PLAIN, title="", heading=(), notes=()), width=30) == (
        "name       what\n"
        "──────────────────────────────\n"
        "first_one  a text of several\n"
        "           words\n"
        "画像       *stars*\n"
        "──────────────────────────────\n"
        "total\n"
        "\n"
        "name          size\n"
        "──────────────────\n"
        "first_one  12.3 KB\n"
        "画像\n"
        "──────────────────\n"
        "total      12.3 KB\n"
    )


def test_a_table_for_programs() -> None:
    assert list(csv.reader(io.StringIO(render("csv", PLAIN)))) == [
        ["name", "what", "size"],
        ["first_one", "a text of several words", "12345"],
        ["画像", "*stars*", ""],
        ["total", "", "12345"],
    ]
    assert json.loads(render("json", PLAIN)) == {
        "rows": [
            {"name": "first_one", "what": "a text of several words", "size": 12345},
            {"name": "画像", "what": "*stars*", "size": None},
        ],
        "total": {"name": "total", "what": None, "size": 12345},
    }


def test_a_table_for_documents() -> None:
    assert r"| 画像 | \*stars\* |  |" in render("markdown", PLAIN)
    assert r"first\_one & a text of several words & 12.3 KB \\" in render("latex", PLAIN)
    assert r"\caption[Two networks \& a title]{Two networks \& a title. a heading.}\\" in render("latex", PLAIN)
    page = render("html", PLAIN, PLAIN)
    assert page.count("<html") == page.count("</html>") == 1
    assert page.count("<table>") == 2
    assert '<th scope="row">first_one</th><td>a text of several words</td><td class="number">12.3 KB</td>' in page
    assert "Two networks &amp; a title" in page


STUDIES = {
    "compare": "compare lenet mlp",
    "sweep": "sweep mobilenet --alpha 0.5,1 --columns params",
    "fit": "fit mobilenet --over alpha --params 2M",
    "diff": "diff lenet mlp",
    "sizes": "sizes lenet",
}


@pytest.mark.parametrize("words", STUDIES.values(), ids=STUDIES)
def test_every_study_is_written_in_every_format(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    starts = {"latex": "% needs", "html": "<!DOCTYPE html>", "markdown": "**", "json": "{"}
    for format in FORMATS:
        assert cli.main([*words.split(), "--format", format]) == 0
        found = capsys.readouterr()
        assert found.out.startswith(starts.get(format, "")), format
        assert found.out, format
        assert not found.err, format
