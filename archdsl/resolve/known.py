"""Keeps the names that are known at each point of a file, and reports those that are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from archdsl.diagnostics import Diagnostic, Note
from archdsl.limits import SHOWN
from archdsl.naming import RESERVED
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.decide import decided
from archdsl.resolve.library import import_of
from archdsl.resolve.model import Block, File, Network, Use
from archdsl.resolve.names import DIGITS, KnownNames, bound
from archdsl.source import Span
from archdsl.suggest import help_for_step, same_word
from archdsl.syntax import tree

HINTS = 10 * SHOWN
"""After so many diagnostics of a file, no suggestions are searched any more."""


class Names:
    """Collects the diagnostics of one file, each undefined name once."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.found: list[Diagnostic] = []
        self.functions: dict[str, tree.Define] = dict(file.functions)
        self.in_network = False
        self.loops_of_stages = 0
        """How many loops over stages are around the part that is checked."""
        self.missing: dict[str, int] = {}
        """The diagnostic of each undefined name, so that it is reported only once."""
        self.uses: list[Use] = []
        self.holders: set[Span | None] = set()
        """The places of names that may hold an op or a block: parameters, and what `shared` gives a name."""
        self.text: tree.Body | None = None
        """The body of the block or network that is being checked."""

    def report(self, code: str, message: str, span: Span | None, **more: Any) -> None:
        self.found.append(Diagnostic(code, message, span, **more))

    # --- what a name stands for ----------------------------------------------------------------

    def operation(self, name: Any) -> tuple[str, tuple[str, ...]] | None:
        """The name and the arguments' names of the op, block or network that `name` stands for; None if it is none."""
        if not isinstance(name, tree.Name | tree.VariantOf):
            return None
        definition = self.file.definitions.get(name.name)
        if isinstance(definition, Block):
            return definition.name, tuple(p.name for p in definition.parameters)
        if isinstance(definition, Network):
            settings = (*(p.name for p in definition.parameters), *(a.name.name for a in definition.scaling))
            return definition.name, (*settings, "until")
        op = REGISTRY.get(name.name)
        return (op.name, tuple(op.model_fields)) if op and (op.imported or not op.internal) else None

    def given(self, name: str, scope: KnownNames, step: bool) -> Span | None:
        """Where a name was given: in the scope, or as a block, a network or a function of the file.

        A number does not hide the op or block of a `step` that has the same name: `dropout(dropout)`.
        """
        definition, function = self.file.definitions.get(name), self.functions.get(name)
        local = scope.find(name)
        operation = self.operation(tree.Name(name, Span(self.file.source, 0, 0)))
        if step and operation is not None and local not in self.holders:
            local = None
        found = local or (definition.span if definition is not None else None)
        return found or (function.name.span if function is not None else None)

    def use(self, place: Span, given: Span | None) -> None:
        """Notes that a name stands at the beginning of a place: `s` in `s3`, where that is a stage of `stage s{i}`."""
        if given is not None:
            self.uses.append(Use(Span(place.source, place.start, place.start + given.end - given.start), given))

    def refer(self, name: tree.Name | tree.VariantOf, scope: KnownNames, step: bool = False) -> None:
        self.use(name.span, self.given(name.name, scope, step))
        network = self.file.definitions.get(name.name)
        if isinstance(name, tree.VariantOf) and isinstance(network, Network) and name.variant in network.variants:
            span = network.variants[name.variant].label
            self.use(Span(name.span.source, name.span.end - (span.end - span.start), name.span.end), span)

    def arguments_of(self, unit: tree.Name | tree.VariantOf | None, arguments: Iterable[tree.Argument]) -> None:
        """Notes the names of arguments, which are parameters of the block or network that is called."""
        called = self.file.definitions.get(unit.name) if unit is not None else None
        if called is None:
            return
        parameters = {parameter.name: parameter.span for parameter in called.parameters}
        if isinstance(called, Network):
            parameters |= {assigned.name.name: assigned.name.span for assigned in called.scaling}
        for argument in arguments:
            self.use(argument.span, parameters.get(argument.name or ""))
            if argument.name == "until" and isinstance(argument.value, tree.Name) and isinstance(called, Network):
                stages = {name.name: name.span for name in bound(called.flow)}
                self.use(argument.value.span, stages.get(argument.value.name))

    def units(self) -> set[str]:
        return {*self.file.definitions, *REGISTRY.written()}

    # --- names ---------------------------------------------------------------------------------

    def bind(self, name: tree.Name, scope: KnownNames, step: bool = False) -> None:
        """Defines a name. `step`: it becomes part of paths, and so the attribute of a module."""
        if step:
            self.step_name(name)
        if name.name in ("x", "it", "input"):
            self.report("reserved-name", f"`{name.name}` has a meaning of its own and cannot be a name", name.span)
        known = scope.names.get(name.name) or scope.numbered_as(name.name)
        outer = scope.parent.find(name.name) if scope.parent and known is None else None
        first = outer if known is None or known == name.span else known
        if first is not None:
            self.twice(name, first)
        scope.names[name.name] = name.span
        self.use(name.span, name.span)

    def twice(self, name: tree.Name, known: Span, help: str = "") -> None:
        message, note = f"`{name.name}` has a meaning already", Note("it was given here", known)
        if not help and len(self.found) < HINTS:
            help = self.told_apart(name, known)
        self.report("duplicate-name", message, name.span, notes=(note,), help=help or None)

    def told_apart(self, name: tree.Name, known: Span) -> str:
        """What to do about a name that was given before."""
        free = self.free(name.name)
        line = decided(self.text, known, name.span) if self.text else None
        if line is not None:
            return f"instead of this `if`, say it where `{name.name}` is given first: `{line}`"
        return f"call it `{free}`, and write `{free}` below where this one is meant"

    def free(self, name: str) -> str:
        """A name that stands nowhere in the file: `skip2` for `skip`, `conv3` for `conv2`."""
        base = name.rstrip(DIGITS)
        number = int(name[len(base) :] or 1) + 1
        while f"{base}{number}" in self._words:
            number += 1
        return f"{base}{number}"

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", self.file.source.text))

    def step_name(self, name: tree.Name) -> None:
        if name.name in RESERVED:
            self.report(
                "reserved-name",
                f"`{name.name}` cannot be a name: every PyTorch module has an attribute of that name",
                name.span,
                help=f"call it `{name.name}_{'stage' if name.name != 'forward' else 'path'}`",
            )

    def output_name(self, name: tree.Name) -> None:
        if name.name.startswith("_") and name.name not in RESERVED:
            message = f"`{name.name}` begins with `_`, but outputs become fields of a Python tuple, which cannot"
            self.report("reserved-name", message, name.span, help=f"call it `{name.name.lstrip('_') or 'other'}`")

    def step_meant(self, name: tree.Name, known: Iterable[str] = (), called: bool = False) -> str | None:
        """The help for the unknown name of a step, a value or a number. With `called`, it may be a function too."""
        given = (own.span for own in bound(self.text) if own.name == name.name) if self.text else ()
        later = next((span for span in given if span.start > name.span.start), None)
        if later is not None:
            return f"line {later.line} gives that name: move it above this line"
        units = self.units()
        is_op = any(same_word(name.name, unit) for unit in units)
        return (None if is_op else import_of(name.name)) or help_for_step(name.name, {*units, *known}, called)

    def unknown(self, code: str, message: str, name: tree.Name, help: Callable[[], str | None]) -> None:
        """Reports an undefined name, unless its import failed and was reported already."""
        if name.name in self.file.broken:
            return
        if name.name in self.missing:
            first = self.found[self.missing[name.name]]
            if len(first.notes) > SHOWN:
                return
            notes = (*first.notes, Note(f"`{name.name}` stands here too", name.span))
            self.found[self.missing[name.name]] = replace(first, notes=notes)
            return
        self.missing[name.name] = len(self.found)
        # The search for a suggestion takes longer than all other checks, and only few diagnostics are shown.
        self.report(code, message, name.span, help=help() if len(self.found) < HINTS else None)
