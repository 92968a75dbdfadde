"""Networks that the package ultralytics builds from a YAML file, up to where nothing more is learned.

The package is one of `references.txt`, or found where Python finds it. What it requires itself is not needed: its
networks do without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import torch
from absent import absent
from published import FOLDER
from torch import Tensor, nn
from yaml import safe_load

REQUIRED = ("cv2", "matplotlib", "polars", "psutil", "scipy", "pandas", "seaborn", "ultralytics_thop", "cpuinfo")
"""What the package imports and its networks do not use."""


def package() -> Any:
    """The module of the package that builds networks. Raises `ModuleNotFoundError` if the package is not there."""
    if "ultralytics" not in sys.modules:
        # Otherwise it would keep its settings in the user's folder, and look for newer versions of itself.
        os.environ.setdefault("YOLO_CONFIG_DIR", gettempdir())
        os.environ.setdefault("YOLO_OFFLINE", "true")
        if find_spec("ultralytics") is None:
            sys.path.append(str(FOLDER))
    with absent(*(name for name in REQUIRED if find_spec(name) is None)):
        return import_module("ultralytics.nn.tasks")


def layers(file: str, scale: str = "") -> nn.Sequential:
    """The layers of a YAML file, at one of its scales or the first one."""
    tasks, table = package(), safe_load(Path(file).read_text(encoding="utf-8"))
    table["scale"] = scale or next(iter(table.get("scales") or [""]))
    made: nn.Sequential
    made, _ = tasks.parse_model(table, table.get("ch", 3), verbose=False)
    return made


def rows(file: str, scale: str = "") -> nn.Module:
    """The network of a YAML file."""
    made = layers(file, scale)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps, module.momentum = 1e-3, 0.03
    made.requires_grad_(True)
    return Rows(made)


class Rows(nn.Module):
    """The rows of a file. Its head gives the values of a spec's outputs by their names."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Any:
        values: list[Any] = []
        *layers, head = self.layers
        for layer in layers:
            taken = [x if place == -1 else values[place] for place in _several(layer.f)]
            x = _fused(layer, taken) if type(layer).__name__ == "CBFuse" else _called(layer, layer.f, taken)
            values.append(x)
        name = type(head).__name__
        if name == "Classify":
            return head.linear(head.drop(head.pool(head.conv(x)).flatten(1)))
        maps = [values[place] for place in _several(head.f)]
        if name == "SemanticSegment":
            auxiliary = {"auxiliary": head.aux_head(maps[1])} if self.training else {}
            return {"segment": head.classifier(maps[0]), **auxiliary}
        return _depth(head, maps) if name == "Depth" else _boxes(head, maps)


def _several(places: int | list[int]) -> list[int]:
    return places if isinstance(places, list) else [places]


def _called(layer: nn.Module, places: int | list[int], taken: list[Any]) -> Any:
    return layer(taken if isinstance(places, list) else taken[0])


def _fused(layer: Any, taken: list[Any]) -> Tensor:
    """The sum that the module makes by stacking."""
    *sources, last = taken
    size = last.shape[2:]
    made = [nn.functional.interpolate(x[place], size=size) for x, place in zip(sources, layer.idx, strict=True)]
    return sum([*made[1:], last], made[0])


def _depth(head: Any, maps: Sequence[Tensor]) -> Tensor:
    """The logarithm of the depth, before it is limited."""
    features = [project(x) for project, x in zip(head.proj, maps, strict=True)]
    out = features[-1]
    for place in range(head.nl - 2, -1, -1):
        out = nn.functional.interpolate(out, scale_factor=2, mode="bilinear", align_corners=True)
        out = head.refine[place](out + features[place])
    made: Tensor = head.head(out)
    return made


def _boxes(head: Any, maps: Sequence[Tensor]) -> dict[str, Tensor]:
    """What a head guesses, and while it is trained what its second head guesses."""
    has_twin = getattr(head, "one2one_cv2", None) is not None
    branch = head.one2one if has_twin else head.one2many
    joints = _features(branch, maps)
    found = {"detect": _guessed(head, branch, maps, _over(branch["kpts_head"], joints) if joints else None)}
    training: dict[str, Tensor] = {}
    if (proto := getattr(head, "proto", None)) is not None:
        made = proto(maps if type(proto).__name__ == "Proto26" else maps[0])
        found["prototypes"] = made[0] if isinstance(made, tuple) else made
        if isinstance(made, tuple):
            training["semantic"] = made[1]
    if not head.training:
        return found
    if joints:
        training["spread"] = _over(branch["kpts_sigma_head"], joints)
    if has_twin:
        training["one_to_many"] = _raw(head.one2many, maps)
    if joints:
        many = _features(head.one2many, maps)
        both = [_over(head.one2many[name], many) for name in ("kpts_head", "kpts_sigma_head")]
        training["joints_to_many"] = torch.cat(both, 1)
    return found | training


def _features(branch: dict[str, Any], maps: Sequence[Tensor]) -> list[Tensor]:
    """What YOLO26 guesses joints from, for each map; nothing for other heads."""
    heads = branch["pose_head"] if "kpts_head" in branch else ()
    return [head(x) for head, x in zip(heads, maps, strict=False)]


def _further(branch: dict[str, Any], maps: Sequence[Tensor]) -> list[Tensor]:
    names = ("mask_head", "angle_head", *(() if "kpts_head" in branch else ("pose_head",)))
    return [_over(branch[name], maps) for name in names if name in branch]


def _guessed(head: Any, branch: dict[str, Any], maps: Sequence[Tensor], joints: Tensor | None) -> Tensor:
    boxes, scores = _over(branch["box_head"], maps), _over(branch["cls_head"], maps)
    rest = _further(branch, maps)
    if type(head).__name__ == "OBB":
        rest = [angles.sigmoid() for angles in rest]
    rest += [] if joints is None else [joints]
    return torch.cat([_distances(head, boxes), scores.sigmoid(), *rest], 1)


def _raw(branch: dict[str, Any], maps: Sequence[Tensor]) -> Tensor:
    parts = [_over(branch["box_head"], maps), _over(branch["cls_head"], maps), *_further(branch, maps)]
    return torch.cat(parts, 1)


def _over(heads: nn.ModuleList, maps: Sequence[Tensor]) -> Tensor:
    return torch.cat([head(x).flatten(2) for head, x in zip(heads, maps, strict=True)], 2)


def _distances(head: Any, boxes: Tensor) -> Tensor:
    """The module `DFL`, with the numbers in an order that an import can follow."""
    if head.reg_max == 1:
        return boxes
    batch, _, places = boxes.shape
    bins = nn.functional.channel_shuffle(boxes, 4).view(batch, head.reg_max, 4, places)
    made: Tensor = head.dfl.conv(bins.softmax(1))
    return made.view(batch, 4, places)
