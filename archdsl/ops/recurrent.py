"""Recurrent layers, which read a sequence position by position and remember what they have read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from archdsl.ops.arguments import UNUSUAL_DROP, Count, Like, Mismatch, Probability
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Store, Support, Weight, Window
from archdsl.ops.costs import product
from archdsl.ops.recurrent_modules import STATEFUL_GRU, STATEFUL_LSTM
from archdsl.ops.registry import register
from archdsl.ops.spatial import so_far, whole
from archdsl.tensor import Layout, Tensor

MOST_LAYERS = 1000


class Recurrent(Op):
    """A layer that reads channels x length and gives, at every position, what it remembers there.

    A further layer reads what the one before it gives. Where both directions are read, each has its own weights, and
    what they remember is joined: first what was read forwards.
    """

    family: ClassVar[Family] = Family.RECURRENT
    training_arguments: ClassVar[frozenset[str]] = frozenset()
    target: ClassVar[str]
    gates: ClassVar[int]
    """How many values are computed of the input and of the memory at each position, each as wide as the memory."""
    operations: ClassVar[int]
    """Operations besides multiply-adds for each number that is remembered at a position."""
    rule: ClassVar[str]
    memories: ClassVar[int]
    """How many vectors a state has for each layer and direction."""
    kind: ClassVar[str]
    order: ClassVar[tuple[int, ...]]
    """ONNX's operator, and where its gates are among PyTorch's."""
    stateful: ClassVar[Support]
    operands: ClassVar[frozenset[str]] = frozenset({"start"})

    width: Count = Field(description="numbers that are remembered, in each direction")
    layers: Count = Field(default=1, description="layers on top of each other")
    bidirectional: bool = Field(default=False, description="whether the sequence is read backwards too")
    dropout: Annotated[Probability, UNUSUAL_DROP] = Field(
        default=0.0, description="probability that a number is dropped on its way from one layer to the next"
    )

    start: Like | None = Field(default=None, description="the state before the first position; unset: zeros")
    gives: Literal["sequence", "state"] = Field(
        default="sequence", description="what is remembered at every position, or the state after the last"
    )

    def depth(self) -> int:
        return self.layers

    def told(self, x: Tensor, start: Tensor | None = None) -> tuple[str, ...]:
        layers = (f"{self.layers} layers",) if self.layers > 1 else ()
        ways = ("both ways",) if self.bidirectional else ()
        return (*layers, *ways, *(("last state",) if self.gives == "state" else ()))

    @property
    def _directions(self) -> int:
        return 1 + self.bidirectional

    def _channels(self, x: Tensor) -> Iterator[int]:
        """The channels that each layer reads."""
        yield x.channels
        for _ in range(self.layers - 1):
            yield self._directions * self.width

    def shape(self, x: Tensor, start: Tensor | None = None) -> Tensor:
        if x.rank != 2:
            raise Mismatch(
                f"`{self.name}` takes channels x length, got {f'the vector {x}' if x.rank == 1 else x}",
                code="wrong-rank",
                help="put `tokens` before it: pixels are then read row by row"
                if x.rank > 2
                else "a vector has no positions: put this before the step that made it one",
            )
        if self.layers > MOST_LAYERS:
            message = f"{self.layers:,} layers are more than the limit of {MOST_LAYERS:,}"
            raise Mismatch(message, argument="layers", code="too-large")
        if self.dropout and self.layers == 1:
            raise Mismatch(
                "one layer has no next layer before which numbers could be dropped",
                argument="dropout",
                code="bad-choice",
                help=f"write layers=2, or a step of its own after it: `-> dropout({self.dropout:g})`",
            )
        state = Tensor(self.width, self.memories * self._directions * self.layers)
        if start is not None and start.dims != state.dims:
            raise Mismatch(
                f"the state of this `{self.name}` is {state}, but it starts with {start}",
                argument="start",
                help=f"take that of `{self.name}` with as many numbers, layers and directions: gives=state",
            )
        return state if self.gives == "state" else Tensor(self._directions * self.width, *x.spatial)

    def remembered(self, x: Tensor) -> int:
        """How many numbers are remembered, over all positions, layers and directions."""
        (length,) = x.spatial
        return self.layers * self._directions * self.width * length

    @property
    def _is_stateful(self) -> bool:
        return self.start is not None or self.gives == "state"

    def weights(self, x: Tensor, start: Tensor | None = None) -> Mapping[str, Weight]:
        found: dict[str, Weight] = {}
        inside = "layers." if self._is_stateful else ""
        rows = self.gates * self.width
        for layer, channels in enumerate(self._channels(x)):
            for direction in ("", "_reverse")[: self._directions]:
                end = f"l{layer}{direction}"
                found[f"{inside}weight_ih_{end}"] = Weight((rows, channels), factors=(self.gates, self.width, channels))
                found[f"{inside}weight_hh_{end}"] = Weight(
                    (rows, self.width), factors=(self.gates, self.width, self.width)
                )
                bias = Weight((rows,), factors=(self.gates, self.width))
                found[f"{inside}bias_ih_{end}"] = found[f"{inside}bias_hh_{end}"] = bias
        return found

    def macs(self, x: Tensor, start: Tensor | None = None) -> int:
        rows = self._directions * self.gates * self.width
        return sum(rows * (channels + self.width) * x.spatial[0] for channels in self._channels(x))

    def macs_working(self, x: Tensor, start: Tensor | None = None) -> str:
        (length,) = x.spatial
        directions = () if self._directions == 1 else (self._directions,)
        first = product((*directions, self.gates, self.width, f"({x.channels} + {self.width})", length))
        if self.layers == 1:
            return first
        more = () if self.layers == 2 else (self.layers - 1,)
        read = self._directions * self.width
        return f"{first} + {product((*more, *directions, self.gates, self.width, f'({read} + {self.width})', length))}"

    def rest(self, x: Tensor, start: Tensor | None = None) -> Rest:
        return Rest(self.operations * self.remembered(x), self.rule)

    def window(self, x: Tensor, start: Tensor | None = None) -> Window | None:
        return whole(x) if self.bidirectional or self.gives == "state" else so_far(x)

    def layout(self) -> Layout:
        return "last"

    def scratch(self, x: Tensor, start: Tensor | None = None) -> Store:
        """Where the last state is the output, the sequence is only held meanwhile; a state that is given need not be
        made of zeros."""
        sequence = self._directions * self.width * x.spatial[0]
        beside = self._beside_sequence(x) + sequence - self.shape(x, start).size
        return Store(beside - (start.size if start is not None else 0))

    @abstractmethod
    def _beside_sequence(self, x: Tensor) -> int:
        """How many numbers are held at most beside the sequence that is given, if the first state is zero."""

    def keeps(self, x: Tensor, start: Tensor | None = None) -> Kept:
        """What PyTorch's own code keeps: of the input a copy for each direction, and of gates, products and memory 7
        numbers for each that is given, and 1 more where it flows into a further layer.

        For an LSTM of float32 on a CPU it calls oneDNN, whose memory depends on the machine and is not counted here.
        """
        (length,) = x.spatial
        each = self._directions * self.width * length
        kept = each * (8 * self.layers - 1)
        if 0 < self.dropout < 1:
            kept += each * (self.layers - 1)
        if length == 1:
            return Kept((0,), further=Store(kept))
        return Kept(further=Store(kept + self._directions * x.size))

    def torch(self, x: Tensor, start: Tensor | None = None) -> Module:
        if self._is_stateful:
            return Module.of(
                self.stateful.name,
                x.channels,
                self.width,
                support=self.stateful,
                num_layers=(self.layers, 1),
                dropout=(self.dropout, 0.0),
                bidirectional=(self.bidirectional, False),
                gives_state=(self.gives == "state", False),
            )
        return Module.of(
            self.target,
            x.channels,
            self.width,
            num_layers=(self.layers, 1),
            batch_first=(True, False),
            dropout=(self.dropout, 0.0),
            bidirectional=(self.bidirectional, False),
            pair=True,
        )

    def onnx(self, to: Nodes, x: Tensor, start: Tensor | None = None) -> str:
        sequence = to.transpose(to[0], 1, 0, 2)
        begins = self._split_state(to, to.transpose(to.with_batch(1), 1, 0, 2)) if start is not None else None
        sequence, ends = self.read(to, sequence, begins)
        if self.gives == "sequence":
            return to.transpose(sequence, 1, 0, 2)
        columns = [end[memory] for memory in range(self.memories) for end in ends]
        state = to("Concat", *columns, axis=0) if len(columns) > 1 else columns[0]
        return to.transpose(state, 1, 0, 2)

    def read(
        self, to: Nodes, sequence: str, begins: list[tuple[str, ...]] | None = None
    ) -> tuple[str, list[tuple[str, ...]]]:
        """The ONNX nodes of all layers: what the last one gives, and the state of each after the last position.

        Sequences are positions x batch x channels here.
        """
        ends: list[tuple[str, ...]] = []
        for layer in range(self.layers):
            begin = begins[layer] if begins else ("",) * self.memories
            sequence, *end = self._layer(to, layer, sequence, begin)
            ends.append(tuple(end))
            # Positions, directions, batch, width: the directions become further channels.
            sequence = to.reshape(to.transpose(sequence, 0, 2, 1, 3), 0, 0, self._directions * self.width)
        return sequence, ends

    def _split_state(self, to: Nodes, state: str) -> list[tuple[str, ...]]:
        """For each layer the state before the first position: the columns of h, and of c if there is one."""
        parts: tuple[str, ...] = (state,)
        if self.memories * self.layers > 1:
            parts = to.split(state, 0, (self._directions,) * (self.memories * self.layers))
        return [parts[layer :: self.layers] for layer in range(self.layers)]

    def _layer(self, to: Nodes, layer: int, x: str, begin: tuple[str, ...]) -> tuple[str, ...]:
        """One layer in all its directions: what it gives at each position, and its state after the last."""
        weights = (self._gathered(to, layer, f"weight_{of}") for of in ("ih", "hh"))
        biases = to("Concat", *(self._gathered(to, layer, f"bias_{of}") for of in ("ih", "hh")), axis=1)
        options: dict[str, Any] = {"linear_before_reset": 1} if self.kind == "GRU" else {}
        direction = "bidirectional" if self.bidirectional else "forward"
        return to.several(
            self.kind,
            1 + self.memories,
            x,
            *weights,
            biases,
            "",
            *begin,
            hidden_size=self.width,
            direction=direction,
            **options,
        )

    def _gathered(self, to: Nodes, layer: int, name: str) -> str:
        """The entry of each direction with its gates in ONNX's order; the direction is a new first dimension."""
        inside = "layers." if self._is_stateful else ""
        each = []
        for end in ("", "_reverse")[: self._directions]:
            parts = to.split(to.weight(f"{inside}{name}_l{layer}{end}"), 0, (self.width,) * self.gates)
            each.append(to.unsqueeze(to("Concat", *(parts[gate] for gate in self.order), axis=0), 0))
        return to("Concat", *each, axis=0) if len(each) > 1 else each[0]

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(width=256), (Tensor(300, 128),), Tensor(256, 128))
        yield Example(cls(width=12, bidirectional=True), (Tensor(8, 10),), Tensor(24, 10))
        yield Example(cls(width=8, start="like"), (Tensor(5, 7), Tensor(8, cls.memories)), Tensor(8, 7))
        yield Example(cls(width=8, layers=2, gives="state"), (Tensor(5, 7),), Tensor(8, 2 * cls.memories))
        yield Example(
            cls(width=4, layers=2, bidirectional=True, start="like", gives="state"),
            (Tensor(5, 6), Tensor(4, 4 * cls.memories)),
            Tensor(4, 4 * cls.memories),
        )
        yield Example(cls(width=6, layers=3, bidirectional=True, dropout=0.2), (Tensor(8, 5),), Tensor(12, 5))


