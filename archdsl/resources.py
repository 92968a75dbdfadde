"""Finds the grammar and the gallery: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def grammar_text(name: str = "archdsl") -> str:
    """The text of a grammar: `archdsl.lark`, or another one."""
    return (_folder("grammar") / f"{name}.lark").read_text(encoding="utf-8")


def specs_folder() -> Path:
    """The folder of the shipped specs, with `blocks/` in it."""
    return _folder("specs")
