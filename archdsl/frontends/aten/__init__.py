"""What PyTorch's operations are in the language, one table a family. Adding an operation touches one of these files."""

from __future__ import annotations

from archdsl.frontends.aten import activation, idioms, merge, norm, pool, resample, shape, weighted
from archdsl.frontends.aten.call import Translation

TRANSLATIONS: dict[str, Translation] = {
    **weighted.TRANSLATIONS,
    **norm.TRANSLATIONS,
    **pool.TRANSLATIONS,
    **activation.TRANSLATIONS,
    **merge.TRANSLATIONS,
    **shape.TRANSLATIONS,
    **resample.TRANSLATIONS,
}
"""By the name of the operation, without `aten.`, overload, and the underscore of what works in place."""

IDIOMS: dict[str, tuple[Translation, ...]] = idioms.IDIOMS
"""What several calls together are, by the last of them; tried before `TRANSLATIONS`."""
