"""Checks that the commands which compare and vary networks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archdsl.cli.target import Target
    from archdsl.studies.subject import Subject


def subject(target: Target) -> Subject:
    """The subject of a study. Raises `CompileError` for a graph, and for settings that the network does not have."""
    from archdsl.diagnostics import CompileError, Diagnostic
    from archdsl.readers import is_reference
    from archdsl.studies.subject import Subject

    if target.is_graph:
        what = "code" if is_reference(target.spec) else "a graph file"
        message = f"{target.spec} is {what}: its settings and sizes cannot be varied"
        help = f"`archdsl import` writes a spec of it: `archdsl import {target.spec} -o net.arch`"
        raise CompileError([Diagnostic("no-network", message, help=help)])
    target.check_settings()
    return Subject(target.file, target.variant, target.settings, target.limits)


def check_precision(name: str) -> None:
    """Raises `CompileError` for an unknown precision."""
    from archdsl.analyses.choices import choose
    from archdsl.analyses.memory import PRECISIONS

    choose("precision", [name], PRECISIONS)
