"""The benchmark for graphics cards, run small on the CPU: its ways, its record and its page."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import bench_cuda
import cuda_measure
import devices
import pytest
import torch
from apart import Send, sent
from cuda_measure import TooLate, at_most, measured, training_step
from cuda_page import markdown
from cuda_record import Record, Row
from cuda_settings import FOLDED, NETWORKS, OURS, THEIRS, WAY_OF, WAYS, Setting, settings
from cuda_ways import PREPARED, blocks_of, by_block
from devices import CARDS, Cpu
from torch import nn

import archdsl
from archdsl.analyses.machine import MACHINES
from archdsl.counterparts import COUNTERPARTS

TINY = """\
network Tiny:
    input image: 3 x 16 x 16
    defaults: conv(bias=false)
    stage stem: conv(8, 3) -> bn -> relu
    stage body: Unit(8) * 2
    stage head: global_avg_pool -> flatten -> linear(5)

block Unit(width):
    add:
        | it
        | conv(width, 3) -> bn -> relu
"""


class Unit(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x)


class Public(nn.Sequential):
    """The network that `TINY` describes, as torchvision might have it."""

    def __init__(self) -> None:
        stem = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        super().__init__(*stem, Unit(), Unit(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[[str], Setting]:
    spec = tmp_path / "tiny.arch"
    spec.write_text(TINY)
    return lambda task: Setting(str(spec), "test_bench_cuda:Public", task, 2)


CHEAP = partial(Cpu, backend="eager", least=0.0)
"""Where `torch.compile` traces the network, and generates no code."""


def rows_of(setting: Setting, *names: str, until: float = float("inf")) -> dict[str, Row]:
    found = measured(setting, CHEAP(), [WAY_OF[name] for name in names], until)
    return {one.way: one for one in found if isinstance(one, Row)}


def test_the_networks_are_those_of_torchvision() -> None:
    known = {(pair.spec, pair.reference) for pair in COUNTERPARTS}
    for spec, reference in NETWORKS.items():
        assert not reference or {(spec, reference), (f"{spec}@1.0", reference)} & known


def test_each_way_has_its_function() -> None:
    assert {way.how for way in WAYS} == set(PREPARED)
    assert set(CARDS.values()) <= set(MACHINES)


def test_ways_of_inference_give_what_double_precision_gives(tiny: Any) -> None:
    names = [f"{FOLDED}, max-autotune", f"{OURS}, by block", f"{FOLDED}, CUDA graph", f"{THEIRS}, reduce-overhead"]
    found = rows_of(tiny("inference"), *names)
    assert list(found) == names
    for row in found.values():
        assert not row.failed
        assert row.seconds
        assert row.error is not None
        assert 0 < row.error < 1e-5
    folded, whole = (found[name].kernels for name in (names[2], names[3]))
    assert folded
    assert whole
    assert whole - folded >= 3, "each of three normalizations is one operator or more"


def test_ways_of_training_run(tiny: Any) -> None:
    found = rows_of(tiny("training"), f"{THEIRS}, eager", f"{OURS}, compiled")
    assert [row.failed for row in found.values()] == ["", ""]
    assert all(row.seconds and row.kernels and row.error is None for row in found.values())


def test_a_training_step_is_one_of_gradient_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_measure, "RATE", 0.1)
    module, images = nn.Linear(3, 2), torch.randn(4, 3)
    before = [value.detach().clone().requires_grad_() for value in module.parameters()]
    gradients = torch.autograd.grad(nn.functional.linear(images, *before).square().mean(), before)
    training_step(module, module, images, CHEAP())()
    expected = [value - 0.1 * gradient for value, gradient in zip(before, gradients, strict=True)]
    torch.testing.assert_close(list(module.parameters()), expected)


def test_blocks_are_the_outermost_classes_of_the_file() -> None:
    assert [type(block).__name__ for block in blocks_of(archdsl.load("resnet@18").module("meta"))] == ["Basic"] * 8


# --- what goes wrong ---------------------------------------------------------------------------

LENET = Setting("lenet@5", "", "inference", 1)
EAGER, BLOCKS, COMPILED = (f"{OURS}, {how}" for how in ("eager", "by block", "compiled"))


def works(first: Callable[[], object]) -> Any:
    """A way of preparing a module that does something first, and leaves the module as it is."""

    def prepared(module: nn.Module, *_: Any) -> nn.Module:
        first()
        return module

    return prepared


def test_what_fails_is_a_row_and_the_next_way_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PREPARED, "eager", works(lambda: torch.empty(1 << 60)))
    monkeypatch.setitem(PREPARED, "by block", works(lambda: by_block(nn.ReLU(), torch.ones(1), CHEAP())))
    found = rows_of(LENET, EAGER, BLOCKS, COMPILED)
    assert {name: row.failed for name, row in found.items()} == {
        EAGER: "out of memory",
        BLOCKS: "ValueError: the network has no blocks",
        COMPILED: "",
    }
    assert [row.seconds is None for row in found.values()] == [True, True, False]


def test_a_way_that_fails_among_the_others_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where memory is enough for each way, and not for all together."""
    seconds = Cpu.seconds
    rounds = iter(range(1000))

    def failing(self: Cpu, run: Callable[[], object], calls: int = 1) -> float:
        if next(rounds) == 7:
            raise RuntimeError("CUDA out of memory")
        return seconds(self, run, calls)

    monkeypatch.setattr(Cpu, "seconds", failing)
    found = rows_of(LENET, EAGER, COMPILED)
    assert sorted(row.failed for row in found.values()) == ["", "out of memory"]


def test_what_was_measured_in_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PREPARED, "compiled", works(lambda: time.sleep(60)))
    begin = time.monotonic()
    found = rows_of(LENET, EAGER, COMPILED, until=begin + 5)
    assert list(found) == [EAGER]
    assert time.monotonic() < begin + 10


