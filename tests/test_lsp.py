"""The language server, asked by a client as editors ask: on standard input and output."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from check_typed import applied, check
from editor import Editor
from typed import typed

from archdsl.lsp.answers import answer

NET = """\
from blocks.parts import Unit

network Net:
    param width: int = 8 "channels"
    variants:
        wide: width = 16
    input image: 3 x 32 x 32
    stage stem: conv(width, 3) -> bn
    stage body: Unit(16, stride=2) * 2
    stage head: global_avg_pool -> flatten -> linear(10)
    expect wide: stem.shape == 16x32x32
"""
PARTS = """\
block Unit(out, stride=1):
    \"\"\"A convolution and what follows.\"\"\"
    conv(out, 3, stride=stride) -> relu
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("specs").resolve()
    (made / "blocks").mkdir()
    (made / "net.arch").write_text(NET, encoding="utf-8")
    (made / "blocks" / "parts.arch").write_text(PARTS, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Editor]:
    made = Editor(folder)
    yield made
    made.kill()


@pytest.fixture
def editor(server: Editor, folder: Path) -> Iterator[Editor]:
    """The server with net.arch open, as it is on disk."""
    server.errors.clear()
    server.open(folder / "net.arch")
    yield server
    for uri in list(server.texts):
        server.close_file(uri)
    server.texts.clear()
    assert server.errors == []


@pytest.fixture
def uri(folder: Path) -> str:
    return (folder / "net.arch").as_uri()


def hints(editor: Editor, uri: str) -> dict[int, str]:
    lines = editor.texts[uri].count("\n")
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": lines, "character": 0}}
    found = editor.ask("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": whole})
    return {hint["position"]["line"] + 1: " ".join(hint["label"].split()) for hint in found}


def test_mistakes_while_typing(editor: Editor, uri: str) -> None:
    assert editor.diagnostics(uri) == []
    editor.change(uri, NET.replace("-> bn", "-> bm"))
    (found,) = editor.diagnostics(uri)
    assert found["code"] == "unknown-name"
    assert found["range"] == {"start": {"line": 7, "character": 34}, "end": {"line": 7, "character": 36}}
    assert found["message"] == "there is no op, block or value `bm`\nhelp: did you mean `bn`?"
    editor.change(uri, NET)
    assert editor.diagnostics(uri) == []


def test_positions_count_units_of_utf_16(editor: Editor, uri: str) -> None:
    """Whatever else the editor offers: an emoji counts two, and a letter with an accent one."""
    assert editor.capabilities["positionEncoding"] == "utf-16"
    editor.change(uri, NET.replace("stage stem:", 'stage stem "é😀😀":').replace("-> bn", "-> bm"))
    (found,) = editor.diagnostics(uri)
    line = editor.texts[uri].split("\n")[7]
    start, end = found["range"]["start"]["character"], found["range"]["end"]["character"]
    assert line.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le") == "bm"
    assert start == line.index("bm") + 2


def test_facts_of_variants_are_checked_too(editor: Editor, uri: str) -> None:
    editor.change(uri, NET.replace("16x32x32", "8x32x32"))
    (found,) = editor.diagnostics(uri)
    assert found["code"] == "expectation-failed"
    assert "with wide" in found["message"]


def test_a_mistake_in_an_import_is_shown_where_it_is_used(editor: Editor, uri: str, folder: Path) -> None:
    """In the text that an editor has open, which is not on disk; and gone when that is mended."""
    parts = editor.open(folder / "blocks" / "parts.arch", PARTS.replace("relu", "rleu"))
    (found,) = editor.diagnostics(uri)
    assert found["range"]["start"]["line"] == 0
    assert found["relatedInformation"][-1]["location"]["uri"] == parts
    editor.change(parts, PARTS)
    end = time.monotonic() + 60
    while editor.published[-1]["diagnostics"] or editor.published[-1]["uri"] != uri:
        editor._take(end)


def test_shapes_at_the_ends_of_lines(editor: Editor, uri: str) -> None:
    assert hints(editor, uri) == {
        3: "3.90 K params, 664 K MACs",
        7: "3×32×32",
        8: "8×32×32 240 params, 221 K MACs",
        9: "16×8×8 3.49 K params, 442 K MACs",
        10: "10 170 params, 160 MACs",
    }
    editor.change(uri, NET.replace("stride=2) * 2", "stride=2) * "))
    assert set(hints(editor, uri)) == {7, 8}


