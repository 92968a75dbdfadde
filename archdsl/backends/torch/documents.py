"""Docstrings of emitted classes: what a class is, where its text is in the spec, with which settings it was made."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from archdsl.backends.python.document import WIDTH
from archdsl.ir.graph import Header, Scope
from archdsl.source import Span


def network_doc(headers: Sequence[Header]) -> tuple[str, ...]:
    """The docstring of a network: spec, description, citation, and each setting with its value in all the variants."""
    header, *others = headers
    variants = ", ".join(str(one.variant) for one in headers if one.variant)
    variant = f", variant{'s' if others else ''} {variants}" if variants else ""
    paragraphs = [f"{header.name}{variant} ({shown(header.spec)})."]
    paragraphs += [header.doc] if header.doc else []
    paragraphs += [f"Source: {header.source}"] if header.source else []
    common = [(s.name, s.value) for s in header.settings]
    common = [pair for pair in common if all(pair in ((s.name, s.value) for s in other.settings) for other in others)]
    if common:
        settings = "; ".join(f"{own} = {_setting(value)}" for own, value in common)
        paragraphs.append(f"Settings: {settings}.")
    return _wrapped(paragraphs)


def variant_doc(header: Header) -> tuple[str, ...]:
    """The docstring of a variant's function: its name and the settings that define it."""
    own = [f"{s.name} = {_setting(s.value)}" for s in header.settings if s.origin.startswith("variant ")]
    return _wrapped([f"{header.name}, variant {header.variant}{': ' if own else ''}{'; '.join(own)}."])


def block_doc(scope: Scope) -> tuple[str, ...]:
    """The docstring of a block's class: its line in the spec, and the block's own description."""
    if scope.block is not None:
        first = f"Block {scope.block}, {place(scope.defined or scope.span)}"
    elif scope.kind == "copy":
        first = f"One of the copies made at {place(scope.span)}"
    else:
        first = f"{scope.kind.capitalize()} {scope.name}, {place(scope.span)}"
    given = ", ".join(f"{own} = {value}" for own, value in scope.arguments if own in scope.units)
    return _wrapped([f"{first}{f', with {given}' if given else ''}.", *([scope.doc] if scope.doc else [])])


def shown(name: str) -> str:
    """A file's name as it is written into emitted files. Only the last part of an absolute path is shown."""
    path = PurePath(name)
    return path.name if path.is_absolute() else path.as_posix()


def place(span: Span) -> str:
    """A place in a spec as file and line, as it is written into emitted files."""
    return f"{shown(span.source.name)}:{span.line}"


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_setting, value))}]"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _wrapped(paragraphs: Sequence[str]) -> tuple[str, ...]:
    """Paragraphs separated by blank lines and wrapped to the width inside a class."""
    lines: list[str] = []
    for paragraph in paragraphs:
        text = " ".join(paragraph.split())
        wrapped = textwrap.wrap(text, WIDTH - 4 - 2 * len('"""'), break_long_words=False, break_on_hyphens=False)
        lines += ["", *wrapped] if lines else wrapped
    return tuple(lines)
