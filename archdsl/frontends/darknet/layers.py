"""What each section of a darknet configuration computes: one function for each kind, in the table `LAYERS`.

The rules are those of darknet's own code (`parser.c` and a file for each layer). Convolutions and pools are in
`windows.py`, activations in `activations.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl.frontends.darknet.activations import activated
from archdsl.frontends.darknet.network import Network
from archdsl.frontends.darknet.sections import Section
from archdsl.frontends.darknet.windows import (
    avgpool,
    convolutional,
    deconvolutional,
    local,
    local_avgpool,
    maxpool,
    normalized,
)
from archdsl.frontends.flat import Ref, not_read, wrong
from archdsl.tensor import Tensor

Layer = Callable[[Network, Section], Ref]


def connected(net: Network, s: Section) -> Ref:
    wanted = s.flag("batch_normalize")
    x = net.put(s, "linear", net.vector(s), out=s.whole("output", 1, 1), bias=not wanted)
    return activated(net, s, normalized(net, s, x, wanted), "logistic")


def batchnorm(net: Network, s: Section) -> Ref:
    return net.put(s, "bn", net.flow())


def upsample(net: Network, s: Section) -> Ref:
    stride = s.whole("stride", 2, -1000)
    if stride < 1:
        raise not_read("an `[upsample]` of negative stride, which adds pixels up, is not read", s.place("stride"))
    x = net.put(s, "upsample", net.image(s), factor=stride)
    return _scaled(net, s, x, s.number("scale", 1))


def _scaled(net: Network, s: Section, x: Ref, factor: float) -> Ref:
    return x if factor == 1 else net.put(s, "scale", x, factor=factor)


def reorg(net: Network, s: Section) -> Ref:
    """Pixels become channels. Darknet reads its input as fewer, larger channels, and so does this."""
    s.refuse(("reverse", "it makes pixels of channels"), ("extra", "it adds numbers"), ("flatten", "it reorders"))
    factor, x = s.whole("stride", 1, 1), net.image(s)
    channels, height, width = net.tensor(x).dims
    if channels % factor**2:
        raise wrong(f"{channels} channels are not a multiple of {factor}x{factor}", s.place("stride"))
    large = net.put(s, "reshape", x, dims=[channels // factor**2, height * factor, width * factor])
    small = net.put(s, "space_to_depth", large, factor=factor, order="rows")
    if height % factor or width % factor:
        raise wrong(f"{height}x{width} pixels do not split into squares of {factor}x{factor}", s.place("stride"))
    return net.put(s, "reshape", small, dims=[channels * factor**2, height // factor, width // factor])


def route(net: Network, s: Section) -> Ref:
    """The values of earlier layers, one after the other, or one of the groups of channels of each."""
    if not s.wholes("layers"):
        raise wrong("`[route]` names no layers", s.span, "write `layers=-1, 8`")
    groups, group = s.whole("groups", 1, 1), s.whole("group_id", 0)
    values = [net.layer(number, s, "layers") for number in s.wholes("layers")]
    if groups > 1:
        values = [_group(net, s, value, groups, group) for value in values]
    return values[0] if len(values) == 1 else net.put(s, "concat", *values)


def _group(net: Network, s: Section, x: Ref, groups: int, group: int) -> Ref:
    channels = net.tensor(x).channels
    if channels % groups:
        raise wrong(f"{channels} channels do not split into {groups} groups", s.place("groups"))
    if group >= groups:
        raise wrong(f"of {groups} groups there is none with the number {group}", s.place("group_id"))
    size = channels // groups
    stop = None if group == groups - 1 else (group + 1) * size
    return net.put(s, "channel_slice", x, start=group * size, stop=stop)


def shortcut(net: Network, s: Section) -> Ref:
    """A sum with earlier layers. Of another number of channels the common ones are added, of a larger map every nth."""
    if s.text("weights_type", "none") != "none":
        raise not_read("a `[shortcut]` with learned weights is not read", s.place("weights_type"))
    numbers = s.wholes("from")
    if not numbers:
        raise wrong("`[shortcut]` names no layer", s.span, "write `from=-3`")
    x = net.flow()
    others = [net.layer(number, s, "from") for number in numbers]
    if all(net.tensor(other).dims == net.tensor(x).dims for other in others):
        return activated(net, s, net.put(s, "add", x, *others), "linear")
    for other in others:
        x = _added(net, s, x, _thinned(net, s, other, net.tensor(x)))
    return activated(net, s, x, "linear")


def _thinned(net: Network, s: Section, other: Ref, target: Tensor) -> Ref:
    """The pixels of a larger map that are added to one of the size of `target`."""
    tensor = net.tensor(other)
    if tensor.spatial == target.spatial:
        return other
    stride = tensor.spatial[0] // target.spatial[0] if tensor.rank == target.rank == 3 else 0
    if stride < 1 or tensor.spatial[1] // target.spatial[1] != stride:
        raise not_read(f"{tensor} is added to {target} at some of its pixels, which is not read", s.place("from"))
    thin = net.put(s, "max_pool", other, kernel=1, stride=stride, padding=0)
    return thin if net.tensor(thin).spatial == target.spatial else net.put(s, "crop", thin, size=list(target.spatial))


def _added(net: Network, s: Section, x: Ref, other: Ref) -> Ref:
    """The sum of the channels that both values have; the other channels of the first stay."""
    into, more = net.tensor(x).channels, net.tensor(other).channels
    if more > into:
        other = net.put(s, "channel_slice", other, start=0, stop=into)
    if more >= into:
        return net.put(s, "add", x, other)
    common, rest = net.several(s, "split", x, parts=[more, into - more])
    return net.put(s, "concat", net.put(s, "add", common, other), rest)


def scale_channels(net: Network, s: Section) -> Ref:
    """An earlier layer times the current value, which has one number for each channel, or for each pixel."""
    x = net.put(s, "mul", _from(net, s), net.flow())
    s.flag("scale_wh")
    return activated(net, s, x, "linear")


def sam(net: Network, s: Section) -> Ref:
    return activated(net, s, net.put(s, "mul", net.flow(), _from(net, s)), "linear")


def _from(net: Network, s: Section) -> Ref:
    numbers = s.wholes("from")
    if len(numbers) != 1:
        raise wrong(f"`[{s.kind}]` takes one layer, got {len(numbers)}", s.place("from"), "write `from=-3`")
    return net.layer(numbers[0], s, "from")


def dropout(net: Network, s: Section) -> Ref:
    return net.put(s, "dropout", net.flow(), p=s.number("probability", 0.5))


def crop(net: Network, s: Section) -> Ref:
    """The middle of an image. That darknet maps colours to -1 to 1 here is left out."""
    x, size = net.image(s), [s.whole("crop_height", 1, 1), s.whole("crop_width", 1, 1)]
    if not s.flag("noadjust"):
        net.leave_out(
            f"[{s.kind}] in line {s.span.line} maps numbers from 0 to 1 to -1 to 1, which is left to the user"
        )
    return net.put(s, "center_crop", x, size=size)


def softmax(net: Network, s: Section) -> Ref:
    s.refuse(("tree", "it is one for each node of a tree"))
    if s.whole("groups", 1, 1) != 1:
        raise not_read("a `[softmax]` over groups is not read", s.place("groups"))
    temperature = s.number("temperature", 1)
    if temperature <= 0:
        raise wrong(f"`temperature` is above 0, got {temperature:g}", s.place("temperature"))
    x = net.flow() if s.flag("spatial") else net.vector(s)
    return net.put(s, "softmax", _scaled(net, s, x, 1 / temperature))


def normalization(net: Network, s: Section) -> Ref:
    """Local response normalization. Darknet's alpha weighs the sum of squares, that of the language their mean."""
    size = s.whole("size", 5, 1)
    arguments = {"alpha": s.number("alpha", 1e-4) * size, "beta": s.number("beta", 0.75), "k": s.number("kappa", 1)}
    return net.put(s, "lrn", net.image(s), size=size, **arguments)


