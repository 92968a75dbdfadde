"""The PyTorch code of an op as data. The PyTorch backend adds variable names, commas and indentation.

The texts may use `torch`, `nn` (torch.nn), `F` (torch.nn.functional) and `Tensor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Support:
    """A small class or function that torch lacks. It is written once into each file that uses it, after those in
    `needs`. `cached` is the text for a file that generates word by word: it takes earlier positions from a `Cache`."""

    name: str
    source: str
    needs: tuple[Support, ...] = ()
    cached: str = ""

    def definitions(self) -> tuple[Support, ...]:
        """This definition and those it needs, in the order in which they must be written; one may occur twice."""
        return (*(inner for support in self.needs for inner in support.definitions()), self)


@dataclass(frozen=True, slots=True)
class Module:
    """A module to be made in `__init__`: `nn.Conv2d(3, 64, 7, stride=2)`. Arguments are values, not texts.

    `kwargs` are in PyTorch's order, without those that equal PyTorch's default. `defaults` has the default of every
    option, in the same order: two uses of a block, of which only one sets its stride, can then be written as one class.
    `inplace` says that the module has an option `inplace` (the backend decides where it is safe). `around` is an
    expression around the call, which stands in it as `{}`: `nn.Parameter({})`. What it makes is a value that `forward`
    reads and does not call. A call of a `pair` gives two values, of which the first is the op's output:
    `x, _ = self.reader(x)`.
    """

    target: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    support: Support | None = None
    inplace: bool = False
    defaults: tuple[tuple[str, Any], ...] = ()
    around: str = ""
    pair: bool = False

    @classmethod
    def of(
        cls,
        target: str,
        *args: Any,
        support: Support | None = None,
        inplace: bool = False,
        pair: bool = False,
        **options: tuple[Any, Any],
    ) -> Module:
        """Makes a `Module`. Each option is a pair of its value and PyTorch's default (`...` if there is none).

        Options that are equal to their default are left out.
        """
        kwargs = tuple((name, value) for name, (value, default) in options.items() if value != default)
        defaults = tuple((name, default) for name, (_, default) in options.items())
        return cls(target, args, kwargs, support, inplace, defaults, pair=pair)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression in `forward`: `torch.cat([{all}], dim=1)`, `{0} + {1}`, `{0} * {factor}`.

    `{0}`, `{1}` ... are the inputs, and `{all}` is all of them with commas. `{module}` is the module of another
    step, of which this one takes the weights. Other names stand for `values`.
    `atomic` is false if the text needs parentheses inside a larger expression.
    """

    text: str
    atomic: bool = True
    values: tuple[tuple[str, Any], ...] = ()
    support: Support | None = None

    @property
    def borrows(self) -> bool:
        """Whether the expression takes the weights of another step's module."""
        return "{module}" in self.text

    def written(self, inputs: tuple[str, ...], values: Mapping[str, str] | None = None) -> str:
        """The text with the inputs filled in. A value is written as the text that `values` has for it, or literally."""
        literals = {"module": "module"} | {name: repr(value) for name, value in self.values} | dict(values or {})
        return self.text.format(*inputs, all=", ".join(inputs), **literals)
