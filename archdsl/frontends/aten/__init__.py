"""Translates PyTorch's operations into ops; one table for each family.

Activations have no table: they are recognized by the calls that PyTorch makes for them (`activation.py`).
"""

from __future__ import annotations

from archdsl.frontends.aten import activation, attention, held, idioms, layout, merge, pool, recurrent, shape, weighted
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
    """The translations to try for a call of this operation, in order.

    Those that combine several calls come first; those that only hold a call as it is come last.
    """
    single = (table[name] for table in (TRANSLATIONS, held.TRANSLATIONS) if name in table)
    return (*idioms.IDIOMS.get(name, ()), *activation.recognized(name), *single)
