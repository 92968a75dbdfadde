"""Grids of settings: what they mean, what they cost, and what an interrupted sweep keeps."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from calls import started

from archdsl.diagnostics import CompileError
from archdsl.driver import open_spec
from archdsl.resolve.resolve import resolve
from archdsl.source import Source
from archdsl.studies.pool import in_parallel
from archdsl.studies.ranges import grid, split, values
from archdsl.studies.record import Record
from archdsl.studies.subject import Subject
from archdsl.studies.sweep import SweepRow, sweep
from archdsl.studies.trial import Trier

NET = """\
network Net:
    param width: int = 8
    param mode: str = "plain"
    param act: op = relu
    require width % 8 == 0 "an eight in every width"
    input image: 3 x 32 x 32
    conv(width, 3) -> act
    conv(48, 3, groups=8)
"""


def subject(text: str = NET) -> Subject:
    return Subject(resolve(Source("net.arch", text)))


def failure(error: pytest.ExceptionInfo[CompileError]) -> str:
    return "\n".join(f"{d.code}: {d.message}" for d in error.value.diagnostics)


# --- ranges ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", ["3"]),
        ("0:3", ["0", "1", "2", "3"]),
        ("0:1:0.25", ["0", "0.25", "0.5", "0.75", "1"]),
        ("0:1:0.4", ["0", "0.4", "0.8"]),
        ("3:1:-1", ["3", "2", "1"]),
        ("-0.2:0.2:0.1", ["-0.2", "-0.1", "0", "0.1", "0.2"]),
        ("1.1:1.3:0.1", ["1.1", "1.2", "1.3"]),
        ("0:0.3:0.1", ["0", "0.1", "0.2", "0.3"]),
        ("1_000:3_000:1e3", ["1000", "2000", "3000"]),
        ("5:5", ["5"]),
        ("1,2,2", ["1", "2"]),
        ("1, 4:6 ,9", ["1", "4", "5", "6", "9"]),
        ("[1, 2],[3, 4]", ["[1, 2]", "[3, 4]"]),
        ("relu,leaky_relu(0.1, 2)", ["relu", "leaky_relu(0.1, 2)"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ("xs[1:]", ["xs[1:]"]),
    ],
)
def test_values(text: str, expected: list[str]) -> None:
    if text == "xs[1:]":
        assert split(text) == expected
    else:
        assert values("phi", text) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0:7:0", "a step of 0 never reaches 7 from 0"),
        ("7:0", "is empty: it counts up, from 7 to 0"),
        ("0:7:-1", "is empty: it counts down, from 0 to 7"),
        ("0:", "is not a range"),
        (":3", "is not a range"),
        ("0:a", "is not a range"),
        ("0:1:2:3", "is not a range"),
        ("0:inf", "is not a range"),
        ("nan:3", "is not a range"),
        ("1,,2", "a value is missing"),
        ("", "a value is missing"),
        (",", "a value is missing"),
        ("0:1e9:0.001", "more than 1,000,000 values"),
        ("0:1e99", "more than 1,000,000 values"),
        ("0:600000,1000000:1600000", "more than 1,000,000 values"),
    ],
)
def test_values_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(CompileError) as error:
        values("phi", text)
    assert failure(error).startswith("bad-range: ")
    assert message in failure(error)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.span is not None
    assert diagnostic.span.source.name == "--phi"


def test_a_grid_has_every_combination() -> None:
    points = grid(subject(), {"width": "8:24:8", "act": "relu,silu"})
    assert len(points) == 6
    assert list(points)[:3] == [
        {"width": "8", "act": "relu"},
        {"width": "8", "act": "silu"},
        {"width": "16", "act": "relu"},
    ]
    assert grid(subject(), {"width": "8:24:8", "act": "relu"}).varied == ("width",)
    assert list(grid(subject(), {})) == [{}]


def test_words_may_have_colons() -> None:
    assert grid(subject(), {"mode": "a:b,1:3"}).dimensions == {"mode": ("a:b", "1", "2", "3")}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"wdith": "8"}, "unknown-parameter: --wdith: Net has no parameter `wdith`"),
        ({"width": "8:9:0.5"}, "wrong-type: `Net`'s `width` takes a whole number, got 8.5"),
        ({"width": "many"}, 'wrong-type: `Net`\'s `width` takes a whole number, got "many"'),
        ({"act": "reluu"}, "unknown-name: net.arch knows no op `reluu`"),
        ({"width": "[1"}, "`[` is never closed"),
        ({"width": "1:1001", "mode": "1:1001"}, "bad-range: the grid has 1,001 × 1,001 settings"),
    ],
)
def test_grids_that_cannot_be(texts: dict[str, str], message: str) -> None:
    with pytest.raises(CompileError) as error:
        grid(subject(), texts)
    assert message in failure(error)


def test_all_that_is_wrong_with_a_grid_is_said() -> None:
    with pytest.raises(CompileError) as error:
        grid(subject(), {"wdith": "8", "width": "7:0", "act": "reluu"})
    assert len(error.value.diagnostics) == 3


# --- costs -----------------------------------------------------------------------------------


def test_costs_are_those_of_the_published_networks() -> None:
    """The coefficients of EfficientNet-B0 to B4 give the numbers that torchvision's networks have."""
    with (Path(__file__).parent / "data" / "networks.csv").open(newline="") as file:
        rows = {row["system"]: row for row in csv.DictReader(file) if row["reference"] == "torchvision"}
    efficientnet = Subject(open_spec("efficientnet"))
    published = {
        "b0": ("1.0", "1.0", "224"),
        "b1": ("1.0", "1.1", "240"),
        "b2": ("1.1", "1.2", "260"),
        "b3": ("1.2", "1.4", "300"),
        "b4": ("1.4", "1.8", "380"),
    }
    trier = Trier(efficientnet, ("params", "macs", "buffers"))
    for name, coefficients in published.items():
        trial = trier(dict(zip(("width", "depth", "resolution"), coefficients, strict=True)))
        row = rows[f"efficientnet_{name}"]
        expected = {"params": int(row["params"]), "macs": int(row["macs"]), "buffers": int(row["buffers"])}
        assert trial.values == expected


