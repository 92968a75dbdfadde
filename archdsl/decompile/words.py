"""Names that a spec may have, as much like those of the code as they can be."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import count

TAKEN = frozenset(
    "and as elif else false for if in not or repeat return then true x it input network block stage path let shared "
    "learned output param def source defaults init expect variants scaling require first last parallel from import "
    "training channels".split()
)
"""Words of the language, which would read badly as names."""


def value_name(text: str) -> str:
    """The name of a value or a parameter: `C2f_1` as `c2f_1`, `3x3` as `_3x3`.

    >>> value_name("layer1.0"), value_name("in"), value_name("3x3")
    ('layer1_0', 'in_', '_3x3')
    """
    name = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_").lower() or "value"
    name = re.sub(r"^(?=\d)", "_", name)
    return f"{name}_" if name in TAKEN else name


def block_name(text: str) -> str:
    """The name of a block: words in capitals.

    >>> block_name("_DenseLayer"), block_name("conv_bn")
    ('DenseLayer', 'ConvBn')
    """
    words = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_").split("_")
    name = "".join(word[:1].upper() + word[1:] for word in words) or "Part"
    return re.sub(r"^(?=\d)", "_", name)


def free_name(name: str, taken: Container[str]) -> str:
    """The name, with the first number from 2 on with which it is not taken yet.

    >>> free_name("conv1", {"conv1", "conv1_2"})
    'conv1_3'
    """
    numbered = (f"{name}_{number}" for number in count(2))
    return name if name not in taken else next(other for other in numbered if other not in taken)
