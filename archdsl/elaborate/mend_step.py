"""Edits by which an op can take what flows into it, where one is likely: the help of the op's complaint."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.elaborate.mend_parts import divided
from archdsl.elaborate.mend_rank import reshaped
from archdsl.elaborate.mend_window import enlarged
from archdsl.elaborate.refusal import Refusal

KINDS: dict[str, Callable[[Refusal], str | None]] = {
    "kernel-too-large": enlarged,
    "channels-not-divisible": divided,
    "wrong-rank": reshaped,
    "wrong-kind": reshaped,
}
"""What looks for an edit, by the code of the complaint."""


def mended(code: str, refusal: Refusal) -> str | None:
    """What to write, so that the error of this code is gone; None where nothing is likely."""
    return KINDS[code](refusal) if code in KINDS and refusal.refs else None
