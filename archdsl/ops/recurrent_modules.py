"""The modules that the emitted code has for recurrent layers whose states are values; others are PyTorch's own."""

from __future__ import annotations

from archdsl.ops.emission import Support

STATEFUL_LSTM = Support(
    "StatefulLSTM",
    '''\
class StatefulLSTM(nn.Module):
    """An LSTM that begins with a given state, or gives its last one for its sequence.

    Channels are last. A state is h, and then c, of each layer and direction: batch, columns, width.
    """

    def __init__(
        self, channels, width, num_layers=1, dropout=0.0, bidirectional=False, gives_state=False
    ):
        super().__init__()
        self.gives_state = gives_state
        self.layers = nn.LSTM(
            channels,
            width,
            num_layers=num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=bidirectional,
        )

    def forward(self, x, start: Tensor | None = None):
        if start is None:
            x, (h, c) = self.layers(x)
        else:
            h, c = start.transpose(0, 1).chunk(2)
            x, (h, c) = self.layers(x, (h.contiguous(), c.contiguous()))
        return torch.cat([h, c]).transpose(0, 1) if self.gives_state else x
''',
)

STATEFUL_GRU = Support(
    "StatefulGRU",
    '''\
class StatefulGRU(nn.Module):
    """A GRU that begins with a given state, or gives its last one for its sequence.

    Channels are last. A state is h of each layer and direction: batch, columns, width.
    """

    def __init__(
        self, channels, width, num_layers=1, dropout=0.0, bidirectional=False, gives_state=False
    ):
        super().__init__()
        self.gives_state = gives_state
        self.layers = nn.GRU(
            channels,
            width,
            num_layers=num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=bidirectional,
        )

    def forward(self, x, start: Tensor | None = None):
        if start is None:
            x, h = self.layers(x)
        else:
            x, h = self.layers(x, start.transpose(0, 1).contiguous())
        return h.transpose(0, 1) if self.gives_state else x
''',
)
