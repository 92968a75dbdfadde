"""Names in an emitted module: legal, and none that the module itself uses."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.backends.python import names

MODULE_NAMES = frozenset(
    "torch nn F Tensor OrderedDict NamedTuple argparse math time main initialize".split()
    + "round_to whole_number not_compiled".split()
)
"""What an emitted module itself calls something; nothing else may have these names in it."""


def legal(name: str) -> str:
    return names.legal(name, MODULE_NAMES)


class Namespace(names.Namespace):
    """Hands out names that the module does not use, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__(taken, MODULE_NAMES)
