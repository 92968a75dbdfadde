"""What is kept between runs: the same as what is made anew, and harmless whatever happens to the folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archdsl import cache
from archdsl.cache import digest, kept
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.syntax import grammar, parser, plain
from archdsl.syntax.parser import _parsed, parse, read_source

SPECS = sorted(specs_folder().rglob("*.arch"))
SCRIPT = """
import sys
from archdsl.source import Source
from archdsl.syntax.parser import parse
print(len(parse(Source("", "block A: relu")).items), "lark" in sys.modules)
"""
ANEW, FOUND = "1 True\n", "1 False\n"


def forget() -> None:
    """Trees that this process remembers."""
    _parsed.cache_clear()
    grammar._read.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own, with nothing remembered in this process."""
    monkeypatch.setenv("ARCHDSL_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache"
    forget()


def run(folder: Path | str, script: str = SCRIPT) -> str:
    """What another process prints that uses this folder."""
    environment = {**os.environ, "ARCHDSL_CACHE": str(folder)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


# --- trees -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_kept_tree_is_the_parsed_one(path: Path) -> None:
    source = read_source(path, path.name)
    made = grammar.parse_file(source)
    found = plain.decode(json.loads(json.dumps(plain.encode(made))), source)
    assert found == made
    assert found.comments == made.comments
    assert repr(found) == repr(made)  # 1 == 1.0 == True


def test_a_tree_as_deep_as_one_may_be_is_kept(folder: Path) -> None:
    source = Source("deep.arch", "block A:\n    let a = " + "-" * 100 + "1\n    relu\n")
    made = parse(source)
    forget()
    assert parse(source) is not made
    assert parse(source) == made
    assert len(list(folder.iterdir())) >= 1


def test_a_file_is_parsed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = parse(Source("a.arch", "block A: relu"))
    monkeypatch.setattr(grammar, "parse_file", lambda source: pytest.fail("it is parsed again"))
    assert parse(Source("a.arch", "block A: relu")) is first
    forget()
    assert parse(Source("a.arch", "block A: relu")) == first
    assert parse(Source("b.arch", "block A: relu")).source.name == "b.arch"


@pytest.mark.parametrize(
    "text", ["0", "3", "007", "0.5", "10.250", "123456789012345", "1e3", "4.1G", "1_000", "-2", "[3]"]
)
def test_plain_numbers_are_read_as_the_grammar_reads_them(text: str) -> None:
    source = Source("--x", text)
    assert repr(parser.parse_expression(source)) == repr(grammar.parse_expression(source))


# --- when it does not hold ---------------------------------------------------------------------


def test_another_grammar_or_parser_reads_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source("a.arch", "block A: relu")
    parse(source)
    before = set(folder.iterdir())
    parser._reader.cache_clear()
    monkeypatch.setattr(parser, "grammar_text", lambda: "another grammar")
    forget()
    parse(source)
    parser._reader.cache_clear()
    assert len(set(folder.iterdir()) - before) == 1


def test_another_grammar_has_other_tables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = grammar.grammar_text()
    grammar._lark.cache_clear()
    grammar._lark()
    before = set(folder.iterdir())
    monkeypatch.setattr(grammar, "grammar_text", lambda: f"{text}\n// changed\n")
    grammar._lark.cache_clear()
    grammar._lark()
    grammar._lark.cache_clear()
    assert len(set(folder.iterdir()) - before) == 1


def test_another_process_finds_what_is_kept(tmp_path: Path) -> None:
    assert [run(tmp_path), run(tmp_path)] == [ANEW, FOUND]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)


def _forge(content: bytes) -> bytes:
    """With the digest that belongs to it."""
    return digest(content).encode() + b"\n" + content


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


PICKLE = b"cposix\nsystem\n(S'echo executed'\ntR."

SPOILERS = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": _cut,
    "flipped": _flip,
    "a pickle": lambda path: path.write_bytes(PICKLE),
    "a pickle with its digest": lambda path: path.write_bytes(_forge(PICKLE)),
    "of another program": lambda path: path.write_bytes(b'{"version": 3}\n'),
    "no tree": lambda path: path.write_bytes(_forge(b"[7]")),
    "a number": lambda path: path.write_bytes(_forge(b"1")),
    "an unknown class": lambda path: path.write_bytes(_forge(b"[999, 1]")),
    "too deep": lambda path: path.write_bytes(_forge(b"[-1," * 100_000 + b"1" + b"]" * 100_000)),
    "a folder": _folder,
}


@pytest.mark.sampled
@pytest.mark.parametrize("spoiler", SPOILERS)
def test_what_is_damaged_or_foreign_is_made_anew(spoiler: str, tmp_path: Path) -> None:
    run(tmp_path)
    for entry in tmp_path.iterdir():
        SPOILERS[spoiler](entry)
    assert run(tmp_path) == ANEW
    assert run(tmp_path) == (ANEW if spoiler == "a folder" else FOUND)


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert run(blocked) == ANEW
    assert run(blocked / "within") == ANEW
    assert blocked.read_text() == ""


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no folder that nobody may write to")
def test_a_folder_that_is_read_only_is_no_error() -> None:
    assert [run("/proc/self"), run("/proc/self")] == [ANEW, ANEW]


def test_a_write_that_fails_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(cache, "write", refuse)
    assert len(parse(Source("a.arch", "block A: relu")).items) == 1
    assert list(folder.iterdir()) == []


def test_it_can_be_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [run("off"), run("off")] == [ANEW, ANEW]
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_is_not_kept(folder: Path) -> None:
    def fail() -> int:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        kept("key", fail, int, int)
    assert kept("key", lambda: 3, int, int) == 3


# --- several at once ---------------------------------------------------------------------------

WRITER = """
from archdsl import cache
value = list(range(100_000))
for turn in range(20):
    (cache._folder({folder!r}) / "key.json").unlink(missing_ok=True)
    assert cache.kept("key", lambda: value, list, list) == value
"""


def test_processes_that_write_the_same_at_once_see_whole_entries(tmp_path: Path) -> None:
    environment = {**os.environ, "ARCHDSL_CACHE": str(tmp_path)}
    script = WRITER.format(folder=str(tmp_path))
    writers = [subprocess.Popen([sys.executable, "-c", script], env=environment) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".partial"] == []


def test_the_folder_does_not_grow_without_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST", 10)
    for i in range(40):
        kept(str(i), lambda i=i: i, int, int)  # type: ignore[misc]
        os.utime(folder / f"{i}.json", (i, i))
        assert len(list(folder.iterdir())) <= 10
    assert (folder / "39.json").exists()
