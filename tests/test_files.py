"""Nothing is written over what is read, or over a spec; nothing is lost, and names are as long as files may have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from calls import Caller

import archdsl
from archdsl.cli.app import COMMANDS
from archdsl.diagnostics import CompileError
from archdsl.files import write

NET = """\
network Net:
    input image: 3 x 16 x 16
    param width: int = 8
    variants:
        small: width = 4
    stage first: conv(width, 3)
"""

WRITING: dict[str, tuple[tuple[str, ...], str]] = {
    "compile": ((), ""),
    "compile --all-variants": ((), ""),
    "draw": ((), ".svg"),
    "table": ((), ""),
    "compare": ((), ""),
    "diff": (("{spec}@small",), ""),
    "sizes": (("--jobs", "1"), ""),
    "fit": (("--params", "1K", "--over", "width"), ""),
    "sweep": (("--width", "4,8", "--jobs", "1"), ".csv"),
    "prove": (("--against", "torchvision:alexnet", "--structure"), ".json"),
}
"""Every command that takes a spec and writes a file, what else it needs, and the suffix that it insists on."""

OPTION = {"prove": "--write-map"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_commands_that_write_are_tried(call: Caller) -> None:
    writing = {name for name, _ in COMMANDS if {"--output", "--write-map"} & set(call(name, "--help").out.split())}
    writing |= {name for name, _ in COMMANDS if "-o," in call(name, "--help").out.split()}
    assert {name.split()[0] for name in WRITING} | {"import"} >= writing


def same(spec: str) -> str:
    return spec


def other_spelling(spec: str) -> str:
    Path("within").mkdir()
    return f"within/../{spec}"


def absolute(spec: str) -> str:
    return str(Path(spec).absolute())


def link(spec: str) -> str:
    Path(f"link{Path(spec).suffix}").symlink_to(spec)
    return f"link{Path(spec).suffix}"


def hard_link(spec: str) -> str:
    os.link(spec, f"hard{Path(spec).suffix}")
    return f"hard{Path(spec).suffix}"


def link_to_a_folder(spec: str) -> str:
    Path("elsewhere").symlink_to(".")
    return f"elsewhere/{spec}"


@pytest.mark.parametrize("spelled", [same, other_spelling, absolute, link, hard_link, link_to_a_folder])
@pytest.mark.parametrize("command", WRITING)
def test_no_command_writes_over_its_spec(command: str, spelled: Callable[[str], str], call: Caller) -> None:
    more, suffix = WRITING[command]
    spec = f"spec{suffix or '.txt'}"
    if suffix == ".json":
        Path("net.arch").write_text(NET)
        archdsl.load(Path("net.arch")).save(spec)
    else:
        Path(spec).write_text(NET)
    before = Path(spec).read_bytes()
    place = spelled(spec)
    files = sorted(Path().rglob("*"))
    name, *flags = command.split()
    words = [word.format(spec=spec) for word in (*flags, *more)]
    found = call(name, spec, *words, OPTION.get(name, "-o"), place)
    assert found.code == 2, found
    assert f"error[overwritten-file]: {place} is the file that this command reads" in found.err
    assert "name another file" in found.err
    assert Path(spec).read_bytes() == before
    assert sorted(Path().rglob("*")) == files


def test_a_spec_named_as_its_output_is_kept(call: Caller) -> None:
    Path("spec.svg").write_text(NET)
    for words in (("compile", "spec.svg", "--emit", "svg"), ("compile", "spec.svg", "-o", "spec.svg")):
        assert call(*words).code == 2
        assert Path("spec.svg").read_text() == NET
    Path("spec.json").write_text("{}")
    assert call("compile", "spec.svg", "--emit", "json").code == 0


@pytest.mark.parametrize("name", ["other.arch", "OTHER.ARCH"])
def test_specs_that_are_not_read_are_kept_too(name: str, call: Caller) -> None:
    Path("net.arch").write_text(NET)
    Path(name).write_text(NET)
    Path("link.svg").symlink_to(name)
    for words in (("table", "net.arch", "-o", name), ("draw", "net.arch", "-o", "link.svg")):
        found = call(*words)
        assert found.code == 2
        assert "is a spec, which is never overwritten" in found.err
    with pytest.raises(CompileError):
        archdsl.load(Path("net.arch")).save("link.svg")
    with pytest.raises(CompileError):
        archdsl.load(Path("net.arch")).draw().save("link.svg")
    with pytest.raises(ValueError, match="cannot be written as"):
        archdsl.load(Path("net.arch")).draw().save(name)
    assert Path(name).read_text() == NET


def test_a_graph_is_not_written_over_itself(call: Caller) -> None:
    archdsl.load("lenet").save("net.json")
    before = Path("net.json").read_bytes()
    for words in (("compile", "net.json", "--emit", "json"), ("table", "net.json", "-o", "net.json")):
        assert call(*words).code == 2
        assert Path("net.json").read_bytes() == before


def test_an_import_keeps_specs(call: Caller) -> None:
    Path("net.arch").write_text(NET)
    Path("net.json").symlink_to("net.arch")
    found = call("import", "torchvision:alexnet", "-o", "net.json")
    assert found.code == 2
    assert "error[overwritten-file]" in found.err
    assert Path("net.arch").read_text() == NET


def test_the_longest_names_are_written() -> None:
    longest = "a" * 251 + ".txt"
    write({Path(longest): "a", Path("b" * 251 + ".txt"): "b"})
    assert Path(longest).read_text() == "a"
    write({Path(longest): "c"})
    assert sorted(path.name[0] for path in Path().iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    "words", [("check", "{}"), ("table", "net.arch", "-o", "{}"), ("nonsense{}",), ("explain", "net.arch", "{}")]
)
def test_a_name_of_any_length_is_not_printed_whole(words: tuple[str, ...], call: Caller) -> None:
    Path("net.arch").write_text(NET)
    for character in ("a", "\x1b", "é"):
        found = call(*(word.format(character * 2**20) for word in words))
        assert found.code in (1, 2)
        assert len(found.out) + len(found.err) < 10_000
        assert "\x1b" not in found.out + found.err


@pytest.mark.parametrize("name", ["loop.arch", "loop.json"])
def test_a_loop_of_links_is_no_file(name: str, call: Caller) -> None:
    Path(name).symlink_to(name)
    with pytest.raises(CompileError):
        archdsl.load(Path(name))
    assert call("check", name).code == 2
    assert call("fmt", name).code == 2
