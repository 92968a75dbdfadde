"""The map between the parameters and buffers of a reference and ours, and loading a checkpoint with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archdsl.ir.weight_parts import entry_of, value_of

FORMAT = "archdsl-weights-1"


@dataclass(frozen=True, slots=True)
class WeightMap:
    """Pairs of entries of a reference's state_dict and of ours that correspond: their name, our name.

    Paired entries hold the same numbers in the same order. Their shapes are equal, except for a linear layer that the
    other network writes as a convolution. Their name may say which rows of an entry it is: `in_proj_weight[0:32]`.
    """

    spec: str
    reference: str
    pairs: tuple[tuple[str, str], ...]

    def to_json(self) -> str:
        """The map as JSON, which `from_json` reads."""
        data = {"format": FORMAT, "spec": self.spec, "reference": self.reference, "weights": dict(self.pairs)}
        return json.dumps(data, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> WeightMap:
        """Reads a map that `to_json` wrote. Raises ValueError for anything else."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"this is not a map of weights: its format is not {FORMAT!r}")
        return cls(str(data["spec"]), str(data["reference"]), tuple(data["weights"].items()))


def load_weights(module: Any, state_dict: Mapping[str, Any], weights: WeightMap, share: bool = False) -> None:
    """Copies a reference's state_dict, such as a published checkpoint, into a module of ours.

    With `share` nothing is copied: the module uses the tensors of the state_dict, and may be on `meta` before. Weights
    that are not in the map (heads that only we have) stay as they are. Raises ValueError, and changes nothing, if an
    entry is missing or has another shape. Only `num_batches_tracked`, which old checkpoints lack, may be missing.
    """
    own = module.state_dict()
    counters = {theirs for theirs, _ in weights.pairs if theirs.endswith("num_batches_tracked")}
    missing = [theirs for theirs, _ in weights.pairs if entry_of(theirs) not in state_dict and theirs not in counters]
    foreign = [ours for _, ours in weights.pairs if ours not in own]
    for names, whose in ((missing, f"of {weights.reference}"), (foreign, "of the module")):
        if names:
            raise ValueError(f"the state_dict {whose} has no {_some(names)}")
    loaded = {}
    for theirs, ours in weights.pairs:
        given, wanted = value_of(state_dict, theirs), own[ours].shape
        if given is not None:
            if given.numel() != wanted.numel():
                raise ValueError(f"{theirs} is {_shape(given.shape)}, and {ours} is {_shape(wanted)}")
            loaded[ours] = given.reshape(wanted)
    module.load_state_dict(loaded, strict=False, assign=share)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
