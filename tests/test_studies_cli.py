"""`diff`, `compare`, `sweep`, `fit` and `sizes` on the command line: what they print, write and refuse."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest
from calls import Caller

NET = """\
network Net:
    param classes: int = 10
    param act: op = relu
    param phi: float = 0
    param size: int = 32
    scaling:
        width = round(8 * 2 ^ phi)
    variants:
        wide: width = 32
    require size % 4 == 0 "two poolings"
    input image: 3 x size x size
    stage stem: conv(width, 3) -> act
    stage body: max_pool(2) -> conv(width, 3) -> max_pool(2)
    stage head: global_avg_pool -> flatten -> linear(classes)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("net.arch").write_text(NET)
    return tmp_path


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# --- diff ------------------------------------------------------------------------------------


def test_diff(call: Caller) -> None:
    found = call("diff", "net.arch", "@wide", "classes=5")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[:3] == ["net.arch → net.arch@wide classes=5", "classes: 10 → 5", "width: 8 → 32"]
    assert "changed  stem.conv    out 8 → 32" in found.out
    assert "changed  head.linear  out 10 → 5" in found.out
    assert "A checkpoint of net.arch does not load into net.arch@wide classes=5 as it is" in found.out
    assert max(map(len, lines)) <= 80


def test_diff_of_the_same(call: Caller) -> None:
    found = call("diff", "net.arch", "net.arch", "phi=0")
    assert "\nno difference\n" in found.out
    assert "all 6 tensors fit" in found.out


def test_diff_for_programs(call: Caller) -> None:
    rows = table(call("diff", "resnet@50", "@101", "--format", "csv").out)
    assert rows == [
        {
            "kind": "added",
            "path": "conv4.6–22",
            "what": "Bottleneck, 1024×14×14 (×17)",
            "params": "18992128",
            "macs": "3712221184",
        }
    ]
    facts = json.loads(call("diff", "resnet@50", "@50", "classes=10", "--format", "json").out)
    assert facts["checkpoint"]["misshapen"] == ["head.linear.weight", "head.linear.bias"]
    assert facts["settings"] == [{"name": "classes", "before": 1000, "after": 10}]
    assert call("diff", "resnet@50", "@101", "-o", "d.md").out == "wrote d.md\n"
    assert Path("d.md").read_text().startswith("**resnet@50 → resnet@101**\n")


def test_options_are_for_both(call: Caller) -> None:
    found = call("diff", "net.arch", "@wide", "--classes", "7")
    assert "head.linear" not in found.out
    assert call("diff", "net.arch", "classes=3", "net.arch", "--classes", "7").out.count("classes: 3 → 7") == 1


def test_diff_of_a_graph_that_was_written(call: Caller) -> None:
    assert call("compile", "net.arch", "-o", "net.json").code == 0
    found = call("diff", "net.arch", "net.json")
    assert "\nno difference\n" in found.out
    assert table(call("compare", "net.json", "--columns", "params", "--format", "csv").out)[0]["params"] == "898"
    for words in ("sweep net.json", "sizes net.json", "fit net.json --over phi --macs 1M"):
        found = call(*words.split())
        assert (found.code, found.out) == (2, "")
        assert "is a graph file: its settings and sizes cannot be varied" in found.err


# --- compare ---------------------------------------------------------------------------------


def test_compare(call: Caller) -> None:
    assert call("compare", "resnet@50", "@18", "mobilenet", "alpha=0.5", "--sort", "macs").out == (
        "3 networks\n"
        "live: activations that inference holds at once, fp32\n"
        "\n"
        "network              input      params    MACs     live  field  layers\n"
        "──────────────────────────────────────────────────────────────────────\n"
        "mobilenet alpha=0.5  3x224x224  1.33 M   149 M  3.21 MB    315      28\n"
        "resnet@18            3x224x224  11.7 M  1.81 G  6.42 MB    435      18\n"
        "resnet@50            3x224x224  25.6 M  4.09 G  10.4 MB    427      50\n"
    )


def test_compare_for_programs(call: Caller) -> None:
    rows = table(call("compare", "resnet@18", "senet@50", "--columns", "params,field", "--format", "csv").out)
    assert rows == [
        {"network": "resnet@18", "input": "3x224x224", "params": "11689512", "field": "435"},
        {"network": "senet@50", "input": "3x224x224", "params": "28088024", "field": "global"},
    ]
    out = call("compare", "resnet@18", "--format", "json", "--columns", "macs").out
    assert json.loads(out)["rows"][0]["macs"] == 1_814_073_344
    assert call("compare", "resnet@18", "-o", "c.csv").out == "wrote c.csv\n"
    assert table(Path("c.csv").read_text())[0]["params"] == "11689512"


