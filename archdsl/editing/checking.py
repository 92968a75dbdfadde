"""Finds what is wrong with a spec that is being written, with its defaults and with each variant.

The text is that of an editor, which may differ from the file on disk; so may those of its imports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.driver import Compiled, compile_network, warnings_of_blocks
from archdsl.resolve.model import File, Network
from archdsl.resolve.resolve import resolve
from archdsl.source import Source


@dataclass(frozen=True)
class Spec:
    """A spec as an editor has it. `path` is absolute; a text without one can import only from the library.

    `texts` are the texts of other open files, by absolute path. `settings` are values by parameter name.
    """

    text: str
    path: Path | None = None
    texts: Mapping[Path, str] = field(default_factory=dict)
    variant: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        return Source(self.path.name if self.path else "spec.arch", self.text, path=self.path)

    @cached_property
    def file(self) -> File:
        """The resolved spec. Raises `CompileError` if it cannot be parsed."""
        return resolve(self.source, self.path.parent if self.path else None, self.texts)

    @cached_property
    def compiled(self) -> Compiled:
        """The network with the variant and the settings. Raises `CompileError`."""
        return compile_network(self.file, self.variant, self.settings)

    def of_variant(self, variant: str | None) -> Spec:
        """The same spec with another variant; it is not resolved again."""
        other = replace(self, variant=variant)
        if "file" in self.__dict__:
            other.__dict__["file"] = self.file
        return other

    def with_text(self, text: str) -> Spec:
        return replace(self, text=text)


def found(spec: Spec) -> tuple[Diagnostic, ...]:
    """The errors and warnings of a spec with its variant and settings."""
    try:
        if spec.file.network is None and not (spec.variant or spec.settings):
            return (*spec.file.problems, *warnings_of_blocks(spec.file))
        return spec.compiled.warnings
    except CompileError as error:
        return error.diagnostics


def found_in_variants(spec: Spec) -> tuple[Diagnostic, ...]:
    """The errors and warnings of a spec with its defaults and with each variant, those of several only once."""
    try:
        names = shown_variants(spec.file.network)
    except CompileError as error:
        return error.diagnostics
    return tuple(merged([(name, found(spec.of_variant(name))) for name in names]))


def shown_variants(network: Network | None) -> Sequence[str | None]:
    """The variants to check, None standing for the defaults.

    A network with variants and a parameter without a default cannot be compiled with its defaults: they are left out.
    """
    if network is None:
        return [None]
    complete = all(parameter.default is not None for parameter in network.parameters)
    return [*([None] if complete or not network.variants else []), *network.variants]


def merged(runs: Sequence[tuple[str | None, Iterable[Diagnostic]]]) -> Iterator[Diagnostic]:
    """The diagnostics of several variants, each once, with a note on the variants that have it if not all do.

    The same code at the same place is one mistake, even if each variant's message has other numbers.
    """
    kept: dict[object, tuple[Diagnostic, list[str]]] = {}
    for name, diagnostics in runs:
        for diagnostic in diagnostics:
            key = (diagnostic.code, diagnostic.span) if diagnostic.span else diagnostic
            kept.setdefault(key, (diagnostic, []))[1].append(name or "the defaults")
    for diagnostic, names in kept.values():
        whole = len(names) == len(runs)
        yield diagnostic if whole else replace(diagnostic, notes=(*diagnostic.notes, Note(f"with {', '.join(names)}")))