def activation(net: Network, s: Section) -> Ref:
    return activated(net, s, net.flow(), "linear")


def logistic(net: Network, s: Section) -> Ref:
    return net.put(s, "sigmoid", net.flow())


def l2norm(net: Network, s: Section) -> Ref:
    x = net.flow()
    return net.put(s, "opaque", x, target="darknet.l2norm", inputs=(net.tensor(x).dims,), results=(net.tensor(x).dims,))


def nothing(net: Network, s: Section) -> Ref:
    """A layer that hands its value on."""
    return net.flow()


def cost(net: Network, s: Section) -> Ref:
    net.leave_out(f"[{s.kind}] in line {s.span.line} serves training alone")
    return net.flow()


def yolo(net: Network, s: Section) -> Ref:
    """An output: for each of the anchors at a position four numbers of a box, one that it is there, and the classes."""
    anchors = s.wholes("mask")
    count = len(anchors) if anchors else s.whole("num", 1, 1)
    extra = 4 if s.kind == "gaussian_yolo" else 0
    return _detected(net, s, count, s.whole("classes", 20, 1) + 5 + extra)


def region(net: Network, s: Section) -> Ref:
    return _detected(net, s, s.whole("num", 1, 1), s.whole("classes", 20, 1) + s.whole("coords", 4, 1) + 1)


