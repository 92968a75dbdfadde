"""Shows how numbers are worked out by hand: `5·5·3·8 + 8 = 608`, `(227 - 11)/4 + 1 = 55`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archdsl.analyses.receptive_field import ReceptiveFields
from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Window

LONGEST = 4
"""Up to so many terms are written as products. Of more terms, only the results are written and added."""

MOST = 8
"""Up to so many numbers are written as a sum. Of more, only the total is written."""


def params_working(graph: Graph, nodes: Sequence[Node]) -> str:
    """How the learned numbers of these nodes are counted. The nodes must not share weights.

    >>> from archdsl.driver import compile_network, open_spec
    >>> graph = compile_network(open_spec("resnet"), "50").graph
    >>> params_working(graph, [graph.node("conv1.conv"), graph.node("conv1.bn")])
    '7·7·3·64 + 2·64 = 9,536'
    """
    terms = [(node.op.working(*graph.tensors_into(node.id)).params, params(graph, node)) for node in nodes]
    return _sum([term for term in terms if term[1]])


def macs_working(graph: Graph, nodes: Sequence[Node]) -> str:
    """How the multiply-adds of these nodes are counted, for one input."""
    terms = [(node.op.working(*graph.tensors_into(node.id)).macs, macs(graph, node)) for node in nodes]
    return _sum([term for term in terms if term[1]])


def params(graph: Graph, node: Node) -> int:
    return node.op.params(*graph.tensors_into(node.id))


def macs(graph: Graph, node: Node) -> int:
    return node.op.macs(*graph.tensors_into(node.id))


def _sum(terms: Sequence[tuple[str, int]]) -> str:
    total = sum(value for _, value in terms)
    texts = [text or f"{value:,}" for text, value in terms]
    if sum(text.count(" + ") + 1 for text in texts) > LONGEST:
        texts = [f"{value:,}" for _, value in terms] if len(terms) <= MOST else []
    text = " + ".join(texts)
    return f"{text} = {total:,}" if text and text != f"{total:,}" else f"{total:,}"


def output_working(graph: Graph, node: Node) -> str:
    """How the output's size in pixels follows from the input's, for each dimension, or once if all are equal.

    It is "" for an op without a sliding window.
    """
    found = lengths(graph, node)
    return _told(map(str, found)) if None not in found else ""


def _told(texts: Iterable[str]) -> str:
    """A text for each dimension, or one if all are equal."""
    each = list(texts)
    return ", ".join(each if len(set(each)) > 1 else each[:1])


def lengths(graph: Graph, node: Node) -> list[Length | None]:
    """How each size of the output follows from the input's; none for an op without a sliding window."""
    tensors = graph.tensors_into(node.id)
    window = node.op.window(*tensors) if tensors else None
    if window is None or window.everything or window.so_far or len(node.output.spatial) != len(window.kernel):
        return []
    sizes = zip(range(len(window.kernel)), tensors[0].spatial, node.output.spatial, strict=True)
    return [length(window, dimension, before, after) for dimension, before, after in sizes]


@dataclass(frozen=True, slots=True)
class Length:
    """How the size `after` a sliding window follows from the size `before` it, in pixels of one dimension.

    It is (room / stride) + 1, where room is what the window can move: from the first pixel to the last, with the
    padding at the `start` and the `end`, less the `reach` of the window. `stretch` is the distance to which the op
    first moves its pixels apart; 1 but for ops that enlarge. A quotient that is not whole is rounded "down" or "up".
    """

    before: int
    after: int
    kernel: int
    dilation: int
    stride: int
    stretch: int
    start: int
    end: int
    rounded: Literal["", "down", "up"]

    @property
    def reach(self) -> int:
        """Pixels from the first weight of the window to the last, both included."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def is_multiple(self) -> bool:
        """Whether the op enlarges by a whole factor, so that the size is just multiplied."""
        return self.stretch > 1 and self.after == self.before * self.stretch

    def __str__(self) -> str:
        """`(224 - 7 + 2·3)/2 + 1 = 112`. A quotient that is not whole is put in the signs for rounding: `⌊...⌋`."""
        if self.is_multiple:
            return f"{self.before}·{self.stretch} = {self.after}"
        extent = self.kernel if self.dilation == 1 or self.kernel == 1 else f"({self.dilation}·({self.kernel} - 1) + 1)"
        size = f"({self.before} - 1)·{self.stretch} + 1" if self.stretch > 1 else f"{self.before}"
        text = f"{size} - {extent}{_padding(self.start, self.end)}"
        if self.stride == 1:
            return f"{text} + 1 = {self.after}"
        left, right = {"": ("", ""), "down": ("⌊", "⌋"), "up": ("⌈", "⌉")}[self.rounded]
        return f"{left}({text})/{self.stride}{right} + 1 = {self.after}"


def length(window: Window, dimension: int, before: int, after: int) -> Length | None:
    """How the size `after` follows from the size `before`; None if it follows from the window in no such way."""
    kernel, dilation, stride = window.kernel[dimension], window.dilation[dimension], window.stride[dimension]
    stretch = window.stretch[dimension] if window.stretch else 1
    start, end = window.padding[dimension]
    quotient, remainder = divmod((before - 1) * stretch - dilation * (kernel - 1) + start + end, stride)
    found = Length(before, after, kernel, dilation, stride, stretch, start, end, "")
    if found.is_multiple or (not remainder and quotient + 1 == after):
        return found
    if remainder and after in (quotient + 1, quotient + 2):
        return replace(found, rounded="down" if after == quotient + 1 else "up")
    return None


def _padding(start: int, end: int) -> str:
    if start < 0 or end < 0:
        return "".join(f" {'+' if side > 0 else '-'} {abs(side)}" for side in (start, end) if side)
    if start == end:
        return f" + 2·{start}" if start else ""
    return f" + {start} + {end}"


def field_working(graph: Graph, fields: ReceptiveFields, node: Node) -> str:
    """How a receptive field follows from the one before: `7 + (3 - 1)·2 = 11`, for each dimension or once for all.

    After a global op, a join or an upsampling there is no such formula, and the text is the field alone.
    """
    field = fields.fields[node.id]
    sizes = _told(map(str, field.size))
    tensors, inputs = graph.tensors_into(node.id), graph.inputs_of(node.id)
    window = node.op.window(*tensors) if tensors else None
    if window is None or window.everything or any(s > 1 for s in window.stretch):
        return sizes
    before = fields.fields[inputs[0].node]
    texts = []
    for dimension, kernel in enumerate(window.kernel[: len(field.size)]):
        step = before.largest[dimension].stride
        reach = window.dilation[dimension] * (kernel - 1)
        if before.size[dimension] + reach * step != field.size[dimension]:
            return sizes
        if not reach:
            texts.append(str(field.size[dimension]))
            continue
        wide = f"{window.dilation[dimension]}·({kernel} - 1)" if window.dilation[dimension] > 1 else f"({kernel} - 1)"
        texts.append(f"{before.size[dimension]} + {wide}·{step:g} = {field.size[dimension]}")
    return _told(texts)
