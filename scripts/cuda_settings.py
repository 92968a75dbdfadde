"""What `make bench-cuda` measures: the networks, the numbers of images, and the ways of running them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROUNDS = 20
"""So often each way of a setting is run, in turns with the others."""

LEAST_SECONDS = 0.02
"""A round lasts as long: a way is called so often, one call after the other."""

OURS, FOLDED, THEIRS = "emitted module", "emitted for inference", "torchvision"
"""The modules of a network that are run."""

TASKS = ("inference", "training")


@dataclass(frozen=True)
class Way:
    """How one of the modules of a network is run; `cuda_ways.py` says what that means."""

    module: str
    how: str
    tasks: tuple[str, ...] = TASKS

    @property
    def name(self) -> str:
        return f"{self.module}, {self.how}"

    @property
    def is_ours(self) -> bool:
        return self.module != THEIRS


WAYS = (
    Way(THEIRS, "eager"),
    Way(OURS, "eager"),
    Way(FOLDED, "eager", ("inference",)),
    Way(FOLDED, "CUDA graph", ("inference",)),
    Way(THEIRS, "reduce-overhead"),
    Way(THEIRS, "compiled"),
    Way(OURS, "compiled"),
    Way(OURS, "by block"),
    Way(THEIRS, "TensorRT", ("inference",)),
    Way(FOLDED, "max-autotune", ("inference",)),
    Way(OURS, "max-autotune", ("training",)),
    Way(THEIRS, "max-autotune"),
)
"""In the order in which they are prepared: what takes minutes comes last."""

WAY_OF: Mapping[str, Way] = {way.name: way for way in WAYS}


@dataclass(frozen=True)
class Setting:
    """A network in a task with so many images: a spec, and the public network that is the same.

    `reference` is "" where there is none.
    """

    spec: str
    reference: str
    task: str
    batch: int

    def __str__(self) -> str:
        return f"{self.spec}, {self.task}, batch {self.batch}"

    @property
    def place(self) -> tuple[str, str, int]:
        """What its rows have in the record."""
        return self.spec, self.task, self.batch

    def ways(self, tensorrt: bool) -> list[Way]:
        """Those in which it can be run, also by TensorRT or not."""
        found = [way for way in WAYS if self.task in way.tasks and (self.reference or way.is_ours)]
        return [way for way in found if tensorrt or way.how != "TensorRT"]


NETWORKS: Mapping[str, str] = {
    "resnet@50": "torchvision:resnet50",
    "efficientnet@b0": "torchvision:efficientnet_b0",
    "mobilenet_v2": "torchvision:mobilenet_v2",
    "densenet@121": "torchvision:densenet121",
    "inception_v3": "torchvision:inception_v3",
    "googlenet@bn": "torchvision:googlenet",
    "vgg@D": "torchvision:vgg16",
    "unet": "",
}
"""Specs, and torchvision's networks that are the same; it has no U-Net of the paper."""

BATCHES: Mapping[str, tuple[int, ...]] = {"inference": (1, 64, 8, 256), "training": (64, 8, 256)}
"""The most telling first: one image, where starting kernels takes the time, and many, where computing does.

Inception-v3 cannot be trained with one: there normalizations have one number for each channel.
"""


def settings() -> list[Setting]:
    """All that are measured, the most telling first."""
    return [
        Setting(spec, reference, task, batch)
        for task in TASKS
        for batch in BATCHES[task]
        for spec, reference in NETWORKS.items()
    ]
