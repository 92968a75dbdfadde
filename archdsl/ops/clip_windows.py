"""Attention inside windows of a clip: the module that the emitted code has for it; `windows.py` has that of maps."""

from __future__ import annotations

from archdsl.ops.emission import Support

CLIP_WINDOW_ATTEND = Support(
    "ClipWindowAttend",
    '''\
class ClipWindowAttend(nn.Module):
    """Attention inside windows of a clip, some frames long. Channels last.

    A shift moves the windows; where they reach over the border, they are cut there. A relative
    window has a learned bias for each head and each distance between two of its positions.
    """

    def __init__(
        self,
        heads,
        window,
        shift=(0, 0, 0),
        relative=False,
        grouped=False,
        scale=None,
        dropout=0.0,
    ):
        super().__init__()
        self.heads = heads
        self.window = window  # frames, height, width
        self.shift = shift
        self.grouped = grouped  # fewer heads of keys and values than of queries
        self.scale = scale
        self.dropout = dropout
        self.register_parameter("bias_table", None)
        self.register_buffer("bias_index", None, persistent=False)
        if relative:
            frames, rows, columns = (2 * length - 1 for length in window)
            self.bias_table = nn.Parameter(torch.empty(frames * rows * columns, heads))
            nn.init.trunc_normal_(self.bias_table, std=0.02)
            place = torch.cartesian_prod(*(torch.arange(length) for length in window))
            after, down, right = (place[:, None] - place).unbind(-1)
            row = (after + window[0] - 1) * rows + down + window[1] - 1
            self.bias_index = row * columns + right + window[2] - 1

    def forward(self, q, k, v):
        frames, height, width = q.shape[1], q.shape[2], q.shape[3]
        # A window that is as large as the clip is not shifted.
        after = self.shift[0] if self.window[0] < frames else 0
        down = self.shift[1] if self.window[1] < height else 0
        right = self.shift[2] if self.window[2] < width else 0
        is_cut = after > 0 or down > 0 or right > 0
        if is_cut:
            q = q.roll((-after, -down, -right), (1, 2, 3))
            k = k.roll((-after, -down, -right), (1, 2, 3))
            v = v.roll((-after, -down, -right), (1, 2, 3))
        size = q.shape[-1] // self.heads
        q = self.windows(q).unflatten(-1, (self.heads, size)).transpose(1, 2)
        k = self.windows(k).unflatten(-1, (-1, size)).transpose(1, 2)
        v = self.windows(v).unflatten(-1, (k.shape[1], -1)).transpose(1, 2)
        x = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=self.bias(q, [frames, height, width], [after, down, right]),
            dropout_p=self.dropout if self.training else 0.0,
            scale=self.scale,
            enable_gqa=self.grouped,
        )
        x = self.joined(x.transpose(1, 2).flatten(2), frames, height, width)
        return x.roll((after, down, right), (1, 2, 3)) if is_cut else x

    def windows(self, x):
        """A clip as its windows, further samples of the batch: window, position, channel."""
        frames, height, width = self.window
        x = x.unflatten(1, (-1, frames)).unflatten(3, (-1, height)).unflatten(5, (-1, width))
        return x.permute(0, 1, 3, 5, 2, 4, 6, 7).flatten(4, 6).flatten(0, 3)

    def joined(self, x, frames: int, height: int, width: int):
        """The clip of these windows."""
        x = x.unflatten(1, self.window)
        after, down, right = self.window
        x = x.unflatten(0, (-1, frames // after, height // down, width // right))
        return x.permute(0, 1, 4, 2, 5, 3, 6, 7).flatten(5, 6).flatten(3, 4).flatten(1, 2)

    def bias(self, q, lengths: list[int], shift: list[int]):
        """What is added to the scores: minus infinity between the parts of a window that is cut."""
        bias: Tensor | None = None
        if self.bias_table is not None:
            bias = self.bias_table[self.bias_index].permute(2, 0, 1).unsqueeze(0)
        if max(shift) > 0:
            part = self.parts(lengths, shift, q.device)
            cut = q.new_zeros(1).masked_fill(part[:, :, None] != part[:, None, :], float("-inf"))
            cut = cut.unsqueeze(1)
            bias = cut if bias is None else bias + cut
            bias = bias.repeat(q.shape[0] // part.shape[0], 1, 1, 1)
        return bias

    def parts(self, lengths: list[int], shift: list[int], device: torch.device):
        """For each position of each window, in which part of it that lies."""
        later = torch.arange(lengths[0], device=device) >= lengths[0] - shift[0]
        below = torch.arange(lengths[1], device=device) >= lengths[1] - shift[1]
        beyond = torch.arange(lengths[2], device=device) >= lengths[2] - shift[2]
        part = 4 * later[:, None, None] + 2 * below[:, None] + beyond
        return self.windows(part[None, :, :, :, None]).squeeze(-1)
''',
)
