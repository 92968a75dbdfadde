"""The figures of the documentation: what each shows, and how it is drawn. `docs/figures/` has them as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from archdsl import load
from archdsl.backends.figures import as_scene, as_scene_of, written
from archdsl.backends.figures.scene import Scene
from archdsl.driver import open_spec
from archdsl.studies.scaling import scaling
from archdsl.studies.scatter import scatter
from archdsl.studies.subject import Subject


class Shown(NamedTuple):
    """A figure: what a reader is told of it, the call that draws it, and the same as a function."""

    about: str
    call: str
    draw: Callable[[], Scene]

    def svg(self) -> str:
        """With its text as shapes, since sites that show files do not read fonts from them."""
        return written(self.draw(), "svg", "outline").decode()


def _of(spec: str, figure: str, **options: Any) -> Callable[[], Scene]:
    return lambda: as_scene(load(spec).graph, figure, **options)


def _beside(*specs: str, **options: Any) -> Callable[[], Scene]:
    return lambda: as_scene_of([load(spec).graph for spec in specs], **options)


def _grown() -> Scene:
    return as_scene_of(scaling(Subject(open_spec("efficientnet"), None, {"phi": 3})), "scaling")


PICTURES: Mapping[str, Shown] = {
    "mobilenet_v2": Shown("MobileNetV2 by its stages", "mobilenet_v2", _of("mobilenet_v2", "overview")),
    "inception": Shown(
        "GoogLeNet's Inception module", "googlenet --figure block --block Inception", _of("googlenet", "block")
    ),
    "vgg": Shown("VGG-16 as volumes", "vgg@D --figure volumes", _of("vgg@D", "volumes")),
    "unet": Shown("U-Net as volumes", "unet@2015 --figure volumes", _of("unet@2015", "volumes")),
    "dense_block": Shown(
        "A dense block of DenseNet",
        "densenet@121 --figure block --block dense1",
        _of("densenet@121", "block", block="dense1"),
    ),
    "hourglass": Shown(
        "A stacked hourglass, unrolled",
        "hourglass@1 --figure block --block Hourglass",
        _of("hourglass@1", "block", block="Hourglass"),
    ),
    "nasnet_cell": Shown(
        "NASNet's normal cell",
        "nasnet_cifar --figure block --block NormalCell",
        _of("nasnet_cifar", "block", block="NormalCell"),
    ),
    "residual": Shown(
        "Plain beside residual", "resnet@plain34 @34 --figure compare", _beside("resnet@plain34", "resnet@34")
    ),
    "reduced": Shown(
        "The naive Inception module beside the reduced one",
        "inception_module@naive @reduced --figure compare --cost macs",
        _beside("inception_module@naive", "inception_module@reduced", cost="macs"),
    ),
    "profile": Shown("Where VGG-16 has its costs", "vgg@D --figure profile", _of("vgg@D", "profile")),
    "scaling": Shown("Compound scaling of EfficientNet", "efficientnet --figure scaling --phi 3", _grown),
    "errors": Shown(
        "Published errors over counted costs",
        "errors.csv --figure scatter",
        lambda: as_scene_of(scatter("errors.csv"), "scatter"),
    ),
}
"""By the name of the file, in the order of the README."""


def gallery() -> str:
    """The part of the README that shows them: two in a row, each with the words that draw it."""
    names = list(PICTURES)
    cells = [f"![{PICTURES[name].about}](docs/figures/{name}.svg)" for name in names]
    told = [f"{PICTURES[name].about}: `{PICTURES[name].call}`" for name in names]
    rows = [f"| {cells[i]} | {cells[i + 1]} |\n| {told[i]} | {told[i + 1]} |" for i in range(0, len(names), 2)]
    return "| | |\n| --- | --- |\n" + "\n".join(rows) + "\n"
