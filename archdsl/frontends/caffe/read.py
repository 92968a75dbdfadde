"""Reads a Caffe network as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.caffe.layers import LAYERS
from archdsl.frontends.caffe.message import parse
from archdsl.frontends.caffe.network import LOSSES, SOURCES, Layer, Layers
from archdsl.frontends.caffe.work import Failed, Work
from archdsl.frontends.flat import Flat, Ref, Refused, not_read, too_many, wrong
from archdsl.ir.imported import Imported
from archdsl.source import Source, Span
from archdsl.suggest import nearest
from archdsl.syntax.parser import check_size, read_source
from archdsl.tensor import Tensor
from archdsl.text import shown


def read(path: Path, name: str, inputs: Sequence[Tensor]) -> Imported:
    """The network in a file of Caffe, as it is deployed. Raises `CompileError` if it is wrong.

    Inputs have the sizes that the file states, or those of `inputs`, channels first, in the order of the file.
    """
    source = read_source(path, name)
    check_size([source])
    return read_text(source, path.stem, inputs)


def read_text(source: Source, title: str, inputs: Sequence[Tensor] = ()) -> Imported:
    """The same for the text of a file. The network has the name that the text states, or else `title`."""
    flat = Flat(source)
    with flat.noting():
        net = parse(source)
        layers = Layers(net)
        reader = _Reader(flat, layers, inputs)
        flat.problems[:] = sorted([*layers.problems, *flat.problems], key=lambda one: one.span.start if one.span else 0)
        if reader.given and not flat.problems:
            raise too_many(source, len(inputs), len(inputs) - len(reader.given))
        results, lasting = ([], 0) if flat.problems else reader.results()
        return flat.imported(net.text("name") or title, results, lasting, reader.said())
    raise CompileError(flat.problems)


class _Reader:
    """Reads the layers in their order."""

    def __init__(self, flat: Flat, layers: Layers, inputs: Sequence[Tensor]) -> None:
        self.flat, self.layers, self.given = flat, layers, list(inputs)
        self.work = Work(flat)
        self.left: list[str] = []
        """The names of layers that serve training alone."""
        self.shapes = self._declared()
        for layer in layers.layers:
            with flat.noting():
                self._read(layer)

    def _read(self, layer: Layer) -> None:
        if layer.type in LOSSES:
            self.left.append(layer.name or layer.type.lower())
            return
        if layer.type in SOURCES:
            self._enter_inputs(layer)
            return
        if layer.type not in LAYERS:
            raise self._unknown(layer)
        try:
            made = LAYERS[layer.type](self.work, layer)
        except Failed:
            return
        finally:
            self.flat.problems += [*layer.message.slips(), *layer.parameters.slips()]
        values = made if isinstance(made[0], tuple) else (made,)
        if len(layer.tops) > len(values):
            raise wrong(f"the layer gives {len(values)} value, and has {len(layer.tops)} names for it", layer.span)
        for number, value in enumerate(values):
            self.work.values[layer, number] = value

    def _unknown(self, layer: Layer) -> Refused:
        span, kind = layer.message.place("type"), layer.message.text("type")
        known = {name.upper(): name for name in TYPES}
        meant = nearest(layer.type, sorted({*known, *LAYERS}))
        help = (
            f"did you mean `{known.get(meant, meant)}`?"
            if meant
            else "write the network as a spec, see `docs/language.md`"
        )
        return not_read(f"layers of the type `{shown(kind, 60)}` are not read", span, help)

    # --- inputs -------------------------------------------------------------------------------------

    def _declared(self) -> list[tuple[list[int], Span]]:
        """The shapes that stand before the layers, with the batch."""
        net = self.layers.net
        shapes = [(shape.wholes("dim", 1), shape.span) for shape in net.messages("input_shape")]
        dims, span = net.wholes("input_dim", 1), net.place("input_dim")
        return shapes or [(dims[start : start + 4], span) for start in range(0, len(dims), 4)]

    def _enter_inputs(self, layer: Layer) -> None:
        """Adds the network's inputs that a layer gives. Labels, which losses alone take, are none."""
        for number, top in enumerate(layer.tops):
            if number and all(user.type in LOSSES for user in layer.users.get(number, ())):
                continue
            tensor = self.given.pop(0) if self.given else self._stated(layer, number)
            (value,) = self.flat.add("input", span=layer.span, name=top, dims=tensor.dims)
            self.work.values[layer, number] = value

    def _stated(self, layer: Layer, number: int) -> Tensor:
        """The shape that the file states for an input."""
        found: tuple[list[int], Span] | None = None
        if layer.type == "INPUT" and not layer.message.fields:
            found = self.shapes.pop(0) if self.shapes else None
        elif layer.type in ("INPUT", "DUMMYDATA"):
            shapes = [(s.wholes("dim", 1), s.span) for s in layer.parameters.messages("shape")]
            found = shapes[min(number, len(shapes) - 1)] if shapes else None
        elif layer.type == "MEMORYDATA":
            sides = [layer.parameters.whole(side, 0) for side in ("channels", "height", "width")]
            found = ([1, *sides], layer.span) if all(sides) else None
        if found is None:
            message = f"the file does not state the shape of `{shown(layer.tops[number], 60)}`"
            raise wrong(message, layer.span, "give it to `archdsl import`, as in `--input 3x224x224`")
        dims, span = found
        if len(dims) < 2:
            raise wrong(f"an input has the batch and at least one dimension, got {len(dims)}", span)
        return Tensor(*dims[1:])

    # --- outputs ------------------------------------------------------------------------------------

    def results(self) -> tuple[list[tuple[str, Ref]], int]:
        """The values that no layer takes but those for losses: the last one first.

        Of the others, those that only a loss takes exist in training alone; these come last, and the number of the
        results before them is given, too.
        """
        ends: list[tuple[str, Ref, bool]] = []
        for layer in self.layers.layers:
            for number, top in enumerate(layer.tops):
                users, value = layer.users.get(number, {}), self.work.values.get((layer, number))
                if value and layer.type not in SOURCES and all(user.type in LOSSES for user in users):
                    ends.append((top, value, bool(users)))
        if not ends:
            raise CompileError([Diagnostic("bad-model-file", f"{self.flat.source.name} has no layers", self._begin())])
        *others, (name, value, _) = ends
        lasting = [(key, ref) for key, ref, trained in others if not trained]
        training = [(key, ref) for key, ref, trained in others if trained]
        return [(name, value), *lasting, *training], 1 + len(lasting)

    def _begin(self) -> Span:
        return Span(self.flat.source, 0, 0)

    def said(self) -> str:
        """What was left out, in words."""
        if not self.left:
            return ""
        return f"left out, since they serve training and tests alone: {shown(', '.join(self.left))}"


TYPES = (
    *("Convolution", "Deconvolution", "InnerProduct", "Pooling", "BatchNorm", "Scale", "ReLU", "PReLU", "Sigmoid"),
    *("TanH", "Softmax", "Dropout", "Eltwise", "Concat", "Slice", "Flatten", "Reshape", "Input", "Data"),
)
"""Types of layers as Caffe writes them."""
