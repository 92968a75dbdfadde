"""Syntax trees and models as indented text.

Each part has a line with its plain fields; the parts inside it follow below, indented.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from textwrap import shorten
from typing import Any, get_args

from archdsl.resolve.model import File
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text

HIDDEN = frozenset({"span", "source", "file", "breaks", "comments", "problems", "broken"})
"""Fields that are not shown, such as positions in the text."""

LONGEST = 60
"""The most characters of a text that are shown."""


def outline(root: Any) -> str:
    """`root`, a dataclass, and everything in it, with a line for each part."""
    return "\n".join(_lines(root, "", 0))


def _lines(part: Any, name: str, depth: int) -> Iterator[str]:
    words: list[str] = []
    below: list[tuple[str, Any]] = []
    for key, value in _parts(part):
        if _is_plain(value):
            words.append(f"{key}={_text(value)}")
        else:
            below.append((key, value))
    label = f"{name}: " if name else ""
    yield f"{'  ' * depth}{label}{' '.join([type(part).__name__, *words])}"
    for key, value in below:
        if isinstance(value, tuple):
            for item in value:
                # Field names in the plural are left out; `first` and `last` are needed to tell their arguments apart.
                yield from _lines(item, "" if key.endswith("s") else key, depth + 1)
        elif isinstance(value, Mapping):
            for entry, item in value.items():
                yield from _lines(item, f"{key}.{entry}", depth + 1)
        else:
            yield from _lines(value, key, depth + 1)


def _parts(part: Any) -> Iterator[tuple[str, Any]]:
    """The fields to show, as name and value: those that are not in `HIDDEN` and not empty."""
    names = [field.name for field in fields(part)] if is_dataclass(part) else []
    for name in names:
        value = getattr(part, name)
        if name not in HIDDEN and value is not None and value not in ((), {}, "") and not isinstance(value, Source):
            yield name, _own(part, value)


def _own(part: Any, value: Any) -> Any:
    """The value of a field. Of a file's definitions, those that it imports are left out: they are in other files."""
    if isinstance(part, File) and isinstance(value, Mapping):
        return {name: item for name, item in value.items() if getattr(item, "file", part).source == part.source}
    return value


EXPRESSIONS = get_args(tree.Expression)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, (bool, int, float, str, Span, *EXPRESSIONS))


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, tree.String):
        return _text(value.value)
    if isinstance(value, EXPRESSIONS):
        return expression_text(value)
    return repr(shorten(value, LONGEST)) if isinstance(value, str) else str(value)
