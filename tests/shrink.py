"""Makes a failing template small: lines, steps, branches and arguments go as long as it fails in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

Fails = Callable[[str], bool]


def shrunk(template: str, fails: Fails, most: int = 400) -> str:
    """The smallest template found that still fails. `most` bounds how many are tried."""
    place, before = 0, ""
    while template != before and most > 0:
        place, before = 0, template
        while most > 0 and (smaller := next(islice(_smaller(template), place, None), None)) is not None:
            most -= 1
            if fails(smaller):
                template = smaller
            else:
                place += 1
    return template


def _smaller(template: str) -> Iterator[str]:
    lines = template.splitlines(keepends=True)
    for start in range(len(lines)):
        stop = _end(lines, start)
        yield "".join(lines[:start] + lines[stop:])
        if stop > start + 1:
            depth = _indent(lines[start + 1]) - _indent(lines[start])
            inner = [line[depth:] for line in lines[start + 1 : stop]]
            yield "".join(lines[:start] + inner + lines[stop:])
    for pattern, replacements in CUTS:
        for found in re.finditer(pattern, template):
            for replacement in replacements:
                text = found.expand(replacement)
                if text != found[0]:
                    yield template[: found.start()] + text + template[found.end() :]


CUTS = (
    (r" -> [^\n{}|]*?(?= ->|\n|\}| \|)", ("",)),
    (r"(?<=[ :{|] )[^\n{}|>=]*? -> ", ("",)),
    (r"⟨([^⟨⟩¦]*)¦([^⟨⟩¦]*)⟩", (r"\1", r"\2")),
    (r"(add|concat|mul)\{([^{}]*)\}", ("relu",)),
    (r"\| [^|{}\n]*(?=[|}])", ("",)),
    (r"if [^\n:]*? then ([^\n]*?) else [^\n|}]*", (r"\1",)),
    (r", \w+=[^,()\n⟨⟩]*(?=[,)])", ("",)),
    (r", \w+(: \w+)? ?= ?[^,()\n]*(?=[,)])", ("",)),
    (r" \* \w+", ("",)),
    (r" (first|last)\([^()]*\)", ("",)),
    (r" as \w+", ("",)),
)
"""What may go: a pattern, and what may stand in its place."""


def _end(lines: list[str], start: int) -> int:
    """The line after all that belongs to this one."""
    stop = start + 1
    while stop < len(lines) and _indent(lines[stop]) > _indent(lines[start]):
        stop += 1
    return stop


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
