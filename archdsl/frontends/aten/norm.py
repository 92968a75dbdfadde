"""Normalization, and factors that are learned."""

from __future__ import annotations

from archdsl.frontends.aten.call import Call, Result, Step, Translation
from archdsl.ops.norm import Bn, GroupNorm, InstanceNorm, LayerNorm

STATISTICS = ("weight", "bias", "running_mean", "running_var")


def batch(call: Call) -> Result:
    weights = call.weights(*STATISTICS)
    if weights is None or ("weight" in weights) != ("bias" in weights):
        return None
    op = Bn(
        eps=call["eps"],
        momentum=call["momentum"],
        affine="weight" in weights,
        track="running_mean" in weights,
    )
    return Step(op, (call["input"],), weights)


def instance(call: Call) -> Result:
    weights = call.weights(*STATISTICS)
    if weights is None or ("weight" in weights) != ("bias" in weights):
        return None
    op = InstanceNorm(
        eps=call["eps"],
        momentum=call["momentum"],
        affine="weight" in weights,
        track="running_mean" in weights,
    )
    return Step(op, (call["input"],), weights)


def group(call: Call) -> Result:
    weights = call.weights("weight", "bias")
    if weights is None or len(weights) == 1:
        return None
    op = GroupNorm(groups=call["num_groups"], eps=call["eps"], affine=bool(weights))
    return Step(op, (call["input"],), weights)


def layer(call: Call) -> Result:
    """Of a vector; over the channels of a map it is an idiom."""
    weights = call.weights("weight", "bias")
    if weights is None or len(weights) == 1 or call.dims("input") != tuple(call["normalized_shape"]):
        return None
    if len(call.dims("input")) != 1:
        return None
    return Step(LayerNorm(eps=call["eps"], affine=bool(weights)), (call["input"],), weights)


TRANSLATIONS: dict[str, Translation] = {
    "batch_norm": batch,
    "_native_batch_norm_legit_no_training": batch,
    "_native_batch_norm_legit_functional": batch,
    "instance_norm": instance,
    "group_norm": group,
    "layer_norm": layer,
}
