"""Which of a reference's parameters and buffers is which of ours, and loading a checkpoint by that map."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "archdsl-weights-1"


@dataclass(frozen=True, slots=True)
class WeightMap:
    """Entries of a reference's state_dict and of ours, one to one: pairs of their name and our name.

    Paired entries hold the same numbers in the same order. Shapes agree but for a linear layer that the other
    side writes as a convolution.
    """

    spec: str
    reference: str
    pairs: tuple[tuple[str, str], ...]

    def to_json(self) -> str:
        """Their names and ours, to be read by `from_json`."""
        data = {"format": FORMAT, "spec": self.spec, "reference": self.reference, "weights": dict(self.pairs)}
        return json.dumps(data, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> WeightMap:
        """What `to_json` wrote. Raises ValueError for anything else."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"this is no map of weights: its format is not {FORMAT!r}")
        return cls(str(data["spec"]), str(data["reference"]), tuple(data["weights"].items()))


def load_weights(module: Any, state_dict: Mapping[str, Any], weights: WeightMap, share: bool = False) -> None:
    """Copies a reference's state_dict, such as a published checkpoint, into a module of ours.

    With `share` nothing is copied: the module takes the tensors themselves, and may be on `meta` before. What the
    map does not speak of (heads that only we have) stays as it is. Raises ValueError, and changes nothing, where
    an entry is missing or has another size. Counters of batches, which old checkpoints lack, may be missing.
    """
    own = module.state_dict()
    counters = {theirs for theirs, _ in weights.pairs if theirs.endswith("num_batches_tracked")}
    missing = [theirs for theirs, _ in weights.pairs if theirs not in state_dict and theirs not in counters]
    foreign = [ours for _, ours in weights.pairs if ours not in own]
    for names, whose in ((missing, f"of {weights.reference}"), (foreign, "of the module")):
        if names:
            raise ValueError(f"the state_dict {whose} has no {_some(names)}")
    loaded = {}
    for theirs, ours in weights.pairs:
        if theirs in state_dict:
            given, wanted = state_dict[theirs], own[ours].shape
            if given.numel() != wanted.numel():
                raise ValueError(f"{theirs} is {_shape(given.shape)}, and {ours} is {_shape(wanted)}")
            loaded[ours] = given.reshape(wanted)
    module.load_state_dict(loaded, strict=False, assign=share)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
