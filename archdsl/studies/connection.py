"""Connects to a Dask cluster: to one at an address, or to one that is started on this machine."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.packages import require
from archdsl.studies.pool import cores
from archdsl.text import shown

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

LOCAL = "local"
"""The address that stands for a cluster on this machine, which ends with the connection."""

ADDRESS = re.compile(r"([a-z]+://)?[^\s/]+:\d{1,5}")

ANSWER = 10
"""Seconds that a scheduler has for its first answer."""


def unusable(message: str, help: str) -> CompileError:
    """The error of a cluster that cannot do the work."""
    return CompileError([Diagnostic("unusable-cluster", message, help=help)])


@contextmanager
def connected(address: str, workers: int | None = None) -> Iterator[Client]:
    """A client of the cluster whose scheduler has this address, `host:port`.

    For `local`, a cluster is started, with so many `workers` (by default one per core), each a process of one thread.
    Raises `CompileError` if there is no scheduler at the address, and if the package `distributed` is missing.
    """
    check_cluster(address)
    from distributed import Client

    with _quiet(), _collecting(), ExitStack() as opened:
        if address == LOCAL:
            cluster = opened.enter_context(local_cluster(workers or cores()))
            yield opened.enter_context(Client(cluster))
        else:
            _expect_scheduler(address)
            yield opened.enter_context(Client(address, timeout=ANSWER))


def local_cluster(workers: int) -> LocalCluster:
    """A cluster of processes of one thread on this machine, without Dask's profiles, which grow for an hour."""
    import dask
    from distributed import LocalCluster

    with _interrupts_later(), dask.config.set({"distributed.worker.profile.enabled": False}):
        return LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Dask from printing what it does about workers that die: either it goes on, or an error is raised."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _collecting() -> Iterator[None]:
    """Collects garbage often: Dask leaves cycles for each batch, and the command line would let a million gather."""
    before = gc.get_threshold()
    gc.set_threshold(10_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Holds Ctrl-C back until the end of the block, and for good from the threads and processes that begin in it.

    A terminal sends it to all processes, and workers would print where it met them.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # The first process of multiprocessing would start this, which lets Ctrl-C through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def check_cluster(address: str) -> None:
    """Raises `CompileError` unless this may be the address of a scheduler, or is `local`, and Dask is installed."""
    if address != LOCAL and not ADDRESS.fullmatch(address):
        message = f"--cluster takes the address of a Dask scheduler, and not `{shown(address, 60)}`"
        help = "write host:port, such as --cluster 10.0.0.1:8786, or --cluster local for processes on this machine"
        raise unusable(message, help)
    require("distributed", "--cluster")


def _expect_scheduler(address: str) -> None:
    """Raises `CompileError` unless a scheduler answers.

    It is asked before there is a client, since a client that finds none prints about itself for as long as it lives.
    """
    try:
        kind = asyncio.run(_kind(address))
    except Exception as error:  # what answers may be anything, and so may be what reading its answer raises
        reason = f" ({shown(_reason(error), 200)})" if _reason(error) else ""
        message = f"no Dask scheduler answers at {shown(address)} within {ANSWER} seconds{reason}"
        raise unusable(message, "`dask scheduler` starts one, and prints its address") from None
    if kind != "Scheduler":
        message = f"at {shown(address)} is a {shown(kind, 60).lower()} of a Dask cluster, and not its scheduler"
        raise unusable(message, "`dask scheduler` prints its address when it starts")


async def _kind(address: str) -> str:
    """What a server says that it is: `Scheduler`, `Worker`, `Nanny`."""
    from distributed import Security
    from distributed.core import rpc

    secrets = Security().get_connection_args("client")
    async with asyncio.timeout(ANSWER + 1), rpc(address, timeout=ANSWER, connection_args=secrets) as server:
        return str((await server.identity())["type"])


def _reason(error: BaseException) -> str:
    """What was found first, such as `Connection refused`; "" if that has no message."""
    while error.__cause__ is not None:
        error = error.__cause__
    return getattr(error, "strerror", None) or str(error)
