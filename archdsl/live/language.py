"""What the page knows before anything is typed: the words of the language, its ops, the library, the figures."""

from __future__ import annotations

import re
from typing import Any

from archdsl.analyses.rows import CUTS
from archdsl.live.views import kinds_of_figures
from archdsl.ops.reference import reference
from archdsl.ops.registry import REGISTRY
from archdsl.resources import grammar_text, specs_folder

WORD = re.compile('"([a-z]{2,})"')
"""A word of the language, as the grammar has it."""


def language() -> dict[str, Any]:
    """Words by what they are. An op comes with its signature and what it does."""
    ops = {name: reference(op) for name, op in sorted(REGISTRY.written().items())}
    return {
        "keywords": sorted(set(WORD.findall(grammar_text()))),
        "ops": {name: [entry.signature, entry.summary] for name, entry in ops.items()},
        "library": sorted(path.stem for path in specs_folder().glob("*.arch")),
        "figures": kinds_of_figures(),
        "rows": list(CUTS),
    }
