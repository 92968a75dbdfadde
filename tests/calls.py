"""Commands that are run, in this process or in one of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from archdsl import cli


class Call(NamedTuple):
    """What a command did: its exit code, and what it printed."""

    code: int
    out: str
    err: str


Caller = Callable[..., Call]


def run(capsys: pytest.CaptureFixture[str], words: Sequence[str | Path]) -> Call:
    code = cli.main([str(word) for word in words])
    return Call(code, *capsys.readouterr())


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which Ctrl-C reaches; it is gone at the end.

    What a shell starts in the background ignores Ctrl-C, and would hand that on.
    """
    running = subprocess.Popen(
        [sys.executable, "-m", "archdsl", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield running
    finally:
        running.kill()
