"""Finds the file, in the library or beside a spec, that defines a block. This is only used for the help of errors, so
files are searched for the definition's text and not parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from archdsl.resources import specs_folder
from archdsl.suggest import nearest

LARGEST = 100_000
"""The most bytes of a file that is searched."""


def files_of(folders: Iterable[Path | None]) -> Iterator[tuple[str, Path]]:
    """The specs in these folders and their subfolders, each with the name that an import uses: `blocks.residual`."""
    for folder in filter(None, folders):
        for path in (*sorted(folder.glob("*/*.arch")), *sorted(folder.glob("*.arch"))):
            yield ".".join(path.relative_to(folder).with_suffix("").parts), path


def file_that_defines(name: str, folders: Iterable[Path | None] = ()) -> str | None:
    """The name of the file that defines a block or network, in the library or in `folders`; None if there is none."""
    begins = re.compile(rf"^(?:block|network) {re.escape(name)}\b", re.MULTILINE)
    for module, path in files_of((*folders, specs_folder())):
        try:
            if path.stat().st_size <= LARGEST and begins.search(path.read_text(encoding="utf-8", errors="ignore")):
                return module
        except OSError:
            continue
    return None


def import_of(name: str, folders: Iterable[Path | None] = ()) -> str | None:
    """The help that shows how to import a block or network; None if no file defines it."""
    module = file_that_defines(name, folders) if name[:1].isupper() else None
    return f"write at the top of the file: `from {module} import {name}`" if module else None


def file_meant(module: str, names: Iterable[str], folders: Iterable[Path | None]) -> str | None:
    """The help for an import of a file that does not exist: a file that defines these names, or has a similar name."""
    folders = tuple(folders)
    for name in names:
        if found := import_of(name, folders):
            return found
    meant = nearest(module, (known for known, _ in files_of((*folders, specs_folder()))))
    return f"did you mean `{meant}`?" if meant else None