def test_compare_sorts(call: Caller) -> None:
    def order(*words: str) -> list[str]:
        found = call("compare", "resnet@50", "@18", "@34", "--format", "csv", *words)
        return [row["network"].partition("@")[2] for row in table(found.out)]

    assert order() == ["50", "18", "34"]
    assert order("--sort", "params") == ["18", "34", "50"]
    assert order("--sort", "field") == ["50", "18", "34"]
    assert order("--sort", "field", "--reverse") == ["34", "18", "50"]


def test_all_variants(call: Caller) -> None:
    Path("p.arch").write_text("network P:\n    input image: 3 x 8 x 8\n    conv(4, 3)\n")
    rows = table(call("compare", "net.arch", "size=64", "p.arch", "--all-variants", "--format", "csv").out)
    assert [row["network"] for row in rows] == ["net.arch@wide size=64", "p.arch"]
    assert rows[0]["input"] == "3x64x64"


def test_precision(call: Caller) -> None:
    def live(precision: str) -> int:
        out = call("compare", "mlp", "--columns", "live", "--format", "csv", "--precision", precision).out
        return int(table(out)[0]["live"])

    assert live("fp32") == 2 * live("fp16") == live("fp64") / 2


# --- sweep -----------------------------------------------------------------------------------


def test_sweep(call: Caller) -> None:
    assert call("sweep", "net.arch", "--phi", "0:1:0.5", "--size", "30,32", "--columns", "width,params,macs").out == (
        "Net (net.arch): 3 of 6 settings\n"
        "\n"
        "phi  size  width  params    MACs\n"
        "────────────────────────────────\n"
        "  0    32      8     898   369 K\n"
        "0.5    32     11  1.53 K   583 K\n"
        "  1    32     16  2.94 K  1.03 M\n"
        "\n"
        "3 settings fail: the settings break a rule of the network: two poolings\n"
        "\n"
        "phi  size\n"
        "──────────────────────────\n"
        "  0    30  `size % 4` is 2\n"
        "0.5    30  `size % 4` is 2\n"
        "  1    30  `size % 4` is 2\n"
    )


def test_sweep_sets_what_options_shadow(call: Caller) -> None:
    Path("f.arch").write_text(
        "network F:\n    param format: int = 1\n    input image: 3 x 8 x 8\n    conv(format, 1)\n"
    )
    rows = table(call("sweep", "f.arch", "--set", "format=1,2:4", "--format", "csv").out)
    assert [(row["format"], row["params"]) for row in rows] == [("1", "4"), ("2", "8"), ("3", "12"), ("4", "16")]
    found = call("sweep", "net.arch", "--set", "phi=0,1,size=32,64", "--format", "csv", "--columns", "params")
    assert [(row["phi"], row["size"]) for row in table(found.out)] == [
        ("0", "32"),
        ("0", "64"),
        ("1", "32"),
        ("1", "64"),
    ]


def test_sweep_to_a_file_goes_on(call: Caller) -> None:
    assert call("sweep", "net.arch", "--phi", "0:1", "-o", "s.csv").out == "wrote 2 settings to s.csv\n"
    found = call("sweep", "net.arch", "--phi", "0:2", "-o", "s.csv")
    assert found.out == "wrote 1 setting to s.csv, 2 were there before\n"
    printed = call("sweep", "net.arch", "--phi", "0:2", "--format", "csv").out
    assert Path("s.csv").read_text() == printed


def test_a_sweep_without_any_network_ends_with_1(call: Caller) -> None:
    assert call("sweep", "net.arch", "--size", "30,31").code == 1
    assert call("sweep", "net.arch", "--size", "30,31", "-o", "s.csv").code == 1
    assert len(table(Path("s.csv").read_text())) == 2


def test_a_sweep_of_what_has_no_effect_warns(call: Caller) -> None:
    found = call("sweep", "net.arch@wide", "--phi", "0:3")
    assert found.code == 0
    assert found.err.count("`phi` has no effect") == 1