def test_blocks_have_the_shapes_of_a_network_that_uses_them(editor: Editor, folder: Path) -> None:
    parts = editor.open(folder / "blocks" / "parts.arch")
    assert hints(editor, parts) == {3: "16×16×16 … 16×8×8 3.49 K params, 442 K MACs"}


def test_hover(editor: Editor, uri: str, folder: Path) -> None:
    text = editor.ask("textDocument/hover", editor.at(uri, "conv(width", 1))["contents"]["value"]
    assert "stem.conv" in text
    assert "3×32×32 → 8×32×32" in text
    assert "params: **224** = 3 × 3 × 3 × 8 + 8" in text
    assert "MACs: **221,184** = 3 × 3 × 3 × 8 × 32 × 32" in text
    assert "receptive field: **3**" in text
    assert "out: **8** = width" in text
    block = editor.ask("textDocument/hover", editor.at(uri, "Unit(16", 1))["contents"]["value"]
    assert "block Unit(out, stride=1):" in block
    assert "A convolution and what follows." in block
    assert "params: **3,488**" in block
    assert "8 here (default)" in editor.ask("textDocument/hover", editor.at(uri, "width: int", 1))["contents"]["value"]
    assert editor.ask("textDocument/hover", editor.at(uri, " * 2", 1)) is None


def words(editor: Editor, uri: str, line: str) -> list[str]:
    """What is offered at the end of a line that is typed below the head."""
    before, after = NET.split("    expect wide")
    editor.change(uri, f"{before}{line}\n    expect wide{after}")
    place = {"line": before.count("\n"), "character": len(line)}
    found = editor.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})
    return [item["label"] for item in found]


def test_completion(editor: Editor, uri: str) -> None:
    offered = words(editor, uri, "    conv(8, 3, stride=2, ")
    assert "padding=" in offered[:8]
    assert "stride=" not in offered
    assert words(editor, uri, "    conv(8, 3, padding=")[:3] == ["same", "tf_same", "valid"]
    offered = words(editor, uri, "    body -> ")
    assert {"relu", "Unit", "stem", "width"} <= set(offered)
    assert words(editor, uri, "    Unit(")[:2] == ["out=", "stride="]
    assert words(editor, uri, "    Unit(8) * 3 first(")[:2] == ["out=", "stride="]
    assert words(editor, uri, "    expect w")[:1] == ["wide"]
    assert "shape" in words(editor, uri, "    expect stem.")
    assert words(editor, uri, "    Net@") == ["wide"]
    assert "stage" in words(editor, uri, "    ")
    assert "blocks.parts" in words(editor, uri, "from blo")
    assert words(editor, uri, "from blocks.parts import ") == ["Unit"]
    assert words(editor, uri, "    param p: ")[:2] == ["int", "float"]
    assert "channels" in words(editor, uri, "    stem.")
    assert words(editor, uri, "    # a comment ") == []
    assert words(editor, uri, "    conv(8, 3) -> relu ")[:2] == ["->", "as"]


def test_signatures(editor: Editor, uri: str) -> None:
    found = editor.ask("textDocument/signatureHelp", editor.at(uri, "stride=2", 8))
    assert found["signatures"][0]["label"] == "Unit(out, stride=1)"
    assert found["activeParameter"] == 1
    found = editor.ask("textDocument/signatureHelp", editor.at(uri, "conv(width, 3", 13))
    assert found["signatures"][0]["label"].startswith("conv(out, kernel, stride=1, padding=same")
    assert found["activeParameter"] == 1


def test_names(editor: Editor, uri: str, folder: Path) -> None:
    parts = (folder / "blocks" / "parts.arch").as_uri()
    assert editor.ask("textDocument/definition", editor.at(uri, "Unit(16", 1))["uri"] == parts
    assert editor.ask("textDocument/definition", editor.at(uri, "blocks.parts", 9))["uri"] == parts
    found = editor.ask("textDocument/definition", editor.at(uri, "stem.shape", 1))
    assert (found["uri"], found["range"]["start"]) == (uri, {"line": 7, "character": 10})
    asked = {**editor.at(uri, "stride=2", 1), "context": {"includeDeclaration": True}}
    uses = editor.ask("textDocument/references", asked)
    lines = {(Path(use["uri"]).name, use["range"]["start"]["line"] + 1) for use in uses}
    assert lines == {("net.arch", 9), ("parts.arch", 1), ("parts.arch", 3)}


