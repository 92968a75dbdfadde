"""What PyTorch holds while attention runs on a CPU, and what it keeps of it for the backward pass.

`F.scaled_dot_product_attention` has two ways. Its kernel goes over the keys in blocks: it never holds a score for each
query and key, and keeps only the logarithm of the sum of exponentials for each query. The plain way makes all scores,
as the formula has them. Which one is taken, and what each holds, was read off PyTorch with `saved_tensors_hooks` and
by following all tensors that live; tests/test_memory.py repeats that for each example of `attend`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.ops.costs import Kept, Store


@dataclass(frozen=True, slots=True)
class AttendMemory:
    """The sizes of one attention, in numbers for each sample.

    `q`, `k`, `v` and `out` are the sizes of the four values, `heads` those of the queries, `queries` and `keys` how
    many positions there are, and `scores` how many pairs of them are compared, over all heads. A head has `size`
    channels of its queries and `wide` of its values; `shared` heads of keys and values serve all heads of the queries.
    """

    q: int
    k: int
    v: int
    out: int
    heads: int
    shared: int
    size: int
    wide: int
    queries: int
    keys: int
    scores: int
    causal: bool
    dropout: bool
    copied: bool
    """Queries, keys and values are copied first: those of maps, so that the channels of a pixel lie side by side."""
    windows: bool
    biased: bool
    """A learned bias is added to the scores."""
    bias: int
    """How many numbers the module itself makes to add them to the scores: a bias, a mask, or the sum of both. (A causal
    mask alone is not added by the module: PyTorch knows it.)"""
    mask: int
    """How many numbers the mask of windows has that are cut at the border; 0 if none are."""

    # --- while it runs -------------------------------------------------------------------------

    def scratch(self) -> Store:
        """The most that is held, beside inputs and output, at any stage of the module's `forward`."""
        most = max(self._stages(), key=lambda store: store.size(4))
        return Store(self._copies() + most.numbers - self.out, most.indices)

    def _stages(self) -> Iterator[Store]:
        """What each stage holds beside the inputs and the copies of them; the output counts here."""
        yield Store(self.bias + (self._in_blocks() if self._has_kernel() else self._in_full()))
        yield Store(self.out)
        if self.windows:
            yield Store(2 * self.out)  # the windows' answers, and the map that is joined from them
            yield Store(max(self.q, self.k, self.v))  # a map that is moved or cut, beside its windows
        if self.causal and self.biased:
            yield Store(self.bias + self.queries**2)  # the sum of bias and mask, beside the mask
        if self.mask:
            # What is added, and again for each sample; the mask alone; and for each pixel its part of a window.
            yield Store(2 * self.bias + (self.mask if self.biased else 0), indices=self.queries)

    def _copies(self) -> int:
        return self.q + self.k + self.v if self.copied else 0

    def _has_kernel(self) -> bool:
        """Whether PyTorch's kernel takes heads of these sizes: it has no wider values."""
        return self.size == self.wide

    def _in_blocks(self) -> int:
        """The kernel: the output, and a logarithm for each head and query."""
        return self.out + self._logarithms()

    def _logarithms(self) -> int:
        return self.heads * self.queries

    def _in_full(self) -> int:
        """The plain way: queries that are scaled, keys and values that are repeated where heads share them, a causal
        mask; and beside the scores either the scaled keys, the softmax, or the output. The last moment has the output
        twice: as the product gives it, and with the heads of a position side by side."""
        keys, values = self._repeated()
        held = self.q + (keys + values if self.shared < self.heads else 0)
        held += self.queries**2 if self.causal and not self.biased else 0
        return max(held + self.scores + max(keys, self.scores, self.out), 2 * self.out)

    def _repeated(self) -> tuple[int, int]:
        """The sizes of keys and values with one head for each of the queries."""
        return self.heads * self.keys * self.size, self.heads * self.keys * self.wide

    # --- for the backward pass -----------------------------------------------------------------

    def keeps(self) -> Kept:
        """The kernel has no gradient for a bias, nor dropout: training with either goes the plain way."""
        if self._has_kernel() and not self.dropout and not self.biased:
            return self._kept_in_blocks()
        return self._kept_in_full()

    def _kept_in_blocks(self) -> Kept:
        """Inputs, or the copies of them, the output and the logarithms; and the mask of windows that are cut."""
        out = self.out if self.windows else 0  # the windows' answers: the output is the map joined from them
        further = Store(self._copies() + out + self._logarithms() + self.bias)
        return Kept(() if self.copied else (0, 1, 2), output=not self.windows, further=further)

    def _kept_in_full(self) -> Kept:
        """The scaled queries and keys, the values and the softmax; with dropout also what is dropped and what is left.

        The values are kept as they are if there is nothing to repeat, copy or turn round: with one head.
        """
        keys, values = self._repeated()
        further = self.q + keys + (3 if self.dropout else 1) * self.scores
        if self.heads == 1 and not self.copied:
            return Kept((2,), further=Store(further))
        return Kept(further=Store(further + values))