@register
class Lstm(Recurrent):
    """Long short-term memory: what is remembered is kept, added to and given as three gates say, at every position.

    i, f, o = sigmoid(W x + U h + b) for each of the three gates, and g = tanh(W x + U h + b), where h is what the
    position before gave. Then c = f * c + i * g, and h = o * tanh(c) is given (Hochreiter and Schmidhuber 1997; the
    forget gate f is of Gers et al. 2000). Both W x and U h have a bias, as in PyTorch. `token(-1)` after it is the last
    h.

    With gives=state it gives the state after the last position, and with `start` it begins with one, so that a decoder
    goes on where an encoder ended (Sutskever et al. 2014). The columns of a state are h of each layer and direction,
    and then c.
    """

    name = "lstm"
    short = "LSTM"
    target = "nn.LSTM"
    stateful = STATEFUL_LSTM
    memories = 2
    kind = "LSTM"
    order = (0, 3, 1, 2)  # i, o, f, g of PyTorch's i, f, g, o
    gates = 4
    operations = 30
    rule = (
        "30 per number, layer and position: 4 sums and 8 biases of W x and U h, 3 sigmoids (4 each), 2 tanh, 3 for c, "
        "1 for h"
    )

    def _beside_sequence(self, x: Tensor) -> int:
        """The states before and after each layer, beside what flows between layers and what each direction gives."""
        (length,), both = x.spatial, self.bidirectional
        between = self._directions * length * (self.layers > 1)
        states = self._directions * self.layers
        return self.width * (2 * length * both + max(between + 4 * states, 6 * states))


