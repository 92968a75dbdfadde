"""Small functions that an emitted file has where Keras has no layer that computes what the spec says.

Each takes the value, then the arguments of Keras' layer, and the `name` of the layer.
"""

from __future__ import annotations

from archdsl.ops.base import Support

PAIR = Support(
    "pair",
    '''\
def pair(value):
    """A number as two."""
    return value if isinstance(value, tuple) else (value, value)
''',
)

BORDERED = Support(
    "bordered",
    '''\
def bordered(x, size, strides, padding, dilation, name, fill=0.0):
    """The map, and the `padding` with which a layer has the given border around it.

    `padding` is a number, one for height and width, or two for each. Keras' "same" is used where it means these.
    """
    if padding == "same":
        return x, "same"
    borders = []
    has_same = True
    for length, kernel, step, rate, border in zip(x.shape[1:3], *map(pair, (size, strides, dilation, padding))):
        before, after = pair(border)
        total = max((-(-length // step) - 1) * step + rate * (kernel - 1) + 1 - length, 0)
        has_same = has_same and (before, after) == (total // 2, total - total // 2)
        borders.append((before, after))
    if not any(map(any, borders)):
        return x, "valid"
    if has_same:
        return x, "same"
    if fill:
        return ops.pad(x, ((0, 0), *borders, (0, 0)), constant_values=fill), "valid"
    return layers.ZeroPadding2D(tuple(borders), name=f"{name}_pad")(x), "valid"
''',
    (PAIR,),
)

CONV2D = Support(
    "conv2d",
    '''\
def conv2d(x, filters, kernel_size, strides=1, padding=0, dilation_rate=1, *, name, **options):
    """A convolution with zeros around the map."""
    x, padding = bordered(x, kernel_size, strides, padding, dilation_rate, name)
    options |= {"padding": padding, "dilation_rate": dilation_rate, "name": name}
    return layers.Conv2D(filters, kernel_size, strides, **options)(x)
''',
    (BORDERED,),
)

DEPTHWISE = Support(
    "depthwise_conv2d",
    '''\
def depthwise_conv2d(x, kernel_size, strides=1, padding=0, dilation_rate=1, *, name, **options):
    """A convolution of each channel by itself, with zeros around the map."""
    x, padding = bordered(x, kernel_size, strides, padding, dilation_rate, name)
    options |= {"padding": padding, "dilation_rate": dilation_rate, "name": name}
    return layers.DepthwiseConv2D(kernel_size, strides, **options)(x)
''',
    (BORDERED,),
)

MAX_POOL = Support(
    "max_pool2d",
    '''\
def max_pool2d(x, pool_size, strides=None, padding=0, *, name):
    """The largest value of each window; the border is never the largest."""
    strides = strides or pool_size
    x, padding = bordered(x, pool_size, strides, padding, 1, name, fill=-float("inf"))
    return layers.MaxPooling2D(pool_size, strides, padding, name=name)(x)
''',
    (BORDERED,),
)

AVERAGE_POOL = Support(
    "average_pool2d",
    '''\
def average_pool2d(x, pool_size, strides=None, padding=0, *, name):
    """The mean of each window; the zeros around the map count."""
    if padding:
        before_and_after = tuple(map(pair, pair(padding)))
        x = layers.ZeroPadding2D(before_and_after, name=f"{name}_pad")(x)
    return layers.AveragePooling2D(pool_size, strides, name=name)(x)
''',
    (PAIR,),
)

SAME_AVERAGE_POOL = Support(
    "SameAveragePooling2D",
    '''\
@keras.saving.register_keras_serializable()
class SameAveragePooling2D(layers.AveragePooling2D):
    """The mean of each window over the pixels of the map, with the border that "same" means.

    Keras' PyTorch backend counts copies of the last row and column where the border is uneven.
    """

    def call(self, x):
        sides = []
        for length, kernel, step in zip(x.shape[1:3], self.pool_size, self.strides):
            total = max((-(-length // step) - 1) * step + kernel - length, 0)
            sides.append((total // 2, total - total // 2))
        sides = ((0, 0), *sides, (0, 0))
        means = ops.average_pool(ops.pad(x, sides), self.pool_size, self.strides)
        inside = ops.average_pool(ops.pad(ops.ones_like(x[:1, ..., :1]), sides), self.pool_size, self.strides)
        return means / inside
''',
)

