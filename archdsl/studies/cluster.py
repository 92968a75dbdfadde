"""Computes results for many items on the workers of a Dask cluster, and yields them in order.

Workers keep nothing between batches of items. One that dies takes only its own batches with it, and the scheduler
gives these to another.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from itertools import islice
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from archdsl.studies.batch import batches
from archdsl.studies.connection import connected, unusable

if TYPE_CHECKING:
    from distributed import Client, Future

LARGEST = 50
"""The most items of a batch: enough that their work outweighs the milliseconds that Dask takes for each batch."""

AHEAD = 4
"""How many batches for each thread of the cluster are on their way, or are done and wait for those before them."""

WORKERS = 30
"""Seconds that the cluster may be without workers."""

PATIENCE = 5
"""After so many seconds without a result, see whether there are still workers."""

SILENCE = 30
"""Seconds after which a scheduler that does not answer is taken to be lost."""

AGAIN = "with -o, the same call continues the sweep"

Item = TypeVar("Item")
Result = TypeVar("Result")


def on_cluster(
    work: Callable[[Item], Result], items: Iterable[Item], count: int, address: str, workers: int | None = None
) -> Generator[Result, None, None]:
    """The results of `work` for each of `count` items, in order, computed on a cluster (see `connected`).

    `work`, items and results are pickled; items are read as workers become free. Closing the iterator withdraws what
    is not done. Raises `CompileError` if the cluster cannot be used, or can no longer be.
    """
    with connected(address, workers) as client, _failures(address):
        _expect_workers(client)
        size = max(1, min(LARGEST, count // (AHEAD * max(_threads(client), 1))))
        yield from _in_order(client, batches(work, items, size))


def _in_order(client: Client, waiting: Iterator[bytes]) -> Iterator[Any]:
    """The results of all batches in order. Few batches are sent ahead, so memory does not grow with their number."""
    sweep = f"archdsl-{uuid4().hex}"
    numbered = enumerate(waiting)
    running: dict[Future, int] = {}
    done: dict[int, list[Any]] = {}
    due = 0
    while True:
        room = AHEAD * max(_threads(client), 1) - len(running) - len(done)
        for number, batch in islice(numbered, max(room, 0)):
            running[client.submit(pickle.loads, batch, key=(sweep, number))] = number
        if not running:
            return
        for future in _completed(client, running):
            done[running.pop(future)] = _results(future)
            future.release()
        while due in done:
            yield from done.pop(due)
            due += 1


def _results(future: Future) -> list[Any]:
    """The results of a batch that is done. Raises `CompileError` if its worker has another archdsl."""
    results = future.result(timeout=SILENCE)
    if isinstance(results, str):
        raise unusable(results, "install the same archdsl for the workers and for this command")
    return list(results)


def _completed(client: Client, running: Iterable[Future]) -> set[Future]:
    """Waits until some are done, and returns these. Raises `CompileError` if there is no worker that could do them."""
    from distributed import wait

    while True:
        with suppress(TimeoutError):
            return set(wait(list(running), timeout=PATIENCE, return_when="FIRST_COMPLETED").done)
        _expect_workers(client)


def _expect_workers(client: Client) -> None:
    """Waits for a worker. Raises `CompileError` if there is none for `WORKERS` seconds."""
    deadline = monotonic() + WORKERS
    while not _threads(client):
        if monotonic() > deadline:
            address = client.scheduler.address
            message = f"the Dask cluster at {address} has had no workers for {WORKERS} seconds"
            raise unusable(message, f"`dask worker {address}` starts one; {AGAIN}")
        sleep(0.2)


def _threads(client: Client) -> int:
    """How many batches the workers can compute at once. Raises `TimeoutError`."""
    return sum(client.nthreads(callback_timeout=SILENCE).values())


@contextmanager
def _failures(address: str) -> Iterator[None]:
    """Says what a failure of the cluster means, as `CompileError`."""
    from distributed import KilledWorker

    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "archdsl":
            raise
        message = f"a worker of the cluster has no archdsl, or another one ({error})"
        raise unusable(message, "install the same archdsl for the workers and for this command") from None
    except KilledWorker as error:
        died = error.allowed_failures + 1
        message = f"{died} worker{'s' if died > 1 else ''} died while measuring the same settings"
        raise unusable(message, f"give the workers more memory, or leave out the largest settings; {AGAIN}") from None
    except (OSError, CancelledError):
        message = f"the scheduler of the Dask cluster ({address}) no longer answers"
        raise unusable(message, f"see whether it still runs; {AGAIN}") from None
