"""The activations of darknet, which most sections end with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archdsl.frontends.darknet.network import Network
from archdsl.frontends.darknet.sections import Section
from archdsl.frontends.flat import Ref, wrong
from archdsl.suggest import nearest
from archdsl.text import shown

ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "logistic": ("sigmoid", {}),
    "relu": ("relu", {}),
    "relu6": ("relu6", {}),
    "relie": ("leaky_relu", {}),
    "leaky": ("leaky_relu", {"slope": 0.1}),
    "tanh": ("tanh", {}),
    "elu": ("elu", {}),
    "swish": ("silu", {}),
    "mish": ("mish", {}),
    "gelu": ("gelu", {"approximate": True}),
}
"""Activations by darknet's names, as ops with their arguments."""

OTHERS = frozenset(
    {
        *("loggy", "ramp", "plse", "stair", "hardtan", "lhtan", "selu", "hard_mish", "revleaky"),
        *("normalize_channels", "normalize_channels_softmax", "normalize_channels_softmax_maxval"),
    }
)
"""Activations that the language has no op for."""


def activated(net: Network, section: Section, x: Ref, default: str) -> Ref:
    """A value after the activation of a section, which is `default` if it names none."""
    name = section.text("activation", default)
    if name == "linear":
        return x
    if name in ACTIVATIONS:
        op, arguments = ACTIVATIONS[name]
        return net.put(section, op, x, **arguments)
    if name in OTHERS:
        dims = net.tensor(x).dims
        return net.put(section, "opaque", x, target=f"darknet.{name}", inputs=(dims,), results=(dims,))
    meant = nearest(name, sorted({*ACTIVATIONS, *OTHERS, "linear"}))
    message = f"darknet has no activation `{shown(name, 60)}`"
    raise wrong(message, section.place("activation"), f"did you mean `{meant}`?" if meant else None)
