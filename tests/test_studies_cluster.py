"""Sweeps on a cluster: the record of one process, whatever becomes of workers, and what is said where there is none."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calls import Caller, started
from cluster_work import NET, Logged, Missing, die, divided, subject

from archdsl.diagnostics import CompileError
from archdsl.studies import batch, cluster, connection
from archdsl.studies.cluster import on_cluster
from archdsl.studies.ranges import Grid, grid
from archdsl.studies.record import Record
from archdsl.studies.sweep import SweepRow, sweep
from archdsl.studies.trial import Trier

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.xdist_group("cluster")

LOCAL_PORT = "127.0.0.1:0"
"""Any free one."""

FEW = 0.3
"""Seconds, where a test need not wait as long as a user would."""


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """A cluster of two processes. One that is killed is not started again, which takes as long as all that it does."""
    with connection.local_cluster(2) as own:
        for nanny in own.workers.values():
            nanny.auto_restart = False
        yield own


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    return Logged(tmp_path / "log")


def widths(last: int) -> Grid:
    """Widths from 1 to `last`. Those that are no multiples of 8 cannot be compiled."""
    return grid(subject(), {"width": f"1:{last}"})


def swept(path: Path, points: Grid, address: str | None, trier: Any = None) -> Iterator[SweepRow]:
    with Record(path, ("net.arch", subject().digest), ["width"], ["params"]) as record:
        yield from sweep(trier or Trier(subject(), ("params",)), points, record, 1, cluster=address)


def plain(tmp_path: Path, points: Grid) -> bytes:
    """The record of a sweep in one process."""
    list(swept(tmp_path / "plain.csv", points, None))
    return (tmp_path / "plain.csv").read_bytes()


def problem(error: pytest.ExceptionInfo[CompileError]) -> str:
    (diagnostic,) = error.value.diagnostics
    return f"{diagnostic.code}: {diagnostic.message} [{diagnostic.help}]"


# --- the record ------------------------------------------------------------------------------


def test_a_cluster_finds_what_one_process_finds(workers: Any) -> None:
    trier = Trier(subject(), ("params", "macs", "live"), ("width",))
    expected = list(sweep(trier, widths(60), jobs=1))
    rows = list(sweep(trier, widths(60), cluster=workers.scheduler_address))
    assert rows == expected
    assert [row.values["params"] for row in rows if not row.problem] == [28 * w for w in range(8, 61, 8)]


def test_a_killed_worker_repeats_only_its_own_settings(workers: Any, logged: Logged, tmp_path: Path) -> None:
    path, points = tmp_path / "costs.csv", widths(400)
    rows = swept(path, points, workers.scheduler_address, logged)
    for _ in range(100):
        next(rows)
    killed = logged.entries[-1][0]
    os.kill(killed, signal.SIGKILL)
    assert len(list(rows)) == 300
    assert path.read_bytes() == plain(tmp_path, points)

    times = Counter(width for _, width in logged.entries)
    again = {width for width, count in times.items() if count > 1}
    assert len(times) == 400
    assert again <= {width for process, width in logged.entries if process == killed}
    assert sum(times.values()) - 400 == len(again) <= 2 * cluster.LARGEST  # what it was at, and what it still held
    assert len({process for process, _ in logged.entries}) > 1


def test_an_interrupted_sweep_goes_on(workers: Any, logged: Logged, tmp_path: Path) -> None:
    path, points = tmp_path / "costs.csv", widths(200)
    rows = swept(path, points, workers.scheduler_address)
    for _ in range(70):
        next(rows)
    rows.close()
    assert path.read_bytes().count(b"\n") == 71
    again = list(swept(path, points, workers.scheduler_address, logged))
    assert [row.trial is None for row in again] == [True] * 70 + [False] * 130
    assert sorted(int(width) for _, width in logged.entries) == list(range(71, 201))
    assert path.read_bytes() == plain(tmp_path, points)


def test_few_items_are_taken_ahead(workers: Any) -> None:
    """The memory of the client and of the scheduler depends on the number of workers, and not on that of items."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for taken in range(1, 2001):
            yield -taken

    ahead = []
    for count, result in enumerate(on_cluster(abs, items(), 2000, workers.scheduler_address)):
        assert result == count + 1
        ahead.append(taken - count)
    assert max(ahead) <= cluster.LARGEST * cluster.AHEAD * 2


def test_an_interrupted_command_keeps_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    call = ["sweep", "lenet", "--classes", "1:5000", "--cluster", "local", "--jobs", "1", "-o", str(path)]
    with started(*call) as running:
        deadline = time.monotonic() + 60
        while not path.exists() or path.read_bytes().count(b"\n") < 5:
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    lines = path.read_text().splitlines()
    assert (running.returncode, path.read_bytes()[-1:]) == (130, b"\n")
    assert out == f"wrote {len(lines) - 1:,} settings to {path}\n"
    assert err == f"interrupted after {len(lines) - 1:,} settings; the same call continues the sweep\n"
    assert [line.split(",")[2] for line in lines[1:]] == [str(number) for number in range(1, len(lines))]


def test_the_command_takes_an_address(workers: Any, tmp_path: Path, call: Caller) -> None:
    (tmp_path / "net.arch").write_text(NET)
    words = ["sweep", tmp_path / "net.arch", "--width", "1:24", "--format", "csv"]
    ours = call(*words, "--cluster", workers.scheduler_address)
    assert (ours.code, ours.err) == (0, "")
    assert ours == call(*words, "--jobs", "1")
    refused = call(*words, "--cluster", workers.scheduler_address, "--jobs", "2")
    assert refused.code == 2
    assert "a cluster has the workers that were started for it" in refused.err


