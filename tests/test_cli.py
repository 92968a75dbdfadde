"""The command line: what it prints and writes, what it refuses, and how it ends."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from calls import Caller, started

from archdsl import files
from archdsl.cli import complete, version

NET = """\
network Net:
    \"\"\"A network for tests.\"\"\"
    param classes: int = 10
    param mode: str = "plain"  # allow: unused-name (a word among the settings)
    param act: op = relu
    param layers: list = [1, 2] "convolutions in each stage"
    param phi: float = 0
    scaling:
        width = 8 * 2 ^ phi
    variants:
        wide: width = 32
    input image: 3 x 32 x 32
    conv(width, 3) -> act
    conv(width, 3) * layers[1]
    global_avg_pool -> flatten -> linear(classes)
    expect wide: params == 19_722
"""


@pytest.fixture(autouse=True)
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a spec."""
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(NET)
    return Path("net.arch")


def process(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "archdsl", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


def written() -> set[str]:
    """Every file here, hidden ones too."""
    return {path.as_posix() for path in Path().rglob("*") if path.is_file()} - {"net.arch"}


# --- check ---------------------------------------------------------------------------------


def test_check_prints_a_line_for_each_network(call: Caller) -> None:
    assert call("check", "net.arch@wide", "resnet@18") == (
        0,
        "net.arch@wide: 19,722 params, 19.8 M MACs, 3x32x32 -> 10\n"
        "specs/resnet.arch@18: 11,689,512 params, 1.81 G MACs, 3x224x224 -> 1000\n",
        "",
    )


def test_check_of_all_variants_has_the_defaults_first(call: Caller) -> None:
    lines = call("check", "net.arch").out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["net.arch", "net.arch@wide", "net.arch"]
    assert lines[-1] == "net.arch: checked the defaults and 1 variant"


def test_defaults_that_are_incomplete_are_no_network_to_check(call: Caller) -> None:
    Path("p.arch").write_text(
        "network P:\n    param n: int\n    variants:\n        a: n = 3\n    input image: 3 x 8 x 8\n    conv(n, 3)\n"
    )
    assert call("check", "p.arch").out == "p.arch@a: 84 params, 5.18 K MACs, 3x8x8 -> 3x8x8\n"
    missing = call("compile", "p.arch")
    assert missing.code == 1
    assert "give one with --n" in missing.err


def test_an_error_says_which_variants_have_it(call: Caller) -> None:
    Path("p.arch").write_text(
        "network P:\n    param n: int = 1\n    variants:\n        a: n = 2\n        b: n = 3\n"
        "    input image: 3 x 8 x 8\n    conv(6, 3, groups=n)\n"
    )
    found = call("check", "p.arch")
    assert found.code == 1
    assert found.out.splitlines()[0].startswith("p.arch: ")
    assert "= with a\n" in found.err
    assert found.err.endswith("1 error\n")


def test_a_file_of_blocks_is_checked(call: Caller) -> None:
    Path("blocks.arch").write_text("block One: relu\n\nblock Two: One\n")
    assert call("check", "blocks.arch").out == "blocks.arch: 2 blocks\n"


def test_all_that_is_wrong_with_several_specs_is_reported(call: Caller) -> None:
    Path("a.arch").write_text("network A:\n    input image: 3 x 8 x 8\n    convv(3, 3)\n    bnn\n")
    Path("b.arch").write_text("network B:\n    input image: 3 x 8 x 8\n    conv(3, kernl=3)\n")
    found = call("check", "a.arch", "net.arch", "b.arch", "--format", "line")
    assert found.code == 1
    assert [line.split(":")[0] for line in found.out.splitlines()] == ["a.arch", "a.arch", "b.arch"]
    assert found.err == ""


def test_json_is_all_that_standard_output_holds(call: Caller) -> None:
    assert json.loads(call("check", "net.arch", "--format", "json").out) == []
    found = call("check", "net.arch", "--clases", "3", "--format", "json")
    assert [diagnostic["code"] for diagnostic in json.loads(found.out)] == ["unknown-parameter"]
    assert found.err == ""
    assert json.loads(call("compile", "net.arch", "--format", "json").out) == []


def test_results_and_json_do_not_mix(call: Caller) -> None:
    found = call("compile", "net.arch", "-o", "-", "--format", "json")
    compile(found.out, "net.py", "exec")
    assert json.loads(found.err) == []


# --- settings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["net.arch", "--classes", "3"],
        ["--classes", "3", "net.arch"],
        ["net.arch", "--classes=3"],
        ["net.arch", "--set", "classes=3"],
        ["net.arch", "--set", "classes=3,layers=[1,2]"],
        ["--", "net.arch"],
    ],
    ids=" ".join,
)
def test_a_setting_may_stand_anywhere(call: Caller, words: list[str]) -> None:
    classes = 10 if words[0] == "--" else 3
    assert call("check", *words).out.partition("\n")[0].endswith(f"-> {classes}")


