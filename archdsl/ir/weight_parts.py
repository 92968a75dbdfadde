"""Names of rows of a weight, for layers that share one entry of a state_dict: `attention.in_proj_weight[0:32]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")

ROWS = re.compile(r"(.+)\[(\d+):(\d+)\]")


def rows_of(entry: str, start: int, stop: int) -> str:
    """The name of the rows `start` to `stop` (which is not one of them) of an entry of a state_dict."""
    return f"{entry}[{start}:{stop}]"


def entry_of(name: str) -> str:
    """The entry of a state_dict that holds the weight of this name, whole or as some of its rows."""
    found = ROWS.fullmatch(name)
    return found[1] if found else name


def value_of(values: Mapping[str, Value], name: str) -> Value | None:
    """The weight of this name among the tensors of a state_dict, or among their gradients; None if it is missing."""
    found = None if name in values else ROWS.fullmatch(name)
    if not found:
        return values.get(name)
    entry, start, stop = found.groups()
    return values[entry][int(start) : int(stop)] if entry in values else None  # type: ignore[index]