@register
class Gru(Recurrent):
    """Gated recurrent unit: like an `lstm`, with two gates and a single memory (Cho et al. 2014).

    r, z = sigmoid(W x + U h + b) for each of the two gates, and n = tanh(W x + r * (U h + b)), where h is what the
    position before gave. Then h = (1 - z) * n + z * h is given. In the paper r * h is multiplied by U; as in PyTorch,
    here U h is multiplied by r.

    With gives=state it gives the state after the last position, and with `start` it begins with one, so that a decoder
    goes on where an encoder ended. The columns of a state are h of each layer and direction.
    """

    name = "gru"
    short = "GRU"
    target = "nn.GRU"
    stateful = STATEFUL_GRU
    memories = 1
    kind = "GRU"
    order = (1, 0, 2)  # z, r, n of PyTorch's r, z, n
    gates = 3
    operations = 23
    rule = (
        "23 per number, layer and position: 3 sums and 6 biases of W x and U h, 2 sigmoids (4 each), 1 tanh, 1 for r, "
        "4 for h"
    )

    def _beside_sequence(self, x: Tensor) -> int:
        """The gates of all positions, what each position gave, what flows between layers, and the states."""
        (length,), directions = x.spatial, self._directions
        between = directions * length * (self.layers > 1)
        gates, states = 3 * directions * length, directions * (2 * self.layers - 1)
        return self.width * (between + gates + max(length, 4 // directions) + states)
