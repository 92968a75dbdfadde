"""The ops of the language. Importing this package fills `base.REGISTRY`."""

from archdsl.ops import (  # noqa: F401
    activation,
    attend,
    conv,
    crop,
    embed,
    internal,
    linear,
    merge,
    norm,
    pool,
    pool_adaptive,
    pool_random,
    position,
    regularize,
    reshape,
    resize,
    scale,
    transposed,
)
