"""What is known of the class whose `forward` is being written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.backends.torch.body import Step
from archdsl.backends.torch.outline import Outline


@dataclass(frozen=True, slots=True)
class Context:
    """`path` is the scope of the class, `numbers` stand, by node, for the numbers of its expressions.

    `shapes`: each line says the shape that it comes to.
    """

    outline: Outline
    path: str
    steps: tuple[Step, ...]
    numbers: Mapping[str, Mapping[str, str]]
    shapes: bool
