"""The part of a file that loads the weights of a public network: its names for them, and the method that reads them.

STARTS = {"conv1.": "conv1.conv.", "layer2.": "conv3.", "fc.": "head.linear."}
PARTS = ((r"\\bdownsample\\.0\\b", "shortcut.conv"),)

def published_name(name: str) -> str: ...
def load_published(self, state: Mapping[str, Tensor]) -> None: ...      # a method of the network
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archdsl.backends.python.code import Code, Function, Line, Suite, Text
from archdsl.backends.python.layout import lay_out
from archdsl.backends.torch.renaming import Part, Renaming, covering, renaming
from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Family

NAMES = ("STARTS", "PARTS", "UNUSED", "published_name", "for_channels")
"""What the file defines for it."""

OWN = ("weight", "bias")
"""The weights of a last layer, which have a row for each output."""

COUNTER = "num_batches_tracked"
"""What old checkpoints do not have."""


@dataclass(frozen=True, slots=True)
class Published:
    """The weights of a public network: pairs of their names and ours, and their names that have no counterpart."""

    reference: str
    pairs: tuple[tuple[str, str], ...]
    unused: tuple[str, ...] = ()


class Loading:
    """The code that loads published weights into one network."""

    def __init__(self, graph: Graph, published: Published, takes_channels: bool) -> None:
        self.published = published
        self.rules: Renaming = renaming(published.pairs, published.unused)
        self.unused = covering(published.unused, [theirs for theirs, _ in published.pairs])
        self.first = [f"{node.weights}.weight" for node in first_convolutions(graph)] if takes_channels else []
        self.last = [node.key(slot) for node in last_layers(graph) for slot in _slots(graph, node) if slot in OWN]
        self.counts = any(name.endswith(COUNTER) for _, name in published.pairs)
        ours = {name for _, name in published.pairs}
        all_names = (node.key(slot) for node in graph for slot in _slots(graph, node))
        self.fresh = covering(sorted({name for name in all_names if name not in ours}), sorted(ours))

    @property
    def imports(self) -> tuple[str, ...]:
        return ("import re", "import warnings") if self.rules.parts else ("import warnings",)

    def definitions(self) -> Iterator[Text | Function]:
        """What stands before the network: the rules, and the functions that apply them."""
        rows = ", ".join(f'"{theirs}": "{ours}"' for theirs, ours in self.rules.starts)
        yield _assigned(
            "STARTS", f"{{{rows}}}", f"What weights of {self.published.reference} begin with, and begin with here."
        )
        if self.rules.parts:
            rows = "".join(f"    {_row(part)},\n" for part in self.rules.parts)
            doc = "What may stand in the rest of their names, and what stands for it here."
            yield _defined(f"PARTS = (\n{rows})", doc)
        if self.unused:
            rows = ", ".join(f'"{start}"' for start in self.unused)
            yield _assigned("UNUSED", f"({rows},)", "What weights begin with for which this network has no place.")
        yield self._name()
        if self.first:
            yield Text(FOR_CHANNELS)

    def _name(self) -> Function:
        rest: tuple[Code, ...] = (Line("return ours + name.removeprefix(theirs)"),)
        if self.rules.parts:
            replaced = Suite("for pattern, part in PARTS:", (Line("rest = re.sub(pattern, part, rest)"),))
            rest = (Line("rest = name.removeprefix(theirs)"), replaced, Line("return ours + rest"))
        found = Suite("for theirs, ours in STARTS.items():", (Suite("if name.startswith(theirs):", rest),))
        doc = f"The name here of a weight of {self.published.reference}; empty for any other name."
        return Function("published_name", ("name: str",), "str", (found, Line('return ""')), doc=(doc,))

    def method(self) -> Function:
        """The method `load_published`."""
        doc = [f"Load a state dict of {self.published.reference}, such as its published weights.", ""]
        if self.first:
            doc += ["The first convolution is adapted to other channels of the image. If there are other classes,"]
            doc += ["the layer that gives them stays as it is, with a warning. Raises ValueError for other weights."]
        else:
            doc += ["If there are other classes, the layer that gives them stays as it is, with a warning. Raises"]
            doc += ["ValueError for other weights."]
        arguments = ("self", "state: Mapping[str, Tensor]")
        return Function("load_published", arguments, "None", tuple(self._lines()), doc=tuple(doc))

    def _lines(self) -> Iterator[Code]:
        reference = self.published.reference
        yield Line("own = self.state_dict()")
        yield Line("loaded = {}")
        yield from (Line("kept = []"),) if self.last else ()
        yield Suite("for theirs, value in state.items():", tuple(self._weight(reference)))
        conditions = ["name not in loaded", *(["name not in kept"] if self.last else [])]
        conditions += [f'not name.endswith("{COUNTER}")'] if self.counts else []
        conditions += [f"not name.startswith({_texts(self.fresh)})"] if self.fresh else []
        yield Line(f"missing = [name for name in own if {' and '.join(conditions)}]")
        missing = f'raise ValueError(f"the weights of {reference} have none for {{missing[0]}}")'
        yield Suite("if missing:", (Line(missing),))
        if self.last:
            text = "f\"not loaded, since the numbers of outputs differ: {', '.join(kept)}\""
            yield Suite("if kept:", (Line(f"warnings.warn({text}, stacklevel=2)"),))
        yield Line("self.load_state_dict(loaded, strict=False)")

    def _weight(self, reference: str) -> Iterator[Code]:
        if self.unused:
            yield Suite("if theirs.startswith(UNUSED):", (Line("continue"),))
        yield Line("name = published_name(theirs)")
        yield Suite("if name not in own:", (Line(f'raise ValueError(f"{{theirs}} is no weight of {reference}")'),))
        yield Line("shape = own[name].shape")
        if self.first:
            condition = f"if {_is_one('name', self.first)} and value.shape[1] != shape[1]:"
            yield Suite(condition, (Line("value = for_channels(value, shape[1])"),))
        if self.last:
            other = f"if {_is_one('name', self.last)} and len(value) != shape[0]:"
            yield Suite(other, (Line("kept.append(name)"), Line("continue")))
        wrong = 'raise ValueError(f"{theirs} is {tuple(value.shape)}, and {name} is {tuple(shape)}")'
        yield Suite("if value.numel() != shape.numel():", (Line(wrong),))
        yield Line("loaded[name] = value.reshape(shape)")


FOR_CHANNELS = '''
def for_channels(weight: Tensor, channels: int) -> Tensor:
    """Weights of the first convolution for images of other channels, as timm adapts them.

    Their sum over the channels stays: one channel has the sum, others are repeated and scaled.
    """
    published = weight.shape[1]
    if channels == 1:
        return weight.sum(dim=1, keepdim=True)
    repeated = torch.cat([weight] * -(-channels // published), dim=1)
    return repeated[:, :channels] * (published / channels)
'''.strip()


def first_convolutions(graph: Graph) -> list[Node]:
    """The convolutions that take the network's inputs, perhaps after steps without weights."""
    found: list[Node] = []
    pending = list(graph.inputs)
    seen: set[str] = set()
    while pending:
        for node in graph.users(pending.pop().id):
            if node.id in seen:
                continue
            seen.add(node.id)
            if not _slots(graph, node):
                pending.append(node)
            elif node.op.family is Family.CONV:
                found.append(node)
    return found


