"""Operators of ONNX that are read, and what several of them compute, as small models; and an op that each becomes."""

from __future__ import annotations

import onnx
from onnx_models import model

MAP = "float[2,8,6,10] x"

TOKENS = (
    "float[2,3,8,12] x, float[24,3,4,4] w",
    "c = Conv <strides=[4,4]> (x, w) t0 = Reshape(c, tokens) z = Transpose <perm=[0,2,1]> (t0) ",
)
"""Patches of an image as tokens, `z`: their channels come last."""


def layer(kind: str, settings: str = "", inputs: str = "", gates: int = 4, directions: int = 1) -> onnx.ModelProto:
    """A recurrent layer of width 6 with the weights `w`, `r`, `b`; `inputs` are all but the sequence."""
    taken = inputs or "w, r, b"
    weights = (("w", f"{6 * gates},8"), ("r", f"{6 * gates},6"), ("b", str(12 * gates)), ("p", "18"))
    given = ", ".join(f"float[{directions},{size}] {name}" for name, size in weights if name in taken)
    return model(
        f"float[2,5,8] x, {given}",
        f"t = Transpose <perm=[1,0,2]> (x) n = Cast <to=6> (lengths) s = {kind} <hidden_size=6 {settings}> (t, {taken})"
        " d = Transpose <perm=[2,0,1,3]> (s) y = Reshape(d, whole)",
        lengths=[5, 5],
        whole=[0, 0, -1],
    )


NORMALIZED = model(
    "float[2,8,9] x, float[4,8,3] v, float[4,1,1] g",
    "n = ReduceL2(v, axes) d = Div(v, n) w = Mul(d, g) y = Conv(x, w)",
    axes=[1, 2],
)
"""A weight that is computed from others."""

BRANCHES = (
    "y = If (c) <then_branch = t () => (float[2,5] a) { m = Gemm(x, w) a = Relu(m) },"
    " else_branch = e () => (float[2,5] b) { b = Gemm(x, w) }>"
)
"""Branches that take values from outside."""

