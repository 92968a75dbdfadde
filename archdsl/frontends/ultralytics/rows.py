"""The layers of a YAML file: rows of `[from, number, module, arguments]`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.ultralytics.document import Part, refused
from archdsl.frontends.ultralytics.heads import HEADS
from archdsl.frontends.ultralytics.modules import JOINS, LAYERS, MODULES, UNREAD
from archdsl.suggest import nearest
from archdsl.text import shown

KNOWN = (*MODULES, *HEADS, *JOINS, "nn.Upsample", "nn.BatchNorm2d", "nn.Conv2d", *LAYERS)


@dataclass(frozen=True)
class Row:
    """One layer: its number, the numbers of the layers that it takes (-1 is the image), and its parts in the file."""

    index: int
    takes: tuple[int, ...]
    number: Part
    module: Part
    arguments: tuple[Part, ...]
    span: Any


def row_of(part: Part, index: int) -> Row:
    """The layer with this number. Raises `CompileError` if its row is not one."""
    if not part.is_list or len(part.value) != 4 or not part.value[3].is_list:
        raise refused("a layer is a list of four: from, number, module, and the list of its arguments", part.span)
    source, number, module, arguments = part.value
    if type(number.value) is not int or not 0 < number.value <= 1000:
        raise refused(f"a layer is repeated from 1 to 1,000 times, not {shown(str(number.plain), 40)}", number.span)
    if not isinstance(module.value, str):
        raise refused(f"{shown(str(module.plain), 40)} is not the name of a module", module.span)
    if module.value not in KNOWN:
        raise _unknown(module)
    sources = source.value if source.is_list else (source,)
    return Row(index, tuple(_taken(one, index) for one in sources), number, module, arguments.value, part.span)


def _unknown(module: Part) -> CompileError:
    """The error for a module that is not read, which says what to do."""
    meant = nearest(module.value, KNOWN)
    help = f"did you mean `{meant}`?" if meant else f"these are: {', '.join(KNOWN)}"
    message = f"the module `{shown(module.value, 60)}` is not among those that are read"
    return CompileError([Diagnostic("unknown-layer", message, module.span, help=UNREAD.get(module.value, help))])


def _taken(part: Part, index: int) -> int:
    number = part.value
    if type(number) is not int:
        raise refused("`from` is the number of a layer, -1 for the one before, or a list of these", part.span)
    found = index + number if number < 0 else number
    if found == -1 and index == 0:
        return -1
    if not 0 <= found < index:
        which = "no layer before it" if index == 0 else f"those before it are 0 to {index - 1}"
        raise refused(f"layer {index} takes layer {number}, and {which}", part.span)
    return found


def layer(number: int) -> str:
    """The name of a layer's value."""
    return "image" if number < 0 else f"layer{number}"


def named(rows: Sequence[Row]) -> Iterator[int]:
    """The layers whose values need a name: those that a later layer takes, other than the one after."""
    for row in rows:
        yield from (number for number in row.takes if number != row.index - 1 or row.module.value in HEADS)