def test_settings_are_what_a_spec_would_write(call: Caller) -> None:
    out = call("compile", "net.arch", "--layers", "[1, 3]", "--act", "silu", "--phi", "1", "--mode", "mean").out
    assert re.search(r"^layers +\[1, 3\] +given", out, re.M)
    assert re.search(r"^act +silu +given", out, re.M)
    assert re.search(r"^mode +mean +given", out, re.M)
    assert re.search(r"^phi +1 +given", out, re.M)
    assert re.search(r"^width +16 +8 \* 2 \^ phi", out, re.M)
    assert re.search(r"^classes +10 +default", out, re.M)


def test_hyphens_stand_for_underscores(call: Caller) -> None:
    assert re.search(r"^bn_eps +0.5 +given", call("compile", "efficientnet", "--bn-eps", "0.5").out, re.M)


def test_a_parameter_named_like_an_option_can_be_set(call: Caller) -> None:
    Path("f.arch").write_text(
        "network F:\n    param format: int = 1\n    input image: 3 x 8 x 8\n    conv(format, 1)\n"
    )
    assert call("check", "f.arch", "--set", "format=7").out.endswith("-> 7x8x8\n")


def test_a_variant_may_be_named_twice_if_it_is_the_same(call: Caller) -> None:
    assert call("check", "net.arch@wide", "--variant", "wide").code == 0
    assert "--variant names thin" in call("check", "net.arch@wide", "--variant", "thin").err


def test_a_setting_without_effect_is_a_warning(call: Caller) -> None:
    found = call("check", "efficientnet@b3", "--phi", "1")
    assert found.code == 0
    assert "but variant b3 sets them" in found.err
    assert call("check", "efficientnet", "--phi", "1").err == ""
    assert "nothing in Net uses it" in call("check", "net.arch", "--mode", "x").err
    both = call("check", "net.arch", "--phi", "1", "--width", "8")
    assert "`phi` has no effect: `width` follows from it, but the call sets it" in both.err


def test_no_setting_of_the_gallery_is_without_effect(call: Caller) -> None:
    """Every parameter of EfficientNet and ResNet does something, so none may be warned of."""
    settings = ["--classes", "7", "--unit", "Basic", "--layers", "[1,1,1,1]", "--resolution", "64"]
    assert call("check", "resnet", *settings).err == ""
    for name in ("alpha", "beta", "gamma"):
        value = {"alpha": "1.2", "beta": "1.1", "gamma": "1.15"}[name]
        assert call("check", "efficientnet", "--phi", "1", f"--{name}", value).err == ""


# --- wrong calls and bad specs ---------------------------------------------------------------

