"""The PyTorch code of an op as data; names, commas and indentation are added by whoever writes it.

Texts may use `torch`, `nn` (torch.nn), `F` (torch.nn.functional) and `Tensor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Support:
    """A small class or function that torch lacks, written once into each module that uses it, after what it `needs`."""

    name: str
    source: str
    needs: tuple[Support, ...] = ()

    def definitions(self) -> tuple[Support, ...]:
        """This definition and those it needs, in the order in which they must be written; one may occur twice."""
        return (*(inner for support in self.needs for inner in support.definitions()), self)


@dataclass(frozen=True, slots=True)
class Module:
    """A module to be made in `__init__`: `nn.Conv2d(3, 64, 7, stride=2)`. Values are data, not text.

    `kwargs` are in PyTorch's order and leave out what equals PyTorch's default; `defaults` are the defaults
    of all options in that order, so that two uses of one block, of which only one states its stride, can be
    written as one class.
    `inplace` says that the module takes `inplace=True` (the writer decides where that is safe).
    """

    target: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    support: Support | None = None
    inplace: bool = False
    defaults: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(
        cls,
        target: str,
        *args: Any,
        support: Support | None = None,
        inplace: bool = False,
        **options: tuple[Any, Any],
    ) -> Module:
        """Each option is a pair of its value and PyTorch's default (`...`: none), and left out if they are equal."""
        kwargs = tuple((name, value) for name, (value, default) in options.items() if value != default)
        defaults = tuple((name, default) for name, (_, default) in options.items())
        return cls(target, args, kwargs, support, inplace, defaults)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression in `forward`: `torch.cat([{all}], dim=1)`, `{0} + {1}`, `{0} * {factor}`.

    `{0}`, `{1}` ... are the inputs, `{all}` all of them with commas; other names stand for `values`, which
    are data. `atomic` is false where the text needs parentheses inside a larger expression.
    """

    text: str
    atomic: bool = True
    values: tuple[tuple[str, Any], ...] = ()
    support: Support | None = None

    def written(self, inputs: tuple[str, ...], values: Mapping[str, str] | None = None) -> str:
        """The text with `inputs` filled in, and each value as a literal or as the text that `values` has for it."""
        literals = {name: repr(value) for name, value in self.values} | dict(values or {})
        return self.text.format(*inputs, all=", ".join(inputs), **literals)
