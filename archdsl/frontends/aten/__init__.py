"""What PyTorch's operations are in the language, one table a family. Adding an operation touches one of these files.

Activations need none: they are recognized by what PyTorch makes of them.
"""

from __future__ import annotations

from archdsl.frontends.aten import activation, idioms, merge, pool, shape, weighted
from archdsl.frontends.aten.call import Translation

TRANSLATIONS: dict[str, Translation] = {
    **weighted.TRANSLATIONS,
    **pool.TRANSLATIONS,
    **activation.TRANSLATIONS,
    **merge.TRANSLATIONS,
    **shape.TRANSLATIONS,
}
"""By the name of the operation, without `aten.`, overload, and the underscore of what works in place."""


def translations(name: str) -> tuple[Translation, ...]:
    """What is tried on a call of this operation, in order: first what takes several calls for one op."""
    single = TRANSLATIONS.get(name)
    return (*idioms.IDIOMS.get(name, ()), *activation.recognized(name), *((single,) if single else ()))
