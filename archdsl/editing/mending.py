"""Mends a spec on disk: `archdsl check --fix`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os.path import isfile

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import find_spec, read_spec
from archdsl.editing.checking import Spec, found, found_in_variants
from archdsl.editing.fixes import Step, fixed
from archdsl.files import SPEC, write_spec
from archdsl.text import shown


def mend(name: str, variant: str | None = None, settings: Mapping[str, str] | None = None) -> tuple[Step, ...]:
    """Applies the certain edits to a spec and writes it, whole, if there are any. Returns what was done.

    The spec is checked with the variant and the settings, or with its defaults and all variants if there are none. Line
    ends stay as they are in the file. Raises `CompileError` if it cannot be read or written, or is no file of the user.
    """
    path = find_spec(name)
    if not (isfile(name) and path.suffix == SPEC):
        message = f"{shown(name)} is not a spec of yours, and only those are mended"
        raise CompileError([Diagnostic("unwritable-file", message, help="check it without --fix")])
    source, _ = read_spec(path)
    spec = Spec(source.text, path.resolve(), variant=variant, settings=settings or {})
    check = found if variant is not None or settings else found_in_variants
    done = fixed(source.text, lambda text: check(spec.with_text(text)))
    if done.steps:
        write_spec(path, with_line_ends(done.text, path.read_bytes().decode("utf-8")))
    return done.steps


def with_line_ends(text: str, old: str) -> str:
    """A text whose lines end as those of the old one do, and which begins with a byte order mark if that does."""
    ends = re.findall(r"\r\n|\r|\n", old) or ["\n"]
    lines = text.split("\n")
    joined = "".join(line + ends[min(i, len(ends) - 1)] for i, line in enumerate(lines[:-1])) + lines[-1]
    return "\ufeff" * old.startswith("\ufeff") + joined
