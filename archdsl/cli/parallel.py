"""The option `--parallel` of `archdsl compile` and `archdsl table`: how a network is spread over several devices."""

from __future__ import annotations

import re
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from archdsl.analyses.devices import MICROBATCHES, SAMPLES, SCHEDULES
from archdsl.cli.options import one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from archdsl.backends.tables.request import Request
    from archdsl.backends.tables.table import Table
    from archdsl.diagnostics import Diagnostic
    from archdsl.ir.graph import Graph

KINDS = ("pipeline", "fsdp", "ddp")

MOST = 10_000
"""The most devices that are taken."""

UNEQUAL = 1.5
"""A pipeline is warned of if its largest stage has more than so many times the mean multiply-adds: then a third of the
time of all devices is spent waiting."""

ParallelOption = Annotated[
    str | None,
    typer.Option(
        "--parallel",
        metavar="KIND",
        help="Train on several devices, a file for torchrun: pipeline=4 (stages), fsdp or ddp.",
        show_default=False,
        autocompletion=lambda: ["pipeline=2", "fsdp", "ddp"],
    ),
]
DevicesOption = Annotated[
    str | None,
    typer.Option(
        "--parallel",
        metavar="KIND=N",
        help="A row for each of N devices: pipeline=4 (stages), fsdp=4 or ddp=4.",
        show_default=False,
        autocompletion=lambda: ["pipeline=2", "fsdp=2", "ddp=2"],
    ),
]
MicrobatchesOption = Annotated[
    int | None,
    typer.Option("--microbatches", metavar="N", min=1, help="Parts of a pipeline's batch.", show_default="4 a stage"),
]
ScheduleOption = Annotated[
    str | None,
    typer.Option("--schedule", metavar="NAME", help="Of a pipeline: 1f1b or gpipe.", show_default="1f1b"),
]


class Spread(NamedTuple):
    """How a network is spread: `kind` is one of `KINDS`. `number` is that of the devices, or 0."""

    kind: str
    number: int

    @property
    def name(self) -> str:
        """How it is called in the names of files: `pipeline4`, `fsdp`."""
        return f"{self.kind}{self.number or ''}"


def spread(ctx: typer.Context, text: str, needs_count: bool) -> Spread:
    """What stands after --parallel. Words that mean nothing end the command.

    A pipeline is cut into a number of stages. Others may run on any number of devices, which a table has to know.
    """
    kind, equals, number = text.partition("=")
    count = int(number) if re.fullmatch(r"[0-9]{1,9}", number) else 0
    form = f"{kind}=2"
    if kind not in KINDS:
        known = ("pipeline=2", "fsdp=2", "ddp=2") if needs_count else ("pipeline=2", "fsdp", "ddp")
        ctx.fail(f"--parallel knows nothing called '{text}'; it may be {one_of(known)}.")
    if kind != "pipeline" and not needs_count:
        if equals:
            ctx.fail(f"--parallel {kind} runs on as many devices as torchrun is told; write --parallel {kind}.")
        return Spread(kind, 0)
    if not 2 <= count <= MOST:
        what = "stages" if kind == "pipeline" else "devices"
        ctx.fail(f"--parallel {kind} takes a number of {what} from 2 to {MOST:,}: --parallel {form}.")
    return Spread(kind, count)


BUDGETS = ("--keep", "--memory")


def check_alone(ctx: typer.Context, others: Mapping[str, bool]) -> None:
    """Ends the command for an option that does not fit --parallel."""
    for option, is_given in others.items():
        if is_given:
            instead = "; call model.checkpointing() in the file of --parallel fsdp or ddp" if option in BUDGETS else ""
            ctx.fail(f"--parallel writes one PyTorch file that trains one network; leave {option} out{instead}.")