OPS: list[tuple[str, onnx.ModelProto, str]] = [
    ("conv", model(f"{MAP}, float[4,8,3,5] w, float[4] b",
     "y = Conv <strides=[2,1], pads=[1,2,1,2], dilations=[1,1]> (x, w, b)"), "conv"),
    ("conv with other borders", model(f"{MAP}, float[4,8,3,3] w", "y = Conv <pads=[0,1,1,2]> (x, w)"), "conv"),
    ("conv as TensorFlow pads", model(f"{MAP}, float[4,8,3,3] w",
     'y = Conv <strides=[2,2], auto_pad="SAME_UPPER"> (x, w)'), "conv"),
    ("conv without borders", model(f"{MAP}, float[4,8,3,3] w", 'y = Conv <auto_pad="VALID"> (x, w)'), "conv"),
    ("depthwise", model(f"{MAP}, float[16,1,3,3] w", "y = Conv <group=8, pads=[1,1,1,1]> (x, w)"), "depthwise"),
    ("conv in groups, of sequences", model("float[2,8,9] x, float[4,4,3] w", "y = Conv <group=2> (x, w)"), "conv"),
    ("a conv with weight normalization", NORMALIZED, "conv"),
    ("transposed conv", model(f"{MAP}, float[8,4,3,3] w, float[4] b",
     "y = ConvTranspose <strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]> (x, w, b)"), "up_conv"),
    ("linear", model("float[2,8] x, float[5,8] w, float[5] b", "y = Gemm <transB=1> (x, w, b)"), "linear"),
    ("linear, kept transposed", model("float[2,8] x, float[8,5] w, float[5] b", "y = Gemm (x, w, b)"), "linear"),
    ("linear of tokens", model("float[2,7,8] x, float[8,5] w, float[5] b", "m = MatMul(x, w) y = Add(b, m)"), "linear"),
    ("a weight that is turned", model("float[2,7,8] x, float[5,8] w",
     "t = Transpose <perm=[1,0]> (w) y = MatMul(x, t)"), "linear"),
    ("batch normalization", model(f"{MAP}, float[8] a, float[8] b, float[8] mean, float[8] var",
     "y = BatchNormalization <epsilon=0.001> (x, a, b, mean, var)"), "bn"),
    ("layer normalization", model("float[2,7,8] x, float[8] a, float[8] b", "y = LayerNormalization (x, a, b)"),
     "layer_norm"),
    ("layer normalization, written out", model("float[2,7,8] x, float[8] a, float[8] b",
     "m = ReduceMean(x, axes) d = Sub(x, m) p = Pow(d, two) v = ReduceMean(p, axes) e = Add(v, eps) s = Sqrt(e)"
     " q = Div(d, s) g = Mul(q, a) y = Add(g, b)", axes=[-1], two=2.0, eps=1e-6), "layer_norm"),
    ("root mean square, written out", model("float[2,7,8] x, float[8] a",
     "p = Pow(x, two) v = ReduceMean(p, axes) e = Add(v, eps) s = Sqrt(e) q = Div(x, s) y = Mul(a, q)",
     axes=[-1], two=2.0, eps=1e-6), "rms_norm"),
    ("group normalization", model(f"{MAP}, float[8] a, float[8] b", "y = GroupNormalization <num_groups=2> (x, a, b)"),
     "group_norm"),
    ("group normalization, written out", model(f"{MAP}, float[8,1,1] a, float[8,1,1] b",
     "r = Reshape(x, groups) n = InstanceNormalization(r, one, zero) k = Reshape(n, back) s = Mul(k, a) y = Add(s, b)",
     groups=[2, 2, -1], back=[2, 8, 6, 10], one=[1.0, 1.0], zero=[0.0, 0.0]), "group_norm"),
    ("group normalization, as its scale is computed", model(f"{MAP}, float[8,1,1] val_1, float[8,1,1] val_2",
     "r = Reshape(x, groups) n = InstanceNormalization(r, one, zero) k = Reshape(n, back) s = Mul(k, val_1)"
     " y = Add(s, val_2)",
     groups=[2, 2, -1], back=[2, 8, 6, 10], one=[1.0, 1.0], zero=[0.0, 0.0]), "group_norm(2)"),
    ("group normalization without scale", model(MAP,
     "r = Reshape(x, groups) n = InstanceNormalization(r, one, zero) y = Reshape(n, back)",
     groups=[2, 2, -1], back=[2, 8, 6, 10], one=[1.0, 1.0], zero=[0.0, 0.0]), "group_norm(2, affine=false)"),
    ("slopes for each sample's channels", model(f"{MAP}, float[1,8,1,1] val_1", "y = PRelu(x, val_1)"),
     "prelu(per_channel=true)"),
    ("instance normalization", model(f"{MAP}, float[8] a, float[8] b", "y = InstanceNormalization(x, a, b)"),
     "instance_norm"),
    ("local response normalization", model(MAP, "y = LRN <size=5, alpha=0.1, beta=0.6, bias=2.0> (x)"), "lrn"),
    ("max pool", model(MAP, "y = MaxPool <kernel_shape=[3,2], strides=[2,1], pads=[1,0,1,1]> (x)"), "max_pool"),
    ("max pool that rounds up", model(MAP, "y = MaxPool <kernel_shape=[3,3], strides=[2,2], ceil_mode=1> (x)"),
     "max_pool"),
    ("average pool", model(MAP, "y = AveragePool <kernel_shape=[3,3], pads=[1,1,1,1]> (x)"), "avg_pool"),
    ("average pool that counts borders", model(MAP,
     "y = AveragePool <kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1> (x)"), "avg_pool"),
    ("global pools", model(MAP, "a = GlobalAveragePool(x) b = GlobalMaxPool(x) c = Add(a, b) y = Flatten(c)"),
     "global_max_pool"),
    ("means", model(MAP, "y = ReduceMean <axes=[2,3], keepdims=0> (x)", version=13), "global_avg_pool"),
    ("gelu, written out", model(MAP,
     "d = Div(x, root) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half)", root=2**0.5, one=1.0, half=0.5),
     "gelu"),
    ("gelu by tanh, written out", model(MAP,
     "c = Pow(x, three) k = Mul(c, f) s = Add(x, k) r = Mul(s, g) t = Tanh(r) a = Add(t, one) h = Mul(x, half)"
     " y = Mul(h, a)", three=3.0, f=0.044715, g=0.7978845608, one=1.0, half=0.5), "gelu(approximate=true)"),
    ("silu", model(MAP, "s = Sigmoid(x) y = Mul(s, x)"), "silu"),
    ("hard swish, written out", model(MAP,
     "a = Add(x, three) c = Clip(a, zero, six) m = Mul(x, c) y = Div(m, six)", three=3.0, zero=0.0, six=6.0),
     "hard_swish"),
    ("hard sigmoid, written out", model(MAP, "a = Add(x, three) c = Clip(a, zero, six) y = Div(c, six)",
     three=3.0, zero=0.0, six=6.0), "hard_sigmoid"),
    ("mish, written out", model(MAP, "s = Softplus(x) t = Tanh(s) y = Mul(x, t)"), "mish"),
    ("activations", model(MAP + ", float[8,1,1] slope",
     "a = Relu(x) b = LeakyRelu <alpha=0.2> (x) c = Elu <alpha=0.5> (b) d = HardSwish(c) e = PRelu(d, slope)"
     " f = Gelu(e) g = Tanh(f) h = Softplus(g) k = Clip(h, low, high) m = HardSigmoid <alpha=0.16666667> (k)"
     " y = Add(m, a)", low=0.1, high=0.8), "prelu"),
    ("another hard sigmoid", model(MAP, "y = HardSigmoid(x)"), "opaque"),
    ("squeeze and excite", model(f"{MAP}, float[2,8,1,1] u, float[8,2,1,1] v",
     "g = GlobalAveragePool(x) a = Conv(g, u) b = Relu(a) c = Conv(b, v) d = Sigmoid(c) y = Mul(x, d)"), "mul"),
    ("channel shuffle", model(MAP, "a = Reshape(x, apart) b = Transpose <perm=[0,2,1,3,4]> (a) y = Reshape(b, back)",
     apart=[2, 2, 4, 6, 10], back=[2, -1, 6, 10]), "channel_shuffle"),
    ("attention, written out", model(TOKENS[0],
     TOKENS[1] + "r = Reshape(z, heads) t = Transpose <perm=[2,0,3,1,4]> (r)"
     " q, k, v = Split <axis=0, num_outputs=3> (t)"
     " q1 = Squeeze(q, first) k1 = Squeeze(k, first) v1 = Squeeze(v, first) kt = Transpose <perm=[0,1,3,2]> (k1)"
     " s = MatMul(q1, kt) d = Div(s, scale) p = Softmax <axis=3> (d) o = MatMul(p, v1)"
     " u = Transpose <perm=[0,2,1,3]> (o) y = Reshape(u, back)",
     heads=[0, 0, 3, 2, 4], first=[0], scale=2.0, back=[0, 0, 8], tokens=[2, 24, -1]), "attend"),
    ("moved places", model(MAP,
     "a = Slice(x, two, end, ax) b = Slice(x, zero, two, ax) c = Concat <axis=3> (a, b) y = Mul(c, x)",
     two=[2], end=[2**63 - 1], zero=[0], ax=[3]), "rolled"),
    ("joins", model(MAP, "a, b = Split <axis=1> (x, sizes) c = Concat <axis=1> (b, a, x) y = Sub(c, c)",
     sizes=[3, 5]), "concat"),
    ("one token", model(TOKENS[0], TOKENS[1] + "y = Gather <axis=1> (z, place)",
     place=0, tokens=[2, 24, -1]), "token"),
    ("parts of channels", model(MAP, "a = Slice(x, s, e, ax) b = Gather <axis=1> (x, places)"
     " y = Concat <axis=1> (a, b)",
     s=[1], e=[4], ax=[1], places=[4, 5]), "channel_slice"),
    ("borders", model(MAP, "a = Pad(x, p, v) b = Pad <mode=\"reflect\"> (a, q) y = Relu(b)",
     p=[0, 0, 1, 2, 0, 0, 0, 1], v=1.5, q=[0, 0, 1, 1, 0, 0, 1, 1]), "pad"),
    ("nearest pixels", model(MAP, 'y = Resize <mode="nearest", nearest_mode="floor",'
     ' coordinate_transformation_mode="asymmetric"> (x, , scales)', scales=[1.0, 1.0, 2.0, 2.0]), "upsample"),
    ("pixels between", model(MAP, 'y = Resize <mode="linear"> (x, , , sizes)', sizes=[2, 8, 9, 15]), "resize"),
    ("pixels between corners", model(MAP,
     'y = Resize <mode="linear", coordinate_transformation_mode="align_corners"> (x, , , sizes)', sizes=[2, 8, 9, 15]),
     "resize"),
    ("cubic pixels", model(MAP, 'y = Resize <mode="cubic"> (x, , , sizes)', sizes=[2, 8, 9, 15]), "resampled"),
    ("depth to space", model(MAP, 'a = DepthToSpace <blocksize=2, mode="CRD"> (x) y = SpaceToDepth <blocksize=2> (a)'),
     "pixel_shuffle"),
    ("depth to space by columns", model(MAP, "y = DepthToSpace <blocksize=2> (x)"), "permute"),
    ("learned and fixed numbers", model(f"{MAP}, float[8,1,1] w, float[1,8,6,10] v",
     "a = Mul(x, w) b = Add(a, v) c = Div(b, three) d = Sub(one, c) y = Pow(d, two)", three=3.0, one=1.0, two=2.0),
     "layer_scale"),
    ("a product of two values", model("float[2,7,8] x, float[2,8,5] x2", "y = MatMul(x, x2)"), "matrix_product"),
    ("dropout", model(MAP, "y = Dropout(x, ratio)", ratio=0.3), "dropout(p=0.3)"),
    ("embedding", model("int64[2,7] x, float[20,8] w", "y = Gather(w, x)"), "embedding"),
    ("tokens of one sample", model("int64[1,7] x, float[20,8] w, float[8,5] v",
     "e = Gather(w, x) t = Transpose <perm=[1,0,2]> (e) r = Reshape(t, apart) p = Transpose <perm=[1,0,2,3]> (r)"
     " q = Reshape(p, back) y = MatMul(q, v)", apart=[7, 1, 2, 4], back=[1, 7, 8]), "linear(5, bias=false)"),
    ("shapes that are computed", model("float[N,8,6,10] x, float[480,5] w",
     "s = Shape(x) n = Gather(s, first) k = Unsqueeze(n, ax) t = Concat <axis=0> (k, rest) r = Reshape(x, t)"
     " y = MatMul(r, w)", first=0, ax=[0], rest=[-1]), "flatten"),
    ("a branch", model("float[2,8] x, float[8,5] w", f"c = Greater(one, zero) {BRANCHES}", one=1.0, zero=0.0), "relu"),
    ("the other branch", model("float[2,8] x, float[8,5] w", f"c = Less(one, zero) {BRANCHES}", one=1.0, zero=0.0),
     "linear(5, bias=false)"),
    ("branches that the input decides", model("float[2,8] x, float[8,5] w",
     f"s = ReduceSum <keepdims=0> (x) c = Greater(s, zero) {BRANCHES}", zero=0.0), "opaque"),
    ("LSTM", layer("LSTM"), "lstm(6)"),
    ("LSTM both ways", layer("LSTM", ', direction="bidirectional"', directions=2), "lstm(6, bidirectional=true)"),
    ("LSTM backwards", layer("LSTM", ', direction="reverse"'), "opaque"),
    ("LSTM without biases", layer("LSTM", inputs="w, r"), "opaque"),
    ("LSTM with peepholes", layer("LSTM", inputs="w, r, b, , , , p"), "opaque"),
    ("LSTM of other functions", layer("LSTM", ', activations=["HardSigmoid","Tanh","Tanh"]'), "opaque"),
    ("GRU of all positions", layer("GRU", ", linear_before_reset=1", "w, r, b, n", 3), "gru(6)"),
    ("GRU that resets before the product", layer("GRU", gates=3), "opaque"),
    ("an older clip", model(MAP, "y = Clip <min=0.0, max=6.0> (x)", version=9), "relu6"),
]  # fmt: skip
