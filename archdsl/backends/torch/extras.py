"""What may be added to the file of a network for those who build on it, each only where it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analyses.budget import Budget
from archdsl.backends.torch.inference import Folding
from archdsl.backends.torch.published import Published


@dataclass(frozen=True, slots=True)
class Extras:
    """The options of an emitted file.

    `features` adds methods that end before the head, and that give the outputs of stages. `published` adds a method
    that loads the weights of a public network. `hub` makes the class one that the Hugging Face Hub loads and saves;
    `timm` registers it with timm, which needs the features too. `inference` says how a network for inference was made,
    and adds a method that takes the weights of the one for training. `budget` is what training may take: parts of
    the network then run again in the backward pass.
    """

    features: bool = False
    published: Published | None = None
    hub: bool = False
    timm: bool = False
    inference: Folding | None = None
    budget: Budget | None = None

    @property
    def with_features(self) -> bool:
        return self.features or self.timm


NONE = Extras()
