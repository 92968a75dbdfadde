"""Generation of text: which networks say the next word, and what their files define to do so word by word."""

from __future__ import annotations

from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Op

CACHE = '''\
class Cache:
    """Keys and values of earlier positions, by attention, while texts are continued."""

    active: Cache | None = None

    def __init__(self) -> None:
        self.length = 0  # positions so far
        self.kept: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def joined(self, attend: nn.Module, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The keys and values of all positions so far, from those of the new positions."""
        if attend in self.kept:
            keys, values = self.kept[attend]
            k, v = torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)
        self.kept[attend] = k, v
        return k, v
'''

GENERATE = '''\
@torch.no_grad()
def generate(model: nn.Module, tokens: Tensor, count: int) -> Tensor:
    """Continues texts, (batch, length), by `count` tokens, each the likeliest to follow.

    The model sees each token once, since keys and values of earlier positions are kept.
    """
    cache = Cache.active = Cache()
    seen = tokens
    try:
        for _ in range(count):
            logits = model(seen)
            cache.length += seen.shape[1]
            seen = logits[:, :, -1:].argmax(1)
            tokens = torch.cat([tokens, seen], dim=1)
    finally:
        Cache.active = None
    return tokens
'''

POSITIONWISE = (
    "input",
    "embedding",
    "positions",
    "rotary",
    "bucket_bias",
    "linear",
    "rms_norm",
    "add",
    "sub",
    "mul",
    "split",
    "moved",
)
"""Ops that treat each position by itself, or know its number, though they are not `pointwise` in general.

A bias by distance is there for any positions. One by offset (`offset_bias`) has numbers for a text of one length alone,
as a learned bias has, so that a shorter text could not even begin.
"""


def generates(graph: Graph) -> bool:
    """Whether a network gives, for each token of a text, what may follow it, and sees no later token for that."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return False
    (tokens,), (result,) = graph.inputs, graph.outputs[0].values
    asks = any(node.op.name == "attend" for node in graph)
    given = graph.tensor(result)
    is_text = tokens.output.kind == "int" and given.rank == 2 and given.spatial == tokens.output.dims
    return is_text and asks and all(_continues(graph, node) for node in graph)


def _continues(graph: Graph, node: Node) -> bool:
    """Whether a node gives the same for a position when those before it are not computed again."""
    op: Op = node.op
    if op.name == "attend":
        return op.cache(*graph.tensors_into(node.id)) > 0
    return (op.pointwise or op.name in POSITIONWISE) and not op.learns_by_position()