FLATTEN = Support(
    "flatten",
    '''\
def flatten(x, *, name):
    """All numbers of a sample in one row: first the channels, then rows, then columns."""
    if len(x.shape) == 4 and x.shape[1:3] != (1, 1):
        x = layers.Permute((3, 1, 2), name=f"{name}_channels_first")(x)
    return layers.Flatten(name=name)(x)
''',
)

RESHAPE = Support(
    "reshape",
    '''\
def reshape(x, channels, height, width, *, name):
    """The same numbers as a map; first come the channels, then rows, then columns."""
    if len(x.shape) == 4:
        x = layers.Permute((3, 1, 2), name=f"{name}_channels_first")(x)
    x = layers.Reshape((channels, height, width), name=f"{name}_map")(x)
    return layers.Permute((2, 3, 1), name=name)(x)
''',
)

LRN = Support(
    "LocalResponseNormalization",
    '''\
@keras.saving.register_keras_serializable()
class LocalResponseNormalization(layers.Layer):
    """Division by (k + alpha * m)^beta, with m the mean square over `size` adjacent channels."""

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0, **options):
        super().__init__(**options)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, x):
        channels = x.shape[-1]
        squares = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (self.size // 2, (self.size - 1) // 2)))
        mean = sum(squares[..., i : i + channels] for i in range(self.size)) / self.size
        return x / (self.k + self.alpha * mean) ** self.beta

    def get_config(self):
        own = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return super().get_config() | own
''',
)

SHUFFLE = Support(
    "channel_shuffle",
    '''\
def channel_shuffle(x, groups, *, name):
    """Mixes the groups: channel i of group g goes to place i * groups + g."""
    _, height, width, channels = x.shape
    x = layers.Reshape((height, width, groups, channels // groups), name=f"{name}_groups")(x)
    x = layers.Permute((1, 2, 4, 3), name=f"{name}_mixed")(x)
    return layers.Reshape((height, width, channels), name=name)(x)
''',
)

PIXEL_SHUFFLE = Support(
    "pixel_shuffle",
    '''\
def pixel_shuffle(x, factor, *, name):
    """Squares of factor x factor pixels, each made of as many adjacent channels."""
    _, height, width, channels = x.shape
    channels //= factor * factor
    x = layers.Reshape((height, width, channels, factor, factor), name=f"{name}_squares")(x)
    x = layers.Permute((1, 4, 2, 5, 3), name=f"{name}_placed")(x)
    return layers.Reshape((height * factor, width * factor, channels), name=name)(x)
''',
)

UP_CONV = Support(
    "conv2d_transpose",
    '''\
def conv2d_transpose(x, filters, kernel_size, strides=1, cropping=0, *, name, **options):
    """A transposed convolution, whose output is then cut at its sides."""
    x = layers.Conv2DTranspose(filters, kernel_size, strides, name=name, **options)(x)
    return layers.Cropping2D(cropping, name=f"{name}_crop")(x) if cropping else x
''',
)

LAYER_SCALE = Support(
    "LayerScale",
    '''\
@keras.saving.register_keras_serializable()
class LayerScale(layers.Layer):
    """A learned factor for each channel."""

    def __init__(self, init=1e-6, **options):
        super().__init__(**options)
        self.init = init

    def build(self, shape):
        self.factor = self.add_weight(
            shape=shape[-1:], initializer=keras.initializers.Constant(self.init), name="factor"
        )

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return super().get_config() | {"init": self.init}
''',
)

DROP_PATH = Support(
    "drop_path",
    '''\
def drop_path(x, rate, *, name):
    """Stochastic depth: while training, drops the whole value of a sample with this probability."""
    return layers.Dropout(rate, (None, *[1] * (len(x.shape) - 1)), name=name)(x)
''',
)