def test_work_is_interrupted_in_time() -> None:
    with pytest.raises(TooLate), at_most(0.05):
        time.sleep(5)
    with at_most(float("inf")):
        pass


def counting(send: Send) -> None:
    send(1)
    send(2)
    os._exit(3)


def test_what_a_process_sends_comes_until_it_ends() -> None:
    assert list(sent(counting)) == [1, 2]
    assert list(sent(lambda send: time.sleep(60), until=time.monotonic() + 0.1)) == []


# --- the record ----------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Measures LeNet in two ways, in processes that are forked, which saves them the import of PyTorch."""

    def forked(*arguments: Any, start: str, until: float) -> Iterator[Any]:
        return sent(*arguments, until=until)

    monkeypatch.setattr(bench_cuda, "sent", forked)
    monkeypatch.setattr(bench_cuda, "settings", lambda: [LENET])
    monkeypatch.setitem(devices.DEVICES, "cpu", CHEAP)
    table = str(tmp_path / "record.csv")
    skipped = "--skip", "inference", "block"
    return lambda *words: bench_cuda.main(["--device", "cpu", "--table", table, *skipped, *words])


def read(folder: Path) -> dict[str, Row]:
    return {row.way: row for row in Record(folder / "record.csv").rows.values()}


def test_a_second_run_measures_what_is_missing(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run() == 0
    first = read(tmp_path)
    assert set(first) == {EAGER, COMPILED}
    with monkeypatch.context() as without:
        without.setattr(bench_cuda, "sent", None)
        assert run() == 0
    assert read(tmp_path) == first
    assert run("--again", "lenet") == 0
    assert set(read(tmp_path)) == set(first)
    assert read(tmp_path) != first


def test_a_way_that_ends_the_process_is_a_row(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PREPARED, "compiled", works(lambda: os._exit(1)))
    assert run() == 0
    found = read(tmp_path)
    assert found[COMPILED].failed == bench_cuda.ENDED
    assert found[EAGER].seconds


def test_a_run_without_time_keeps_the_record(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--minutes", "0") == 1
    assert "time is over" in capsys.readouterr().out
    assert read(tmp_path) == {}


def test_a_run_that_is_stopped_says_what_is_kept(run: Any, monkeypatch: Any, capsys: Any) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench_cuda, "measure", stopped)
    assert run() == 130
    assert "the next run goes on" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a CUDA device")
def test_a_machine_without_a_card_is_told_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_cuda.main([]) == bench_cuda.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "CUDA" in said
    assert "https://" in said


@pytest.mark.parametrize("package", ["torch", "torchvision"])
def test_a_missing_package_is_named(package: str, monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench_cuda, "find_spec", lambda name: None if name == package else name)
    assert bench_cuda.main([]) == 1
    assert "install" in capsys.readouterr().err


def test_a_network_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_cuda.main(["--device", "cpu", "--only", "resnot"]) == 2
    assert "resnet@50" in capsys.readouterr().err


# --- the page ------------------------------------------------------------------------------------

CARD = "NVIDIA H200"


def page(tmp_path: Path, *rows: Row) -> str:
    record = Record(tmp_path / "some.csv")
    for row in rows:
        record.add(row)
    return markdown(Record(tmp_path / "some.csv"))


def row(way: str, batch: int = 64, **others: Any) -> Row:
    return Row(CARD, "torch 2.13.0, driver 580", "resnet@50", "inference", batch, way, "bf16", **others)


def test_the_page_says_that_there_is_no_record(tmp_path: Path) -> None:
    assert "No graphics card has been measured yet" in page(tmp_path)


def test_the_page_sets_the_fastest_ways_beside_each_other(tmp_path: Path) -> None:
    text = page(
        tmp_path,
        row(f"{THEIRS}, eager", seconds=0.008, peak_bytes=900_000_000, kernels=175, error=7e-3),
        row(f"{THEIRS}, max-autotune", seconds=0.006, peak_bytes=800_000_000, kernels=60, error=6e-3),
        row(f"{OURS}, eager", seconds=0.009),
        row(f"{FOLDED}, max-autotune", seconds=0.003, peak_bytes=500_000_000, kernels=54, error=5e-3, bound=0.0012),
        row(f"{OURS}, compiled", failed="out of memory"),
        row(f"{OURS}, by block", failed="ValueError: no"),
    )
    assert f"## {CARD}\n\nWith torch 2.13.0, driver 580." in text
    numbers = "3.00 | max-autotune, for inference | 6.00 | max-autotune | **2.00** | 40% | 500 / 800 | 54 / 60"
    assert f"| `resnet@50` | 64 | {numbers} | 5.0e-03 / 6.0e-03 |" in text
    assert "Batch 64: 2.00 times as fast, the geometric mean of 1 network; the least is 2.00." in text
    assert "| `resnet@50` | 64 | 9.00 | memory | failed | 3.00 | 8.00 | 6.00 |" in text
    assert f"- {OURS}, by block: ValueError: no (resnet@50 inference 64)" in text


def test_the_page_says_what_is_missing(tmp_path: Path) -> None:
    """All but one setting, which is measured in all ways; TensorRT need not be there."""
    setting = next(one for one in settings() if one.spec == "resnet@50" and one.task == "inference" and one.batch == 64)
    text = page(tmp_path, *(row(way.name, seconds=0.01) for way in setting.ways(tensorrt=False)))
    assert f"not in all ways, are {len(settings()) - 1} of {len(settings())} settings" in text
    assert "- `resnet@50`, inference: batch 1, 8, 256" in text
    assert "- `unet`, training: batch 8, 64, 256" in text
