"""Holds the answers of the language server to the protocol, and to what they say, for a text as it is typed."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from typing import Any

from typed import typed

from archdsl.diagnostics import CompileError
from archdsl.lsp.answers import answer
from archdsl.source import Source
from archdsl.syntax.parser import parse, with_plain_lines
from archdsl.syntax.printer import format_spec

AT = ("hover", "definition", "references", "prepare_rename", "completion", "signature", "rename")
WHOLE = ("symbols", "folding", "formatting", "actions")


@cache
def _types() -> dict[str, Any]:
    from lsprotocol import types

    return {
        "hover": types.Hover,
        "definition": types.Location,
        "references": list[types.Location],
        "prepare_rename": types.PrepareRenamePlaceholder,
        "completion": list[types.CompletionItem],
        "signature": types.SignatureHelp,
        "symbols": list[types.DocumentSymbol],
        "folding": list[types.FoldingRange],
        "formatting": list[types.TextEdit],
        "hints": list[types.InlayHint],
        "actions": list[types.CodeAction],
        "check": list[types.Diagnostic],
    }


def check(seed: int, edits: int, counts: Counter[str]) -> None:
    """Types a text, and asks after each edit for mistakes, shapes, and one more thing at a random place."""
    from lsprotocol.converters import get_converter

    convert = get_converter()
    path, texts = typed(seed, edits)
    choose = random.Random(-seed)
    for text in texts:
        asked = {"uri": path.as_uri(), "texts": {path.as_uri(): text}, "folders": [path.parent.as_uri()]}
        found = answer({**asked, "kind": "check", "variants": False})["diagnostics"]
        convert.structure(found, _types()["check"])
        assert all(_inside(one["range"], text) for one in found), found
        whole = {"start": _position(text, 0), "end": _position(text, len(text))}
        hints = answer({**asked, "kind": "hints", "range": whole})
        convert.structure(hints, _types()["hints"])
        kind = choose.choice((*AT, *WHOLE))
        where = _position(text, choose.randrange(len(text) + 1))
        near = found[0]["range"] if found and kind == "actions" else {"start": where, "end": where}
        more: dict[str, Any] = {"position": where, "range": near, "all": True}
        given = answer({**asked, "kind": kind, **more, "declaration": True, "name": "renamed"})
        if given is not None and kind in _types():
            convert.structure(given, _types()[kind])
        if kind == "formatting":
            _formats(text, given)
        counts["edits"] += 1
        counts[kind] += given not in (None, [], {})
        counts["hints"] += bool(hints)
        counts["without errors"] += not any(one["severity"] == 1 for one in found)


def _position(text: str, at: int) -> dict[str, int]:
    before = with_plain_lines(text)[:at]
    return {"line": before.count("\n"), "character": len(before.rpartition("\n")[2].encode("utf-16-le")) // 2}


def _inside(where: dict[str, Any], text: str) -> bool:
    lines = with_plain_lines(text).split("\n")
    return all(
        0 <= end["line"] < len(lines) and 0 <= end["character"] <= len(lines[end["line"]].encode("utf-16-le")) // 2
        for end in where.values()
    )


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """The text after edits, as an editor applies them."""
    lines = with_plain_lines(text).split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines) + 1)]

    def offset(position: dict[str, int]) -> int:
        line = lines[position["line"]] if position["line"] < len(lines) else ""
        before = line.encode("utf-16-le")[: 2 * position["character"]].decode("utf-16-le")
        return min(starts[position["line"]] + len(before), len("\n".join(lines)))

    result = "\n".join(lines)
    for edit in sorted(edits, key=lambda edit: -offset(edit["range"]["start"])):
        result = result[: offset(edit["range"]["start"])] + edit["newText"] + result[offset(edit["range"]["end"]) :]
    return result


def _formats(text: str, edits: list[dict[str, Any]] | None) -> None:
    try:
        wanted = format_spec(parse(Source("net.arch", with_plain_lines(text))))
    except CompileError:
        assert edits is None
        return
    assert edits is not None
    assert applied(text, edits) == wanted
