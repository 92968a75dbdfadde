"""The option `--parallel` of `archdsl compile` and `archdsl table`: how a network is spread over several devices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from archdsl.cli.options import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("pipeline", "fsdp", "ddp")

MOST = 10_000
"""The most devices that are taken."""

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
    typer.Option(
        "--microbatches", metavar="N", min=1, help="Parts of a batch, with --parallel pipeline.", show_default="batch"
    ),
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


def check_alone(ctx: typer.Context, others: Mapping[str, bool]) -> None:
    """Ends the command for an option that does not fit --parallel."""
    for option, is_given in others.items():
        if is_given:
            ctx.fail(f"--parallel writes one PyTorch file that trains one network; leave {option} out.")
