"""Imports public models and compares what is said of them with PyTorch: `scripts/zoo.py models.txt found.csv`.

The list has one reference a line, `timm:resnet18`; `--choose` writes one with the smallest model of each of timm's
modules. The table has a row for each model, written as it is measured. A second run goes on where the first stopped;
rows of the models named by `--again` are measured anew.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SECONDS, GIGABYTES = 240, 8
"""The limits of a model. One that needs more is a row that says so."""


@dataclass
class Row:
    """What was found of a model. `blocks` are the operations without an op, the most frequent first.

    Numbers of parameters and multiply-adds are those of the graph, and PyTorch's own. `largest` is the largest
    relative difference of outputs between the emitted module and the model, where that was asked for.
    """

    reference: str
    nodes: int = 0
    opaque: int = 0
    blocks: str = ""
    params: int = 0
    torch_params: int = 0
    macs: int = 0
    torch_macs: int = 0
    lines: int = 0
    largest: str = ""
    seconds: float = 0.0
    failed: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether each operation has an op."""
        return self.nodes > 0 and self.opaque == 0

    @property
    def is_written(self) -> bool:
        """Whether it is emitted as PyTorch source, too."""
        return self.lines > 0


COLUMNS = [field.name for field in fields(Row)]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("models", type=Path, help="the list of models")
    parser.add_argument("table", type=Path, nargs="?", default=Path("build/zoo.csv"), help="default: %(default)s")
    parser.add_argument("--choose", action="store_true", help="write the list: the smallest of each module of timm")
    parser.add_argument("--again", nargs="*", default=[], help="references, or parts of them, to measure anew")
    parser.add_argument("--numbers", action="store_true", help="run models and emitted modules in float64 and compare")
    given = parser.parse_args(arguments)
    prepare()
    if given.choose:
        given.models.write_text("".join(f"timm:{name}\n" for name in smallest()), encoding="utf-8")
        return 0
    rows = _known(given.table, given.again)
    references = given.models.read_text(encoding="utf-8").split()
    work = compared if given.numbers else measured
    for reference in references:
        if reference not in rows:
            rows[reference] = _limited(work, reference)
            _write(given.table, [rows[name] for name in references if name in rows])
            print(_line(rows[reference]), flush=True)
    print("\n".join(summary([rows[name] for name in references])))
    return 0


# --- the table -------------------------------------------------------------------------------


def _known(table: Path, again: Iterable[str]) -> dict[str, Row]:
    """The rows of a table that are not to be measured anew."""
    if not table.exists():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        rows = [_row(line) for line in csv.DictReader(file)]
    return {row.reference: row for row in rows if not any(part in row.reference for part in again)}


def _row(line: dict[str, str]) -> Row:
    kinds = {field.name: type(field.default) for field in fields(Row)}
    return Row(**{name: kinds[name](text) if kinds[name] in (int, float) else text for name, text in line.items()})


def _write(table: Path, rows: Iterable[Row]) -> None:
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _line(row: Row) -> str:
    said = row.failed or row.blocks or "whole"
    return f"{row.reference:40} {row.nodes:5} nodes {row.lines:5} lines {row.seconds:6.1f} s  {row.largest} {said}"


def summary(rows: list[Row]) -> Iterator[str]:
    whole = sum(row.is_whole for row in rows)
    yield f"{len(rows)} models, {whole} ({whole / max(len(rows), 1):.0%}) without opaque nodes"
    yield f"{sum(row.is_written for row in rows)} emitted as PyTorch source"
    counted = [row for row in rows if row.nodes]
    yield f"{sum(row.params == row.torch_params for row in counted)} with PyTorch's parameters"
    yield f"{sum(row.macs == row.torch_macs for row in counted)} with PyTorch's multiply-adds"
    blocks = Counter(part.split(" x ")[0] for row in rows for part in row.blocks.split("; ") if part)
    yield from (f"{operation} blocks {count}" for operation, count in blocks.most_common())


# --- one model -------------------------------------------------------------------------------


