"""Answers questions in a process of its own, which is ended when an answer takes too long or too much memory.

A thread could not be ended, and a spec can be written that takes hours. Question and answer are one line of JSON each.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import archdsl

SECONDS = 10.0
"""How long an answer may take, unless the caller says otherwise."""

MEMORY = 4 << 30
"""The most bytes that the process may ask for."""

START = 30.0
"""Seconds that a new process may take to import archdsl, on a busy machine, besides those for the first answer."""


class Failed(Exception):
    """There is no answer. As a string, the exception says why, for the user."""


class TooLong(Failed):
    """The answer took longer than it may; the process was ended."""


class Crashed(Failed):
    """The process ended without an answer, or the function raised an exception."""


class Child:
    """A process that answers with a function: `Child("archdsl.editing.answers:answer").ask({...})`.

    The process is started by the first question, and again by the first one after it ended. Any thread may ask;
    questions are answered one after another.
    """

    def __init__(self, function: str, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.function = function
        self.seconds = seconds
        self.memory = memory
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def ask(self, question: Any, seconds: float | None = None) -> Any:
        """The function's answer, as JSON holds it. Raises `TooLong` or `Crashed`."""
        limit = self.seconds if seconds is None else seconds
        with self._lock:
            started = self._process is None or self._process.poll() is not None
            process = self._process = self._start() if started else self._process
            assert process is not None
            late = threading.Event()
            timer = threading.Timer(limit + (START if started else 0), _end, (process, late))
            timer.start()
            try:
                line = _exchange(process, json.dumps(question))
            finally:
                timer.cancel()
            if not line:
                _end(process, threading.Event())
                raise TooLong(f"it takes longer than {limit:g} s") if late.is_set() else Crashed(_why(process))
        answer = json.loads(line)
        if "error" in answer:
            raise Crashed(answer["error"])
        return answer["answer"]

    def close(self) -> None:
        """Ends the process, at once. A question that waits for an answer raises `Crashed`."""
        if self._process is not None:
            _end(self._process, threading.Event())

    def _start(self) -> subprocess.Popen[str]:
        root = str(Path(archdsl.__file__).parent.parent)
        code = f"import sys; sys.path.insert(0, {root!r}); from archdsl.editing.child import serve; serve()"
        return subprocess.Popen(
            [sys.executable, "-c", code, self.function, str(self.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )


def _end(process: subprocess.Popen[str], late: threading.Event) -> None:
    late.set()
    process.kill()
    process.wait()


def _exchange(process: subprocess.Popen[str], question: str) -> str:
    """The line that answers a question; empty if the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(question + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except (OSError, ValueError):
        return ""
    return line if line.endswith("\n") else ""


def _why(process: subprocess.Popen[str]) -> str:
    return f"the process that compiles ended by itself (exit code {process.returncode})"


# --- in the process ----------------------------------------------------------------------------


def serve() -> None:
    """Answers the questions of standard input, until it is closed: then the process ends, whatever it is doing."""
    module, _, name = sys.argv[1].partition(":")
    _limit(int(sys.argv[2]))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what is printed by mistake is no answer
    asked: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(sys.stdin, asked), daemon=True).start()
    answer = getattr(import_module(module), name)
    while True:
        _answer(answer, asked.get(), answers)


def _read(lines: IO[str], asked: queue.Queue[str]) -> None:
    for line in lines:
        asked.put(line)
    os._exit(0)


def _answer(function: Any, line: str, answers: IO[str]) -> None:
    try:
        reply = {"answer": function(json.loads(line))}
    except MemoryError:
        reply = {"error": "it takes more memory than there may be used"}
    except Exception as error:
        reply = {"error": f"a bug in archdsl: {type(error).__name__}: {error}"[:1000]}
    answers.write(json.dumps(reply) + "\n")
    answers.flush()


def _limit(memory: int) -> None:
    """Limits the memory of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
