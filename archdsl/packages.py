"""Packages that only some commands need, and what is said where one of them is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from archdsl.diagnostics import CompileError, Diagnostic

TITLES: Mapping[str, str] = {"torch": "PyTorch", "onnx": "the package onnx", "yaml": "PyYAML"}
"""What each package is called. The extra of archdsl that installs it has the package's own name."""


def require(package: str, purpose: str) -> None:
    """Raises `CompileError` if a package is not installed. `purpose` is the subject of the message."""
    if find_spec(package) is None:
        help = f"pip install 'archdsl[{package}]'"
        raise CompileError([Diagnostic("broken-reference", f"{purpose} needs {TITLES[package]}", help=help)])