def _limited(work: Callable[[str], Row], reference: str) -> Row:
    """The row of a model, measured by a process of its own with limits of time and memory."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_in_limits, args=(work, reference, sender))
    start = time.monotonic()
    process.start()
    sender.close()
    try:
        row = receiver.recv() if receiver.poll(SECONDS) else Row(reference, failed=f"over {SECONDS} s")
    except EOFError:
        row = Row(reference, failed=f"ended without a result: {GIGABYTES} GB may not do")
    process.kill()
    process.join()
    row.seconds = round(time.monotonic() - start, 1)
    return row


def _in_limits(work: Callable[[str], Row], reference: str, sender: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (GIGABYTES << 30, GIGABYTES << 30))
    try:
        row = work(reference)
    except Exception as error:
        row = Row(reference, failed=" ".join(f"{type(error).__name__}: {error}".split())[:200])
    sender.send(row)


def measured(reference: str) -> Row:
    """Imports a model that has no weights, emits it, and counts both."""
    from archdsl.analyses import totals
    from archdsl.backends.torch.source import source
    from archdsl.diagnostics import CompileError
    from archdsl.frontends.load import opaque_nodes
    from archdsl.frontends.references import usual_input
    from archdsl.frontends.torch import stand_ins, traced_reference
    from archdsl.outputs import prepared
    from archdsl.tensor import Tensor

    module, found = traced_reference(reference, lambda made: [Tensor(*usual_input(reference, made))], meta=True)
    graph = found.graph
    opaque = Counter(node.op.target.removeprefix("aten.") for node in opaque_nodes(graph))
    inputs = stand_ins(module, [node.output for node in graph.inputs])
    row = Row(
        reference,
        nodes=len(graph),
        opaque=opaque.total(),
        blocks="; ".join(f"{name} x {count}" for name, count in opaque.most_common()),
        params=totals.parameters(graph, totals.nodes_in(graph)),
        torch_params=sum(parameter.numel() for parameter in module.parameters()),
        macs=totals.macs(graph, totals.nodes_in(graph)),
        torch_macs=multiply_adds(module, tuple(value[:1] for value in inputs)),
    )
    try:
        row.lines = source(prepared(graph, "torch")).count("\n") if not opaque else 0
    except CompileError as error:
        row.failed = error.diagnostics[0].message
    except Exception as error:  # a fault of the emitter, which is worth a row of its own
        row.failed = f"{type(error).__name__}: {error}"
    return row


def multiply_adds(module: Any, inputs: tuple[Any, ...]) -> int:
    """The multiply-adds of a call in evaluation. On `meta` PyTorch's counter sees attention and recurrent layers;
    without gradients it fails where a model uses the number of an output."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        module.to("meta").eval()(*(value.to("meta") for value in inputs))
    return int(counter.get_total_flops()) // 2


def compared(reference: str) -> Row:
    """Does the same as `measured`, and compares outputs of the emitted module, with the model's weights."""
    from archdsl.frontends.references import usual_input
    from archdsl.frontends.torch import traced_reference
    from archdsl.tensor import Tensor

    row = measured(reference)
    if row.is_written:
        module, found = traced_reference(reference, lambda made: [Tensor(*usual_input(reference, made))])
        row.largest = f"{largest_difference(module, found):.1e}"
    return row


def largest_difference(module: Any, found: Any) -> float:
    """The largest difference between outputs of an emitted module and its model, relative to the largest output.

    Both run in evaluation and in float64, with equal weights, which are random and also those that start at 0 or 1.
    """
    import torch

    from archdsl.backends.torch.load import module as made
    from archdsl.outputs import prepared

    graph = found.graph
    generator = torch.Generator().manual_seed(0)
    module = module.double().eval()
    with torch.no_grad():
        for value in (*module.parameters(), *module.buffers()):
            if value.is_floating_point():
                spread = torch.rand(value.shape, generator=generator, dtype=torch.float64)
                value.copy_(spread + 0.5 if value.ndim < 2 else (spread - 0.5) * (12 / value[0].numel()) ** 0.5)
        emitted = made(prepared(graph, "torch"), device="cpu").double().eval()
        state, theirs = emitted.state_dict(), module.state_dict()
        for old, new in zip(graph, prepared(graph, "torch"), strict=True):
            for slot in old.op.state(*graph.tensors_into(old.id)):
                key = found.keys.get(old.id, {}).get(slot) or old.key(slot)
                state[f"{new.weights}.{slot}" if slot else new.weights].copy_(
                    theirs[key].reshape(state[f"{new.weights}.{slot}" if slot else new.weights].shape)
                )
        inputs = [torch.randn(2, *node.output.dims, generator=generator, dtype=torch.float64) for node in graph.inputs]
        ours, right = _tensors(emitted(*inputs)), _tensors(module(*inputs))
    return max(float((a - b).abs().max() / b.abs().max().clamp(min=1e-30)) for a, b in zip(ours, right, strict=True))


def _tensors(value: Any) -> list[Any]:
    """The tensors in a result, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    return [one for part in value for one in _tensors(part)] if isinstance(value, list | tuple) else [value]


# --- which models ----------------------------------------------------------------------------


def prepare() -> None:
    """Imports what every model needs, once."""
    import torch

    from archdsl.frontends.collections import declare_operators

    torch.set_num_threads(1)
    declare_operators()
    import timm  # noqa: F401


def smallest() -> Iterator[str]:
    """The model with the fewest parameters of each of timm's modules."""
    import timm
    import torch

    for module in timm.list_modules():
        sizes = {}
        for name in timm.list_models(module=module):
            try:
                with torch.device("meta"):
                    made = timm.create_model(name)
            except Exception:  # some constructors need numbers
                made = timm.create_model(name)
            sizes[name] = sum(parameter.numel() for parameter in made.parameters())
        chosen = min(sizes, key=lambda name: (sizes[name], name))
        print(f"{module}: {chosen}, {sizes[chosen]:,} parameters", flush=True)
        yield chosen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
