"""Packages that only some commands need, and what is said where one of them is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from archdsl.diagnostics import CompileError, Diagnostic

TITLES: Mapping[str, str] = {
    "torch": "PyTorch",
    "onnx": "the package onnx",
    "yaml": "PyYAML",
    "distributed": "Dask's package distributed",
    "pygls": "the package pygls",
    "starlette": "the package starlette",
    "uvicorn": "the package uvicorn",
    "websockets": "the package websockets",
}
"""What each package is called."""

EXTRAS: Mapping[str, str] = {
    "distributed": "cluster",
    "pygls": "lsp",
    "starlette": "serve",
    "uvicorn": "serve",
    "websockets": "serve",
}
"""The extra of archdsl that installs a package. Other extras have the package's own name."""


def require(package: str, purpose: str) -> None:
    """Raises `CompileError` if a package is not installed. `purpose` is the subject of the message."""
    if find_spec(package) is None:
        help = f"pip install 'archdsl[{EXTRAS.get(package, package)}]'"
        raise CompileError([Diagnostic("broken-reference", f"{purpose} needs {TITLES[package]}", help=help)])
