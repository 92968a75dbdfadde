"""Specs and graph files of the gallery, damaged by chance: what a compiler is given to read when things go wrong.

Every way takes a source of chance and gives a text. `mutant(seed)` draws one; the same seed gives the same text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple

from hostile import TEXTS
from random_specs import spec, template

from archdsl.resources import specs_folder
from archdsl.source import Source, Span
from archdsl.syntax.parser import parse

TOKEN = re.compile(r"\w+|->|==|\"[^\"\n]*\"|[^\w\s]|\n *")
WORDS = (
    *'-> ( ) { } [ ] | : , = == ~ * - + / // ^ % . @ # " """ ± < > <= if then else elif for in as it input'.split(),
    *"stage repeat path let return expect shared split concat add conv true false first last of training".split(),
    *("\n", "\n    ", "\n        ", "\t", " ", "\x00", "\u202e", "é", "φ", "x", "×"),
)
NUMBERS = (
    "0",
    "1",
    "-1",
    "0.5",
    "1e99",
    "-0.0",
    "2_147_483_648",
    "9" * 400,
    "4.1G",
    "1000000",
    "0x10",
    "[1, 2]",
    "7x7",
)


class Mutant(NamedTuple):
    """A damaged text, and in which way it was damaged."""

    way: str
    text: str


@cache
def specs() -> tuple[str, ...]:
    """The texts of the gallery."""
    return tuple(path.read_text(encoding="utf-8") for path in sorted(specs_folder().rglob("*.arch")))


def chosen(chance: random.Random) -> str:
    """A spec of the gallery, or a random one."""
    return spec(template(chance.randrange(10**6)), 0) if chance.random() < 0.3 else chance.choice(specs())


# --- ways ----------------------------------------------------------------------------------------


def bytes_changed(chance: random.Random) -> str:
    """A few bytes other, gone or twice; what is then no UTF-8 is replaced."""
    data = bytearray(chosen(chance).encode())
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data))
        cut = chance.choice((0, 1, 1, 2, 40))
        put = chance.choice((b"", bytes([chance.randrange(256)]), bytes(data[place : place + 3]) * 2))
        data[place : place + cut] = put
    return data.decode(errors="replace")


def tokens_changed(chance: random.Random) -> str:
    """A few tokens replaced, removed, doubled or put elsewhere."""
    text = chosen(chance)
    for _ in range(chance.randint(1, 4)):
        found = list(TOKEN.finditer(text))
        token, other = chance.choice(found), chance.choice(found)
        put = chance.choice(("", other[0], token[0] * 2, chance.choice(WORDS), chance.choice(NUMBERS)))
        text = text[: token.start()] + put + text[token.end() :]
    return text


def lines_changed(chance: random.Random) -> str:
    """Lines moved, doubled, dropped, or indented otherwise."""
    lines = chosen(chance).split("\n")
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(lines))
        line = lines.pop(place)
        put = chance.choice(([], [line, line], [f"    {line}"], [line.removeprefix("    ")]))
        goes = chance.choice((place, chance.randint(0, len(lines))))
        lines[goes:goes] = put
        lines = lines or [""]
    return "\n".join(lines)


def spliced(chance: random.Random) -> str:
    """The beginning of one spec and the end of another."""
    ours, theirs = chosen(chance), chosen(chance)
    return ours[: chance.randrange(len(ours))] + theirs[chance.randrange(len(theirs)) :]


def numbers_changed(chance: random.Random) -> str:
    """Numbers become others: none, negative, absurd."""
    text = chosen(chance)
    for _ in range(chance.randint(1, 3)):
        found = list(re.finditer(r"\b\d[\w.]*", text))
        number = chance.choice(found) if found else None
        if number is not None:
            text = text[: number.start()] + chance.choice(NUMBERS) + text[number.end() :]
    return text


def parts_changed(chance: random.Random) -> str:
    """A part of the syntax tree takes the place of another of its kind: what comes out still parses, mostly."""
    text = chosen(chance)
    for _ in range(chance.randint(1, 3)):
        try:
            own = parts(text)
        except Exception:
            return text
        kind = chance.choice([kind for kind in sorted(own) if kind in all_parts()])
        place = chance.choice(own[kind])
        text = text[: place.start] + chance.choice(all_parts()[kind]) + text[place.end :]
    return text


def words_changed(chance: random.Random) -> str:
    """A text in quotes becomes one that would end or rewrite what it is put into."""
    text = chosen(chance)
    found = list(re.finditer(r'"""(?:.|\n)*?"""|"[^"\n]*"', text))
    if not found:
        return text
    place = chance.choice(found)
    mark = '"""' if place[0].startswith('"""') else '"'
    return text[: place.start()] + mark + chance.choice(TEXTS) + mark + text[place.end() :]


def large(chance: random.Random) -> str:
    """A line, a bracket or a word many times."""
    text = chosen(chance)
    found = list(TOKEN.finditer(text))
    token = chance.choice(found)
    return text[: token.end()] + token[0] * chance.choice((100, 3_000, 40_000)) + text[token.end() :]


WAYS: Mapping[str, Callable[[random.Random], str]] = {
    "bytes": bytes_changed,
    "tokens": tokens_changed,
    "lines": lines_changed,
    "splice": spliced,
    "numbers": numbers_changed,
    "parts": parts_changed,
    "words": words_changed,
    "large": large,
}


def mutant(seed: int) -> Mutant:
    """One damaged spec."""
    chance = random.Random(seed)
    way = chance.choices(list(WAYS), weights=(3, 4, 3, 2, 3, 6, 1, 1))[0]
    return Mutant(way, WAYS[way](chance))


# --- parts of a spec -----------------------------------------------------------------------------


def parts(text: str) -> dict[str, list[Span]]:
    """Where the parts of each kind stand in a spec. Raises `CompileError` where it does not parse."""
    found: dict[str, list[Span]] = {}
    for node in nodes(parse(Source("mutant.arch", text))):
        if "\n" not in node.span.text:
            found.setdefault(type(node).__name__, []).append(node.span)
    return found


@cache
def all_parts() -> dict[str, tuple[str, ...]]:
    """The texts of the parts of each kind, all over the gallery."""
    found: dict[str, set[str]] = {}
    for text in specs():
        for kind, spans in parts(text).items():
            found.setdefault(kind, set()).update(span.text for span in spans)
    return {kind: tuple(sorted(texts)) for kind, texts in found.items()}


def nodes(part: Any) -> Iterator[Any]:
    """Every node of a syntax tree that has a place."""
    if isinstance(part, tuple):
        for one in part:
            yield from nodes(one)
    elif is_dataclass(part) and not isinstance(part, Span):
        if isinstance(getattr(part, "span", None), Span):
            yield part
        for field in fields(part):
            if field.name != "span":
                yield from nodes(getattr(part, field.name))
