"""Work in a process of its own: whatever it does to itself, or to a graphics card, the process around it goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from math import inf
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

Send = Callable[[Any], None]


def sent(work: Callable[..., None], *arguments: Any, start: str = "fork", until: float = inf) -> Iterator[Any]:
    """What `work(send, *arguments)` sends from a process of its own, as it comes.

    It ends when the process does, in whichever way, or at the time `until` of `time.monotonic`: then the process is
    killed, as it is when the iterator is closed. `start` is how multiprocessing starts it.
    """
    context = get_context(start)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, sender, arguments))
    process.start()
    sender.close()
    try:
        while receiver.poll(None if until == inf else max(0.0, until - time.monotonic())):
            yield receiver.recv()
    except EOFError:
        pass
    finally:
        process.kill()
        process.join()


def _work(work: Callable[..., None], sender: Connection, arguments: tuple[Any, ...]) -> None:
    # Ctrl-C is for the process around this one, which then ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(sender.send, *arguments)
