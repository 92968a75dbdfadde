"""Configurations of darknet's published networks, written from the tables of their papers."""

from __future__ import annotations

from typing import Any


def section(kind: str, **options: Any) -> str:
    """A section with its options; what begins with `_` loses that, since `from` is a word of Python."""
    rows = (f"{name.strip('_')}={value}" for name, value in options.items())
    return "\n".join([f"[{kind}]", *rows, "", ""])


def net(size: int, channels: int = 3) -> str:
    return section("net", height=size, width=size, channels=channels)


def conv(filters: int, size: int = 1, stride: int = 1, activation: str = "leaky", batch_normalize: int = 1) -> str:
    options = {"filters": filters, "size": size, "stride": stride, "pad": 1, "activation": activation}
    return section("convolutional", batch_normalize=batch_normalize, **options)


def plain(filters: int) -> str:
    """The last convolution before a layer for boxes."""
    return conv(filters, activation="linear", batch_normalize=0)


def route(*layers: int, **options: Any) -> str:
    return section("route", layers=", ".join(map(str, layers)), **options)


def yolo(mask: str) -> str:
    return plain(255) + section("yolo", mask=mask, classes=80, num=9)


def shortcut() -> str:
    return section("shortcut", _from=-3, activation="linear")


def pairs(filters: int, count: int) -> str:
    """Reductions and convolutions by turns."""
    return (conv(filters) + conv(2 * filters, 3)) * count


def darknet53_body(size: int) -> str:
    """Redmon and Farhadi 2018, YOLOv3: an incremental improvement, Table 1, without the last three rows."""
    text = net(size) + conv(32, 3)
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        text += conv(filters, 3, 2) + (pairs(filters // 2, 1) + shortcut()) * count
    return text


def darknet53() -> str:
    return darknet53_body(256) + section("avgpool") + plain(1000) + section("softmax", groups=1)


def yolov3() -> str:
    """The same paper: three scales, of which the later ones also read the maps of the body's layers 61 and 36."""
    text = darknet53_body(416)
    for filters, mask, layer in ((512, "6,7,8", 61), (256, "3,4,5", 36), (128, "0,1,2", 0)):
        text += pairs(filters, 3) + yolo(mask)
        if layer:
            text += route(-4) + conv(filters // 2) + section("upsample", stride=2) + route(-1, layer)
    return text


def yolov3_tiny() -> str:
    text = net(416)
    for filters in (16, 32, 64, 128, 256, 512):
        text += conv(filters, 3) + section("maxpool", size=2, stride=1 if filters == 512 else 2)
    text += conv(1024, 3) + conv(256) + conv(512, 3) + yolo("3,4,5")
    return text + route(-4) + conv(128) + section("upsample", stride=2) + route(-1, 8) + conv(256, 3) + yolo("0,1,2")


def yolov2() -> str:
    """Redmon and Farhadi 2017, YOLO9000: better, faster, stronger, Table 6 and section 2."""
    pool = section("maxpool", size=2, stride=2)
    text = net(416) + conv(32, 3) + pool + conv(64, 3) + pool
    text += conv(128, 3) + conv(64) + conv(128, 3) + pool + conv(256, 3) + conv(128) + conv(256, 3) + pool
    text += conv(512, 3) + pairs(256, 2) + pool + conv(1024, 3) + pairs(512, 2) + conv(1024, 3) * 2
    text += route(-9) + conv(64) + section("reorg", stride=2) + route(-1, -4) + conv(1024, 3)
    return text + plain(425) + section("region", classes=80, coords=4, num=5)


def yolov4() -> str:
    """Bochkovskiy et al. 2020, YOLOv4: CSPDarknet53, pyramid pooling, and paths up and down."""
    text = net(608) + conv(32, 3, 1, "mish")
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        half = filters if count == 1 else filters // 2
        text += conv(filters, 3, 2, "mish") + conv(half, activation="mish") + route(-2) + conv(half, activation="mish")
        unit = conv(filters // 2, activation="mish") + conv(half, 3, activation="mish") + shortcut()
        text += unit * count + conv(half, activation="mish") + route(-1, -3 * count - 4)
        text += conv(filters, activation="mish")
    text += pairs(512, 1) + conv(512)
    text += "".join(section("maxpool", stride=1, size=size) + route(back) for size, back in ((5, -2), (9, -4)))
    text += section("maxpool", stride=1, size=13) + route(-1, -3, -5, -6) + pairs(512, 1)
    text += conv(512)
    for filters, layer in ((256, 85), (128, 54)):
        text += conv(filters) + section("upsample", stride=2) + route(layer) + conv(filters) + route(-1, -3)
        text += pairs(filters, 2) + conv(filters)
    text += conv(256, 3) + yolo("0,1,2")
    for filters, back in ((256, -16), (512, -37)):
        text += route(-4) + conv(filters, 3, 2) + route(-1, back) + pairs(filters, 3) + yolo("3,4,5")
    return text


def yolov4_tiny() -> str:
    text = net(416) + conv(32, 3, 2) + conv(64, 3, 2)
    for filters in (64, 128, 256):
        text += conv(filters, 3) + route(-1, groups=2, group_id=1) + conv(filters // 2, 3) * 2 + route(-1, -2)
        text += conv(filters) + route(-6, -1) + section("maxpool", size=2, stride=2)
    text += conv(512, 3) + conv(256) + conv(512, 3) + yolo("3,4,5")
    return text + route(-4) + conv(128) + section("upsample", stride=2) + route(-1, 23) + conv(256, 3) + yolo("1,2,3")


def resnet50() -> str:
    """He et al. 2016, Table 1, as darknet writes it: the first unit of a stage adds the channels that there are."""
    text = net(256) + conv(64, 7, 2) + section("maxpool", size=2, stride=2)
    for filters, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for number in range(count):
            stride = 2 if number == 0 and filters > 64 else 1
            text += conv(filters) + conv(filters, 3, stride) + conv(4 * filters, activation="linear")
            text += section("shortcut", _from=-4, activation="leaky")
    return text + section("avgpool") + plain(1000) + section("softmax", groups=1)


NETWORKS = {
    "darknet53": darknet53,
    "yolov2": yolov2,
    "yolov3": yolov3,
    "yolov3-tiny": yolov3_tiny,
    "yolov4": yolov4,
    "yolov4-tiny": yolov4_tiny,
    "resnet50": resnet50,
}
