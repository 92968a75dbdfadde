"""Options for training in less memory: how much it may take, and what is said of that."""

from __future__ import annotations

import math
import re
from typing import Annotated

import typer

from archdsl.analyses.budget import Budget, Outcome

MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="BYTES",
        help="Let parts run again in the backward pass, so that training a batch takes at most this: 8G, 500M.",
    ),
]
KeepOption = Annotated[
    float | None,
    typer.Option("--keep", metavar="SHARE", help="The same, by the share of values that may be kept: 0.5."),
]
BatchOption = Annotated[
    int | None, typer.Option("--batch", metavar="N", help="Samples in a batch, for --memory.  [default: 1]")
]

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def check_budget(ctx: typer.Context, memory: str | None, keep: float | None, batch: int | None) -> None:
    """Ends the command for values that are no budget."""
    if memory is not None and keep is not None:
        ctx.fail("--memory and --keep are two ways to say what may be kept; leave one of them out.")
    if memory is not None and _bytes(memory) is None:
        ctx.fail(f"--memory takes a number of bytes such as 8G, 500M or 2.5G, and not '{memory}'.")
    if keep is not None and not 0 < keep <= 1:
        ctx.fail(f"--keep takes a share above 0 and up to 1, such as 0.5, and not {keep:g}.")
    if batch is not None and memory is None:
        ctx.fail("--batch is the number of samples for which --memory is meant; give --memory too, or leave it out.")
    if batch is not None and batch < 1:
        ctx.fail(f"--batch takes a number of samples, 1 or more, and not {batch}.")


def budget_of(memory: str | None, keep: float | None, batch: int | None) -> Budget | None:
    """What the options ask for; None without them."""
    if memory is None:
        return None if keep is None else Budget(keep=keep)
    return Budget(most=_bytes(memory) or 0, batch=batch or 1)


def _bytes(text: str) -> int | None:
    """The bytes of `8G` or `2.5 MB`, by powers of 1000; None if this is no size."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip(), re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        return None
    return int(float(found[1]) * UNITS[found[2].upper()])


def size(number: int) -> str:
    """Bytes for a reader: 1.25 GB."""
    unit = next((unit for unit in "TGMK" if number >= UNITS[unit]), "")
    return f"{number / UNITS[unit]:.4g} {unit}B".replace(" B", " bytes")


def said(outcome: Outcome) -> list[str]:
    """What a file trains with, before and after."""
    share = outcome.kept / outcome.before if outcome.before else 1.0
    samples = "1 sample" if outcome.batch == 1 else f"{outcome.batch} samples"
    lines = [
        f"training keeps {size(outcome.kept)} for {samples}, {share:.1%} of {size(outcome.before)}; "
        f"{_percent(outcome)} more multiply-adds in the forward pass"
    ]
    return [
        *lines,
        f"beside that, weights, gradients and the state of Adam take {size(outcome.fixed)}, "
        f"and what is computed again at one time up to {size(outcome.hidden)}: at most {size(outcome.all)} in all",
    ]


def _percent(outcome: Outcome) -> str:
    return f"{outcome.extra / outcome.macs:.1%}" if outcome.macs else "no"


def refusal(nearest: Outcome, memory: str | None) -> str:
    """The text of the error for a budget that cannot be met."""
    if memory is None:
        share = math.ceil(1000 * nearest.kept / nearest.before) / 1000
        return (
            f"--keep is too small: training keeps at least {share:g} of this network's values; write --keep {share:g}."
        )
    least = _least(nearest.all)
    batch = ", or a smaller --batch" if nearest.batch > 1 else ""
    return (
        f"--memory {memory} is too little: training takes at least {least}, of it {size(nearest.fixed)} for weights, "
        f"gradients and the state of Adam, {size(nearest.kept)} of kept values, and {size(nearest.hidden)} that are "
        f"computed again at one time; write --memory {least}{batch}."
    )


def _least(number: int) -> str:
    """The smallest size of four digits that is not less, as --memory takes it: 1.251G."""
    unit = next((unit for unit in "TGMK" if number >= UNITS[unit]), "")
    digits = max(0, 3 - int(math.log10(max(number / UNITS[unit], 1))))
    return f"{math.ceil(number / UNITS[unit] * 10**digits) / 10**digits:.{digits}f}{unit}"
