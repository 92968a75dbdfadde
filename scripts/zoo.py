"""Imports public models and compares what is said of them with PyTorch: `scripts/zoo.py` measures the whole sample.

Each model is measured by a process of its own, and the record is written after each. A second run goes on where the
first stopped; `--again` measures models anew whose names hold one of the given texts. `--numbers` runs models and
emitted modules, too, and compares their outputs.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from apart import Send, sent
from records import said, write
from zoo_record import RECORD, SCRIPTS, Row, rows, sample

SECONDS, GIGABYTES = 600, 8
"""The limits of a model: processor time and memory. One that needs more is a row that says so."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("references", nargs="*", help="models to measure; default: the whole sample")
    parser.add_argument("--table", type=Path, default=RECORD, help="default: %(default)s")
    parser.add_argument("--choose", action="store_true", help="write the list of timm's smallest models anew, and end")
    parser.add_argument("--again", nargs="*", default=[], help="texts in names of models that are measured anew")
    parser.add_argument("--numbers", action="store_true", help="run models and emitted modules in float64 and compare")
    given = parser.parse_args(arguments)
    prepare()
    if given.choose:
        (SCRIPTS / "zoo_timm.txt").write_text("".join(f"timm:{name}\n" for name in smallest()), encoding="utf-8")
        return 0
    lists = sample()
    # By turns, so that a record that is not complete has models of each package.
    turns = [name for turn in zip_longest(*lists.values()) for name in turn if name]
    order = given.references or list(chain.from_iterable(lists.values()))
    found = {name: row for name, row in rows(given.table).items() if not any(part in name for part in given.again)}
    for reference in given.references or turns:
        if reference not in found:
            found[reference] = limited(compared if given.numbers else measured, reference)
            known = [found[name] for name in dict.fromkeys([*order, *found]) if name in found]
            write(Row, known, given.table)
            print(_line(found[reference]), flush=True)
    return 0


def _line(row: Row) -> str:
    said = row.failed or row.operations or "no opaque nodes"
    return f"{row.reference:40} {row.nodes:5} nodes {row.lines:5} lines {row.proof:4} {row.largest} {said}"


# --- one model -------------------------------------------------------------------------------


def limited(work: Callable[[str], Row], reference: str) -> Row:
    """The row of a model, measured by a process of its own with limits of time and memory."""
    with closing(sent(_in_limits, work, reference)) as found:
        failed = f"ended without a result: it needs over {SECONDS} s or {GIGABYTES} GB"
        row: Row = next(found, Row(reference, failed=failed))
    return row


