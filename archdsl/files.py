"""Files are written whole or not at all: beside their place first, then renamed onto it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from archdsl.diagnostics import CompileError, Diagnostic


def write(contents: Mapping[Path, str | bytes]) -> None:
    """Writes every file, or none where one cannot be written; folders that are missing are made.

    Links are followed, and a file that is replaced keeps its mode. What is no regular file (a pipe, `/dev/null`)
    is written to as it is. Raises `CompileError`.
    """
    beside: dict[Path, Path] = {}
    path = Path()
    try:
        for path, content in contents.items():
            _write_beside(path, content, beside)
        for path, partial in beside.items():
            os.replace(partial, path)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise CompileError([Diagnostic("unwritable-file", f"{path} cannot be written: {reason}")]) from None
    finally:
        for partial in beside.values():
            partial.unlink(missing_ok=True)


def _write_beside(path: Path, content: str | bytes, beside: dict[Path, Path]) -> None:
    """Writes what `beside` notes, before anything is written, as to be renamed."""
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
        raise ValueError(f"{around.name} is no folder")
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = beside[place] = place.with_name(f".{place.name}.{os.getpid()}.partial")
    partial.write_bytes(data)
    if place.exists():
        shutil.copymode(place, partial)
