"""Docstrings: what a class is, where its text stands, which decisions of the spec made it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any

from archdsl.backends.python.document import WIDTH
from archdsl.ir.graph import Header, Scope
from archdsl.source import Span


def network_doc(header: Header) -> tuple[str, ...]:
    """The spec, its own description, the citation, and every setting with what it came to."""
    variant = f", variant {header.variant}" if header.variant else ""
    paragraphs = [f"{header.name}{variant} ({shown(header.spec)})."]
    paragraphs += [header.doc] if header.doc else []
    paragraphs += [f"Source: {header.source}"] if header.source else []
    if header.settings:
        settings = "; ".join(f"{s.name} = {_setting(s.value)}" for s in header.settings)
        paragraphs.append(f"Settings: {settings}.")
    return _wrapped(paragraphs)


def block_doc(scope: Scope, conditions: Sequence[str]) -> tuple[str, ...]:
    """The block and its line, the conditions under which it is this class, and the block's own description."""
    if scope.block is not None:
        first = f"Block {scope.block}, {place(scope.defined or scope.span)}"
    elif scope.kind == "copy":
        first = f"One of the copies made at {place(scope.span)}"
    else:
        first = f"{scope.kind.capitalize()} {scope.name}, {place(scope.span)}"
    several = len(conditions) > 1
    where = [f"Where {' and '.join(_part(text) if several else text for text in conditions)}."] if conditions else []
    return _wrapped([f"{first}.", *([scope.doc] if scope.doc else []), *where])


def _part(condition: str) -> str:
    """A condition as one of several."""
    compound = re.search(r"\b(and|or)\b", condition) and not condition.startswith("not (")
    return f"({condition})" if compound else condition


def shown(name: str) -> str:
    """A file's name as it may be shown anywhere: an absolute path is nobody else's business."""
    path = PurePath(name)
    return path.name if path.is_absolute() else path.as_posix()


def place(span: Span) -> str:
    return f"{shown(span.source.name)}:{span.line}"


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_setting, value))}]"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _wrapped(paragraphs: Sequence[str]) -> tuple[str, ...]:
    """Paragraphs parted by blank lines, inside a class."""
    lines: list[str] = []
    for paragraph in paragraphs:
        text = " ".join(paragraph.split())
        wrapped = textwrap.wrap(text, WIDTH - 4 - 2 * len('"""'), break_long_words=False, break_on_hyphens=False)
        lines += ["", *wrapped] if lines else wrapped
    return tuple(lines)


def telling_decisions(scopes: Sequence[Scope], others: Iterable[Sequence[Scope]]) -> Iterator[str]:
    """Conditions that came out one way in all these uses of a block, and another way in some other class of it."""
    elsewhere = [dict(scope.decisions) for uses in others for scope in uses]
    for condition, outcome in scopes[0].decisions:
        always = all(dict(scope.decisions).get(condition) is outcome for scope in scopes)
        if always and any(decisions.get(condition) is not outcome for decisions in elsewhere):
            yield condition if outcome else f"not ({condition})"


def telling_attributes(names: Sequence[str], others: Iterable[Sequence[str]]) -> Iterator[str]:
    """What this class has that some other class of the block has not, and the reverse."""
    sets = [set(other) for other in others]
    yield from (f"there is a {name}" for name in names if any(name not in other for other in sets))
    missing = dict.fromkeys(name for other in sets for name in sorted(other) if name not in names)
    yield from (f"there is no {name}" for name in missing)
