"""The part of a file for inference that takes the weights of the module for training.

FOLDED = (("conv1", "bn1", 1e-05), ("conv2", "bn2", 1e-05))

def load(self, state: Mapping[str, Tensor]) -> ResNet: ...               # a method of the network
def folded(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]: ...
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from archdsl.backends.python.code import Code, Function, Line, Suite, Text
from archdsl.backends.python.layout import lay_out
from archdsl.backends.torch.renaming import covering
from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Family
from archdsl.ops.norm import Bn
from archdsl.ops.transposed import UpConv

NAMES = ("FOLDED", "UNUSED", "layer_of")
"""What the file defines for it."""

Row = tuple[str, str, float, bool]
"""The ends of the paths of a layer and of the normalization folded into it, what that adds to the variance, and whether
it comes before the layer."""


@dataclass(frozen=True, slots=True)
class Folding:
    """How a network for inference follows from the one for training: the layers with the normalizations that are folded
    into them, by their whole paths, and the names of weights for which it has no place."""

    rows: tuple[Row, ...] = ()
    unused: tuple[str, ...] = ()


class FoldedLoading:
    """The code with which one network for inference takes the weights of the module for training."""

    def __init__(self, graph: Graph, title: str, found: Folding) -> None:
        self.title, self.found, self.graph = title, found, graph
        self.rows = fewest_rows(found.rows)
        self.has_leading = any(leads for *_, leads in found.rows)
        self.transposed = sorted(set(self._transposed()))
        self.keeps_norms = any(isinstance(node.op, Bn) and node.op.track for node in graph)

    def definitions(self) -> Iterator[Text | Function]:
        """What stands before the network: which layers have taken over which normalizations."""
        if self.found.unused:
            starts = covering(self.found.unused, self._own())
            yield _assigned("UNUSED", map(_quoted, starts), "What weights begin with that only training needs.")
        if self.rows:
            last = "; whether it comes first" if self.has_leading else ""
            doc = f"Ends of the paths of a layer and of the batch normalization folded into it, and its eps{last}."
            yield _assigned("FOLDED", (self._row(row) for row in self.rows), doc)
            results = "str, float, bool" if self.has_leading else "str, float"
            yield Text(LAYER_OF.replace("RESULTS", results))

    def _row(self, row: Row) -> str:
        layer, norm, eps, leads = row
        return f"({_quoted(layer)}, {_quoted(norm)}, {eps!r}{f', {leads}' if self.has_leading else ''})"

    def _own(self) -> list[str]:
        """What may not begin so: names of this network's weights, and paths of what is folded into them."""
        own = [node.key(slot) for node in self.graph for slot in node.op.state(*self.graph.tensors_into(node.id))]
        return [*own, *(f"{norm}." for _, norm, *_ in self.found.rows)]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The end of the constructor: weights with the channels last, where all layers take them so."""
        return (Line("self.to(memory_format=torch.channels_last)"),) if is_faster_last(self.graph) else ()

    def methods(self) -> Iterator[Function]:
        """The method `load`, and the one that folds."""
        doc = "Take the weights of the module for training: its state dict. Returns this module."
        kept = "{name: value for name, value in state.items() if not name.startswith(UNUSED)}"
        lines: list[Code] = [Line(f"state = {kept}")] if self.found.unused else []
        lines += [Line(f"self.load_state_dict({'self.folded(state)' if self.rows else 'state'})")]
        yield Function("load", ("self", TAKES), self.title, (*lines, Line("return self.eval()")), doc=(doc,))
        if self.rows:
            yield self._folded()

    def _transposed(self) -> Iterator[str]:
        """The torch classes of layers whose weight has the output channels second."""
        layers = {layer for layer, _, _, leads in self.found.rows if not leads}
        for node in self.graph:
            if isinstance(node.op, UpConv) and node.weights in layers:
                yield node.op.torch(*self.graph.tensors_into(node.id)).target

    def _folded(self) -> Function:
        doc = "The weights with batch normalizations as parts of the layers beside them."
        lines: list[Code] = [Line("own = self.state_dict()")] if self.keeps_norms else []
        lines += [Line("state = dict(state)"), Line(NORMS)]
        body = (*lines, Suite("for norm in norms:", tuple(self._steps())), Line("return state"))
        return Function("folded", ("self", TAKES), "dict[str, Tensor]", body, doc=(doc,))

    def _steps(self) -> Iterator[Code]:
        """The lines that fold one normalization."""
        if self.keeps_norms:
            yield Suite('if f"{norm}.running_var" in own:', (Line("continue"),))
        yield Line(f"layer, eps{', leads' if self.has_leading else ''} = layer_of(norm, state)")
        yield Line('variance, mean = state.pop(f"{norm}.running_var"), state.pop(f"{norm}.running_mean")')
        yield Line('factor = state.pop(f"{norm}.weight", 1.0) * (variance + eps) ** -0.5')
        yield Line('shift = state.pop(f"{norm}.bias", 0.0) - mean * factor')
        yield Line('state.pop(f"{norm}.num_batches_tracked", None)')
        yield Line('weight, bias = state[f"{layer}.weight"], state.get(f"{layer}.bias", 0.0)')
        dimension = self._dimension()
        if dimension != "0":
            yield Line(f"dim = {dimension}")
            dimension = "dim"
        wrong = '"these are weights of another network: {norm} does not fit {layer}"'
        yield Suite(f"if len(variance) != weight.shape[{dimension}]:", (Line(f"raise ValueError(f{wrong})"),))
        yield Line("shape = [1] * weight.dim()")
        yield Line(f"shape[{dimension}] = -1")
        yield Line('state[f"{layer}.weight"] = weight * factor.reshape(shape)')
        trailing = Line('state[f"{layer}.bias"] = bias * factor + shift')
        if self.has_leading:
            seen = "(weight * shift.reshape(shape)).flatten(1).sum(1)"
            yield Suite("if leads:", (Line(f'state[f"{{layer}}.bias"] = bias + {seen}'),))
            yield Suite("else:", (trailing,))
        else:
            yield trailing

    def _dimension(self) -> str:
        """Which dimension of the layer's weight has the channels that are normalized."""
        conditions = ["leads"] if self.has_leading else []
        if self.transposed:
            classes = " | ".join(self.transposed)
            conditions.append(f"isinstance(self.get_submodule(layer), {classes})")
        return f"1 if {' or '.join(conditions)} else 0" if conditions else "0"


