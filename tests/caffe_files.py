"""Networks in Caffe's format, written from the tables of their papers, as their authors published them."""

from __future__ import annotations


def layer(kind: str, name: str, bottoms: str | list[str], top: str = "", inside: str = "") -> str:
    """A layer; without `top` it writes over what it takes, as activations do. `inside` are its further fields."""
    taken = [bottoms] if isinstance(bottoms, str) else bottoms
    rows = [f'name: "{name}"', f'type: "{kind}"', *(f'bottom: "{one}"' for one in taken)]
    return f'layer {{ {" ".join(rows)} top: "{top or taken[0]}" {inside} }}\n'


def header(name: str, size: int) -> str:
    shape = f"shape: {{ dim: 1 dim: 3 dim: {size} dim: {size} }}"
    return f'name: "{name}"\nlayer {{ name: "data" type: "Input" top: "data" input_param {{ {shape} }} }}\n'


def conv(name: str, bottom: str, out: int, kernel: int, **options: object) -> str:
    given = "".join(f" {key}: {value}" for key, value in options.items())
    inside = f"convolution_param {{ num_output: {out} kernel_size: {kernel}{given} }}"
    return layer("Convolution", name, bottom, name, inside)


def conv_relu(name: str, bottom: str, out: int, kernel: int, **options: object) -> str:
    return conv(name, bottom, out, kernel, **options) + layer("ReLU", f"relu_{name}", name)


def pool(name: str, bottom: str, kernel: int, stride: int, kind: str = "MAX", pad: int = 0) -> str:
    inside = f"pooling_param {{ pool: {kind} kernel_size: {kernel} stride: {stride} pad: {pad} }}"
    return layer("Pooling", name, bottom, name, inside)


def lrn(name: str, bottom: str) -> str:
    return layer("LRN", name, bottom, name, "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")


def dense(name: str, bottom: str, out: int) -> str:
    return layer("InnerProduct", name, bottom, name, f"inner_product_param {{ num_output: {out} }}")


def dropped(name: str, bottom: str, out: int = 4096) -> str:
    text = dense(name, bottom, out) + layer("ReLU", f"relu_{name}", name)
    return text + layer("Dropout", f"drop_{name}", name, inside="dropout_param { dropout_ratio: 0.5 }")


def alexnet() -> str:
    """Krizhevsky et al. 2012, section 3.5, at 227 pixels and with its groups."""
    text = header("AlexNet", 227) + conv_relu("conv1", "data", 96, 11, stride=4)
    text += lrn("norm1", "conv1") + pool("pool1", "norm1", 3, 2) + conv_relu("conv2", "pool1", 256, 5, pad=2, group=2)
    text += lrn("norm2", "conv2") + pool("pool2", "norm2", 3, 2) + conv_relu("conv3", "pool2", 384, 3, pad=1)
    text += conv_relu("conv4", "conv3", 384, 3, pad=1, group=2) + conv_relu("conv5", "conv4", 256, 3, pad=1, group=2)
    text += pool("pool5", "conv5", 3, 2) + dropped("fc6", "pool5") + dropped("fc7", "fc6") + dense("fc8", "fc7", 1000)
    return text + layer("Softmax", "prob", "fc8", "prob")


def vgg16() -> str:
    """Simonyan and Zisserman 2015, Table 1, column D."""
    text, last = header("VGG_ILSVRC_16_layers", 224), "data"
    for block, (out, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for number in range(1, count + 1):
            text += conv_relu(f"conv{block}_{number}", last, out, 3, pad=1)
            last = f"conv{block}_{number}"
        text += pool(f"pool{block}", last, 2, 2)
        last = f"pool{block}"
    return text + dropped("fc6", last) + dropped("fc7", "fc6") + dense("fc8", "fc7", 1000)


INCEPTIONS = (
    ("3a", 64, 96, 128, 16, 32, 32),
    ("3b", 128, 128, 192, 32, 96, 64),
    ("4a", 192, 96, 208, 16, 48, 64),
    ("4b", 160, 112, 224, 24, 64, 64),
    ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64),
    ("4e", 256, 160, 320, 32, 128, 128),
    ("5a", 256, 160, 320, 32, 128, 128),
    ("5b", 384, 192, 384, 48, 128, 128),
)