# --- clusters that cannot be used ------------------------------------------------------------


@pytest.mark.parametrize("address", ["", "scheduler", "10.0.0.1", "10.0.0.1:", "host:port", "http://10.0.0.1/8786"])
def test_what_is_no_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archdsl.packages.find_spec", lambda name: None)
    with pytest.raises(CompileError, match="takes the address of a Dask scheduler") as error:
        list(sweep(Trier(subject(), ("params",)), widths(3), cluster=address))
    assert "--cluster local" in problem(error)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Caller) -> None:
    monkeypatch.setattr("archdsl.packages.find_spec", lambda name: None)
    (tmp_path / "net.arch").write_text(NET)
    done = call("sweep", tmp_path / "net.arch", "--width", "8:16:8", "--cluster", "local", "-o", tmp_path / "x.csv")
    assert done.code == 2
    assert "--cluster needs Dask's package distributed" in done.err
    assert "pip install 'archdsl[cluster]'" in done.err
    assert not (tmp_path / "x.csv").exists()
    assert call("sweep", tmp_path / "net.arch", "--width", "8:16:8").code == 0


@pytest.mark.parametrize("kind", ["closed", "silent", "unknown", "scheme", "tls"])
def test_an_address_without_an_answer(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER", FEW)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if kind == "closed":
            server.close()
        address = {"unknown": "host.invalid:1", "scheme": f"ftp://127.0.0.1:{port}", "tls": f"tls://127.0.0.1:{port}"}
        begun = time.monotonic()
        with pytest.raises(CompileError) as error:
            list(on_cluster(abs, [1], 1, address.get(kind, f"127.0.0.1:{port}")))
    assert time.monotonic() - begun < 10
    assert problem(error).startswith("unusable-cluster: no Dask scheduler answers at ")
    assert f":{1 if kind == 'unknown' else port} within 0.3 seconds" in problem(error)


def test_a_terminal_is_told_of_the_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, call: Caller
) -> None:
    """Before the connection is tried: here none is made."""

    seen = []

    def connects(address: str) -> None:
        seen.append(capsys.readouterr().err)
        raise connection.unusable("there is none", "start one")

    monkeypatch.setattr(connection, "_expect_scheduler", connects)
    (tmp_path / "net.arch").write_text(NET)
    words = ("sweep", str(tmp_path / "net.arch"), "--width", "8:16:8", "--cluster", "10.0.0.1:8786", "-o", "-")
    assert "there is none" in call(*words).err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    call(*words)
    assert seen[0] == ""
    assert seen[1].startswith("waiting up to 10 seconds for the Dask scheduler at 10.0.0.1:8786\n")


def test_the_address_of_a_worker(workers: Any) -> None:
    address = next(iter(workers.scheduler.workers))
    with pytest.raises(CompileError, match="is a worker of a Dask cluster, and not its scheduler"):
        list(on_cluster(abs, [1], 1, address))


def test_a_cluster_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKERS", FEW)
    with distributed.LocalCluster(n_workers=0, dashboard_address=LOCAL_PORT) as empty:
        with pytest.raises(CompileError) as error:
            list(on_cluster(abs, [1], 1, empty.scheduler_address))
        assert f"has had no workers for 0.3 seconds [`dask worker {empty.scheduler_address}`" in problem(error)


def test_a_worker_with_another_archdsl(workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    there = str(batch.installed())
    monkeypatch.setattr(batch, "installed", lambda: batch.Installed("9.9", "f" * 32))
    with pytest.raises(CompileError) as error:
        list(on_cluster(abs, [1], 1, workers.scheduler_address))
    assert f"has {there}, and this command is archdsl 9.9 (code ffffffff) [install the same" in problem(error)


def test_a_worker_without_archdsl(workers: Any) -> None:
    with pytest.raises(CompileError) as error:
        list(on_cluster(Missing(), [1], 1, workers.scheduler_address))
    assert "has no archdsl, or another one (No module named 'archdsl.of_tomorrow')" in problem(error)


def test_a_lost_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "SILENCE", 1)
    path = tmp_path / "costs.csv"
    with (
        dask.config.set({"distributed.comm.timeouts.connect": 1}),
        distributed.LocalCluster(n_workers=1, processes=False, protocol="tcp", dashboard_address=LOCAL_PORT) as own,
    ):
        rows = swept(path, widths(600), own.scheduler_address)
        for _ in range(60):
            next(rows)
        own.sync(own.scheduler.close)
        with pytest.raises(CompileError) as error:
            list(rows)
    assert "no longer answers [see whether it still runs; with -o, the same call continues the sweep]" in problem(error)
    content = path.read_bytes()
    assert content.count(b"\n") > 60
    assert plain(tmp_path, widths(600)).startswith(content)


def test_a_mistake_of_the_work_is_not_the_cluster_s(workers: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        list(on_cluster(divided, [1, 0], 2, workers.scheduler_address))


def test_settings_that_kill_their_workers(workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.scheduler, "allowed_failures", 0)
    with pytest.raises(CompileError) as error:
        list(on_cluster(die, [1], 1, workers.scheduler_address))
    assert "1 worker died while measuring the same settings" in problem(error)