def test_settings_that_break_a_rule_are_listed_as_such() -> None:
    rows = list(sweep(Trier(subject(), ("params",)), grid(subject(), {"width": "8:12:2"}), jobs=1))
    assert [row.values.get("params") for row in rows] == [704, None, None]
    assert rows[0].problem == ""
    assert rows[1].problem == (
        "requirement-broken: the settings break a rule of the network: an eight in every width (`width % 8` is 2)"
    )


def test_what_is_no_network_for_another_reason_is_listed_too() -> None:
    other = subject(NET.replace("groups=8", "groups=16"))
    (row,) = sweep(Trier(other, ("params",)), grid(other, {"width": "24"}), jobs=1)
    assert row.problem.startswith("channels-not-divisible: ")


def test_several_processes_find_what_one_finds() -> None:
    points = grid(subject(), {"width": "8:128:8", "act": "relu,silu"})
    trier = Trier(subject(), ("params", "macs", "live"), ("width",))
    assert list(sweep(trier, points, jobs=1)) == list(sweep(trier, points, jobs=3))


def test_the_search_over_alpha_beta_and_gamma() -> None:
    """The lecture's first step: α, β and γ under α·β²·γ² ≈ 2, of which (1.2, 1.1, 1.15) was chosen."""
    efficientnet = Subject(open_spec("efficientnet"))
    points = grid(efficientnet, {"phi": "1", "alpha": "1.0:1.4:0.1", "beta": "1.0:1.2:0.1", "gamma": "1.1:1.2:0.05"})
    rows = list(sweep(Trier(efficientnet, ("macs",)), points))
    kept = {tuple(row.point[n] for n in ("alpha", "beta", "gamma")) for row in rows if not row.problem}
    expected = {
        (a, b, g)
        for a, b, g in (tuple(row.point[n] for n in ("alpha", "beta", "gamma")) for row in rows)
        if abs(float(a) * float(b) ** 2 * float(g) ** 2 - 2) <= 0.1
    }
    assert kept == expected
    assert ("1.2", "1.1", "1.15") in kept


def test_a_process_that_dies_is_reported() -> None:
    with pytest.raises(OSError, match="a worker process was killed"):
        list(in_parallel(_die, list(range(20)), 2))


