"""Networks on several devices: where they are cut, the files that are written, and that these train as one process."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from calls import Caller
from literate import Case, cases
from torch import Tensor, nn

import archdsl
from archdsl.analyses import devices
from archdsl.analyses.cuts import balanced
from archdsl.backends.torch.load import load
from archdsl.backends.torch.parallel import blocks, stages
from archdsl.diagnostics import CompileError
from archdsl.network import Network
from archdsl.outputs import parallel_written, prepared, source_written
from archdsl.resources import specs_folder

SMALL = """\
network Small:
    input image: 3 x 16 x 16
    param classes: int = 5
    stage stem: conv(8, 3) -> bn -> relu
    stage body: Unit(8) * 3
    stage down: max_pool(2) -> conv(16, 3) -> bn -> relu -> up_conv(8, 2, stride=2)
    stage head: concat{it | stem} -> conv(8, 3) -> bn -> relu -> global_avg_pool -> flatten -> linear(classes)

block Unit(width):
    add{it | conv(width, 3) -> bn -> relu}
"""
"""Batch normalization, copies of a block, and a value that skips what lies between."""

PROCESSES = 2

RUFF = [sys.executable, "-m", "ruff", "format", "--line-length", "100"]


def small_unet() -> Network:
    """U-Net with a sixteenth of its channels."""
    text = (specs_folder() / "unet.arch").read_text(encoding="utf-8")
    text = re.sub(r"(Double|up_conv)\((\d+)", lambda found: f"{found[1]}({int(found[2]) // 16}", text)
    return archdsl.loads("\n".join(line for line in text.splitlines() if "expect" not in line) + "\n", size=188)


# --- where a network is cut --------------------------------------------------------------------


def every_cut(costs: list[int], sent: dict[int, int], stages: int) -> list[tuple[int, int, tuple[int, ...]]]:
    """All ways to cut: the cost of the most expensive stage, what is sent, and the places."""
    found = []
    for places in combinations(sorted(sent), stages - 1):
        most = max(sum(costs[start:stop]) for start, stop in pairwise((0, *places, len(costs))))
        found.append((most, sum(sent[place] for place in places), places))
    return found


def test_the_cuts_are_the_best_of_all() -> None:
    draw = random.Random(0)
    for _ in range(300):
        costs = [draw.randrange(6) for _ in range(draw.randint(3, 9))]
        places = draw.sample(range(1, len(costs)), draw.randint(1, len(costs) - 1))
        sent = {place: draw.randint(1, 5) for place in places}
        stages = draw.randint(1, len(sent) + 1)
        known = {places: (most, total) for most, total, places in every_cut(costs, sent, stages)}
        assert known[balanced(costs, sent, stages)] == min(known.values())


def test_a_hundred_thousand_steps_are_cut() -> None:
    draw = random.Random(0)
    costs = [draw.randrange(1000) for _ in range(100_000)]
    cuts = balanced(costs, dict.fromkeys(range(1, len(costs)), 1), 4)
    assert max(sum(costs[a:b]) for a, b in pairwise((0, *cuts, len(costs)))) < 1.001 * sum(costs) / 4


# --- what is written ---------------------------------------------------------------------------


def stages_alone(text: str) -> str:
    """An emitted file from its helpers to the loss: without what every file has."""
    left_out = ("def main", "def join", "def start_from", "def stage", "def together", "def save", "if __name__")
    parts = text.split("\n\n\n")
    return "\n\n\n".join(part for part in parts[1:] if not part.startswith(left_out))


@pytest.mark.parametrize("case", cases("parallel"), ids=str)
def test_case(case: Case, update: bool) -> None:
    graph = archdsl.loads(case.one("arch")).graph
    for block in case.blocks:
        kind, _, count = block.info.partition("=")
        if block.kind == "refused":
            with pytest.raises(CompileError) as caught:
                parallel_written(graph, kind, int(count))
            (found,) = caught.value.diagnostics
            lines = [f"{found.code}: {found.message}", *(note.text for note in found.notes), f"help: {found.help}"]
            case.expect(block.kind, "\n".join(lines), update=update)
        elif block.kind == "python":
            case.expect(block.kind, stages_alone(parallel_written(graph, kind, int(count))), update=update)


def check_parts(network: Network, count: int, device: str) -> None:
    """The stages have the state dict of the whole network, and give its output when called one after the other."""
    file, other = load(parallel_written(network.graph, "pipeline", count)), load(source_written(network.graph))
    with torch.device(device):
        torch.manual_seed(0)
        whole = getattr(other, file.STAGES[0].__name__.removesuffix("Stage0"))().eval()
        stages = [made().eval() for made in file.STAGES]
        (inputs, _) = file.sample(2, device)
    state = whole.state_dict()
    shapes = {name: value.shape for name, value in state.items()}
    parts = [(name, value.shape) for stage in stages for name, value in stage.state_dict().items()]
    assert sorted(parts) == sorted(shapes.items())
    values: Any = inputs
    for stage in stages:
        stage.load_state_dict({name: state[name] for name in stage.state_dict()})
        values = file.together(stage(*values))
    (output,) = values
    wanted = whole(*inputs)
    assert output.shape == wanted.shape
    assert device == "meta" or torch.equal(output, wanted)


GALLERY = sorted(path.stem for path in specs_folder().glob("*.arch"))


@pytest.mark.parametrize("spec", GALLERY)
def test_stages_are_the_network_in_parts(spec: str, all_variants: bool) -> None:
    if not all_variants:
        pytest.skip("minutes for all: with --all-variants")
    network = archdsl.load(spec)
    try:
        parallel_written(network.graph, "pipeline", 3)
    except CompileError as error:
        pytest.skip(str(error))
    check_parts(network, 3, "meta")


def test_values_pass_through_stages_that_do_not_need_them() -> None:
    for count in (2, 3, 5):
        check_parts(archdsl.loads(SMALL), count, "cpu")
    check_parts(small_unet(), 4, "cpu")


# --- it trains as one process ------------------------------------------------------------------


def check_processes(networks: dict[str, Network], kinds: dict[str, str], folder: Path) -> None:
    """Outputs, gradients, one step and running statistics of two processes are those of one, to 1e-10."""
    listed = []
    for name, network in networks.items():
        (folder / f"{name}.py").write_text(source_written(network.graph), encoding="utf-8")
        for kind, schedule in kinds.items():
            file = f"{name}_{kind}.py"
            (folder / file).write_text(parallel_written(network.graph, kind, PROCESSES), encoding="utf-8")
            own = {
                "kind": kind,
                "network": network.graph.header.name,
                "file": file,
                "whole": f"{name}.py",
                "schedule": schedule,
            }
            listed.append({**own, "batch": 8, "microbatches": 4})
    (folder / "cases").write_text(json.dumps(listed), encoding="utf-8")
    worker = Path(__file__).with_name("parallel_worker.py")
    subprocess.run([sys.executable, str(worker), str(folder), str(PROCESSES)], check=True, timeout=600)
    for rank in range(PROCESSES):
        for number, found in json.loads((folder / f"{rank}.json").read_text(encoding="utf-8")).items():
            assert found
            case = listed[int(number)]
            if case["kind"] == "fsdp":
                check_counts(networks[case["whole"].removesuffix(".py")], rank, found.pop("counts"))
            assert {name: value for name, value in found.items() if value > 1e-10} == {}, case


def check_counts(network: Network, rank: int, counts: list[int]) -> None:
    """FSDP keeps of the weights in a process, and sends in a step, what the table says."""
    graph = prepared(network.graph, "torch")
    found = [*devices.sharded(graph, blocks(graph), PROCESSES, 8, 1)][rank]
    assert counts == [found.params, found.sent]


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    networks = {"small": archdsl.loads(SMALL)}
    check_processes(networks, {"pipeline": "1f1b", "fsdp": "", "ddp": ""}, tmp_path)


def test_two_processes_train_networks_of_the_gallery_as_one(tmp_path: Path, all_variants: bool) -> None:
    if not all_variants:
        pytest.skip("two minutes: with --all-variants")
    networks = {
        "resnet": archdsl.load("resnet@50", resolution=64, classes=10),
        "densenet": archdsl.load("densenet@121", resolution=64, growth=8, classes=10),
        "unet": small_unet(),
        "efficientnet": archdsl.load("efficientnet@b0", resolution=64, classes=10),
    }
    check_processes(networks, {"pipeline": "gpipe", "fsdp": "", "ddp": ""}, tmp_path)


def test_a_process_that_dies_ends_the_run(tmp_path: Path) -> None:
    text = parallel_written(archdsl.loads(SMALL).graph, "pipeline", 2)
    loop = "for step in range(arguments.steps):"
    text = text.replace(loop, f'open(f"process{{rank}}", "w").write(str(os.getpid()))\n    {loop}')
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    words = ["--nproc-per-node", "2", "net.py", "--device", "cpu", "--steps", "1000000", "--timeout", "20"]
    command = [sys.executable, "-m", "torch.distributed.run", *words]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        victim = tmp_path / "process1"
        for _ in range(600):
            if victim.exists() and victim.read_text():
                break
            time.sleep(0.1)
        time.sleep(1)
        os.kill(int(victim.read_text()), signal.SIGKILL)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode != 0
    assert "exitcode: -9" in re.sub(r"\s+", " ", said)


# --- what each device has ----------------------------------------------------------------------


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """The memory of tensors, each stretch once."""
    found = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(found.values())


def kept_by(stage: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], int]:
    """What a stage gives, and the bytes that it keeps until its backward pass: saved, received and passed on."""
    fixed = {tensor.untyped_storage().data_ptr() for tensor in (*stage.parameters(), *stage.buffers())}
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        if tensor.dim() and tensor.untyped_storage().data_ptr() not in fixed:
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        given = stage(*inputs)
    outputs = (given,) if isinstance(given, Tensor) else given
    return outputs, bytes_of([*kept, *inputs, *outputs])


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("name", ["small", "unet"])
def test_stages_keep_and_send_what_the_table_says(name: str, count: int) -> None:
    network = archdsl.loads(SMALL) if name == "small" else small_unet()
    file = load(parallel_written(network.graph, "pipeline", count))
    graph, parts = stages(prepared(network.graph, "torch"), count)
    predicted = [*devices.pipeline(graph, parts, 4, 8, 4, "1f1b")]
    values, _ = file.sample(2, "cpu")
    for rank, made in enumerate(file.STAGES):
        stage = made().train()
        received = tuple(value.detach().requires_grad_(rank > 0) for value in values)
        values, kept = kept_by(stage, received)
        sent = (bytes_of(received) if rank else 0) + (bytes_of(values) if rank + 1 < count else 0)
        assert predicted[rank].params == sum(value.numel() for value in stage.parameters())
        assert predicted[rank].kept == min(4, count - rank) * kept
        assert predicted[rank].sent == 4 * sent
    assert sum(one.macs for one in predicted) == 8 * network.macs


def test_bubbles_are_those_of_a_schedule_run_by_hand() -> None:
    """Stages work at once on neighbouring microbatches: m + p - 1 turns forward, as many back, m of each with work."""
    for count, parts in ((2, 1), (4, 8), (3, 5)):
        ends: dict[tuple[int, int], int] = {}
        for part in range(parts):
            for stage in range(count):
                ends[stage, part] = 1 + max(ends.get((stage - 1, part), 0), ends.get((stage, part - 1), 0))
        assert devices.bubble(count, parts) == pytest.approx(1 - parts / max(ends.values()))


def test_weights_are_shared_out_as_torch_chunks_them() -> None:
    graph = prepared(archdsl.loads(SMALL).graph, "torch")
    weights = list(load(source_written(graph)).Small().parameters())
    for count in (2, 3, 7):
        rows = [weight.chunk(count) for weight in weights]
        shares = [sum(row[rank].numel() for row in rows if rank < len(row)) for rank in range(count)]
        assert [one.params for one in devices.sharded(graph, [], count, 4, 1)] == shares
    total = sum(weight.numel() for weight in weights)
    assert {(one.params, one.sent) for one in devices.copied(graph, 4, 4, 3)} == {(total, 2 * 3 * 4 * total // 4)}


# --- what is missing or wrong ------------------------------------------------------------------


def test_a_file_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    file = load(parallel_written(archdsl.loads(SMALL).graph, "ddp"))
    file.__file__ = "/somewhere/net.py"
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(SystemExit, match=r"torchrun --nproc-per-node 2 net\.py"):
        file.join("cpu", 1)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match=r"sees no GPU: install PyTorch .* or run with --device cpu"):
        file.join("cuda", 1)
    monkeypatch.setattr(file.dist, "is_backend_available", lambda backend: False)
    with pytest.raises(SystemExit, match="has no gloo: install PyTorch"):
        file.join("cpu", 1)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    """Each is said in a line, without a traceback; of a checkpoint, a stage of a pipeline takes its part."""
    file = load(parallel_written(archdsl.loads(SMALL).graph, "ddp"))
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    state = model.state_dict()
    wrong = {
        "text": (b"nothing of PyTorch", "has no tensors by name"),
        "list": ([1, 2], "has no tensors by name"),
        "checkpoint": ({"state_dict": state, "epoch": 3}, "has no tensors by name .*: save model.state_dict"),
        "module": (model, "has no tensors by name"),
        "missing": ({"0.weight": state["0.weight"]}, r"0\.bias is missing in .*, and \(3,\) in .*; 3 weights differ"),
        "shape": ({**state, "1.bias": torch.zeros(2)}, r"1\.bias is \(2,\) in .*, and \(1,\) in .*; 1 weights differ"),
        "more": ({**state, "2.bias": torch.zeros(2)}, r"2\.bias is \(2,\) in .*, and missing in this network"),
    }
    for name, (content, said) in wrong.items():
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        with pytest.raises(SystemExit, match=f"^--weights: .*{said}"):
            file.start_from(str(path), model)
    other = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    file.start_from(str(tmp_path / "more"), other, strict=False)
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--parallel stages=2", "it may be pipeline=2, fsdp or ddp"),
        ("--parallel pipeline", "a number of stages from 2 to 10,000: --parallel pipeline=2"),
        ("--parallel pipeline=0", "a number of stages"),
        ("--parallel pipeline=-2", "a number of stages"),
        ("--parallel pipeline=99999999999999999999", "a number of stages"),
        ("--parallel fsdp=2", "write --parallel fsdp."),
        ("--parallel ddp --for inference", "leave --for out"),
        ("--parallel ddp --all-variants", "leave --all-variants out"),
        ("--parallel ddp --emit torch,onnx", "leave --emit torch,onnx out"),
        ("--parallel ddp --features", "leave --features out"),
        ("--parallel ddp -o net.onnx", "leave --emit onnx out"),
    ],
)
def test_wrong_words(words: str, said: str, call: Caller) -> None:
    found = call("compile", "lenet", *words.split())
    assert found.code == 2
    assert said in " ".join(found.err.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--parallel ddp", "a number of devices from 2 to 10,000: --parallel ddp=2"),
        ("--parallel tensor=2", "it may be pipeline=2, fsdp=2 or ddp=2"),
        ("--schedule gpipe", "add --parallel pipeline=2"),
        ("--parallel ddp=2 --microbatches 2", "leave it out"),
        ("--parallel pipeline=2 --schedule zb", "it may be 1f1b or gpipe"),
        ("--parallel pipeline=2 --microbatches 1", "--microbatches 2"),
        ("--parallel pipeline=2 --batch 9", "--batch 16 does"),
        ("--parallel pipeline=2 --rows op", "leave --rows out"),
        ("alexnet --parallel ddp=2", "leave a second network out"),
    ],
)
def test_wrong_words_of_a_table(words: str, said: str, call: Caller) -> None:
    found = call("table", "lenet", *words.split())
    assert found.code == 2
    assert said in " ".join(found.err.split())


def test_a_table_has_a_row_for_each_device(call: Caller) -> None:
    found = call("table", "lenet", "--parallel", "pipeline=2", "--format", "json")
    table = json.loads(found.out)
    assert [table["kind"], table["batch"], table["microbatches"]] == ["pipeline", 64, 8]
    assert table["bubble"] == pytest.approx(1 / 9)
    assert len(call("table", "lenet", "--parallel", "fsdp=3", "--format", "csv").out.splitlines()) == 4


def test_an_unequal_pipeline_is_warned_of(call: Caller, tmp_path: Path) -> None:
    """By hand, in millions: 2 + 151, 302, and 0; with two stages 2 + 151 and 302."""
    (tmp_path / "net.arch").write_text(UNEQUAL)
    assert "unbalanced" not in call("compile", "resnet@50", "--parallel", "pipeline=4", "-o", "-").err
    found = call("compile", str(tmp_path / "net.arch"), "--parallel", "pipeline=3", "-o", "-")
    assert found.code == 0
    assert "warning[unbalanced-pipeline]" in found.err
    assert "of 3 stages, the largest has 1.99 times the mean" in " ".join(found.err.split())
    assert "help: use --parallel pipeline=2" in found.err
    assert "unbalanced" not in call("compile", str(tmp_path / "net.arch"), "--parallel", "pipeline=2", "-o", "-").err
    found = call("table", str(tmp_path / "net.arch"), "--parallel", "pipeline=2")
    assert "has 1.33 times the mean multiply-adds" in " ".join(found.out.split())
    assert "help: use --parallel fsdp" in call("compile", "siamese", "--parallel", "pipeline=2", "-o", "-").err


UNEQUAL = """\
network Net:
    input image: 3 x 32 x 32
    stage first: conv(64, 3) -> conv(256, 3)
    stage second: conv(128, 3)
    stage third: global_avg_pool -> flatten -> linear(10)
"""


def test_compile_writes_the_file(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "small.arch").write_text(SMALL, encoding="utf-8")
    for words, name in (("pipeline=2", "small_pipeline2"), ("fsdp", "small_fsdp"), ("ddp", "small_ddp")):
        assert call("compile", tmp_path / "small.arch", "--parallel", words, "-o", tmp_path / "").code == 0
        text = (tmp_path / f"{name}.py").read_text(encoding="utf-8")
        assert load(text)
        assert all(len(line) <= 100 for line in text.splitlines())
        formatted = subprocess.run([*RUFF, "-"], input=text, text=True, capture_output=True, check=True)
        assert formatted.stdout == text
