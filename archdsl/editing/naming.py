"""Where a name was given, where it stands, and what changes if it gets another one, in all files that use it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from archdsl.diagnostics import CompileError
from archdsl.naming import RESERVED
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.model import File, Use
from archdsl.resolve.names import FUNCTIONS
from archdsl.resolve.resolve import resolve
from archdsl.source import Source, Span
from archdsl.syntax.parser import read_source

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LABEL = re.compile(r"[A-Za-z0-9_]+")
"""What a variant may be called: `50_v1`."""

WORDS = frozenset("and as elif else false for if in not or repeat return then true x it input".split())
"""Words that are no names anywhere (docs/language.md)."""

MOST, FOLDERS = 400, 2_000
"""Specs that are read in search of further uses of a name, and folders that are searched for them."""

SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages", "venv"})
"""Folders that hold no specs of the user, and many files."""


def use_at(file: File, offset: int) -> Use | None:
    """The name at an offset of a file's text, or that ends there, and where it was given; None if there is none."""
    found = [use for use in file.uses if use.place.start <= offset <= use.place.end]
    return min(found, key=lambda use: (use.place.end - use.place.start, use.place != use.given), default=None)


def imported_at(file: File, offset: int) -> Path | None:
    """The file that an import at an offset names, if the offset is in `from blocks.residual`."""
    for item, path in file.imports:
        names = item.names[0].span.start if item.names else item.span.end
        if item.span.start <= offset < names:
            return path
    return None


def given_at(file: File, offset: int) -> Span | None:
    """Where the name at an offset was given: for an imported block, in the other file."""
    use = use_at(file, offset)
    return None if use is None else use.given


def uses_of(given: Span, files: Iterable[File]) -> list[Span]:
    """All places of one name: where it was given, and where it stands, each once, by file and offset.

    The arms of an `if` may each give a name; all are then the same one.
    """
    links: dict[tuple[Path | None, int], set[tuple[Path | None, int]]] = {}
    spans: dict[tuple[Path | None, int], Span] = {}
    for use in (use for file in files for use in file.uses):
        one, other = _key(use.place), _key(use.given)
        spans.setdefault(one, use.place)
        spans.setdefault(other, use.given)
        links.setdefault(one, set()).add(other)
        links.setdefault(other, set()).add(one)
    reached, pending = {_key(given)}, [_key(given)]
    spans.setdefault(_key(given), given)
    while pending:
        new = links.get(pending.pop(), set()) - reached
        reached |= new
        pending += new
    return [spans[key] for key in sorted(reached, key=lambda key: (str(key[0]), key[1]))]


def _key(span: Span) -> tuple[Path | None, int]:
    return span.source.path, span.start


def refusal(given: Span, new: str, files: Iterable[File]) -> str | None:
    """Why a name cannot be replaced by another one, for the user; None if it can."""
    old = given.text
    if old[:1].isdigit() or not NAME.fullmatch(old):
        return None if LABEL.fullmatch(new) else f"`{new}` is no name of a variant: it may have letters, digits and `_`"
    if not NAME.fullmatch(new):
        return f"`{new}` is no name: names have letters, digits and `_`, and begin with no digit"
    if new in WORDS or new in RESERVED:
        return f"`{new}` has a meaning of its own and cannot be a name"
    if new in REGISTRY or new in FUNCTIONS:
        return f"`{new}` is the name of an op or a function"
    if old[0].isupper() != new[0].isupper():
        return f"blocks and networks are written in CamelCase, other names with a small letter: `{new}` is not"
    taken = {use.place.text for file in files for use in file.uses} | {n for file in files for n in file.definitions}
    return f"`{new}` is a name here already" if new in taken else None


# --- further files -----------------------------------------------------------------------------


def with_users(file: File, texts: Mapping[Path, str], folders: Iterable[Path]) -> list[File]:
    """A file, the files that it imports, and those in some folders that import one of these.

    A name of the file stands in no others. `texts` are the texts of open files by path, which are read instead of those
    on disk.
    """
    found = {file.source.path: file} | {one.source.path: one for one in imported(file)}
    ours = set(found)
    for candidate in specs_in(folders, texts):
        other = _resolved(candidate, texts) if candidate not in found else None
        if other is not None and ours & {one.source.path for one in imported(other)}:
            found[candidate] = other
    return list(found.values())


def users(path: Path, texts: Mapping[Path, str], folders: Iterable[Path]) -> Iterator[File]:
    """The files with a network that import a file of blocks, those first that import it directly."""
    names = re.compile(rf"^\s*from\s+(?:\w+\.)*{re.escape(path.stem)}\s+import\b", re.MULTILINE)
    others = [one for one in specs_in(folders, texts) if one != path]
    for other in sorted(others, key=lambda one: names.search(_text(one, texts)) is None):
        file = _resolved(other, texts)
        if file is not None and file.network is not None and any(one.source.path == path for one in imported(file)):
            yield file


def imported(file: File) -> Iterator[File]:
    """The files whose definitions a file sees, directly or through others, each once."""
    seen, pending = {id(file)}, [file]
    while pending:
        for definition in pending.pop().definitions.values():
            if id(definition.file) not in seen:
                seen.add(id(definition.file))
                pending.append(definition.file)
                yield definition.file


def specs_in(folders: Iterable[Path], texts: Mapping[Path, str]) -> list[Path]:
    """The specs that are open, then those in these folders and in theirs, by absolute path."""
    found = dict.fromkeys(texts)
    for folder in folders:
        for number, (place, below, names) in enumerate(os.walk(folder)):
            below[:] = sorted(name for name in below if not name.startswith(".") and name not in SKIPPED)
            found |= dict.fromkeys(Path(place, name).resolve() for name in sorted(names) if name.endswith(".arch"))
            if number >= FOLDERS or len(found) >= MOST:
                break
    return list(found)


def _text(path: Path, texts: Mapping[Path, str]) -> str:
    if path in texts:
        return texts[path]
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _resolved(path: Path, texts: Mapping[Path, str]) -> File | None:
    """The file at a path, half written or not; None if it cannot be read."""
    try:
        source = Source(path.name, texts[path], path=path) if path in texts else read_source(path, path.name)
        return resolve(source, path.parent, texts, partial=True)
    except CompileError:
        return None
