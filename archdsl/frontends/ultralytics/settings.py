"""What a YAML file says beside its layers: classes, scales, the activation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

from archdsl.frontends.ultralytics.document import Part, refused
from archdsl.frontends.ultralytics.modules import ACTIVATIONS
from archdsl.text import is_label, shown

SCALE = re.compile(r"yolo[a-z-]*\d+([a-z])(?![a-z0-9])")
"""The letter of the scale in a file's name: `yolov8n.yaml`, `yolo11s-seg.yaml`."""

CLASSES = 80
"""The classes of COCO, for a file that names no number."""

LARGEST = 10**9


@dataclass(frozen=True)
class Settings:
    """The table of a file, and the file's name."""

    table: Mapping[str, Part]
    name: str

    def whole(self, key: str, usual: int) -> int:
        """A whole number from 1."""
        part = self.table.get(key)
        if part is None or part.value is None:
            return usual
        if type(part.value) is not int or not 1 <= part.value <= LARGEST:
            raise refused(f"`{key}` is a whole number from 1, and not {shown(str(part.plain), 40)}", part.span)
        return part.value

    @cached_property
    def scales(self) -> Mapping[str, tuple[Any, ...]]:
        """Depth, width and the most channels of each scale; empty for a file of one size."""
        part = self.table.get("scales")
        if part is None or part.value is None:
            return {}
        if not isinstance(part.value, Mapping):
            raise refused("`scales` is a table: a letter for each scale, with its depth, width and channels", part.span)
        return dict(self._scales(part.value))

    def _scales(self, table: Mapping[str, Part]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for name, row in table.items():
            numbers = row.plain
            if not is_label(name):
                raise refused(f"`{shown(name, 40)}` cannot be the name of a scale", row.span)
            if not (row.is_list and len(numbers) == 3 and all(_is_positive(number) for number in numbers)):
                raise refused("a scale has three numbers: depth, width and the most channels", row.span)
            yield name, tuple(numbers)

    @cached_property
    def scale(self) -> str | None:
        """The scale that the file's name asks for, or the first one."""
        found = SCALE.search(PurePath(self.name).stem.lower())
        asked = found[1] if found else None
        return asked if asked in self.scales else next(iter(self.scales), None)

    @cached_property
    def multiples(self) -> tuple[Any, Any, Any]:
        """Depth, width and the most channels of the default scale; None for channels without a limit."""
        if self.scale is not None:
            depth, width, most = self.scales[self.scale]
            return depth, width, most
        return self._multiple("depth_multiple"), self._multiple("width_multiple"), None

    def _multiple(self, key: str) -> Any:
        part = self.table.get(key)
        if part is None:
            return 1
        if not _is_positive(part.value):
            raise refused(f"`{key}` is a number above 0, and not {shown(str(part.plain), 40)}", part.span)
        return part.value

    @property
    def is_scaled(self) -> bool:
        """Whether numbers are multiplied at all."""
        return bool(self.scales) or self.multiples[:2] != (1, 1)

    @property
    def activation(self) -> str | None:
        """The op of `activation: torch.nn.ReLU()`; the text is looked up and not executed."""
        part = self.table.get("activation") or self.table.get("act")
        if part is None or part.value is None:
            return None
        found = re.fullmatch(r"(?:torch\.)?nn\.(\w+)\((?:inplace=True)?\)", str(part.value).strip())
        if found is None or found[1] not in ACTIVATIONS:
            known = ", ".join(f"nn.{name}()" for name in ACTIVATIONS)
            raise refused(f"the activation is one of {known}", part.span)
        return ACTIVATIONS[found[1]]

    @property
    def boxes(self) -> int:
        """The anchors of each position, for a file of the first YOLOv5; 0 for others."""
        part = self.table.get("anchors")
        if part is None or part.value is None:
            return 0
        number = part.plain if type(part.plain) is int else 0
        if part.is_list and part.value and isinstance(part.plain[0], list):
            number = len(part.plain[0]) // 2
        if not 1 <= number <= LARGEST:
            raise refused("`anchors` is a number, or for each map a list of widths and heights", part.span)
        return number

    @property
    def points(self) -> list[int]:
        """The joints of a body and the numbers of each."""
        part = self.table.get("kpt_shape")
        return [17, 3] if part is None else joints(part)

    @property
    def has_twins(self) -> bool:
        """Whether a second head is trained beside the one that guesses boxes, as since YOLOv10."""
        part = self.table.get("end2end")
        return part is not None and bool(part.value)


def joints(part: Part) -> list[int]:
    """The joints of a body and the numbers of each. Raises `CompileError` if the part is not two numbers."""
    if not (part.is_list and len(part.plain) == 2 and all(type(n) is int and 0 < n <= 1000 for n in part.plain)):
        raise refused("the joints of a body are two numbers: how many there are, and the numbers of each", part.span)
    return list(part.plain)


def _is_positive(number: Any) -> bool:
    return type(number) in (int, float) and 0 < number <= LARGEST
