"""Colours of specs agree with what the compiler's own lexer reads: in Pygments, and in VS Code."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Error, Keyword
from test_docs import as_file

from archdsl.highlighting.lexer import ArchLexer, pieces
from archdsl.highlighting.rules import Kind
from archdsl.highlighting.textmate import SCOPES
from archdsl.source import Source
from archdsl.syntax.grammar import _lark
from archdsl.syntax.layout import scan

ROOT = Path(__file__).parent.parent
KEYWORDS = {Kind.DECLARATION, Kind.CONTROL, Kind.LOGICAL, Kind.CONSTANT}
NAMES = {Kind.TYPE, Kind.OP, Kind.FUNCTION, Kind.DEFINITION, Kind.BLOCK, Kind.STAGE}
NAMES |= {Kind.ARGUMENT, Kind.FLOW, Kind.NAME}
MEANT = {
    "NAME": NAMES,
    "LABEL": {Kind.LABEL, Kind.NAME},
    "VARIANT": {Kind.LABEL},
    "NUMBER": {Kind.NUMBER},
    "STRING": {Kind.STRING},
    "DOC": {Kind.DOCSTRING},
}
"""What a token of the lexer may be coloured as, if it is neither a word of the language nor a sign."""
PUNCTUATION = {"COLON", "COMMA", "DOT", "SEMICOLON", "LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE"}


@cache
def texts() -> dict[str, str]:
    """All specs, and all samples of the reference of the language, which has every form of it."""
    specs = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in sorted((ROOT / "specs").rglob("*.arch"))}
    page = (ROOT / "docs" / "language.md").read_text("utf-8")
    samples = re.findall(r"^```arch\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    rare = as_file('if not it.height == 8: relu\nrelu(bias=false,\n\tx=1)\r\n    -> relu  # "a"\n')
    return specs | {f"sample {i}": as_file(sample) for i, sample in enumerate([*samples, rare])}


@cache
def real(name: str) -> dict[int, tuple[str, set[Kind]]]:
    """Where each token of the compiler's lexer begins, its text, and how it may be coloured; comments among them."""
    text = texts()[name]
    found = {c.span.start: (c.text, {Kind.COMMENT}) for c in scan(Source(name, text)).comments}
    for token in _lark().parse_interactive(text + "\n", "file").iter_parse():
        if token.type not in ("_NL", "_INDENT", "_DEDENT") and token.start_pos is not None:
            found[token.start_pos] = (str(token), meant(token.type, str(token)))
    return found


def meant(kind: str, text: str) -> set[Kind]:
    if kind in MEANT:
        return MEANT[kind]
    if kind in PUNCTUATION:
        return {Kind.PUNCTUATION}
    return KEYWORDS if re.fullmatch("[a-z]{2,}", text) else {Kind.OPERATOR}


def wrong(name: str, coloured: dict[int, tuple[str, Kind]]) -> list[str]:
    """The tokens of a text that are not coloured as the compiler's lexer reads them, and what is coloured beside."""
    expected = real(name)
    different = [
        f"{text!r} at {place}: {coloured.get(place)}"
        for place, (text, kinds) in expected.items()
        if place not in coloured or coloured[place][0] != text or coloured[place][1] not in kinds
    ]
    return different + [f"{piece} at {place}" for place, piece in coloured.items() if place not in expected]


@pytest.mark.parametrize("name", texts())
def test_pieces_are_the_tokens_of_the_lexer(name: str) -> None:
    found = {place: (piece, kind) for place, kind, piece in pieces(texts()[name]) if kind is not None}
    assert wrong(name, found) == []


def test_the_texts_have_every_word_of_the_language() -> None:
    patterns = (re.match("[a-z]{2,}", terminal.pattern.value) for terminal in _lark().terminals)
    words = {match[0] for match in patterns if match}
    coloured = {piece for text in texts().values() for _, kind, piece in pieces(text) if kind in KEYWORDS}
    assert coloured == words


def test_a_difference_is_seen() -> None:
    name = "specs/resnet.arch"
    found = {place: (piece, kind) for place, kind, piece in pieces(texts()[name]) if kind is not None}
    place = next(place for place, (_, kind) in found.items() if kind in KEYWORDS)
    assert len(wrong(name, found | {place: (found[place][0], Kind.NAME)})) == 1


def test_pygments_finds_the_lexer() -> None:
    for lexer in (get_lexer_by_name("arch"), get_lexer_for_filename("net.arch")):
        assert type(lexer) is ArchLexer
        kinds = {kind for text in texts().values() for kind, _ in lexer.get_tokens(text)}
        assert Error not in kinds
        assert Keyword in kinds


@pytest.mark.parametrize(
    "text", ["", "\n", '"""open', '"open', "'", "→ é", "a\r\nb\tc", "block", "x x x8 8x8 @", "\x00"]
)
def test_any_text_is_coloured_whole(text: str) -> None:
    assert "".join(piece for _, _, piece in pieces(text)) == text


@pytest.fixture(scope="session")
def in_vscode(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, tuple[str, Kind]]]:
    """How the libraries of VS Code that read TextMate grammars colour each text."""
    folder = ROOT / "editors" / "vscode"
    if shutil.which("node") is None or not (folder / "node_modules" / "vscode-textmate").is_dir():
        pytest.skip("there is no node, or `make vscode` has not installed VS Code's libraries")
    paths = [tmp_path_factory.mktemp("texts") / f"{i}.arch" for i in range(len(texts()))]
    for path, text in zip(paths, texts().values(), strict=True):
        path.write_text(text, "utf-8", newline="")
    done = subprocess.run(["node", folder / "highlight.mjs", *paths], capture_output=True, text=True, check=True)
    kinds = {f"{scope}.archdsl": kind for kind, scope in SCOPES.items()}
    return {
        name: {place: (text, kinds[scope]) for place, text, scope in coloured if scope in kinds}
        for name, coloured in zip(texts(), json.loads(done.stdout), strict=True)
    }


def test_vscode_colours_the_tokens_of_the_lexer(in_vscode: dict[str, dict[int, tuple[str, Kind]]]) -> None:
    for name, coloured in in_vscode.items():
        assert wrong(name, with_docstrings(name, coloured)) == [], name


def with_docstrings(name: str, coloured: dict[int, tuple[str, Kind]]) -> dict[int, tuple[str, Kind]]:
    """With one piece for a docstring, which editors colour line by line."""
    whole = {place: text for place, (text, kinds) in real(name).items() if kinds == {Kind.DOCSTRING}}
    assert whole.keys() <= coloured.keys()
    within = {place for start, text in whole.items() for place in range(start, start + len(text))}
    assert all(coloured[place][1] is Kind.DOCSTRING for place in within & coloured.keys())
    others = {place: piece for place, piece in coloured.items() if place not in within}
    return others | {place: (text, Kind.DOCSTRING) for place, text in whole.items()}