WRONG_CALLS: dict[str, tuple[list[str], str]] = {
    "nothing": (["check"], "Missing argument"),
    "unknown command": (["chekc", "net.arch"], "No such command 'chekc'"),
    "unknown option": (["check", "net.arch", "--clases", "3"], "did you mean `--classes`?"),
    "misspelt option": (["check", "net.arch", "--varient", "wide"], "did you mean `--variant`?"),
    "option of fmt": (["fmt", "net.arch", "--chek"], "No such option"),
    "option without a value": (["check", "net.arch", "--classes"], "requires an argument"),
    "short option": (["check", "net.arch", "-x"], "No such option"),
    "set without a value": (["check", "net.arch", "--set", "classes"], "--set takes name=value"),
    "set twice": (["check", "net.arch", "--set", "classes=3", "--classes", "4"], "'classes' is set twice"),
    "wrong type": (["check", "net.arch", "--classes", "many"], 'takes a whole number, got "many"'),
    "fraction": (["check", "net.arch", "--classes", "1.5"], "takes a whole number, got 1.5"),
    "unclosed": (["check", "net.arch", "--layers", "[1, 2"], "`[` is never closed"),
    "huge number": (["check", "net.arch", "--phi", "1e999"], "too large"),
    "empty value": (["check", "net.arch", "--classes", ""], "--classes"),
    "no such op": (["check", "net.arch", "--act", "reluu"], "knows no op `reluu`"),
    "word for a number": (["check", "net.arch", "--width", "abc"], "`abc`"),
    "unknown variant": (["check", "net.arch@wyde"], "did you mean `wide`?"),
    "empty variant": (["check", "net.arch@"], "has no variant ``"),
    "missing file": (["check", "nett.arch"], "did you mean `net.arch`?"),
    "missing library spec": (["check", "resnt"], "did you mean `resnet`?"),
    "empty name": (["check", ""], "there is no file ``"),
    "very long name": (["check", "a" * 5000], "there is no file"),
    "folder": (["check", "."], "is a folder, not a spec"),
    "below a file": (["check", "net.arch/x.arch"], "there is no file"),
    "format": (["check", "net.arch", "--format", "xml"], "'xml' is not one of"),
    "limit": (["check", "net.arch", "--max-steps", "0"], "--max-steps"),
    "blocks alone": (["compile", "blocks.arch"], "holds blocks and no network"),
    "emit": (["compile", "net.arch", "--emit", "tf"], "no form called 'tf'"),
    "emit nothing": (["compile", "net.arch", "--emit", ","], "--emit takes one or several of"),
    "two forms, one file": (["compile", "net.arch", "--emit", "torch,json", "-o", "x.py"], "name a folder"),
    "two forms, standard output": (
        ["compile", "net.arch", "--emit", "torch,json", "-o", "-"],
        "Only one form can be written to standard output",
    ),
    "over a spec": (
        ["compile", "net.arch", "-o", "net.arch"],
        "is the file that this command reads, which is never overwritten",
    ),
    "two specs": (["compile", "net.arch", "net.arch"], "unexpected extra argument"),
    "below a file, output": (["compile", "net.arch", "-o", "net.arch/x.py"], "net.arch is not a folder"),
    "below a device": (["compile", "net.arch", "-o", "/dev/null/x.py"], "null is not a folder"),
    "full disk": (["compile", "net.arch", "-o", "/dev/full"], "No space left"),
    "no name": (["compile", "net.arch", "-o", "x" * 300 + ".py"], "File name too long"),
    "unknown node": (["explain", "net.arch", "conv9"], "did you mean `conv1`?"),
    "no node": (["explain", "net.arch"], "Missing argument"),
    "unknown stage": (["show", "net.arch", "--until", "link"], "it may be parse, resolve, expand, emit"),
    "unknown op": (["ops", "cnov"], "did you mean `conv`?"),
    "unknown figure": (["draw", "net.arch", "--figure", "pie"], "There is no figure 'pie'"),
    "unknown picture": (["draw", "net.arch", "-o", "x.gif"], "must end in one of"),
    "no specs to format": (["fmt", "empty"], "there is no spec in empty"),
    "missing file to format": (["fmt", "absent.arch"], "there is no file absent.arch"),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_a_wrong_call_ends_with_2(call: Caller, name: str) -> None:
    Path("blocks.arch").write_text("block One: relu\n")
    Path("empty").mkdir()
    before = written()
    words, message = WRONG_CALLS[name]
    found = call(*words)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
    assert "Traceback" not in found.err
    assert written() == before


BAD_SPECS: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (b"network \xff:\n", "is not UTF-8"),
    "empty": (b"", "holds no network and no block"),
    "binary": (bytes(range(256)), "is not UTF-8"),
    "null bytes": (b"network Net:\0\n", "error"),
    "tabs and spaces": (b"network N:\n\tinput image: 3 x 8 x 8\n        relu\n", "tab"),
    "syntax": (b"network N\n    relu\n", "error"),
    "unknown op": (b"network N:\n    input image: 3 x 8 x 8\n    convv(8, 3)\n", "did you mean `conv`?"),
    "absurd": (b"network N:\n    input image: 3 x 8 x 8\n    conv(10_000_000_000, 3)\n", "error"),
    "endless": (b"block A: A\n\nnetwork N:\n    input image: 3 x 8 x 8\n    A\n", "calls itself for ever"),
    "huge": (b"network N:\n    input image: 3 x 8 x 8\n    relu * 100_000_000\n", "--max-steps"),
    "import that leads out": (b"from blocks.nothing import X\n\nblock B: X\n", "there is no file"),
    "import with a long name": (
        b"from " + b"a" * 5000 + b" import X\n\nblock B: X\n",
        "has 5,000 characters; a name has at most 100",
    ),
    "imports itself": (b"from bad import X\n\nblock X: relu\n", "error"),
}


