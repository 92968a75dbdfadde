"""Other people's implementations, to compare with."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType


@cache
def import_torchvision() -> ModuleType:
    """torchvision, also beside a build of torch that its own compiled operators do not load into.

    Call this before importing what imports torchvision, such as timm.
    """
    from archdsl.frontends.collections import declare_operators

    declare_operators()
    return importlib.import_module("torchvision")
