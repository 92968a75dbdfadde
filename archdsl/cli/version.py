"""The versions on which the results of a command may depend, for reports of faults. Nothing is imported for them."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("lark", "pydantic", "networkx", "torch", "onnx")
"""What reads specs, keeps graphs, and runs what is written. The last two need not be installed."""


def lines() -> Iterator[str]:
    """archdsl's own version first, then Python's, those of `PACKAGES`, and the system."""
    yield f"archdsl {_version('archdsl')}"
    yield f"{platform.python_implementation()} {platform.python_version()}"
    for package in PACKAGES:
        yield f"{package} {_version(package)}"
    yield platform.platform()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"
