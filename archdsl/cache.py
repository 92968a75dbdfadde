"""Keeps results between runs, in the user's cache folder: those that take long to make and depend on text alone.

An entry is one JSON file, so reading it never runs code. The file's name is a digest of everything that the result
was made from, and its first line is a digest of the other lines. A file whose digest does not match (damaged, cut
off, or written by another program) is ignored, and the result is made again. A folder that cannot be read or written
is not an error. The environment variable `ARCHDSL_CACHE` names another folder, or is `off` to keep nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from archdsl.files import write

T = TypeVar("T")

LARGEST = 500
"""How many entries the folder may hold. When there are more, the older half is removed."""


def digest(*parts: str | bytes) -> str:
    """A hexadecimal digest of the parts: it is different when any of them is, or when they are divided differently."""
    made = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        made.update(len(data).to_bytes(8, "little") + data)
    return made.hexdigest()


def kept(key: str, make: Callable[[], T], encode: Callable[[T], Any], decode: Callable[[Any], T]) -> T:
    """The result of `make()`, or the one that an earlier run stored under the same `key`.

    `encode` turns the result into plain JSON values, and `decode` turns these back into the result. If `make` raises,
    nothing is stored and the exception is passed on.
    """
    place = _folder(os.environ.get("ARCHDSL_CACHE"))
    if place is None:
        return make()
    path = place / f"{key}.json"
    # Whatever is wrong with the folder or its files, the result can still be made.
    with suppress(Exception):
        return decode(_read(path))
    made = make()
    with suppress(Exception):
        _write(path, encode(made))
    return made


@cache
def _folder(asked: str | None) -> Path | None:
    """The folder that holds the entries, created if it is missing; None if there is none or it cannot be created."""
    if asked == "off":
        return None
    from platformdirs import user_cache_path

    try:
        folder = Path(asked).absolute() if asked else user_cache_path("archdsl")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return folder


def _read(path: Path) -> Any:
    """The value stored in a file. Raises some exception (of any kind) if the file is not as `_write` left it."""
    first, _, rest = path.read_bytes().partition(b"\n")
    if first.decode() != digest(rest):
        raise ValueError(f"{path} is damaged")
    return json.loads(rest)


def _write(path: Path, value: Any) -> None:
    content = json.dumps(value, separators=(",", ":")).encode()
    write({path: digest(content).encode() + b"\n" + content})
    _thin_out(path.parent)


def _thin_out(folder: Path) -> None:
    entries = list(folder.glob("*.json"))
    if len(entries) > LARGEST:
        ages = sorted((entry.stat().st_mtime, entry) for entry in entries)
        for _, entry in ages[: len(ages) // 2]:
            entry.unlink(missing_ok=True)
