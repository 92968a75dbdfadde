"""The modules that end a network of Ultralytics, and the lines of a spec that each is written as.

A head is a stage, and some have further outputs: prototypes of masks, and what serves training alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Head:
    """A module that ends a network: the names of its arguments in the YAML file, and its lines.

    In a line, `$maps` are the layers that it takes, `$first` and `$second` two of them, `$classes` and other arguments
    what the file gives, and `$kind` how many numbers a side of a box has and which convolutions guess it. A head of two
    `twins` is trained beside a second one, which is left out afterwards; others are in files that say `end2end: True`.
    """

    arguments: str
    lines: tuple[str, ...]
    twin: tuple[str, ...] = ()
    twins: bool = False


DETECT = "stage detect: $maps -> Detect($classes$kind)"
TWIN = "output one_to_many training: $maps -> Guesses($classes$kind)"
MORE = "output one_to_many training: $maps -> Guesses($classes$kind, more=$more)"

HEADS: Mapping[str, Head] = {
    "Detect": Head("classes", (DETECT,), (TWIN,)),
    "v10Detect": Head("classes", (DETECT,), (TWIN,), twins=True),
    "Segment": Head(
        "classes masks width",
        ("output prototypes: $first -> Proto($width, $masks)", "stage detect: $maps -> Segment($classes, $masks$kind)"),
        (MORE,),
    ),
    "Segment26": Head(
        "classes masks width",
        (
            "stage refined: $maps -> Refined",
            "output prototypes: refined -> Proto26($width, $masks)",
            "stage detect: $maps -> Segment($classes, $masks$kind)",
            "output semantic training: refined -> Semantic($width, $classes)",
        ),
        (MORE,),
    ),
    "Pose": Head("classes points", ("stage detect: $maps -> Pose($classes, $points$kind)",), (MORE,)),
    "Pose26": Head(
        "classes points",
        (
            "stage joints: $maps -> JointFeatures($points)",
            "stage detect: concat{$maps -> Detect($classes$kind) | (*joints) -> Numbers($more)}",
            "output spread training: (*joints) -> Numbers($spread)",
        ),
        (TWIN, "output joints_to_many training: $maps -> Joints($points)"),
    ),
    "OBB": Head("classes angles", ("stage detect: $maps -> OBB($classes, $angles$kind)",), (MORE,)),
    "OBB26": Head("classes angles", ("stage detect: $maps -> OBB26($classes, $angles$kind)",), (MORE,)),
    "SemanticSegment": Head(
        "classes",
        (
            "stage segment: $first -> SemanticSegment($first.channels, $classes)",
            "output auxiliary training: $second -> SemanticSegment($first.channels, $classes)",
        ),
    ),
    "Depth": Head("hidden", ("stage distance: $maps -> Depth($hidden)",)),
}

ANCHORED = Head("classes anchors", ("stage detect: $maps -> AnchorDetect($classes, $anchors)",))
"""`Detect` in a file of the first YOLOv5, which lists anchors."""

FILES: Mapping[str, str] = {
    "Guesses": "ultralytics_v10",
    **dict.fromkeys(
        ("Refined", "Proto26", "Semantic", "JointFeatures", "Numbers", "Joints", "OBB26", "SemanticSegment", "Depth"),
        "ultralytics_v26",
    ),
}
"""Files of `specs/blocks` that have the blocks of heads; other blocks of heads are in `ultralytics`."""

USUAL = {"masks": "32", "angles": "1", "hidden": "256"}
"""Arguments that the YAML file may leave out."""
