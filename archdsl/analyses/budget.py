"""What training may take, and what was chosen for it: the bytes, and the multiply-adds that are computed twice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """What training may take for a batch: `most` bytes, or the share `keep` of the values that it keeps otherwise.

    `most` is for the kept values, those that are computed again at one time, weights, gradients, and the state of Adam.
    """

    keep: float | None = None
    most: int = 0
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was chosen: the bytes that training keeps without recomputation and with it, for `batch` samples.

    `hidden` are the most bytes that are computed again at one time; `fixed` those of weights, gradients, and the state
    of Adam. `macs` are the multiply-adds of the forward pass, `extra` those that are added.
    """

    batch: int
    before: int
    kept: int
    hidden: int
    fixed: int
    macs: int
    extra: int

    @property
    def all(self) -> int:
        """The bytes that training takes."""
        return self.fixed + self.kept + self.hidden


class OverBudget(Exception):
    """The network cannot train within a budget; `nearest` is what it can do with the least memory."""

    def __init__(self, nearest: Outcome) -> None:
        super().__init__()
        self.nearest = nearest
