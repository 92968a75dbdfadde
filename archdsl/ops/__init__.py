"""The ops of the language. Importing this package fills `registry.REGISTRY`."""

from archdsl.ops import (  # noqa: F401
    activation,
    attend,
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
    position,
    recurrent,
    regularize,
    relative,
    reshape,
    resize,
    scale,
    tokens,
    transposed,
)
from archdsl.ops.registry import REGISTRY

REGISTRY.add_module("archdsl.ops.blur", "blur_pool")
REGISTRY.add_module("archdsl.ops.fixed", "fixed picked picked_along")
REGISTRY.add_module("archdsl.ops.folded_conv", "folded_conv")
REGISTRY.add_module(
    "archdsl.ops.held",
    "permute rolled expanded part parts joined bordered matrix_product scaled_attention patches summed_patches slid "
    "resampled",
)
REGISTRY.add_module("archdsl.ops.held_numbers", "arithmetic applied reduced softmax_along")
REGISTRY.add_module("archdsl.ops.recurrent_along", "lstm_along gru_along")
REGISTRY.add_module("archdsl.ops.standardized", "standardized_conv")
