"""Translates PyTorch's operations into ops; one table for each family.

Activations have no table: they are recognized by the calls that PyTorch makes for them (`activation.py`).
"""

from __future__ import annotations

from archdsl.frontends.aten import activation, attention, idioms, layout, merge, pool, recurrent, shape, weighted
from archdsl.frontends.aten.call import Translation

TRANSLATIONS: dict[str, Translation] = {
    **layout.TRANSLATIONS,
    **weighted.TRANSLATIONS,
    **recurrent.TRANSLATIONS,
    **attention.TRANSLATIONS,
    **pool.TRANSLATIONS,
    **activation.TRANSLATIONS,
    **merge.TRANSLATIONS,
    **shape.TRANSLATIONS,
}
"""Translations by name of operation, without `aten.`, overload, and the underscore of in-place variants."""


def translations(name: str) -> tuple[Translation, ...]:
    """The translations to try for a call of this operation, in order: those that combine several calls come first."""
    single = TRANSLATIONS.get(name)
    return (*idioms.IDIOMS.get(name, ()), *activation.recognized(name), *((single,) if single else ()))