@pytest.mark.parametrize("command", ["check", "compile", "show", "draw"])
@pytest.mark.parametrize("name", BAD_SPECS)
def test_a_bad_spec_ends_with_1_and_writes_nothing(call: Caller, name: str, command: str) -> None:
    text, message = BAD_SPECS[name]
    Path("bad.arch").write_bytes(text)
    Path("bad.py").write_text("kept")
    found = call(command, "bad.arch")
    assert found.code == 1
    assert message in found.err
    assert found.out == ""
    assert written() == {"bad.arch", "bad.py"}
    assert Path("bad.py").read_text() == "kept"


def test_an_error_in_a_spec_is_not_a_wrong_call_where_a_setting_brings_it_about(call: Caller) -> None:
    assert call("check", "efficientnet", "--alpha", "2").code == 1


def test_limits_can_be_raised(call: Caller) -> None:
    Path("deep.arch").write_text(
        "block Down(n):\n    relu\n    if n > 0:\n        Down(n - 1)\n\n"
        "network N:\n    input image: 3 x 8 x 8\n    Down(80)\n"
    )
    assert call("check", "deep.arch").code == 1
    assert call("check", "deep.arch", "--max-depth", "100").code == 0
    assert call("check", "resnet@152", "--max-steps", "100").code == 1


