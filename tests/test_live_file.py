"""The spec behind the live page: written whole, only when asked, and never over what another program has written."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.diagnostics import CompileError
from archdsl.live.file import GONE, Changed, SpecFile, spec_file

TEXT = "network A:\n    input image: 3 x 8 x 8\n    conv(1, 1)\n"


@pytest.fixture
def file(tmp_path: Path) -> SpecFile:
    path = tmp_path / "a.arch"
    path.write_text(TEXT)
    return spec_file(str(path))


def test_a_text_is_saved_over_the_version_that_was_read(file: SpecFile) -> None:
    read = file.state()
    version = file.save(TEXT + "# more\n", read["version"])
    assert file.path.read_text() == TEXT + "# more\n"
    assert file.state() == {**read, "version": version, "text": TEXT + "# more\n"}


def test_a_file_that_was_changed_meanwhile_is_kept_until_it_is_to_be_overwritten(file: SpecFile) -> None:
    read = file.state()
    file.path.write_text("another program wrote this")
    with pytest.raises(Changed, match="was changed on disk"):
        file.save(TEXT, read["version"])
    assert file.path.read_text() == "another program wrote this"
    file.save(TEXT, read["version"], overwrite=True)
    assert file.path.read_text() == TEXT


def test_a_file_that_vanished_is_written_again(file: SpecFile) -> None:
    read = file.state()
    file.path.unlink()
    told = file.state()
    assert (told["version"], "is no longer there" in told["problem"]) == (GONE, True)
    file.save(TEXT, read["version"])
    assert file.path.read_text() == TEXT


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\xff\xfe", "is not UTF-8"), (b"a" * (5 << 20), "is larger than 4 MiB")],
    ids=["bytes", "large"],
)
def test_a_file_that_cannot_be_shown_is_told(file: SpecFile, content: bytes, why: str) -> None:
    read = file.state()
    file.path.write_bytes(content)
    assert why in file.state()["problem"]
    with pytest.raises(Changed):
        file.save(TEXT, read["version"])
    assert file.path.read_bytes() == content


def test_line_ends_and_the_byte_order_mark_stay(file: SpecFile) -> None:
    file.path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    read = file.state()
    assert read["text"] == TEXT
    file.save(TEXT + "# é\n", read["version"])
    assert file.path.read_bytes() == b"\xef\xbb\xbf" + (TEXT + "# é\n").replace("\n", "\r\n").encode()


def test_a_text_that_is_too_large_is_not_written(file: SpecFile) -> None:
    with pytest.raises(CompileError, match="would be larger than 4 MiB"):
        file.save("#" * (5 << 20), file.version())
    assert file.path.read_text() == TEXT


def test_a_file_that_may_not_be_written_stays(file: SpecFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CompileError, match="it is read-only"):
        file.save("", file.version())
    assert file.path.read_text() == TEXT


def test_specs_of_the_library_are_not_written_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    library = spec_file("lenet")
    before = library.path.read_bytes()
    assert not library.writable
    with pytest.raises(CompileError, match="comes with archdsl"):
        library.save("", library.version(), overwrite=True)
    assert library.path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing.arch", "there is no file"),
        (".", "is a folder"),
        ("net.onnx", "only specs are edited"),
        ("bytes.arch", "not UTF-8"),
    ],
)
def test_what_is_no_spec_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(b"\x08\x07")
    Path("bytes.arch").write_bytes(b"\xff")
    with pytest.raises(CompileError, match=why):
        spec_file(name)
