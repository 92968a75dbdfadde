"""Arguments that Ultralytics sets by the letter of the scale: in specs they are parameters of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.frontends.ultralytics.document import refused
from archdsl.frontends.ultralytics.pieces import Piece
from archdsl.frontends.ultralytics.rows import Row


@dataclass(frozen=True, slots=True)
class Switch:
    """A parameter: its name, type and text, the scales that switch it on, and its value on and off."""

    name: str
    type: str
    about: str
    scales: frozenset[str]
    on: str = "true"
    off: str = "false"

    def value(self, scale: str | None) -> str:
        return self.on if scale in self.scales else self.off

    def declared(self, scale: str | None) -> str:
        return f'param {self.name}: {self.type} = {self.value(scale)} "{self.about}"'


SWITCHES: Mapping[str, tuple[Switch, ...]] = {
    "C3k2": (Switch("c3k", "bool", "C3k in place of every bottleneck of C3k2", frozenset("mlx")),),
    "A2C2f": (
        Switch("residual", "bool", "what area attention makes is scaled and added to what flows in", frozenset("lx")),
        Switch("mlp_ratio", "float", "channels inside of a block of area attention", frozenset("lx"), "1.2", "2"),
    ),
}
"""For each module its switches, in files that have scales."""


def switch(row: Row, pieces: dict[str, Piece | None], scales: Mapping[str, object]) -> None:
    """Puts the parameters into the arguments of a module. Raises `CompileError` where Ultralytics would mix them up."""
    name = row.module.value
    if name == "C3k2" and not _says(pieces.get("c3k"), "true"):
        given = pieces.get("c3k")
        pieces["c3k"] = Piece("c3k", given.span if given else row.module.span)
    if name == "A2C2f" and not _says(pieces.get("attention"), "false"):
        if len(row.arguments) != 3 and not scales.keys().isdisjoint("lx"):
            message = "for the scales l and x, Ultralytics appends two arguments to `A2C2f`, which has to have three"
            raise refused(message, row.span, help="write channels, True and the number of areas")
        if len(row.arguments) <= 3:
            pieces |= {switch.name: Piece(switch.name, row.module.span) for switch in SWITCHES[name]}


def _says(piece: Piece | None, text: str) -> bool:
    return piece is not None and piece.text == text
