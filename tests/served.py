"""A running `archdsl serve`, and a window of its page without a browser: the package websockets speaks as one would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Served:
    """A server: its process, the spec that it shows, the port, and the token of its address."""

    process: subprocess.Popen[str]
    spec: Path
    port: int
    token: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/#{self.token}"

    @property
    def socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/socket"

    def window(self, **changed: Any) -> Any:
        """A connection like that of the page, unless something is `changed`."""
        from websockets.sync.client import connect

        usual = {"origin": f"http://127.0.0.1:{self.port}", "subprotocols": ["archdsl", self.token]}
        return connect(changed.pop("uri", self.socket), max_size=None, open_timeout=30, **{**usual, **changed})


@contextmanager
def served(spec: Path) -> Iterator[Served]:
    """Runs `archdsl serve` until the block ends."""
    for package in ("starlette", "uvicorn", "websockets"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    command = [sys.executable, "-m", "archdsl", "serve", str(spec), "--no-open"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as run:
        assert run.stdout is not None
        line = run.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/#(\S+)", line)
        assert found, line + run.stdout.read()
        try:
            yield Served(run, spec, int(found[1]), found[2])
        finally:
            run.terminate()


def send(window: Any, kind: str, **content: Any) -> None:
    window.send(json.dumps({"kind": kind, **content}))


def receive(window: Any, kind: str) -> dict[str, Any]:
    """The next message of a kind."""
    while True:
        message: dict[str, Any] = json.loads(window.recv(timeout=60))
        if message["kind"] == kind:
            return message


def ask(window: Any, text: str, number: int = 1, **question: Any) -> dict[str, Any]:
    """The answer to a question."""
    send(window, "ask", number=number, question={"text": text, **question})
    answered = receive(window, "answer")
    assert answered["number"] == number
    answer: dict[str, Any] = answered["answer"]
    return answer
