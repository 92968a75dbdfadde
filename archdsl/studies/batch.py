"""What a worker of a cluster gets and does. A batch has all that its worker needs; no file of the client is read."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import archdsl
from archdsl.cache import digest
from archdsl.resources import grammar_text


class Installed(NamedTuple):
    """A version of archdsl, and a digest of its code: the code of a version that is being worked on changes."""

    version: str
    code: str

    def __str__(self) -> str:
        return f"archdsl {self.version} (code {self.code[:8]})"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some items, and the function for them, pickled. `sent_by` tells which archdsl can read it.

    A batch is pickled as a call of `compute`: `pickle.loads`, which every worker has, reads it and computes the
    results. Dask itself never meets a class of archdsl. It would end a worker that cannot import the class.
    """

    sent_by: Installed
    work: bytes
    items: tuple[Any, ...]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return compute, (self.sent_by, self.work, self.items)


def batches(work: Callable[[Any], Any], items: Iterable[Any], size: int) -> Iterator[bytes]:
    """All items in pickled batches of `size`; the last may be smaller. Items are taken as batches are asked for."""
    sent_by, pickled, rest = installed(), pickle.dumps(work), iter(items)
    while some := tuple(islice(rest, size)):
        yield pickle.dumps(Batch(sent_by, pickled, some))


@cache
def installed() -> Installed:
    """The archdsl of this process."""
    folder = Path(archdsl.__file__).parent
    code = digest(grammar_text(), *(file.read_bytes() for file in sorted(folder.rglob("*.py"))))
    try:
        return Installed(version("archdsl"), code)
    except PackageNotFoundError:
        return Installed("that is not installed", code)


# --- on a worker -----------------------------------------------------------------------------

_ALONE = Lock()
"""Networks are compiled by one thread at a time. Of several, Python would let only one run at any time, too."""

_loaded = lru_cache(maxsize=1)(pickle.loads)


def compute(sent_by: Installed, work: bytes, items: tuple[Any, ...]) -> list[Any] | str:
    """The results for the items of a batch; or, as a text, that this is another archdsl, which might find others."""
    if installed().code != sent_by.code:
        from distributed import get_worker

        return f"the worker {get_worker().address} has {installed()}, and this command is {sent_by}"
    with _ALONE:
        return [_loaded(work)(item) for item in items]
