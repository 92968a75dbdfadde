"""What takes long to make and depends on text alone is kept between runs, in the user's cache folder.

An entry is one file of JSON, so nothing in the folder can be run. Its name is a digest of all that it was made
from, and its first line a digest of the rest: a file that is damaged, cut off or someone else's is not used, and
what it should have held is made anew. A folder that cannot be read or written is no error. The environment variable
`ARCHDSL_CACHE` names another folder, or is `off`.
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
"""Entries in the folder; beyond that, the oldest half is removed."""


def digest(*parts: str | bytes) -> str:
    """Differs wherever one of the parts does."""
    made = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        made.update(len(data).to_bytes(8, "little") + data)
    return made.hexdigest()


def kept(key: str, make: Callable[[], T], encode: Callable[[T], Any], decode: Callable[[Any], T]) -> T:
    """What `make` gives, or gave in an earlier run under the same `key`.

    `encode` makes plain JSON of it, and `decode` makes it of that again. What `make` raises is not kept.
    """
    place = _folder(os.environ.get("ARCHDSL_CACHE"))
    if place is None:
        return make()
    path = place / f"{key}.json"
    # Nothing that is wrong with the folder, or with what others wrote there, is a reason to fail.
    with suppress(Exception):
        return decode(_read(path))
    made = make()
    with suppress(Exception):
        _write(path, encode(made))
    return made


@cache
def _folder(asked: str | None) -> Path | None:
    """The folder of all entries, made where it is missing; None where there can be none."""
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
    """Raises whatever there is to raise where the file is not as it was written."""
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
