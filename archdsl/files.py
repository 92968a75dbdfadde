"""Writes files, each whole or not at all, and never over a spec or over the file that a command reads.

A file is first written under another name in the same folder, and then renamed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.text import shown

SPEC = ".arch"
"""What the names of specs end with. Only the formatter replaces such files."""


def refuse_overwriting(places: Iterable[Path], read: Iterable[Path] = ()) -> None:
    """Raises `CompileError` if one of `places`, which are to be written, is a spec or one of the files in `read`.

    Links are followed, and two spellings of a path are the same file. Commands call this before they do any work.
    """
    kept = [path for path in read if os.path.isfile(path)]
    problems = [problem for place in places if (problem := _overwritten(place, kept)) is not None]
    if problems:
        raise CompileError(problems)


def _overwritten(place: Path, kept: Iterable[Path]) -> Diagnostic | None:
    target = os.path.realpath(place)
    if os.path.isfile(target) and any(os.path.samefile(target, path) for path in kept):
        what = "is the file that this command reads"
    elif target.lower().endswith(SPEC):
        what = "is a spec"
    else:
        return None
    message = f"{shown(str(place))} {what}, which is never overwritten"
    return Diagnostic("overwritten-file", message, help="name another file with -o")


def refuse_replacing_spec(path: Path) -> None:
    """Raises `CompileError` if there is a file where a new spec is to be written."""
    if os.path.lexists(path):
        message = f"{shown(str(path))} is there already, and a spec is never overwritten"
        raise CompileError([Diagnostic("overwritten-file", message, help="name another file with -o")])


def write(contents: Mapping[Path, str | bytes]) -> None:
    """Writes every file, or none if one of them cannot be written. Missing folders are created.

    Links are followed, and a file that is replaced keeps its permissions. A path that is not a regular file (a pipe,
    `/dev/null`) is written to directly. Raises `CompileError` if writing fails, or if a path is that of a spec.
    """
    refuse_overwriting(contents)
    _write(contents)


def write_spec(path: Path, text: str) -> None:
    """Writes a new spec, or replaces the text of one for the formatter. Raises `CompileError` if that fails."""
    _write({path: text})


def _write(contents: Mapping[Path, str | bytes]) -> None:
    beside: dict[Path, Path] = {}
    path = Path()
    try:
        for path, content in contents.items():
            _write_beside(path, content, beside)
        for path, partial in beside.items():
            os.replace(partial, path)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise CompileError([Diagnostic("unwritable-file", f"{shown(str(path))} cannot be written: {reason}")]) from None
    finally:
        for partial in beside.values():
            partial.unlink(missing_ok=True)


def _write_beside(path: Path, content: str | bytes, beside: dict[Path, Path]) -> None:
    """Writes a file under a temporary name and enters it in `beside`, by its final name, to be renamed later.

    It is entered before it is written, so that a file that was cut short is removed too.
    """
    place = Path(os.path.realpath(path))
    data = content.encode("utf-8") if isinstance(content, str) else content
    if place.is_dir():
        raise ValueError("it is a folder")
    if place.exists() and not place.is_file():
        place.write_bytes(data)
        return
    if place.exists() and not os.access(place, os.W_OK):
        raise ValueError("it is read-only")
    around = next(folder for folder in place.parents if folder.exists())
    if not around.is_dir():
        raise ValueError(f"{shown(around.name)} is not a folder")
    place.parent.mkdir(parents=True, exist_ok=True)
    # A temporary name made from the file's own would be too long if that is as long as the system allows.
    own = blake2b(os.fsencode(place.name), digest_size=8).hexdigest()
    partial = beside[place] = place.with_name(f".{place.name[:40]}.{own}.{os.getpid()}.partial")
    partial.write_bytes(data)
    if place.exists():
        shutil.copymode(place, partial)