def last_layers(graph: Graph) -> list[Node]:
    """The layers with weights that the outputs come from, perhaps before steps without weights."""
    found: dict[str, Node] = {}
    pending = [value.node for output in graph.outputs for value in output.values]
    seen: set[str] = set()
    while pending:
        id = pending.pop()
        if id in seen:
            continue
        seen.add(id)
        node = graph.node(id)
        if _slots(graph, node):
            found[id] = node
        else:
            pending += [value.node for value in graph.inputs_of(id)]
    return list(found.values())


def _slots(graph: Graph, node: Node) -> list[str]:
    return list(node.op.state(*graph.tensors_into(node.id)))


def _assigned(name: str, value: str, doc: str) -> Text:
    return _defined("\n".join(lay_out(f"{name} = {value}", 0)), doc)


def _defined(text: str, doc: str) -> Text:
    """A definition that is laid out already: `lay_out` would write the backslashes of patterns twice."""
    return Text(f'{text}\n"""{doc}"""')


def _row(part: Part) -> str:
    if part.shift is None:
        return f'(r"{part.pattern}", "{part.ours}")'
    sign = f" {'+' if part.shift > 0 else '-'} {abs(part.shift)}" if part.shift else ""
    if not sign:
        return f'(r"{part.pattern}", r"{part.ours}\\1")'
    number = f"{{int(found[1]){sign}}}"
    return f'(r"{part.pattern}", lambda found: f"{part.ours}{number}")'


def _is_one(name: str, names: Sequence[str]) -> str:
    return f"{name} == {_quoted(names)[0]}" if len(names) == 1 else f"{name} in ({', '.join(_quoted(names))})"


def _quoted(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _texts(names: Sequence[str]) -> str:
    return _quoted(names)[0] if len(names) == 1 else f"({', '.join(_quoted(names))})"