def inception(name: str, last: str, widths: tuple[int, ...]) -> str:
    one, reduce3, three, reduce5, five, proj = widths
    at = f"inception_{name}"
    text = conv_relu(f"{at}/1x1", last, one, 1) + conv_relu(f"{at}/3x3_reduce", last, reduce3, 1)
    text += conv_relu(f"{at}/3x3", f"{at}/3x3_reduce", three, 3, pad=1)
    text += conv_relu(f"{at}/5x5_reduce", last, reduce5, 1)
    text += conv_relu(f"{at}/5x5", f"{at}/5x5_reduce", five, 5, pad=2)
    text += pool(f"{at}/pool", last, 3, 1, pad=1) + conv_relu(f"{at}/pool_proj", f"{at}/pool", proj, 1)
    return text + layer(
        "Concat", f"{at}/output", [f"{at}/{b}" for b in ("1x1", "3x3", "5x5", "pool_proj")], f"{at}/output"
    )


def googlenet() -> str:
    """Szegedy et al. 2015, Table 1."""
    text = header("GoogleNet", 224) + conv_relu("conv1/7x7_s2", "data", 64, 7, stride=2, pad=3)
    text += pool("pool1/3x3_s2", "conv1/7x7_s2", 3, 2) + lrn("pool1/norm1", "pool1/3x3_s2")
    text += conv_relu("conv2/3x3_reduce", "pool1/norm1", 64, 1) + conv_relu(
        "conv2/3x3", "conv2/3x3_reduce", 192, 3, pad=1
    )
    text += lrn("conv2/norm2", "conv2/3x3") + pool("pool2/3x3_s2", "conv2/norm2", 3, 2)
    last = "pool2/3x3_s2"
    for name, *widths in INCEPTIONS:
        text += inception(name, last, tuple(widths))
        last = f"inception_{name}/output"
        if name in ("3b", "4e"):
            text += pool(f"pool{name}", last, 3, 2)
            last = f"pool{name}"
    text += pool("pool5/7x7_s1", last, 7, 1, "AVE") + layer("Dropout", "pool5/drop", "pool5/7x7_s1")
    return text + dense("loss3/classifier", "pool5/7x7_s1", 1000) + layer("Softmax", "prob", "loss3/classifier", "prob")


def normalized(name: str, bottom: str, out: int, kernel: int, relu: bool = True, **options: object) -> str:
    """A convolution with its normalization in two layers, as He et al. have it."""
    text = conv(f"res{name}", bottom, out, kernel, **{"bias_term": "false", **options})
    text += layer("BatchNorm", f"bn{name}", f"res{name}", inside="batch_norm_param { use_global_stats: true }")
    text += layer("Scale", f"scale{name}", f"res{name}", inside="scale_param { bias_term: true }")
    return text + (layer("ReLU", f"res{name}_relu", f"res{name}") if relu else "")


def resnet50() -> str:
    """He et al. 2016, Table 1; the first convolution has a bias in the published file."""
    text = header("ResNet-50", 224) + normalized("conv1", "data", 64, 7, stride=2, pad=3, bias_term="true")
    text += pool("pool1", "resconv1", 3, 2)
    last = "pool1"
    for stage, (width, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 2):
        for number in range(count):
            at, stride = f"{stage}{'abcdef'[number]}", 2 if stage > 2 and number == 0 else 1
            short = last
            if number == 0:
                text += normalized(f"{at}_branch1", last, 4 * width, 1, False, stride=stride)
                short = f"res{at}_branch1"
            text += normalized(f"{at}_branch2a", last, width, 1, stride=stride)
            text += normalized(f"{at}_branch2b", f"res{at}_branch2a", width, 3, pad=1)
            text += normalized(f"{at}_branch2c", f"res{at}_branch2b", 4 * width, 1, False)
            text += layer("Eltwise", f"res{at}", [short, f"res{at}_branch2c"], f"res{at}")
            text += layer("ReLU", f"res{at}_relu", f"res{at}")
            last = f"res{at}"
    text += pool("pool5", last, 7, 1, "AVE") + dense("fc1000", "pool5", 1000)
    return text + layer("Softmax", "prob", "fc1000", "prob")


NETWORKS = {"alexnet": alexnet, "vgg16": vgg16, "googlenet": googlenet, "resnet50": resnet50}