def _in_limits(send: Send, work: Callable[[str], Row], reference: str) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (GIGABYTES << 30, GIGABYTES << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        row = work(reference)
    except Exception as error:
        row = Row(reference, failed=said(error))
    send(row)


def measured(reference: str) -> Row:
    """Imports a model that has no weights, emits it, and writes it as a spec."""
    from archdsl.analyses import totals
    from archdsl.frontends.load import opaque_nodes
    from archdsl.frontends.references import usual_input
    from archdsl.frontends.torch import stand_ins, traced_reference
    from archdsl.tensor import Tensor

    module, found = traced_reference(reference, lambda made: [Tensor(*usual_input(reference, made))], meta=True)
    graph = found.graph
    opaque = Counter(node.op.target.removeprefix("aten.") for node in opaque_nodes(graph))
    inputs = stand_ins(module, [node.output for node in graph.inputs])
    row = Row(
        reference,
        nodes=len(graph),
        opaque=opaque.total(),
        operations="; ".join(f"{name} x {count}" for name, count in opaque.most_common()),
        params=totals.parameters(graph, totals.nodes_in(graph)),
        torch_params=sum(parameter.numel() for parameter in module.parameters()),
        macs=totals.macs(graph, totals.nodes_in(graph)),
        torch_macs=multiply_adds(module, tuple(value[:1] for value in inputs)),
    )
    for step in (_emit, _write):
        try:
            step(row, found)
        except Exception as error:  # a refusal or a fault, either of which belongs into the row
            row.failed = row.failed or said(error)
    return row


def _emit(row: Row, found: Any) -> None:
    from archdsl.backends.torch.source import source
    from archdsl.outputs import prepared

    if not row.opaque:
        row.python = source(prepared(found.graph, "torch")).count("\n")


def _write(row: Row, found: Any) -> None:
    import archdsl
    from archdsl.decompile.spec import spec_of
    from archdsl.prove.prove import prove_sides
    from archdsl.prove.sides import of_graph

    text = spec_of(found.graph, found.recorded, row.reference)
    row.lines = text.count("\n")
    proof = prove_sides(of_graph(archdsl.loads(text).graph), of_graph(found.graph), structure_only=True)
    row.proof = "yes" if proof.ok else "no"


def multiply_adds(module: Any, inputs: tuple[Any, ...]) -> int:
    """The multiply-adds of a call in evaluation. On `meta` PyTorch's counter sees attention and recurrent layers.

    Without gradients it fails where a model uses the number of an output, and with gradients inside a function that
    has a backward pass of its own.
    """
    import torch

    module = module.to("meta").eval()
    try:
        return _counted(module, inputs)
    except AssertionError:
        with torch.no_grad():
            return _counted(module, inputs)


def _counted(module: Any, inputs: tuple[Any, ...]) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        module(*(value.to("meta") for value in inputs))
    return int(counter.get_total_flops()) // 2


def compared(reference: str) -> Row:
    """Does the same as `measured`, and compares outputs of the emitted module, with the model's weights."""
    from archdsl.frontends.references import usual_input
    from archdsl.frontends.torch import traced_reference
    from archdsl.tensor import Tensor

    row = measured(reference)
    if row.python:
        try:
            module, found = traced_reference(reference, lambda made: [Tensor(*usual_input(reference, made))])
            row.largest = f"{largest_difference(module, found):.1e}"
        except Exception as error:  # mostly a model that needs more memory with weights than without
            row.largest = "not compared: " + said(error)[:60]
    return row


def largest_difference(module: Any, found: Any) -> float:
    """The largest difference between outputs of an emitted module and its model, relative to the largest output.

    Both run in evaluation and in float64, with equal weights, which are random and also those that start at 0 or 1.
    Buffers that the graph does not learn, such as a table of positions, are parts of the model and stay.
    """
    import torch

    from archdsl.backends.torch.load import module as made
    from archdsl.outputs import passed

    graph, run = found.graph, passed(found.graph, "torch")
    generator = torch.Generator().manual_seed(0)
    module = module.double().eval()
    state, theirs = {}, module.state_dict()
    with torch.no_grad():
        for node in graph:
            for slot, shape in node.op.state(*graph.tensors_into(node.id)).items():
                value = theirs[found.keys.get(node.id, {}).get(slot) or node.key(slot)]
                if value.is_floating_point() and node.key(slot) not in state:
                    spread = torch.rand(value.shape, generator=generator, dtype=torch.float64)
                    value.copy_(spread + 0.5 if value.ndim < 2 else (spread - 0.5) * (12 / value[0].numel()) ** 0.5)
                state[node.key(slot)] = value.reshape(shape)
        emitted = made(run.graph, device="cpu").double().eval()
        emitted.load_state_dict(run.state(state))
        inputs = [torch.randn(2, *node.output.dims, generator=generator, dtype=torch.float64) for node in graph.inputs]
        with in_double():
            ours, right = _tensors(emitted(*inputs)), _tensors(module(*inputs))
    return max(float((a - b).abs().max() / b.abs().max().clamp(min=1e-30)) for a, b in zip(ours, right, strict=True))


@contextmanager
def in_double() -> Iterator[None]:
    """While active, what is in double precision stays so where code asks for single precision."""
    import torch

    single = torch.Tensor.float
    torch.Tensor.float = lambda x: x if x.dtype == torch.float64 else single(x)
    try:
        yield
    finally:
        torch.Tensor.float = single


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
    import torchvision  # noqa: F401


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