def unbalanced(graph: Graph, count: int) -> Iterator[Diagnostic]:
    """A warning if the stages of a pipeline are so unequal that most devices wait for one."""
    from archdsl.diagnostics import Diagnostic

    if (most := _largest(graph, count)) <= UNEQUAL:
        return
    fewer = next((number for number in range(count - 1, 1, -1) if _largest(graph, number) <= UNEQUAL), 0)
    title = f"{graph.header.spec}{f'@{graph.header.variant}' if graph.header.variant else ''}"
    message = f"{title}: of {count} stages, the largest has {most:.2f} times the mean multiply-adds; others wait for it"
    help = f"use --parallel {f'pipeline={fewer}' if fewer else 'fsdp'}"
    yield Diagnostic("unbalanced-pipeline", message, severity="warning", help=help)


def _largest(graph: Graph, count: int) -> float:
    """How many times the mean multiply-adds the largest of `count` stages has."""
    from archdsl.analyses import totals
    from archdsl.backends.torch.parallel import stages
    from archdsl.outputs import prepared

    whole, parts = stages(prepared(graph, "torch"), count)
    costs = [totals.macs(whole, part.nodes) for part in parts]
    return max(costs) * count / (sum(costs) or 1)


# --- the table of devices --------------------------------------------------------------------


class Step(NamedTuple):
    """One step of training on several devices; `batch` are the samples of a pipeline, or of each device."""

    spread: Spread
    batch: int
    microbatches: int
    schedule: str


def step_of(
    ctx: typer.Context,
    parallel: str | None,
    batch: int | None,
    microbatches: int | None,
    schedule: str | None,
    others: Mapping[str, object],
) -> Step | None:
    """What the options of `archdsl table` say about devices; None without --parallel. `others` are options that do not
    fit it, with what is given for them."""
    of_pipeline = {"--microbatches": microbatches, "--schedule": schedule}
    given = [option for option, value in of_pipeline.items() if value is not None]
    if parallel is None:
        if given:
            ctx.fail(f"{given[0]} is about a pipeline; add --parallel pipeline=2.")
        return None
    found = spread(ctx, parallel, needs_count=True)
    if found.kind != "pipeline" and given:
        ctx.fail(f"{given[0]} is about a pipeline; with --parallel {parallel} leave it out.")
    for option, value in others.items():
        if value:
            ctx.fail(f"--parallel has a row for each device of one network; leave {option} out.")
    order, stages = schedule or SCHEDULES[0], found.number
    if found.kind != "pipeline":
        return Step(found, batch or SAMPLES, 1, order)
    parts = microbatches or MICROBATCHES * stages
    batch = batch or SAMPLES // MICROBATCHES * parts
    if order not in SCHEDULES:
        ctx.fail(f"--schedule knows nothing called '{order}'; it may be {one_of(SCHEDULES)}.")
    if order == "1f1b" and parts < stages:
        ctx.fail(f"--schedule 1f1b takes a microbatch for each stage, or more: --microbatches {stages}.")
    if batch % parts:
        fitting = parts * ceil(batch / parts)
        ctx.fail(f"--batch {batch} does not split into {parts} microbatches of one size; --batch {fitting} does.")
    return Step(found, batch, parts, order)


def devices_table(graph: Graph, step: Step, request: Request) -> Table:
    """The table with a row for each device. Raises `CompileError` for a network that cannot be cut."""
    from archdsl.analyses import devices
    from archdsl.analyses.choices import choose
    from archdsl.analyses.memory import PRECISIONS
    from archdsl.backends.tables.devices import of_devices
    from archdsl.backends.torch.parallel import blocks, stages
    from archdsl.outputs import prepared

    (width,) = choose("precision", [request.precision], PRECISIONS)
    (kind, count), graph = step.spread, prepared(graph, "torch")
    if kind == "pipeline":
        whole, parts = stages(graph, count)
        found = devices.pipeline(whole, parts, width, step.batch, step.microbatches, step.schedule)
    elif kind == "fsdp":
        found = devices.sharded(graph, blocks(graph), count, width, step.batch)
    else:
        found = devices.copied(graph, count, width, step.batch)
    request = replace(request, batch=step.batch)
    return of_devices(graph, kind, tuple(found), request, step.microbatches, step.schedule)