# --- compile -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["net.arch"], "net.py"),
        (["net.arch@wide"], "net_wide.py"),
        (["net.arch", "--phi", "3"], "net_phi3.py"),
        (["net.arch", "--variant", "wide", "--classes", "7"], "net_wide_classes7.py"),
        (["net.arch", "--layers", "[1, 2]"], "net_layers1_2.py"),
        (["net.arch", "--phi", "1.0"], "net_phi1_0.py"),
        (["net.arch", "--phi", "-1"], "net_phi_1.py"),
        (["net.arch", "-o", "out"], "out/net.py"),
        (["net.arch", "-o", "a/b/net.py"], "a/b/net.py"),
        (["net.arch", "-o", "model"], "model/net.py"),
        (["net.arch", "-o", "net.json"], "net.json"),
        (["net.arch", "--emit", "json"], "net.json"),
        (["net.arch", "--emit", "torch", "-o", "net.txt"], "net.txt"),
        (["lenet"], "lenet.py"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_where_compile_writes(call: Caller, words: list[str], name: str) -> None:
    found = call("compile", *words)
    assert found.code == 0, found.err
    assert written() == {name}
    assert f"wrote {name}\n" in found.out


def test_compile_writes_into_a_folder_that_is_there(call: Caller) -> None:
    Path("out.d").mkdir()
    call("compile", "net.arch", "-o", "out.d", "--emit", "torch,json")
    assert written() == {"out.d/net.py", "out.d/net.json"}


def test_json_is_the_graph(call: Caller) -> None:
    from archdsl.driver import compile_network, open_spec
    from archdsl.ir.serialize import from_json

    call("compile", "resnet@18", "-o", "r.json")
    assert from_json(Path("r.json").read_text()) == compile_network(open_spec("resnet"), "18").graph


def test_what_compile_writes_runs(call: Caller) -> None:
    call("compile", "net.arch@wide")
    done = subprocess.run([sys.executable, "net_wide.py"], capture_output=True, text=True, check=True)
    assert "19,722" in done.stdout


def test_the_table_of_the_run_has_every_setting_and_where_it_came_from(call: Caller) -> None:
    out = call("compile", "efficientnet@b3", "--classes", "10").out
    assert "EfficientNet from specs/efficientnet.arch, variant b3" in out
    for row in ("classes +10 +given", "width +1.2 +variant b3", "resolution +300 +variant b3", "phi +0 +default"):
        assert re.search(f"^{row} *$", out, re.M), row
    scaled = call("compile", "efficientnet", "--phi", "3").out
    for row in ("phi +3 +given", r"width +1.331 +beta \^ phi", r"depth +1.728 +alpha \^ phi"):
        assert re.search(f"^{row} *$", scaled, re.M), row


def test_a_second_run_writes_the_same(call: Caller) -> None:
    call("compile", "net.arch", "-o", "a.py")
    call("compile", "net.arch", "-o", "b.py")
    assert Path("a.py").read_bytes() == Path("b.py").read_bytes()


@pytest.mark.parametrize("failing", ["replace", "write_bytes"])
def test_where_a_file_cannot_be_written_none_is(call: Caller, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    Path("net.py").write_text("kept")
    owner = files.os if failing == "replace" else Path
    working = getattr(owner, failing)

    def fail(*arguments: object) -> object:
        if "net.json" in str(arguments):
            working(*arguments)
            raise OSError(28, "No space left on device")
        return working(*arguments)

    monkeypatch.setattr(owner, failing, fail)
    found = call("compile", "net.arch", "--emit", "json,torch", "-o", ".")
    assert found.code == 2
    assert "net.json cannot be written: No space left on device" in found.err
    assert written() - {"net.json"} == {"net.py"}
    assert Path("net.py").read_text() == "kept"


def test_links_are_followed_and_modes_kept(call: Caller) -> None:
    Path("there").mkdir()
    Path("there/net.py").write_text("old")
    Path("there/net.py").chmod(0o640)
    Path("net.py").symlink_to("there/net.py")
    assert call("compile", "net.arch").code == 0
    assert Path("net.py").is_symlink()
    assert "class Net" in Path("there/net.py").read_text()
    assert Path("there/net.py").stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_to_and_stays_one(call: Caller) -> None:
    assert call("compile", "net.arch", "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


# --- draw ----------------------------------------------------------------------------------

MAGIC = {"svg": b"<svg", "pdf": b"%PDF", "png": b"\x89PNG", "dot": b"digraph"}


@pytest.mark.parametrize("figure", ["overview", "block", "graph"])
@pytest.mark.parametrize("format", MAGIC)
def test_draw_writes_what_the_suffix_says(call: Caller, figure: str, format: str) -> None:
    found = call("draw", "resnet@18", "--figure", figure, "-o", f"out/r.{format}")
    assert found == (0, f"wrote out/r.{format}\n", "")
    assert MAGIC[format] in Path(f"out/r.{format}").read_bytes()[:200]


def test_where_draw_writes(call: Caller) -> None:
    assert call("draw", "net.arch@wide").out == "wrote net_wide_overview.svg\n"
    assert call("draw", "net.arch", "--figure", "graph", "-o", "out").out == "wrote out/net_graph.svg\n"
    assert process("draw", "net.arch@wide", "-o", "-").stdout == Path("net_wide_overview.svg").read_text()


def test_a_block_that_is_not_there_is_a_wrong_call(call: Caller) -> None:
    found = call("draw", "resnet@18", "--figure", "block", "--block", "Bsic")
    assert found.code == 2
    assert "no block or path `Bsic`" in found.err
    assert written() == set()


def test_a_parameter_that_an_option_hides_is_listed_with_set(call: Caller) -> None:
    assert "--set depth=NUMBER" in call("draw", "efficientnet", "--help").out
    assert call("draw", "efficientnet", "--set", "depth=1.1,width=1,resolution=64").code == 0


# --- fmt -----------------------------------------------------------------------------------

UNFORMATTED = "# A comment.\nblock  B( n ):\n    conv(n,3)->relu # why\n"


def test_fmt_writes_once(call: Caller) -> None:
    Path("b.arch").write_text(UNFORMATTED)
    assert call("fmt", "--check", "b.arch", "net.arch") == (1, "would format b.arch\n1 of 2 files would change\n", "")
    assert Path("b.arch").read_text() == UNFORMATTED
    assert call("fmt", ".").out == "formatted b.arch\n1 of 2 files changed\n"
    assert "# A comment." in Path("b.arch").read_text()
    assert call("fmt", ".") == (0, "0 of 2 files changed\n", "")
    assert call("fmt", "--check", ".").code == 0


def test_fmt_leaves_what_it_cannot_read(call: Caller) -> None:
    Path("b.arch").write_text(UNFORMATTED)
    Path("a.arch").write_text("network (\n")
    found = call("fmt", "a.arch", "b.arch")
    assert found.code == 1
    assert "a.arch:1" in found.err
    assert Path("a.arch").read_text() == "network (\n"
    assert Path("b.arch").read_text() != UNFORMATTED


def test_fmt_of_standard_input() -> None:
    done = process("fmt", "-", input=UNFORMATTED)
    assert done.stdout == "# A comment.\nblock B(n):\n    conv(n, 3) -> relu  # why\n"


# --- show, ops, list -------------------------------------------------------------------------


def test_show_prints_every_stage(call: Caller) -> None:
    assert "Network" in call("show", "net.arch", "--until", "parse").out
    resolved = call("show", "net.arch", "--until", "resolve").out
    assert "variants.wide: Variant" in resolved
    graph = call("show", "net.arch@wide").out
    assert "conv1 = conv(32, 3)" in graph or "conv = conv(32, 3)" in graph
    assert "class Net(nn.Module)" in call("show", "net.arch", "--until", "emit").out


@pytest.mark.parametrize("until", ["parse", "resolve"])
def test_every_spec_can_be_outlined(call: Caller, until: str) -> None:
    for name in complete.library():
        found = call("show", name, "--until", until)
        assert found.code == 0, found.err
        assert " at 0x" not in found.out


def test_ops_prints_every_op_and_each(call: Caller) -> None:
    everything = call("ops").out
    for name, _ in complete.op_names(None, ""):
        assert re.search(rf"^  {name} ", everything, re.M), name
        about = call("ops", name)
        assert about.code == 0
        assert about.out.startswith(name)
    assert "same, tf_same, valid" in call("ops", "conv").out


def test_list_has_every_spec_of_the_library(call: Caller) -> None:
    out = call("list").out
    for name in complete.library():
        assert re.search(rf"^{name} ", out, re.M), name
    assert "b0 b1 b2 b3 b4 b5" in out


# --- help, width, color ----------------------------------------------------------------------


def test_help_lists_a_specs_own_parameters(call: Caller) -> None:
    out = call("compile", "efficientnet", "--help").out
    for text in (
        "--phi FLOAT      each step doubles the cost  [default: 0]",
        "Scaling coefficients of EfficientNet:",
        "beta ^ phi",
        "Variants of EfficientNet:",
        "b3  width = 1.2, depth = 1.4",
    ):
        assert text in out
    for command in ("check", "draw", "show", "explain"):
        assert "--phi" in call(command, "efficientnet@b3", "--variant", "b3", "--help").out
    assert "--phi FLOAT" not in call("compile", "--help").out


def test_help_of_a_spec_that_cannot_be_read_says_so(call: Caller) -> None:
    found = call("compile", "absent.arch", "--help")
    assert found.code == 0
    assert "there is no file" in " ".join(found.out.split())


COMMANDS = ["list", "check", "compile", "draw", "explain", "show", "fmt", "ops"]


@pytest.mark.parametrize(
    "words",
    [["--help"], ["list"], ["ops"], ["ops", "conv"], ["compile", "efficientnet", "--help"], ["compile", "efficientnet"]]
    + [[command, "--help"] for command in COMMANDS]
    + [["explain", "efficientnet@b3", "stage7.3.conv2"]],
    ids=" ".join,
)
def test_eighty_columns_are_enough(call: Caller, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = call(*words)
    assert found.code == 0
    assert max(map(len, found.out.splitlines())) <= 80
    assert "\x1b" not in found.out


def test_a_terminal_gets_color_unless_it_asks_for_none() -> None:
    def seen(**environment: str) -> str:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "archdsl", "check", "absent.arch"]
        subprocess.run(command, stderr=theirs, env={**os.environ, "TERM": "xterm", **environment}, check=False)
        os.close(theirs)
        return os.read(ours, 10_000).decode()

    assert "\x1b[1;31merror" in seen(NO_COLOR="")
    assert "\x1b" not in seen(NO_COLOR="1")
    assert "\x1b" not in seen(NO_COLOR="", TERM="dumb")


def test_version_tells_what_is_installed(call: Caller) -> None:
    """Each package is asked for the version that it gives itself."""
    first, python, *others = call("--version").out.splitlines()
    assert re.fullmatch(r"archdsl \d+\.\d+\.\d+", first)
    assert python == f"CPython {sys.version.split()[0]}"
    told = dict(line.split(" ", 1) for line in others[:-1])
    assert {name: import_module(name).__version__.partition("+")[0] for name in told} == {
        name: number.partition("+")[0] for name, number in told.items()
    }
    assert os.uname().sysname in others[-1]


def test_version_tells_what_is_absent(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archdsl.cli.version.PACKAGES", ("lark", "absent_package"))
    assert "\nabsent_package is not installed\n" in call("--version").out


def test_version_imports_none_of_the_packages() -> None:
    code = "import sys; from archdsl.cli import main; main(['--version']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ast.literal_eval(done.stdout.splitlines()[-1])
    assert set(version.PACKAGES) & set(loaded) == set()


# --- how it ends -----------------------------------------------------------------------------


def test_a_bug_is_an_apology(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("archdsl.cli.target.compile_network", fail)
    found = call("check", "net.arch")
    assert found == (70, "", "this is a bug in archdsl: KeyError: 'oops'\nrun it with --traceback to see where\n")
    with pytest.raises(KeyError):
        call("check", "net.arch", "--traceback")


def test_ctrl_c_ends_quietly_and_leaves_nothing() -> None:
    Path("long.arch").write_text("network N:\n    input image: 3 x 8 x 8\n    relu * 20_000_000\n")
    with started("compile", "long.arch", "--max-steps", "100000000") as running:
        time.sleep(3)
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, "", "")
    assert written() == {"long.arch"}


def test_a_reader_that_leaves_is_no_error() -> None:
    command = [sys.executable, "-m", "archdsl", "show", "resnet_cifar@1202"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.stderr.read() == b""
    running.wait()


def test_standard_output_that_is_full() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "archdsl", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "archdsl: No space left on device\n")


def test_standard_error_that_is_closed() -> None:
    call = [sys.executable, "-m", "archdsl", "draw", "lenet", "-o", "lenet.png"]
    done = subprocess.run(["sh", "-c", f"exec {shlex.join(call)} 2>&-"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "wrote lenet.png\n")


def test_ascii_terminals_get_every_line() -> None:
    done = process("explain", "efficientnet@b3", "stage1.conv", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "round_to(32 ? 1.2 = 38.4, 8)" in done.stdout


def test_check_imports_neither_torch_nor_what_draws() -> None:
    code = (
        "import sys; from archdsl.cli import main; main(['check', 'resnet']); "
        "print({'torch', 'numpy', 'rich', 'networkx', 'pygraphviz', 'archdsl.ops.held'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


# --- completion ------------------------------------------------------------------------------


def completions(*words: str) -> set[str]:
    """What bash would be offered for the last word."""
    environment = {
        **os.environ,
        "_ARCHDSL_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(["archdsl", *words]),
        "COMP_CWORD": str(len(words)),
    }
    code = "import sys; from archdsl.cli import main; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_completion() -> None:
    Path("folder").mkdir()
    assert completions("compi") == {"compile"}
    assert completions("check", "resne") == {"resnet", "resnet_cifar", "resnext", "resnext_block"} & {
        name for name in complete.library() if name.startswith("resne")
    }
    assert completions("check", "n") >= {"net.arch", "nin"}
    assert completions("check", "fol") == {"folder/"}
    assert completions("compile", "efficientnet", "--ph") == {"--phi"}
    assert completions("compile", "net.arch", "--wi") == {"--width"}
    assert completions("compile", "net.arch", "--max") == {"--max-steps", "--max-depth"}
    assert completions("compile", "efficientnet", "--variant", "") == {f"b{n}" for n in range(8)}
    assert completions("ops", "global") == {"global_avg_pool", "global_max_pool"}
    assert completions("show", "net.arch", "--until", "re") == {"resolve"}
    assert completions("compile", "net.arch", "--emit", "torch,j") == {"torch,json"}
    assert completions("draw", "net.arch", "--figure", "b") == {"block"}
    assert completions("explain", "resnet@18", "conv5.1.") >= {"conv5.1.conv1", "conv5.1.add"}
    assert completions("check", "bad.arch", "--variant", "") == set()


def test_completion_of_a_variant_after_its_spec() -> None:
    found = {name for name, _ in complete.spec_names(None, "efficientnet@b")}
    assert found == {f"efficientnet@b{n}" for n in range(8)}
    # bash cuts words at @, and puts what it is given in place of the @ too.
    assert completions("check", "efficientnet", "@", "b") == {f"@b{n}" for n in range(8)}
    assert completions("check", "efficientnet", "@") == {f"@b{n}" for n in range(8)}
    assert completions("check", "absent.arch", "@", "b") == set()


# --- explain ---------------------------------------------------------------------------------


def test_explain_follows_every_number_to_its_line(call: Caller) -> None:
    out = call("explain", "efficientnet@b3", "stage1.conv").out
    assert "out: 40 = C(32)  (specs/efficientnet.arch:" in out
    assert "C(32): 40 = round_to(32 × 1.2 = 38.4, 8), by round_to(c × width, 8)" in out
    assert "width: 1.2  (variant b3, specs/efficientnet.arch:" in out
    assert "height: 150 = floor((300 + 1 + 1 - 3) / 2) + 1" in out
    scaled = call("explain", "efficientnet", "stage1.conv", "--phi", "3").out
    assert "width: 1.331 = 1.1 ^ 3, by beta ^ phi" in scaled
    assert "phi: 3  (given" in scaled


def test_explain_shows_the_chain_of_scopes(call: Caller) -> None:
    out = call("explain", "resnet@50", "conv4.2.conv3").out
    assert "in conv4.2, copy 3 of 6, block Bottleneck(width=256, stride=1, expansion=4" in out
    assert "in stage conv4  (specs/resnet.arch:" in out
    assert "out: 1024 = 256 × 4, by width × expansion  (specs/blocks/residual.arch:" in out


def test_explain_of_what_is_no_node(call: Caller) -> None:
    assert "`conv4` is a stage, not a node" in call("explain", "resnet@50", "conv4").err
    assert "5 nodes are called `conv`" in call("explain", "resnet@50", "conv").err


def test_text_of_a_spec_never_becomes_an_escape_of_the_terminal(call: Caller) -> None:
    Path("x.arch").write_text("network N:\n    input image: 3 x 8 x 8\n    \x1b[2Jrelu\n")
    assert "\x1b" not in call("check", "x.arch").err


def test_specs_are_formatted_as_the_formatter_would(call: Caller) -> None:
    Path("net2.arch").write_text(NET)
    assert call("fmt", "--check", "net2.arch").code == 0
