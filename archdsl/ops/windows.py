"""Attention inside windows: the module that the emitted code has for that of maps, and which positions see each other.

The windows lie side by side (Liu et al. 2021, Swin), or each takes positions that are spread over the whole map as a
grid (Tu et al. 2022, MaxViT).
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.ops.arguments import Mismatch, spread, times
from archdsl.ops.base import Window
from archdsl.ops.emission import Support
from archdsl.tensor import Tensor

WINDOW_ATTEND = Support(
    "WindowAttend",
    '''\
class WindowAttend(nn.Module):
    """Attention inside windows of a map, or inside grids that are spread over it. Channels last.

    A shift moves the windows; where they reach over the border, they are cut there. A relative
    window has a learned bias for each head and each distance between two of its positions.
    """

    def __init__(
        self,
        heads,
        window,
        shift=0,
        grid=False,
        relative=False,
        grouped=False,
        scale=None,
        dropout=0.0,
    ):
        super().__init__()
        self.heads = heads
        self.window = (window, window) if isinstance(window, int) else window
        self.shift = (shift, shift) if isinstance(shift, int) else shift
        self.grid = grid
        self.grouped = grouped  # fewer heads of keys and values than of queries
        self.scale = scale
        self.dropout = dropout
        self.register_parameter("bias_table", None)
        self.register_buffer("bias_index", None, persistent=False)
        if relative:
            height, width = self.window
            self.bias_table = nn.Parameter(torch.empty((2 * height - 1) * (2 * width - 1), heads))
            nn.init.trunc_normal_(self.bias_table, std=0.02)
            row = torch.arange(height).repeat_interleave(width)
            column = torch.arange(width).repeat(height)
            down = row[:, None] - row + height - 1
            right = column[:, None] - column + width - 1
            self.bias_index = down * (2 * width - 1) + right

    def forward(self, q, k, v):
        height, width = q.shape[1], q.shape[2]
        # A window that is as large as the map is not shifted.
        down = self.shift[0] if self.window[0] < height else 0
        right = self.shift[1] if self.window[1] < width else 0
        if down or right:
            q = q.roll((-down, -right), (1, 2))
            k = k.roll((-down, -right), (1, 2))
            v = v.roll((-down, -right), (1, 2))
        size = q.shape[-1] // self.heads
        q = self.windows(q).unflatten(-1, (self.heads, size)).transpose(1, 2)
        k = self.windows(k).unflatten(-1, (-1, size)).transpose(1, 2)
        v = self.windows(v).unflatten(-1, (k.shape[1], -1)).transpose(1, 2)
        x = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=self.bias(q, height, width, down, right),
            dropout_p=self.dropout if self.training else 0.0,
            scale=self.scale,
            enable_gqa=self.grouped,
        )
        x = self.joined(x.transpose(1, 2).flatten(2), height, width)
        return x.roll((down, right), (1, 2)) if down or right else x

    def windows(self, x):
        """A map as its windows, further samples of the batch: window, position, channel."""
        height, width = self.window
        if self.grid:
            x = x.unflatten(1, (height, -1)).unflatten(3, (width, -1)).permute(0, 2, 4, 1, 3, 5)
        else:
            x = x.unflatten(1, (-1, height)).unflatten(3, (-1, width)).permute(0, 1, 3, 2, 4, 5)
        return x.flatten(3, 4).flatten(0, 2)

    def joined(self, x, height: int, width: int):
        """The map of these windows."""
        x = x.unflatten(1, self.window)
        x = x.unflatten(0, (-1, height // self.window[0], width // self.window[1]))
        x = x.permute(0, 3, 1, 4, 2, 5) if self.grid else x.permute(0, 1, 3, 2, 4, 5)
        return x.flatten(3, 4).flatten(1, 2)

    def bias(self, q, height: int, width: int, down: int, right: int):
        """What is added to the scores: minus infinity between the parts of a window that is cut."""
        bias: Tensor | None = None
        if self.bias_table is not None:
            bias = self.bias_table[self.bias_index].permute(2, 0, 1).unsqueeze(0)
        if down or right:
            part = self.parts(height, width, down, right, q.device)
            cut = q.new_zeros(1).masked_fill(part[:, :, None] != part[:, None, :], float("-inf"))
            cut = cut.unsqueeze(1)
            bias = cut if bias is None else bias + cut
            bias = bias.repeat(q.shape[0] // part.shape[0], 1, 1, 1)
        return bias

    def parts(self, height: int, width: int, down: int, right: int, device: torch.device):
        """For each position of each window, in which part of it that lies."""
        below = torch.arange(height, device=device) >= height - down
        beyond = torch.arange(width, device=device) >= width - right
        return self.windows((2 * below[:, None] + beyond)[None, :, :, None]).squeeze(-1)
''',
)


@dataclass(frozen=True, slots=True)
class Windows:
    """How a map or a clip falls into windows: their size, and how far they are moved, in each dimension."""

    size: tuple[int, ...]
    shift: tuple[int, ...]

    @classmethod
    def of(cls, x: Tensor, size: int | tuple[int, ...], shift: int | tuple[int, ...]) -> Windows:
        """The windows of a map or a clip. Raises `Mismatch` if it does not fall into windows of that size."""
        if x.rank not in (3, 4):
            raise Mismatch(
                f"windows lie in a map or a clip, channels x height x width or channels x frames x height x width, "
                f"got {x}",
                argument="windows",
                code="wrong-rank",
                help="leave out `windows`, and what belongs to it",
            )
        sizes, moved = spread(size, x, "windows"), spread(shift, x, "shift")
        over = tuple(-length % window for length, window in zip(x.spatial, sizes, strict=True))
        if any(over):
            border = "[" + ", ".join(f"0, {pixels}" for pixels in reversed(over)) + "]"
            raise Mismatch(
                f"a {'map' if x.rank == 3 else 'clip'} of {times(x.spatial)} does not fall into windows of "
                f"{times(sizes)}",
                argument="windows",
                help=f"put `pad({border})` before the projections and `trim({border})` after the attention"
                + _dividing(x.spatial, sizes),
            )
        if any(m >= window for m, window in zip(moved, sizes, strict=True)):
            raise Mismatch(
                f"a shift of {times(moved)} is not smaller than a window of {times(sizes)}",
                argument="shift",
                code="bad-choice",
                help="half a window is usual: " + f"write `shift={sizes[0] // 2}`",
            )
        pairs = zip(moved, sizes, x.spatial, strict=True)
        return cls(sizes, tuple(m if window < length else 0 for m, window, length in pairs))


def _dividing(spatial: tuple[int, ...], sizes: tuple[int, ...]) -> str:
    """The window nearest in size into which a map or a clip does fall, if there is one of several pixels."""
    fitting = [window for window in range(2, min(spatial) + 1) if not any(length % window for length in spatial)]
    nearest = min(fitting, key=lambda window: abs(window - sizes[0]), default=None)
    return f", or write `windows={nearest}`" if nearest else ""


@dataclass(frozen=True, slots=True)
class Tiles(Window):
    """Windows side by side, each of whose positions sees all of it; those at the border may be smaller."""

    tiles: Windows = Windows((), ())
    lengths: tuple[int, ...] = ()

    def reach(self, dimension: int, first: int, last: int) -> tuple[int, int]:
        size, shift = self.tiles.size[dimension], self.tiles.shift[dimension]
        start = (first - shift) // size * size + shift
        end = (last - shift) // size * size + shift + size - 1
        return max(start, 0), min(end, self.lengths[dimension] - 1)
