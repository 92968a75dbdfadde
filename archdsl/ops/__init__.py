"""The ops of the language. Importing this package fills `base.REGISTRY`."""

from archdsl.ops import (  # noqa: F401
    activation,
    conv,
    crop,
    embed,
    internal,
    learned,
    linear,
    merge,
    norm,
    pool,
    pool_adaptive,
    pool_random,
    regularize,
    reshape,
    resize,
    scale,
    tokens,
    transposed,
)
