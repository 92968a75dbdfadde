"""What the functions of layers work with: the values that flow in, and how ops are added."""

from __future__ import annotations

from typing import Any

from archdsl.frontends.caffe.message import Message
from archdsl.frontends.caffe.network import Layer
from archdsl.frontends.flat import Flat, Ref, not_read, wrong
from archdsl.ops.base import Op
from archdsl.ops.learned import Learned
from archdsl.tensor import Tensor

Made = Ref | tuple[Ref, ...]
"""What a layer gives: one value, or one for each of its names."""


class Failed(Exception):
    """Raised where a layer takes the value of one that was not read. The first of the two says why."""


class Work:
    """The nodes, and the values of the layers that were read: each by its layer and the number of the output."""

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.values: dict[tuple[Layer, int], Ref] = {}

    def tensor(self, value: Ref) -> Tensor:
        return self.flat.tensor(value)

    def all(self, layer: Layer) -> list[Ref]:
        """The values that a layer takes. There is at least one."""
        if not layer.bottoms:
            raise wrong("the layer takes nothing", layer.span, 'write `bottom: "..."` with the name of what it takes')
        if any(bottom not in self.values for bottom in layer.bottoms):
            raise Failed
        return [self.values[bottom] for bottom in layer.bottoms]

    def only(self, layer: Layer) -> Ref:
        """The one value that a layer takes."""
        values = self.all(layer)
        if len(values) > 1:
            raise wrong(f"the layer takes one value, got {len(values)}", layer.span)
        return values[0]

    def image(self, layer: Layer) -> Ref:
        """The same, which must be channels x height x width."""
        value = self.only(layer)
        tensor = self.tensor(value)
        if tensor.rank != 3:
            raise wrong(f"the layer takes channels x height x width, got {tensor}", layer.span)
        return value

    def vector(self, layer: Layer) -> Ref:
        """The same as a vector."""
        value = self.only(layer)
        return value if self.tensor(value).rank == 1 else self.helper(layer, "flatten", value)

    def outputs(self, layer: Layer) -> int:
        """The channels that a layer has to say that it makes."""
        if not layer.parameters.has("num_output"):
            raise wrong("the layer does not say how many outputs it has", layer.span, "write `num_output: ...`")
        return layer.parameters.whole("num_output", 1, 1)

    def expect(self, given: Message, name: str, usual: int) -> None:
        """Refuses another axis than the usual one. The axes of a map may be counted from the end."""
        axis = given.whole(name, usual, -4)
        if axis not in (usual, usual - 4):
            raise not_read(f"`{name}: {axis}` is not read, but `{name}: {usual}` is", given.place(name))

    # --- what a layer adds --------------------------------------------------------------------------

    def put(self, layer: Layer, op: str, *inputs: Ref, **arguments: Any) -> Ref:
        """Adds an op with one output, which has the layer's name."""
        return self.several(layer, op, *inputs, **arguments)[0]

    def helper(self, layer: Layer, op: str, *inputs: Ref, **arguments: Any) -> Ref:
        """Adds an op that is a part of a layer, and has no name in the file."""
        return self.flat.add(op, *inputs, span=layer.span, **arguments)[0]

    def several(self, layer: Layer, op: str, *inputs: Ref, **arguments: Any) -> tuple[Ref, ...]:
        """Adds an op, and gives all its outputs."""
        return self.flat.add(op, *inputs, span=layer.span, name=layer.name, **arguments)

    def enter(self, layer: Layer, op: Op, x: Ref) -> Ref:
        """Adds an op that keeps the shape of its input."""
        return self.flat.enter(op, [x], layer.span, layer.name)[0]

    def shifted(self, layer: Layer, x: Ref) -> Ref:
        """A value with a learned number for each channel added."""
        dims = (self.tensor(x).channels,)
        learned = self.flat.enter(Learned(dims=dims), (), layer.span)[0]
        return self.helper(layer, "add", x, learned)