def test_rename_in_all_files(editor: Editor, uri: str, folder: Path) -> None:
    parts = folder / "blocks" / "parts.arch"
    place = editor.at(uri, "Unit(16", 2)
    assert editor.ask("textDocument/prepareRename", place)["placeholder"] == "Unit"
    changes = editor.ask("textDocument/rename", {**place, "newName": "Part"})["changes"]
    assert applied(NET, changes[uri]) == NET.replace("Unit", "Part")
    assert applied(PARTS, changes[parts.as_uri()]) == PARTS.replace("Unit", "Part")
    refused = editor.reply(editor.send("textDocument/rename", {**place, "newName": "conv"}))
    assert refused["error"]["message"] == "`conv` is the name of an op or a function"


def test_names_of_the_library_stay(editor: Editor, folder: Path) -> None:
    text = NET.replace("from blocks.parts import Unit", "from blocks.residual import Basic as_").replace(" as_", "")
    uri = editor.open(folder / "other.arch", text.replace("Unit(16", "Basic(16"))
    refused = editor.reply(editor.send("textDocument/rename", {**editor.at(uri, "Basic(16", 1), "newName": "Plain2"}))
    assert "is of the library, which is not changed" in refused["error"]["message"]


def test_symbols_folding_and_formatting(editor: Editor, uri: str) -> None:
    whole: dict[str, Any] = {"textDocument": {"uri": uri}}
    (network,) = editor.ask("textDocument/documentSymbol", whole)
    assert [part["name"] for part in network["children"]] == ["width", "wide", "image", "stem", "body", "head"]
    folds = editor.ask("textDocument/foldingRange", whole)
    assert {(fold["startLine"], fold["endLine"]) for fold in folds} == {(2, 10), (4, 5)}
    options = {"options": {"tabSize": 4, "insertSpaces": True}}
    assert editor.ask("textDocument/formatting", {**whole, **options}) == []
    editor.change(uri, NET.replace("conv(width, 3) -> bn", "conv( width,3 )->bn"))
    edits = editor.ask("textDocument/formatting", {**whole, **options})
    assert applied(editor.texts[uri], edits) == NET
    assert edits[0]["range"]["start"]["line"] == 7
    assert len(edits) == 1


def test_fixes(editor: Editor, uri: str) -> None:
    text = NET.replace("conv(width, 3) -> bn", "conv(width 3) -> bm")
    editor.change(uri, text)
    place = editor.at(uri, "3) -> bm")["position"]
    asked = {"textDocument": {"uri": uri}, "range": {"start": place, "end": place}, "context": {"diagnostics": []}}
    actions = editor.ask("textDocument/codeAction", asked)
    (fix,) = [action for action in actions if action["kind"] == "quickfix"]
    assert (fix["title"], fix["isPreferred"]) == ("Write `, 3`", True)
    assert applied(text, fix["edit"]["changes"][uri]) == text.replace("width 3", "width, 3")
    (every,) = [action for action in actions if action["kind"] == "source.fixAll.archdsl"]
    assert applied(text, every["edit"]["changes"][uri]) == NET


def test_a_check_that_takes_too_long_is_said_and_hinders_nothing(editor: Editor, uri: str) -> None:
    """No spec is known that takes so long: the process that checks is stopped, as if it computed for ever."""
    editor.settled(uri)
    for child in _children(editor.process.pid):
        os.kill(child, signal.SIGSTOP)
    editor.change(uri, NET.replace("-> bn", "-> bm"))
    (found,) = editor.diagnostics(uri)
    assert found["message"] == "compiling takes longer than 5 s"
    editor.change(uri, NET.replace("-> bn", "-> bm "))
    assert editor.diagnostics(uri)[0]["code"] == "unknown-name"


