"""Numbers and strings as text."""

from __future__ import annotations

import math
import re

from archdsl.backends.python.grammar import Unwritable


def quoted(value: str | bytes) -> str:
    """A string as a literal in double quotes, or in single quotes if it contains more double than single ones."""
    prefix = "b" if isinstance(value, bytes) else ""
    text = repr(value)[len(prefix) :]
    body = without_escaped(text[1:-1], "'")
    quote = "'" if body.count('"') > body.count("'") else '"'
    return f"{prefix}{quote}{re.sub(quote, chr(92) * 2 + quote, body)}{quote}"


def number(value: float) -> str:
    """A number as the shortest text with its value: `0.001`, `1e-5`, `0.75`. Raises `Unwritable` for inf and nan."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Unwritable(f"Python has no literal for the number {value}")
    return re.sub(r"e([+-])0*(\d)", lambda e: f"e{e[1].strip('+')}{e[2]}", repr(value))


def without_escaped(body: str, quote: str) -> str:
    """The inside of a string literal without the backslashes before quotes of one kind."""
    return re.sub(r"\\(.)", lambda pair: pair[1] if pair[1] == quote else pair[0], body)