NORMS = 'norms = [name.rpartition(".")[0] for name in state if name.endswith(".running_var")]'

TAKES = "state: Mapping[str, Tensor]"

LAYER_OF = '''
def layer_of(norm: str, state: Mapping[str, Tensor]) -> tuple[RESULTS]:
    """The layer that a batch normalization is folded into, and the rest of its row."""
    for layer, end, *rest in FOLDED:
        path = f"{norm.removesuffix(end)}{layer}"
        if f".{norm}".endswith(f".{end}") and f"{path}.weight" in state:
            return path, *rest
    raise ValueError(f"this network has no layer for {norm}")
'''.strip()


def fewest_rows(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Rows by which `layer_of` finds the same. They are those of ends of paths and, before them, whole ones where ends
    alone would lead to another layer: the longest first, since a path may be the end of a longer one."""
    layers = {layer for layer, *_ in rows}
    ends = dict.fromkeys(map(_ends, rows))
    whole: list[Row] = []
    while True:
        found = (*sorted(whole, key=lambda row: -len(row[1])), *ends)
        misled = [row for row in rows if _found(row[1], found, layers) != (row[0], *row[2:])]
        if not misled:
            return found
        whole += misled


def _found(norm: str, rows: Sequence[Row], layers: Collection[str]) -> tuple[str, float, bool] | None:
    """What the function `layer_of` of the file finds."""
    for layer, end, eps, leads in rows:
        path = norm.removesuffix(end) + layer
        if f".{norm}".endswith(f".{end}") and path in layers:
            return path, eps, leads
    return None


def _ends(row: Row) -> Row:
    """The row without what the beginnings of both paths have in common."""
    layer, norm = row[0].split("."), row[1].split(".")
    same = len(list(takewhile(lambda two: two[0] == two[1], zip(layer, norm, strict=False))))
    return ".".join(layer[same:]), ".".join(norm[same:]), *row[2:]


def _quoted(text: str) -> str:
    return f'"{text}"'


def _assigned(name: str, values: Iterable[str], doc: str) -> Text:
    text = "\n".join(lay_out(f"{name} = ({', '.join(values)},)", 0))
    return Text(f'{text}\n"""{doc}"""')


def is_faster_last(graph: Graph) -> bool:
    """Whether convolutions of images are faster with the channels last, and no other layer has to turn them back.

    Measured on a CPU with folded normalizations, they take 0.7 to 1 times as long in 15 convolutional networks. In
    networks that work on tokens too, whose layers have the channels last anyway, it is 0.98 to 1.1.
    """
    convs = [node for node in graph if node.op.family is Family.CONV]
    maps = all(graph.tensors_into(node.id)[0].rank == 3 for node in convs)
    return bool(convs) and maps and not any(_has_channels_last(graph, node) for node in graph)


def _has_channels_last(graph: Graph, node: Node) -> bool:
    tensors = graph.tensors_into(node.id)
    return any(tensor.rank > 1 for tensor in tensors) and node.op.layout_for(*tensors) == "last"
