"""The layers of a Caffe network in deployment, with the layers whose values each takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from archdsl.diagnostics import Diagnostic
from archdsl.frontends.caffe.message import Message, Scalar
from archdsl.frontends.flat import Refused, not_read, wrong
from archdsl.source import Span
from archdsl.suggest import nearest
from archdsl.text import shown

LOSSES = frozenset(
    "ACCURACY SOFTMAXWITHLOSS SOFTMAXLOSS EUCLIDEANLOSS HINGELOSS SIGMOIDCROSSENTROPYLOSS INFOGAINLOSS CONTRASTIVELOSS "
    "MULTINOMIALLOGISTICLOSS MULTIBOXLOSS SMOOTHL1LOSS CENTERLOSS HDF5OUTPUT SILENCE".split()
)
"""Types of layers that measure, store or drop what the network computes."""
SOURCES = frozenset("INPUT DATA IMAGEDATA HDF5DATA MEMORYDATA DUMMYDATA WINDOWDATA ANNOTATEDDATA".split())
"""Types of layers that give data."""


@dataclass(eq=False, slots=True)
class Layer:
    """A layer: its type in capitals without `_`, and the layers, with the numbers of their outputs, that it takes."""

    message: Message
    name: str
    type: str
    bottoms: list[tuple[Layer, int]] = field(default_factory=list)
    tops: tuple[str, ...] = ()
    users: dict[int, dict[Layer, None]] = field(default_factory=dict)
    """The layers that take each of its outputs, by the output's number."""

    @property
    def span(self) -> Span:
        """Its name in the text, or else its begin."""
        return self.message.place("name") if self.message.has("name") else self.message.span

    @property
    def parameters(self) -> Message:
        """The message with its arguments: `convolution_param`."""
        return self.message.message(PARAMETERS.get(self.type, f"{self.type.lower()}_param"))


PARAMETERS = {
    "DEPTHWISECONVOLUTION": "convolution_param",
    "CONVOLUTIONDEPTHWISE": "convolution_param",
    "DECONVOLUTION": "convolution_param",
    "INNERPRODUCT": "inner_product_param",
    "BATCHNORM": "batch_norm_param",
    "SHUFFLECHANNEL": "shuffle_channel_param",
    "MEMORYDATA": "memory_data_param",
    "DUMMYDATA": "dummy_data_param",
}
"""The names of messages that do not follow from the layer's type."""


def is_deployed(message: Message) -> bool:
    """Whether a layer is part of the network when it is used: it is in no rule for training, or in one for tests."""
    includes, excludes = message.messages("include"), message.messages("exclude")
    if includes:
        return any(map(_holds, includes))
    return not any(map(_holds, excludes)) and message.text("phase", "TEST") != "TRAIN"


def _holds(rule: Message) -> bool:
    """Whether a rule holds for tests at level 0 without stages."""
    levels = rule.number("min_level", 0) <= 0 <= rule.number("max_level", 0)
    return rule.text("phase", "TEST") in ("TEST", "1") and levels and not rule.has("stage")


class Layers:
    """The layers in deployment, in the order of the file; those that give the network's inputs come first.

    `problems` are the layers that take what no layer before them makes.
    """

    def __init__(self, net: Message) -> None:
        self.net = net
        self.problems: list[Diagnostic] = []
        self.blobs: dict[str, tuple[Layer, int] | None] = {}
        """The last layer that makes each blob; None where that failed."""
        self.layers: list[Layer] = list(self._declared())
        messages = [*net.messages("layer"), *net.messages("layers")]
        self.later = {
            top.text: top.span for m in messages for top in m.fields.get("top", ()) if isinstance(top, Scalar)
        }
        for message in messages:
            try:
                if is_deployed(message):
                    self._enter(message)
            except Refused as error:
                self.problems.append(error.diagnostic)

    def _declared(self) -> Iterator[Layer]:
        """The inputs that stand before the layers: `input: "data"`."""
        for name in self.net.scalars("input"):
            layer = Layer(Message(name.span), name.text, "INPUT", tops=(name.text,))
            self.blobs[name.text] = (layer, 0)
            yield layer

    def _enter(self, message: Message) -> None:
        if message.messages("layer"):
            raise not_read(
                "layers inside layers are of Caffe's first format, which is not read",
                message.span,
                "let Caffe's `upgrade_net_proto_text` write the file anew",
            )
        type = message.text("type").upper().replace("_", "")
        tops = tuple(top.text for top in message.scalars("top"))
        layer = Layer(message, message.text("name"), type, tops=tops)
        if not type:
            raise wrong("the layer has no type", layer.span, 'write `type: "Convolution"`, or what it is')
        failed = False
        for bottom in message.scalars("bottom"):
            if bottom.text not in self.blobs:
                self._note_missing(bottom.text, bottom.span, [top.span for top in message.scalars("top")])
            found = self.blobs[bottom.text]
            failed = failed or found is None
            if found is not None:
                layer.bottoms.append(found)
        for number, top in enumerate(tops):
            self.blobs[top] = None if failed else (layer, number)
        if not failed:
            for maker, number in layer.bottoms:
                maker.users.setdefault(number, {})[layer] = None
            self.layers.append(layer)

    def _note_missing(self, name: str, span: Span, tops: list[Span]) -> None:
        """Notes that no layer before this one makes a blob."""
        self.blobs[name] = None
        message = f"no layer before this one makes `{shown(name, 60)}`"
        meant = nearest(name, [known for known, made in self.blobs.items() if made])
        help = f"did you mean `{shown(meant, 60)}`?" if meant else None
        if name in self.later:
            line = self.later[name].line
            is_loop = self.later[name] in tops
            help = (
                "a layer cannot take what it makes"
                if is_loop
                else f"the layer in line {line} does: put it before this one"
            )
        self.problems.append(Diagnostic("bad-model-file", message, span, help=help))
