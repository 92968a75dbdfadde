"""Measures networks on a graphics card, ours beside torchvision's: `make bench-cuda`.

Each setting, a network in a task with so many images, is measured by a process of its own, the most telling first. Its
rows are in the record as soon as it is measured, and a second run goes on where the first was stopped. With `--again`
networks are measured anew, for example those of which a way had failed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from apart import sent
from cuda_page import write_page
from cuda_record import RECORD, Key, Record, Row
from cuda_settings import Setting, settings

if TYPE_CHECKING:
    from devices import Device

TRIAL = RECORD.parent.parent / "build" / "trial.csv"
"""The record of the CPU, which says nothing of graphics cards."""

ENDED = "it ended the process that measured it"


def main(arguments: list[str]) -> int:
    """Returns 0 if all that is asked for is measured, 1 if something is missing here or time is over."""
    given = parsed(arguments)
    missing = what_is_missing(given.device)
    if missing:
        print(f"bench-cuda: {missing}", file=sys.stderr)
        return 1
    if given.check:
        return 0
    chosen = [setting for setting in settings() if is_chosen(setting, given)]
    if not chosen:
        specs = ", ".join(dict.fromkeys(setting.spec for setting in settings()))
        print(
            f"bench-cuda: nothing is asked for; --only takes texts in {specs}, --batch 1, 8, 64, 256", file=sys.stderr
        )
        return 2
    try:
        return measure_all(chosen, given)
    except KeyboardInterrupt:
        print(f"\nstopped: {given.table} has what was measured, and the next run goes on", file=sys.stderr)
        return 130
    finally:
        if given.table == RECORD:
            write_page()


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench_cuda.py", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NETWORK", help="texts in names of specs: resnet unet")
    parser.add_argument("--batch", nargs="+", type=int, default=[], metavar="N", help="numbers of images: 1 64")
    parser.add_argument("--task", choices=("inference", "training"), help="default: both")
    parser.add_argument("--skip", nargs="+", default=[], metavar="WAY", help="texts in ways to leave out: max-autotune")
    parser.add_argument("--minutes", type=float, default=inf, metavar="N", help="stop in time, and keep what there is")
    parser.add_argument("--again", nargs="+", default=[], metavar="NETWORK", help="texts in names to measure anew")
    parser.add_argument("--table", type=Path, metavar="FILE", help="the record; default: docs/benchmarks.csv")
    parser.add_argument(
        "--device", choices=("cuda", "cpu"), default="cuda", help="default: cuda; cpu is for trials, in build/trial.csv"
    )
    parser.add_argument("--check", action="store_true", help="say what is missing here to measure, and end")
    given = parser.parse_args(arguments)
    given.table = given.table or (RECORD if given.device == "cuda" else TRIAL)
    return given


def what_is_missing(device: str) -> str:
    """What is missing here, and what installs it; "" if nothing is."""
    if not find_spec("torch"):
        return "there is no PyTorch here; https://pytorch.org/get-started/locally/ has the command that installs it"
    if not find_spec("torchvision"):
        return "there is no torchvision here, whose networks are measured too; pip install torchvision"
    from devices import DEVICES

    return DEVICES[device]().missing()


def is_chosen(setting: Setting, given: argparse.Namespace) -> bool:
    named = not given.only or any(text in setting.spec for text in given.only)
    return named and (not given.batch or setting.batch in given.batch) and given.task in (None, setting.task)


def measure_all(chosen: Sequence[Setting], given: argparse.Namespace) -> int:
    from devices import DEVICES

    make, record = DEVICES[given.device], Record(given.table)
    until = time.monotonic() + given.minutes * 60
    card = make().card()
    if given.again:
        record.forget(card, given.again)
    print(f"{card}: {len(chosen)} settings", flush=True)
    for setting in chosen:
        ways = setting.ways(tensorrt=bool(find_spec("torch_tensorrt")))
        names = [way.name for way in ways if not any(text in way.name for text in given.skip)]
        if not measure(setting, names, make, record, until):
            print(f"time is over: {given.table} has what was measured, and the next run goes on")
            return 1
    return 0


def measure(setting: Setting, ways: Sequence[str], make: Callable[[], Device], record: Record, until: float) -> bool:
    """Measures a setting in these ways, unless the record has all of them. False if there is no time for it.

    If one is missing, those that have run are measured anew, too: only what was measured together is compared. A way
    that ends the process, as errors of a driver do, is a row that says so, and the others are measured without it.
    """
    card = make().card()
    keys = {way: Key(card, *setting.place, way) for way in ways}
    while not all(key in record.rows for key in keys.values()):
        if time.monotonic() >= until:
            return False
        print(f"{setting}:", flush=True)
        wanted = [way for way, key in keys.items() if key not in record.rows or not record.rows[key].failed]
        attempt = Attempt(setting, wanted, record)
        came_to_its_end = attempt.run(make, until)
        if attempt.left and (came_to_its_end or time.monotonic() >= until):
            return False
        if attempt.left:
            attempt.write_what_ended_it(make())
    return True


class Attempt:
    """One process that measures a setting in the ways that are `left`."""

    def __init__(self, setting: Setting, ways: Sequence[str], record: Record) -> None:
        self.setting, self.record = setting, record
        self.left = list(ways)
        self.way = ""

    def run(self, make: Callable[[], Device], until: float) -> bool:
        """Records what comes. False if the process has not come to its own end."""
        from cuda_measure import send_measured

        work = sent(send_measured, self.setting, make, tuple(self.left), until, start="spawn", until=until)
        with closing(work) as found:
            for one in found:
                if one is None:
                    return True
                if isinstance(one, Row):
                    self._record(one)
                else:
                    self.way = one.way
        return False

    def write_what_ended_it(self, device: Device) -> None:
        """A row for the way that was being prepared; if all were measured in turns, for all of them."""
        for way in [self.way] if self.way else list(self.left):
            self._record(Row(device.card(), device.versions(), *self.setting.place, way=way, failed=ENDED))

    def _record(self, row: Row) -> None:
        self.record.add(row)
        self.left.remove(row.way)
        taken = f"{row.seconds * 1000:10.3f} ms" if row.seconds is not None else f"{row.failed:>13}"
        print(f"  {row.way:40} {taken}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
