"""Shows how numbers are worked out by hand: `5·5·3·8 + 8 = 608`, `(227 - 11)/4 + 1 = 55`."""

from __future__ import annotations

from collections.abc import Sequence

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
    tensors = graph.tensors_into(node.id)
    window = node.op.window(*tensors) if tensors else None
    if window is None or window.everything or len(node.output.spatial) != len(window.kernel):
        return ""
    lengths = zip(range(len(window.kernel)), tensors[0].spatial, node.output.spatial, strict=True)
    texts = [_length(window, dimension, before, after) for dimension, before, after in lengths]
    return ", ".join(dict.fromkeys(texts)) if all(texts) else ""


def _length(window: Window, dimension: int, before: int, after: int) -> str:
    """`(224 - 7 + 2·3)/2 + 1 = 112`. A quotient that is not whole is put in the signs for rounding: `⌊...⌋`."""
    if window.stretch and window.stretch[dimension] > 1:
        return ""
    kernel, dilation, stride = window.kernel[dimension], window.dilation[dimension], window.stride[dimension]
    start, end = window.padding[dimension]
    extent = str(kernel) if dilation == 1 or kernel == 1 else f"({dilation}·({kernel} - 1) + 1)"
    free = before - dilation * (kernel - 1) - 1 + start + end
    text = f"{before} - {extent}{_padding(start, end)}"
    if stride == 1:
        return f"{text} + 1 = {after}" if free + 1 == after else ""
    quotient, remainder = divmod(free, stride)
    rounded = {quotient + 1: "⌊⌋", quotient + 2: "⌈⌉"}.get(after) if remainder else "()"
    if rounded is None or (not remainder and quotient + 1 != after):
        return ""
    if rounded == "()":
        return f"({text})/{stride} + 1 = {after}"
    return f"{rounded[0]}({text})/{stride}{rounded[1]} + 1 = {after}"


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
    sizes = ", ".join(map(str, dict.fromkeys(field.size)))
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
    return ", ".join(dict.fromkeys(texts))
