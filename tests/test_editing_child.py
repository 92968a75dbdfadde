"""A child process answers, and is ended when it does not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archdsl.editing.child import Child, Crashed, TooLong


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    made = Child("child_answers:answer")
    yield made
    made.close()


def test_answers_hold_any_text_and_what_is_printed_is_none(child: Child) -> None:
    for value in ("", "a\nb\r\n\0", "ü 😀 \u2028", [1, {"a": None}], "x" * 1_000_000):
        assert child.ask({"do": "echo", "value": value}) == value


def test_one_process_answers_all(child: Child) -> None:
    assert child.ask({"do": "pid"}) == child.ask({"do": "pid"})


@pytest.mark.parametrize("question", [{"do": "sleep", "seconds": 60}, {"do": "compute"}])
def test_what_takes_too_long_is_ended(child: Child, question: dict[str, object]) -> None:
    first = child.ask({"do": "pid"})
    with pytest.raises(TooLong, match=r"it takes longer than 0.3 s"):
        child.ask(question, seconds=0.3)
    assert not _runs(first)
    assert child.ask({"do": "pid"}) != first


def test_a_process_that_ends_is_told_and_replaced(child: Child) -> None:
    with pytest.raises(Crashed, match="exit code 3"):
        child.ask({"do": "exit"})
    assert child.ask({"do": "echo", "value": 1}) == 1


def test_exceptions_are_told(child: Child) -> None:
    with pytest.raises(Crashed, match="ValueError: no such thing"):
        child.ask({"do": "raise", "value": "no such thing"})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_memory_is_limited(child: Child) -> None:
    with pytest.raises(Crashed, match="more memory"):
        child.ask({"do": "memory"})
    assert child.ask({"do": "echo", "value": 1}) == 1


def test_threads_get_their_own_answers(child: Child) -> None:
    found: dict[int, object] = {}

    def ask(number: int) -> None:
        found[number] = child.ask({"do": "echo", "value": number})

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(20)}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the process is looked for in /proc")
def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    """Also when the parent is killed while the child computes."""
    code = (
        "import sys, threading; from archdsl.editing.child import Child; child = Child('child_answers:answer');"
        "print(child.ask({'do': 'pid'}), flush=True); child.ask({'do': 'sleep', 'seconds': 600}, seconds=600)"
    )
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": places}
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _runs(pid):
            return
        time.sleep(0.1)
    raise AssertionError("the child runs on")


def _runs(pid: int) -> bool:
    """Whether a process runs. One that ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