def test_a_sweep_shows_its_progress_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    shown: list[bytes] = []
    reader = Thread(target=_read, args=(ours, shown), daemon=True)
    reader.start()
    done = subprocess.run(
        [sys.executable, "-m", "archdsl", "sweep", "net.arch", "--phi", "0:1:0.05", "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    reader.join()
    assert done.stdout.startswith("Net (net.arch): 21 of 21 settings\n")
    assert "21/21" in b"".join(shown).decode()


def _read(terminal: int, shown: list[bytes]) -> None:
    """All that is written to a terminal, until nobody writes any more."""
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 4096):
            shown.append(data)


# --- fit -------------------------------------------------------------------------------------


def test_fit(call: Caller) -> None:
    assert call("fit", "efficientnet", "--macs", "1.8G", "--over", "phi").out == (
        "phi = 1.88 meets the budget\n"
        "EfficientNet (specs/efficientnet.arch)\n"
        "with phi = 1.88: depth 1.40884, width 1.19624, resolution 291\n"
        "\n"
        "         phi           MACs  of budget\n"
        "──────────────────────────────────────\n"
        "budget        1,800,000,000\n"
        "within  1.88  1,799,776,080   99.988 %\n"
        "over     1.9  1,800,091,280   100.01 %\n"
        "\n"
        "31 values were tried, from 1 to 3; the cost only rises with phi.\n"
    )


def test_fit_where_none_does(call: Caller) -> None:
    found = call("fit", "efficientnet", "--macs", "10M", "--over", "phi", "--range", "0:7")
    assert found.code == 1
    assert found.out.startswith("no phi between 0 and 7 meets the budget\n")
    assert "\nnearest    0  385,814,752   3858.1 %\n" in found.out


def test_fit_for_programs(call: Caller) -> None:
    facts = json.loads(call("fit", "unet", "--memory", "100MB", "--over", "size", "--format", "json").out)
    assert (facts["best"], facts["monotone"]) == (364, True)
    assert facts["rows"][0]["live"] == 100_000_000


def test_fit_of_what_has_no_effect(call: Caller) -> None:
    found = call("fit", "net.arch@wide", "--params", "1K", "--over", "phi")
    assert found.code == 1
    assert "the cost is the same for every phi" in found.out
    assert "`phi` has no effect" in found.err


# --- sizes -----------------------------------------------------------------------------------


def test_sizes(call: Caller) -> None:
    out = call("sizes", "unet", "--jobs", "1").out
    assert out.startswith(
        "UNet (specs/unet.arch)\n"
        "\n"
        "size is the height and width of image: 572 as declared\n"
        "size must be 16·k + 12, at least 188: 540, 556, 572, 588, 604.\n"
        "No rows are lost.\n"
        "The weights are the same for every size.\n"
    )
    assert "every pooling" in out
    assert "specs/unet.arch:7:13" in out


def test_sizes_of_height_and_width(call: Caller) -> None:
    Path("p.arch").write_text(
        "network P:\n    input image: 3 x 20 x 20\n    conv(4, 3, padding=valid)\n    max_pool(2)\n"
    )
    out = call("sizes", "p.arch", "--jobs", "1").out
    assert "height of image, likewise width of image: 20 as declared\n" in out
    assert "height may be anything from 4 on.\n" in out
    assert "Rows are lost unless height is a multiple of 2: at 21 max_pool loses 1 row.\n" in out
    axes = json.loads(call("sizes", "p.arch", "--format", "json", "--jobs", "1").out)["axes"]
    assert [(axis["name"], axis["period"], axis["smallest"]) for axis in axes] == [("height", 1, 4), ("width", 1, 4)]


def test_sizes_of_vectors(call: Caller) -> None:
    Path("v.arch").write_text("network V:\n    input features: 20\n    linear(3)\n")
    assert "they have no size" in call("sizes", "v.arch").out


# --- wrong calls -----------------------------------------------------------------------------

WRONG_CALLS: dict[str, tuple[str, str]] = {
    "diff of one": ("diff net.arch", "diff compares two networks, and 1 is given"),
    "diff of three": ("diff net.arch net.arch net.arch", "and 3 are given"),
    "diff of nothing": ("diff", "Missing argument"),
    "setting first": ("diff phi=1 net.arch", "'phi=1' is a setting; write it after the network that it is for"),
    "variant first": ("compare @wide", "'@wide' is a variant; write it after its spec"),
    "set twice": ("compare net.arch phi=1 phi=2", "'phi' is set twice for net.arch"),
    "unknown setting": ("compare net.arch ph=1", "did you mean `--phi`?"),
    "unknown variant": ("diff net.arch @wyde", "did you mean `wide`?"),
    "missing file": ("compare nett.arch", "did you mean `net.arch`?"),
    "wrong type": ("compare net.arch classes=many", "takes a whole number"),
    "sort": ("compare net.arch --sort size", "there is no column `size`"),
    "columns": ("compare net.arch --columns params,mac", "did you mean `macs`?"),
    "format": ("compare net.arch --format xml", "there are text, markdown, csv, latex, html, json"),
    "precision": ("compare net.arch --precision int8", "there are fp64, fp32, bf16, fp16"),
    "unwritable": ("compare net.arch -o net.arch/x.csv", "net.arch is not a folder"),
    "sweep of an unknown setting": ("sweep net.arch --phii 1", "did you mean `--phi`?"),
    "sweep without end": ("sweep net.arch --phi 0:1:0", "a step of 0 never reaches 1 from 0"),
    "sweep backwards": ("sweep net.arch --phi 3:0", "write 3:0:-1"),
    "sweep of words": ("sweep net.arch --phi a:b", "is not a range"),
    "sweep of fractions": ("sweep net.arch --classes 1:2:0.5", "takes a whole number, got 1.5"),
    "sweep of too much": ("sweep net.arch --phi 0:2000 --classes 1:2000", "2,001 × 2,000 settings"),
    "sweep columns": ("sweep net.arch --phi 1 --columns widht", "did you mean `width`?"),
    "sweep to Markdown": ("sweep net.arch --phi 1 -o s.md", "only CSV to a file; write -o s.csv"),
    "sweep over a spec": ("sweep net.arch --phi 1 -o net.arch", "only CSV to a file"),
    "sweep set": ("sweep net.arch --set phi", "--set takes name=value,value"),
    "sweep twice": ("sweep net.arch --phi 1 --set phi=2", "'phi' is set twice"),
    "sweep jobs": ("sweep net.arch --phi 1 --jobs 0", "--jobs"),
    "another table": ("sweep net.arch --phi 1 -o other.csv", "other.csv holds another table: its columns are a,b"),
    "a folder": ("sweep net.arch --phi 1 -o folder.csv", "folder.csv cannot be written: it is not a regular file"),
    "no budget": ("fit net.arch --over phi", "A budget is missing: one or several of --params, --buffers, --macs"),
    "no setting": ("fit net.arch --macs 1M", "Missing option '--over'"),
    "budget in bytes": ("fit net.arch --over phi --macs 50MB", "not one of K, M, G and T"),
    "budget without a unit": ("fit net.arch --over phi --memory 50", "has no unit"),
    "budget in FLOPs": ("fit net.arch --over phi --macs 3GFLOPs", "halve the number"),
    "no amount": ("fit net.arch --over phi --macs much", "is not an amount"),
    "over an op": ("fit net.arch --over act --macs 1M", "`act` is an op and not a number"),
    "over what is not there": ("fit net.arch --over sise --macs 1M", "did you mean `size`?"),
    "range backwards": ("fit net.arch --over phi --macs 1M --range 3:1", "the range `3:1` is empty"),
    "range of one": ("fit net.arch --over phi --macs 1M --range 3", "is not a range"),
    "range without whole numbers": ("fit net.arch --over size --macs 1M --range 1.2:1.8", "no whole number"),
    "sizes of nothing": ("sizes nothing", "there is no file `nothing`"),
    "sizes of two": ("sizes net.arch net.arch", "unexpected extra argument"),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_a_wrong_call_ends_with_2(call: Caller, name: str) -> None:
    Path("other.csv").write_text("a,b\n1,2\n")
    Path("folder.csv").mkdir()
    words, message = WRONG_CALLS[name]
    found = call(*words.split())
    assert (found.code, found.out) == (2, "")
    assert message in " ".join(found.err.split())
    assert "Traceback" not in found.err
    assert Path("other.csv").read_text() == "a,b\n1,2\n"
    assert {path.name for path in Path().iterdir()} == {"net.arch", "other.csv", "folder.csv"}


@pytest.mark.parametrize(
    "words",
    ["diff bad.arch net.arch", "compare net.arch bad.arch", "sizes bad.arch", "fit bad.arch --over n --macs 1M"],
)
def test_a_bad_spec_ends_with_1(call: Caller, words: str) -> None:
    Path("bad.arch").write_text("network Bad:\n    param n: int = 3\n    input image: 3 x 8 x 8\n    convv(n, 3)\n")
    found = call(*words.split())
    assert (found.code, found.out) == (1, "")
    assert "did you mean `conv`?" in found.err


def test_all_that_is_wrong_with_several_networks_is_said(call: Caller) -> None:
    found = call("compare", "net.arch", "size=30", "net.arch", "act=reluu", "net.arch")
    assert "two poolings" in found.err
    assert "did you mean `relu`?" in found.err