def _detected(net: Network, s: Section, anchors: int, each: int) -> Ref:
    x = net.image(s)
    channels = net.tensor(x).channels
    if channels != anchors * each:
        message = f"`[{s.kind}]` takes {anchors} x {each} = {anchors * each} channels, got {net.tensor(x)}"
        raise wrong(message, s.span, f"write `filters={anchors * each}` in the layer before it", net.origin(x))
    return net.output(x, s)


def detection(net: Network, s: Section) -> Ref:
    """The output of the first YOLO: classes for each cell of a grid, and boxes with one number that each is there."""
    x = net.vector(s)
    coords, boxes = s.whole("coords", 1, 1), s.whole("num", 1, 1)
    numbers = s.whole("side", 7, 1) ** 2 * ((1 + coords) * boxes + s.whole("classes", 1, 1))
    if net.tensor(x).size != numbers:
        message = f"`[detection]` takes {numbers:,} numbers, got {net.tensor(x)}"
        raise wrong(message, s.span, f"write `output={numbers}` in the layer before it", net.origin(x))
    return net.output(x, s)


def recurrent(net: Network, s: Section) -> Ref:
    message = (
        f"`[{s.kind}]` is a recurrent layer, which is run step by step over a text; only networks of images are read"
    )
    raise not_read(message, s.span, "write the network as a spec, with `lstm` or `gru`")


LAYERS: Mapping[str, Layer] = {
    **dict.fromkeys(("convolutional", "conv"), convolutional),
    **dict.fromkeys(("deconvolutional", "deconv"), deconvolutional),
    **dict.fromkeys(("connected", "conn"), connected),
    "local": local,
    "batchnorm": batchnorm,
    **dict.fromkeys(("maxpool", "max"), maxpool),
    **dict.fromkeys(("avgpool", "avg"), avgpool),
    **dict.fromkeys(("local_avgpool", "local_avg"), local_avgpool),
    "upsample": upsample,
    **dict.fromkeys(("reorg", "reorg_old"), reorg),
    "route": route,
    "shortcut": shortcut,
    "scale_channels": scale_channels,
    "sam": sam,
    "dropout": dropout,
    "crop": crop,
    **dict.fromkeys(("softmax", "soft"), softmax),
    **dict.fromkeys(("normalization", "lrn"), normalization),
    "activation": activation,
    "logistic": logistic,
    "l2norm": l2norm,
    **dict.fromkeys(("empty", "silence"), nothing),
    "cost": cost,
    **dict.fromkeys(("yolo", "gaussian_yolo"), yolo),
    "region": region,
    "detection": detection,
    **dict.fromkeys(("rnn", "gru", "lstm", "crnn", "conv_lstm"), recurrent),
}
"""The function for each kind of section, besides `[net]`."""
