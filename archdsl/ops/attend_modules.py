"""The modules that the emitted code has for attention between all positions; `windows.py` has that inside windows."""

from __future__ import annotations

from archdsl.ops.emission import Support

ATTEND_SOURCE = '''\
class Attend(nn.Module):
    """Every position of q asks all positions of k, and mixes what v has there. Channels last."""

    def __init__(self, heads, grouped=False, causal=False, scale=None, dropout=0.0):
        super().__init__()
        self.heads = heads
        self.grouped = grouped  # fewer heads of keys and values than of queries
        self.causal = causal
        self.scale = scale
        self.dropout = dropout

    def forward(self, q, k, v):
        size = q.shape[-1] // self.heads
        q = q.unflatten(-1, (self.heads, size)).transpose(1, 2)
        k = k.unflatten(-1, (-1, size)).transpose(1, 2)
        v = v.unflatten(-1, (k.shape[1], -1)).transpose(1, 2)
        x = F.scaled_dot_product_attention(
            q,
            k,
            v,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
            scale=self.scale,
            enable_gqa=self.grouped,
        )
        return x.transpose(1, 2).flatten(2)
'''


def _with_cache(source: str) -> str:
    """The source of attention that takes the keys and values of earlier positions from the cache, too."""
    split = "        v = v.unflatten(-1, (k.shape[1], -1)).transpose(1, 2)\n"
    cached = "        if Cache.active is not None:\n            k, v = Cache.active.joined(self, k, v)\n"
    return source.replace(split, split + cached)


ATTEND = Support(
    "Attend",
    ATTEND_SOURCE,
    cached=_with_cache(ATTEND_SOURCE)
    .replace(
        "        x = F.scaled_dot",
        """\
        mask = None
        if self.causal and 1 < q.shape[2] < k.shape[2]:  # several, after those in the cache
            seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
            mask = seen.tril(k.shape[2] - q.shape[2])
        x = F.scaled_dot""",
    )
    .replace(
        "            is_causal=self.causal",
        "            attn_mask=mask,\n            is_causal=self.causal and q.shape[2] == k.shape[2]",
    ),
)

BIASED_SOURCE = '''\
class BiasedAttend(nn.Module):
    """Every position of q asks all positions of k, and mixes what v has there. Channels last.

    The bias is added to the scores; its axes are batch, heads, queries and keys.
    """

    def __init__(self, heads, grouped=False, causal=False, scale=None, dropout=0.0):
        super().__init__()
        self.heads = heads
        self.grouped = grouped  # fewer heads of keys and values than of queries
        self.causal = causal
        self.scale = scale
        self.dropout = dropout

    def forward(self, q, k, v, bias):
        size = q.shape[-1] // self.heads
        q = q.unflatten(-1, (self.heads, size)).transpose(1, 2)
        k = k.unflatten(-1, (-1, size)).transpose(1, 2)
        v = v.unflatten(-1, (k.shape[1], -1)).transpose(1, 2)
        if self.causal:  # PyTorch takes a bias or is_causal, not both
            bias = bias + bias.new_full(bias.shape[2:], float("-inf")).triu(1)
        x = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=bias,
            dropout_p=self.dropout if self.training else 0.0,
            scale=self.scale,
            enable_gqa=self.grouped,
        )
        return x.transpose(1, 2).flatten(2)
'''

BIASED_ATTEND = Support(
    "BiasedAttend",
    BIASED_SOURCE,
    cached=_with_cache(BIASED_SOURCE).replace(
        'bias = bias + bias.new_full(bias.shape[2:], float("-inf")).triu(1)',
        "hidden = 1 + k.shape[2] - q.shape[2]  # the first key that the first query does not see\n"
        '            bias = bias + bias.new_full(bias.shape[2:], float("-inf")).triu(hidden)',
    ),
)

MAP_SOURCE = '''\
class MapAttend(nn.Module):
    """Attention between all pixels of maps, channels first."""

    def __init__(self, heads, grouped=False, scale=None, dropout=0.0):
        super().__init__()
        self.attend = Attend(heads, grouped, scale=scale, dropout=dropout)

    def forward(self, q, k, v):
        size = q.shape[2:]
        q = q.flatten(2).transpose(1, 2).contiguous()
        k = k.flatten(2).transpose(1, 2).contiguous()
        v = v.flatten(2).transpose(1, 2).contiguous()
        return self.attend(q, k, v).transpose(1, 2).unflatten(2, size)
'''

MAP_ATTEND = Support("MapAttend", MAP_SOURCE, needs=(ATTEND,))

BIASED_MAP_ATTEND = Support(
    "BiasedMapAttend",
    MAP_SOURCE.replace("MapAttend", "BiasedMapAttend")
    .replace(" Attend(", " BiasedAttend(")
    .replace("all pixels of maps, channels first.", "all pixels of maps, channels first, with a bias.")
    .replace("q, k, v)", "q, k, v, bias)"),
    needs=(BIASED_ATTEND,),
)
