"""Edits by which an op can take what flows into it, where one is likely: the help of the op's complaint."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.elaborate.mend_attend import three_values, without_windows
from archdsl.elaborate.mend_parts import divided
from archdsl.elaborate.mend_rank import reshaped
from archdsl.elaborate.mend_tokens import for_attention, numbered
from archdsl.elaborate.mend_window import enlarged
from archdsl.elaborate.refusal import Refusal

KINDS: dict[str, tuple[Callable[[Refusal], str | None], ...]] = {
    "kernel-too-large": (enlarged,),
    "channels-not-divisible": (for_attention, divided),
    "wrong-number-of-values": (three_values,),
    "wrong-rank": (without_windows, reshaped),
    "wrong-kind": (reshaped, numbered),
}
"""What looks for an edit, in turn, by the code of the complaint."""


def mended(code: str, refusal: Refusal) -> str | None:
    """What to write, so that the error of this code is gone; None where nothing is likely."""
    edits = (look(refusal) for look in KINDS.get(code, ()) if refusal.refs)
    return next((edit for edit in edits if edit), None)
