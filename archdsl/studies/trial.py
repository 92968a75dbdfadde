"""Compiles a network with one setting, and measures it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from archdsl.analyses.measures import measure
from archdsl.backends.torch.schedule import emitted
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.studies.subject import Subject


@dataclass(frozen=True, slots=True)
class Trial:
    """The result at one point: `values` by name, or the `problem` why the network cannot be compiled there."""

    point: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: Diagnostic | None = None
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def fault(self) -> str:
        """The message of the problem; "" if there is none."""
        if self.problem is None:
            return ""
        label = f" ({self.problem.label})" if self.problem.label else ""
        return f"{self.problem.code}: {self.problem.message}{label}"


@dataclass(frozen=True, slots=True)
class Trier:
    """Compiles the network at a point of a grid, and computes `measures` and the values of other `coefficients`.

    `precision` (`fp32`) is that of weights and values.
    """

    subject: Subject
    measures: tuple[str, ...]
    coefficients: tuple[str, ...] = ()
    precision: str = "fp32"

    def __call__(self, point: Mapping[str, Any]) -> Trial:
        try:
            compiled = self.subject.compile(point)
        except CompileError as error:
            return Trial(point, problem=next(d for d in error.diagnostics if d.severity == "error"))
        settings = {setting.name: setting.value for setting in compiled.graph.header.settings}
        found = {name: settings[name] for name in self.coefficients}
        found |= measure(compiled.graph, self.measures, self.precision, emitted)
        return Trial(point, found, warnings=compiled.warnings)


def unused_settings(trials: Iterable[Trial]) -> tuple[Diagnostic, ...]:
    """The warnings for settings that changed nothing, each once."""
    warnings = (warning for trial in trials for warning in trial.warnings)
    return tuple(dict.fromkeys(warning for warning in warnings if warning.code == "unused-setting"))
