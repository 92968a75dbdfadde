"""Processes in which emitted files train, each compared with the whole network in that process alone.

`python parallel_worker.py FOLDER COUNT`: the folder has a JSON file `cases`, a list of {"kind", "network", "file",
"whole", "batch", "microbatches", "schedule"}. Each process writes the differences in each case to RANK.json. They are
forked when PyTorch is imported, which takes longer than the cases.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import Schedule1F1B, ScheduleGPipe
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode

RATE = 0.1


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def still(model: nn.Module) -> nn.Module:
    """The module without random steps, whose numbers differ from run to run."""
    for module in model.modules():
        if isinstance(getattr(module, "p", None), float):
            module.p = 0.0
    return model.train()


def whole(path: Path, name: str) -> nn.Module:
    torch.manual_seed(0)
    return still(getattr(imported(path), name)())


def trained(model: nn.Module, loss: Any, inputs: Tensor, target: Tensor, parts: int) -> Tensor:
    """Gradients of the mean of the losses of `parts` parts of a batch, as one process computes them; the outputs."""
    outputs = []
    for x, wanted in zip(inputs.chunk(parts), target.chunk(parts), strict=True):
        outputs.append(model(x))
        (loss(outputs[-1], wanted) / parts).backward()
    return torch.cat(outputs).detach()


def full(value: Tensor) -> Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def differences(made: nn.Module, model: nn.Module) -> Iterator[tuple[str, float]]:
    """How far gradients, weights and buffers of the module that was `made` are from those of the whole network."""
    gradients = {name: value.grad for name, value in model.named_parameters()}
    for name, value in made.named_parameters():
        assert value.grad is not None, name
        yield f"gradient of {name}", (full(value.grad) - gradients[name]).abs().max().item()
    for module in (made, model):
        torch.optim.SGD(module.parameters(), lr=RATE).step()
    state = model.state_dict()
    for name, value in made.state_dict().items():
        yield name, (full(value) - state[name]).abs().max().item()


class Sent(TorchDispatchMode):
    """Counts the bytes of all that is gathered from the processes, or reduced and scattered to them."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        if "c10d" in name:
            whole = {"c10d._allgather_base_": 0, "c10d._reduce_scatter_base_": 1}[name.removesuffix(".default")]
            self.size += args[whole].nbytes
        return func(*args, **(kwargs or {}))


def pipeline(case: dict[str, Any], folder: Path, rank: int, count: int) -> Iterator[tuple[str, float]]:
    file, model = imported(folder / case["file"]), whole(folder / case["whole"], case["network"])
    torch.manual_seed(1)
    (x,), target = file.sample(case["batch"], "cpu")
    stage = file.stage(rank, (x[: case["batch"] // case["microbatches"]],), torch.device("cpu"))
    still(stage.submod).load_state_dict({name: model.state_dict()[name] for name in stage.submod.state_dict()})
    schedule = {"1f1b": Schedule1F1B, "gpipe": ScheduleGPipe}[case["schedule"]]
    run = schedule(stage, case["microbatches"], loss_fn=file.loss)
    outputs = run.step(*([x] if rank == 0 else []), **({"target": target, "losses": []} if rank == count - 1 else {}))
    wanted = trained(model, file.loss, x, target, case["microbatches"])
    if rank == count - 1:
        yield "output", (outputs - wanted).abs().max().item()
    yield from differences(stage.submod, model)


def spread(case: dict[str, Any], folder: Path, rank: int, count: int) -> Iterator[tuple[str, float]]:
    file, model = imported(folder / case["file"]), whole(folder / case["whole"], case["network"])
    torch.manual_seed(1)
    (x,), target = file.sample(case["batch"], "cpu")
    own = copy.deepcopy(model)
    made = still(getattr(file, case["network"])())
    made.load_state_dict(model.state_dict())
    made = file.spread(made, torch.device("cpu"))
    with Sent() if case["kind"] == "fsdp" else nullcontext() as sent:
        output = made(x.chunk(count)[rank])
        file.loss(output, target.chunk(count)[rank]).backward()
    made = made.module if case["kind"] == "ddp" else made
    wanted = trained(model, file.loss, x, target, count)
    yield "output", (output - wanted.chunk(count)[rank]).abs().max().item()
    own(x.chunk(count)[rank])  # the statistics of this process are those of its own samples
    model.load_state_dict({**model.state_dict(), **dict(own.named_buffers())})
    yield from differences(made, model)
    if case["kind"] == "fsdp":
        kept = sum(value.to_local().numel() for value in made.parameters())
        yield "counts", [kept, sent.size * (count - 1) // count]


def run_all(folder: Path, rank: int, count: int) -> None:
    torch.set_default_dtype(torch.float64)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank)}
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=count)
    found = {}
    for number, case in enumerate(json.loads((folder / "cases").read_text())):
        run = pipeline if case["kind"] == "pipeline" else spread
        found[number] = dict(run(case, folder, rank, count))
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


def main() -> None:
    import torch.distributed.checkpoint.state_dict
    import torch.distributed.fsdp  # noqa: F401

    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    fork = multiprocessing.get_context("fork")
    started = [fork.Process(target=run_all, args=(folder, rank, count)) for rank in range(count)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    sys.exit(max(abs(process.exitcode or 0) for process in started))


if __name__ == "__main__":
    main()