def test_numbers_that_are_too_large_are_errors_like_others(editor: Editor, folder: Path) -> None:
    text = NET.replace("width: int = 8", "width: int = 9 ^ 9 ^ 9 ^ 9")
    uri = editor.open(folder / "large.arch", text)
    assert editor.diagnostics(uri)[0]["severity"] == 1


def test_files_that_vanish_or_are_no_text(editor: Editor, uri: str, folder: Path) -> None:
    """An open text stays what it is; an import that is gone or broken is an error like others."""
    parts = folder / "blocks" / "parts.arch"
    changed = {"changes": [{"uri": parts.as_uri(), "type": 3}]}
    try:
        parts.unlink()
        editor.published.clear()
        editor.tell("workspace/didChangeWatchedFiles", changed)
        assert editor.diagnostics(uri)[0]["code"] == "import-not-found"
        parts.write_bytes(b"block Unit(out):\n    \xff\n")
        editor.published.clear()
        editor.tell("workspace/didChangeWatchedFiles", changed)
        assert "is not UTF-8" in editor.diagnostics(uri)[0]["message"]
    finally:
        parts.write_text(PARTS, encoding="utf-8")
    editor.published.clear()
    editor.tell("workspace/didChangeWatchedFiles", changed)
    assert editor.diagnostics(uri) == []


def test_texts_that_are_no_files(editor: Editor) -> None:
    """A new file that was not saved yet has no folder; it may import from the library."""
    uri = "untitled:Untitled-1"
    editor.texts[uri], editor.versions[uri] = NET, 1
    document = {
        "uri": uri,
        "languageId": "archdsl",
        "version": 1,
        "text": NET.replace("blocks.parts", "blocks.nowhere"),
    }
    editor.tell("textDocument/didOpen", {"textDocument": document})
    assert editor.diagnostics(uri)[0]["code"] == "import-not-found"


def test_a_child_that_is_killed_is_replaced(editor: Editor, uri: str) -> None:
    editor.settled(uri)
    for child in _children(editor.process.pid):
        os.kill(child, signal.SIGKILL)
    editor.change(uri, NET.replace("-> bn", "-> bm"))
    editor.diagnostics(uri)
    editor.change(uri, NET.replace("-> bn", "-> bm "))
    assert editor.diagnostics(uri)[0]["code"] == "unknown-name"


def _children(pid: int) -> list[int]:
    if not Path(f"/proc/{pid}/task").exists():
        pytest.skip("child processes are looked for in /proc")
    return [
        int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
    ]


@pytest.mark.parametrize("seed", range(3))
def test_diagnostics_are_never_stale(server: Editor, tmp_path: Path, seed: int) -> None:
    """While a text changes faster than it is checked, what is published is what is wrong with the version it names."""
    path, texts = typed(seed + 1000, 12)
    uri = server.open(path)
    kept = {1: server.texts[uri]}
    for text in texts:
        server.change(uri, text)
        kept[server.versions[uri]] = text
        time.sleep(0.02 * (len(kept) % 12))
    server.diagnostics(uri, quiet=2)
    published = [one for one in server.published if one["uri"] == uri and one.get("version") in kept]
    last: dict[int, Any] = {one["version"]: one["diagnostics"] for one in published}
    for version, found in last.items():
        asked = {"uri": uri, "texts": {uri: kept[version]}, "folders": [server.folder.as_uri()], "kind": "check"}
        wanted = [answer({**asked, "variants": variants})["diagnostics"] for variants in (False, True)]
        shown = [_plain(one) for one in found]
        assert shown in ([_plain(one) for one in wanted[0]], [_plain(one) for one in wanted[1]]), version
    assert len(kept) in last
    server.close_file(uri)
    assert server.errors == []


def _plain(diagnostic: dict[str, Any]) -> tuple[Any, ...]:
    return diagnostic["message"], str(diagnostic["range"]), diagnostic["severity"]


def test_the_server_ends_when_the_editor_says_so(folder: Path) -> None:
    editor = Editor(folder)
    editor.open(folder / "net.arch")
    assert editor.end() == 0
    editor.kill()


def test_any_typing_is_answered(all_variants: bool) -> None:
    """`make fuzz` types ten thousand edits; here are a few."""
    counts: Counter[str] = Counter()
    for seed in range(60 if all_variants else 4):
        check(seed, 10, counts)
    assert counts["without errors"]
    assert counts["hints"]
