"""Names in an emitted module: legal in Python, and none that the module itself uses."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.backends.python import names

MODULE_NAMES = frozenset(
    "torch nn F Tensor OrderedDict NamedTuple argparse math time main initialize".split()
    + "round_to whole_number not_compiled".split()
)
"""Names that an emitted module itself uses; nothing else in it may have them."""


def legal(name: str) -> str:
    """`name` as an identifier that the module does not use itself."""
    return names.legal(name, MODULE_NAMES)


class Namespace(names.Namespace):
    """Gives out names that the module does not use, each only once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__(taken, MODULE_NAMES)
