"""The network that the sections of a darknet configuration make, as far as they have been read."""

from __future__ import annotations

from typing import Any

from archdsl.diagnostics import Note
from archdsl.frontends.darknet.sections import Section
from archdsl.frontends.flat import Flat, Ref, wrong
from archdsl.tensor import Tensor


class Failed(Exception):
    """Raised where a layer takes the value of one that was not read. The first of the two says why."""


class Network:
    """The values of the layers that were read, by their numbers; None for a layer that was not."""

    def __init__(self, flat: Flat, image: Ref) -> None:
        self.flat = flat
        self.values: list[Ref | None] = []
        self.current: Ref | None = image
        self.outputs: list[tuple[str, Ref]] = []
        self.said: list[str] = []

    def tensor(self, value: Ref) -> Tensor:
        return self.flat.tensor(value)

    def flow(self) -> Ref:
        """The value that flows into a section."""
        if self.current is None:
            raise Failed
        return self.current

    def image(self, section: Section) -> Ref:
        """The same, which must be channels x height x width."""
        value = self.flow()
        if self.tensor(value).rank != 3:
            message = f"`[{section.kind}]` takes channels x height x width, got the vector {self.tensor(value)}"
            raise wrong(message, section.span, notes=self.origin(value))
        return value

    def vector(self, section: Section) -> Ref:
        """The same as a vector."""
        value = self.flow()
        return value if self.tensor(value).rank == 1 else self.put(section, "flatten", value)

    def layer(self, number: int, section: Section, option: str) -> Ref:
        """The value of an earlier layer: counted from the first, or back from this one if the number is negative."""
        here = len(self.values)
        index = here + number if number < 0 else number
        if not 0 <= index < here:
            message = f"layer {number} is not before this one, which is number {here}"
            raise wrong(
                message,
                section.place(option),
                f"layers before it are 0 to {here - 1}, or -{here} to -1" if here else None,
            )
        value = self.values[index]
        if value is None:
            raise Failed
        return value

    def origin(self, value: Ref) -> tuple[Note, ...]:
        """Where a value comes from."""
        return self.flat.origin(value)

    # --- what a section adds ----------------------------------------------------------------------

    def put(self, section: Section, op: str, *inputs: Ref, **arguments: Any) -> Ref:
        """Adds an op with one output."""
        return self.several(section, op, *inputs, **arguments)[0]

    def several(self, section: Section, op: str, *inputs: Ref, **arguments: Any) -> tuple[Ref, ...]:
        """Adds an op, and gives all its outputs."""
        return self.flat.add(op, *inputs, span=section.span, **arguments)

    def output(self, value: Ref, section: Section) -> Ref:
        """Notes that a value is an output of the network."""
        self.outputs.append((f"{section.kind}{len(self.outputs) + 1}", value))
        return value

    def leave_out(self, said: str) -> None:
        """Notes what is left out."""
        self.said.append(said)
