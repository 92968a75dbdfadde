"""How long studies take: a sweep as a whole process, and what their growth is. `make bench` prints it."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import deep, report, seconds

from archdsl.driver import compile_network, open_spec
from archdsl.studies.difference import difference
from archdsl.studies.subject import Subject
from archdsl.studies.trial import Trier


def computed() -> float:
    """Seconds that cores have spent on processes that were started here and have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def bench_a_thousand_efficientnets_on_two_cores() -> None:
    """`archdsl sweep` of φ from 0 to 4.995: a thousand networks of 250 to 700 layers, from the call to the CSV."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "costs.csv")
        call = ["sweep", "efficientnet", "--phi", "0:4.995:0.005", "--jobs", "2", "-o", str(path)]
        before = computed()
        taken = seconds(lambda: subprocess.run([sys.executable, "-m", "archdsl", *call], check=True), 1)
        assert path.read_text().count("\n") == 1001
    report("1,000 EfficientNets, seconds / a minute", taken, 60, 1)
    report("the same if two cores were free", (computed() - before) / 2, 60, 1)


def bench_two_processes_against_one() -> None:
    """What the second core gains, as far as there is a free one."""
    call = [sys.executable, "-m", "archdsl", "sweep", "efficientnet", "--phi", "0:2:0.02", "--jobs"]

    def run(jobs: int) -> Callable[[], object]:
        return lambda: subprocess.run([*call, str(jobs)], check=True, capture_output=True)

    report("two processes / one, seconds", seconds(run(2), 1), seconds(run(1), 1), 0.6)


CHEAP = """\
network Net:
    param width: int = 8
    input image: 3 x 32 x 32
    conv(width, 3) -> relu
"""


def bench_a_hundred_thousand_settings_on_a_local_cluster() -> None:
    """`archdsl sweep --cluster local` with two workers; the memory of all its processes at the start and at the end."""
    count = 100_000
    with tempfile.TemporaryDirectory() as folder:
        spec, path = Path(folder, "cheap.arch"), Path(folder, "costs.csv")
        spec.write_text(CHEAP)
        call = ["sweep", str(spec), "--width", f"1:{count}", "--columns", "params", "--cluster", "local", "--jobs", "2"]
        begun, before = time.perf_counter(), computed()
        with subprocess.Popen([sys.executable, "-m", "archdsl", *call, "-o", str(path)]) as running:
            early, late = (held_when(running.pid, path, round(share * count)) for share in (0.1, 0.99))
        taken = time.perf_counter() - begun
        rows = path.read_text().splitlines()[1:]
    assert [row.split(",")[2:] for row in rows] == [[str(n), str(28 * n), ""] for n in range(1, count + 1)]
    print(f"{count:,} settings: {taken:.0f} s, {count / taken:.0f} a second; {computed() - before:.0f} s of processors")
    for name in early:
        report(f"{name}, MiB at 99 % / at 10 % of the settings", late[name], early[name], 1.1)


def held_when(pid: int, path: Path, lines: int) -> dict[str, float]:
    """The MiB that a command (with its scheduler) and its workers hold when its record has so many lines."""
    while not path.exists() or path.read_bytes().count(b"\n") < lines:
        time.sleep(0.2)
    command = "multiprocessing.spawn import spawn_main"
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = [child for file in children for child in file.read_text().split()]
    workers = [child for child in pids if command in Path(f"/proc/{child}/cmdline").read_text()]
    return {"command": held(pid), **{f"worker {n}": held(child) for n, child in enumerate(workers, 1)}}


def held(pid: int | str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def bench_a_setting_against_a_compilation() -> None:
    """What is measured of a network, beside what it takes to make it."""
    spec = open_spec("efficientnet")
    trier = Trier(Subject(spec), ("params", "macs", "live"))
    ours = seconds(lambda: trier({"phi": 1}), 9)
    theirs = seconds(lambda: compile_network(spec, None, {"phi": 1}), 9)
    report("a setting / a compilation, seconds", ours, theirs, 2)


def bench_ten_times_as_deep() -> None:
    """`diff` of 10,000 layers against 15,000 over 1,000 against 1,500."""
    pairs = [(deep(count), deep(count * 3 // 2)) for count in (1000, 10_000)]
    small, large = (seconds(lambda p=pair: difference(*p), 1) for pair in pairs)
    report("diff of 10,000 / 1,000 layers, seconds", large, small, 12)
