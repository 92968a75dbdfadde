"""Translates PyTorch's operations into ops; one table for each family.

None of the tables needs torch, so that files whose operations are put in PyTorch's words are read by them as well.
"""

from __future__ import annotations

from archdsl.frontends.aten import (
    activation,
    attention,
    folded,
    held,
    idioms,
    layout,
    merge,
    pool,
    recurrent,
    shape,
    weighted,
    written,
)
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

FURTHER = (folded.TRANSLATIONS, held.TRANSLATIONS, written.TRANSLATIONS)
"""Translations to try where those of the first table do not fit."""


def translations(name: str, activations: tuple[Translation, ...] = ()) -> tuple[Translation, ...]:
    """The translations to try for a call of this operation, in order.

    Those that combine several calls come first, among them those that recognize `activations`; those for windows in
    the batch come after those for plain values, and those that only hold a call as it is come last.
    """
    single = (table[name] for table in (TRANSLATIONS, *FURTHER) if name in table)
    return (*idioms.IDIOMS.get(name, ()), *activations, *single)