def _die(item: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return item


# --- the record ------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "costs.csv"


def swept(path: Path, widths: str, text: str = NET) -> list[SweepRow]:
    points = grid(subject(text), {"width": widths})
    with Record(path, ("net.arch", subject(text).digest), ["width"], ["params"]) as record:
        return list(sweep(Trier(subject(text), ("params",)), points, record, jobs=1))


def test_a_record_is_a_table(path: Path) -> None:
    swept(path, "8:10")
    digest = subject().digest
    assert path.read_text().splitlines() == [
        "spec,digest,width,params,problem",
        f"net.arch,{digest},8,704,",
        f"net.arch,{digest},9,,requirement-broken: the settings break a rule of the network: an eight in every width "
        "(`width % 8` is 1)",
        f"net.arch,{digest},10,,requirement-broken: the settings break a rule of the network: an eight in every width "
        "(`width % 8` is 2)",
    ]


def test_what_is_there_is_not_measured_again(path: Path) -> None:
    swept(path, "8:16:8")
    before = path.read_text()
    rows = swept(path, "8:32:8")
    assert [(row.point["width"], row.trial is None) for row in rows] == [
        ("8", True),
        ("16", True),
        ("24", False),
        ("32", False),
    ]
    assert str(rows[0].values["params"]) == "704"
    assert path.read_text().startswith(before)
    assert len(path.read_text().splitlines()) == 5


def test_rows_of_another_text_of_the_spec_are_not_taken(path: Path) -> None:
    swept(path, "8")
    (row,) = swept(path, "8", NET.replace("32 x 32", "16 x 16"))
    assert row.trial is not None
    assert len(path.read_text().splitlines()) == 3


def test_a_line_that_was_cut_off_goes(path: Path) -> None:
    swept(path, "8:32:8")
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    swept(path, "8:32:8")
    assert path.read_bytes() == content


def test_a_header_that_was_cut_off_is_written_again(path: Path) -> None:
    path.write_text("spec,dig")
    swept(path, "8")
    assert path.read_text().startswith("spec,digest,width,params,problem\nnet.arch,")


@pytest.mark.parametrize("content", ["name,accuracy\nnet,0.9\n", "notes", "spec,digest,height,params,problem\n"])
def test_another_table_is_left_alone(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(CompileError) as error:
        swept(path, "8")
    assert failure(error).startswith("another-table: ")
    assert path.read_text() == content


def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "no" / "x.csv", Path("/dev/full")):
        with pytest.raises(CompileError) as error:
            swept(place, "8")
        assert failure(error).startswith("unwritable-file: ")


def test_quotes_and_commas_survive(path: Path) -> None:
    points = grid(subject(), {"mode": '"a,b",c d'})
    with Record(path, ("net.arch", "x"), ["mode"], ["params"]) as record:
        list(sweep(Trier(subject(), ("params",)), points, record, jobs=1))
    with Record(path, ("net.arch", "x"), ["mode"], ["params"]) as record:
        assert all(map(record.has, points))


DAMAGED = {
    "quote that never closes": (lambda text: text.replace(",8,704,", ',8,"704,'), "line 2 of"),
    "quote in the middle": (lambda text: text.replace(",8,704,", ',8,"70"4,'), "line 2 of"),
    "cell that is no number": (lambda text: text.replace(",8,704,", ",8,xx,"), "has `xx` for params"),
    "cell that is not finite": (lambda text: text.replace(",8,704,", ",8,inf,"), "has `inf` for params"),
    "cell that is empty": (lambda text: text.replace(",8,704,", ",8,,"), "has `` for params"),
    "number too many": (lambda text: text.replace(",8,704,", ",8,704,,"), "has 6 cells"),
    "line that is cut": (lambda text: text.replace(",8,704,", ",8"), "has 3 cells"),
    "blank line": (lambda text: text + "\n", "has 0 cells"),
    "endless cell": (lambda text: text.replace(",8,704,", f",8,704,{'a' * 140_000}"), "is not a line of CSV"),
    "nothing that is text": (lambda text: text.replace(",8,704,", ",8,\0,"), "line 2 of"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_record_is_refused_and_left_alone(path: Path, damage: str) -> None:
    swept(path, "8:16:8")
    change, message = DAMAGED[damage]
    path.write_text(change(path.read_text()))
    before = path.read_bytes()
    with pytest.raises(CompileError) as error:
        swept(path, "8:32:8")
    assert failure(error).startswith("broken-record: ")
    assert message in failure(error)
    assert path.read_bytes() == before


@pytest.mark.parametrize("saved", [lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n")])
def test_a_record_may_have_been_saved_by_another_program(path: Path, saved: Callable[[bytes], bytes]) -> None:
    swept(path, "8:16:8")
    path.write_bytes(saved(path.read_bytes()))
    rows = swept(path, "8:24:8")
    assert [row.trial is None for row in rows] == [True, True, False]
    assert all(row.trial is None for row in swept(path, "8:24:8"))


# --- interrupted -----------------------------------------------------------------------------

SWEEP = ["sweep", "efficientnet", "--phi", "0:7:0.01", "--jobs", "2"]


@contextmanager
def begun(path: Path, lines: int) -> Iterator[subprocess.Popen[str]]:
    """A sweep that has written some lines."""
    with started(*SWEEP, "-o", str(path)) as running:
        deadline = time.monotonic() + 60
        while not path.exists() or path.read_bytes().count(b"\n") < lines:
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.05)
        yield running


def test_an_interrupted_sweep_keeps_what_it_has(path: Path) -> None:
    with begun(path, 5) as running:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        assert running.returncode == 130
        assert out.startswith("wrote ")
        assert "interrupted after" in err
        assert "the same call continues the sweep" in err
    lines = path.read_text().splitlines()
    assert 5 <= len(lines) < 701
    assert [line.split(",")[2] for line in lines[1:4]] == ["0", "0.01", "0.02"]


def test_a_killed_sweep_keeps_whole_lines_and_goes_on(path: Path) -> None:
    with begun(path, 5) as running:
        running.kill()
        running.communicate(timeout=60)
    before = path.read_text()
    kept = before.splitlines()[1:]
    assert before.endswith("\n")
    last = kept[-1].split(",")[2]
    again = [*SWEEP[:2], "--phi", f"0:{last}:0.01", "-o", str(path)]
    done = subprocess.run([sys.executable, "-m", "archdsl", *again], capture_output=True, text=True, check=True)
    assert done.stdout == f"wrote 0 settings to {path}, {len(kept)} were there before\n"
    assert path.read_text() == before


def test_processes_end_with_the_one_that_asked(path: Path) -> None:
    with begun(path, 3) as running:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        if not children.exists():
            pytest.skip("needs /proc")
        workers = [int(pid) for pid in children.read_text().split()]
        assert len(workers) == 2
        running.kill()
        running.communicate(timeout=60)
        deadline = time.monotonic() + 20
        while any(map(_lives, workers)):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
