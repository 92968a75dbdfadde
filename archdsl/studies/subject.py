"""The network that a study varies: a spec with a variant and settings that stay the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from archdsl.diagnostics import CompileError
from archdsl.driver import Compiled, Limits, compile_network, network_of
from archdsl.elaborate.settings import unknown_settings
from archdsl.resolve.model import File, Network


@dataclass(frozen=True)
class Subject:
    """A resolved spec to vary. `settings` are fixed: by name, values or texts in the syntax of specs."""

    file: File
    variant: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @property
    def network(self) -> Network:
        """The network of the spec. Raises `CompileError` if the spec has only blocks."""
        return network_of(self.file)

    @property
    def title(self) -> str:
        """The file and the variant: `specs/efficientnet.arch@b3`."""
        return f"{self.file.source.name}@{self.variant}" if self.variant else self.file.source.name

    def compile(self, settings: Mapping[str, Any] | None = None) -> Compiled:
        """Compiles the network with these settings in addition to the fixed ones. Raises `CompileError`."""
        return compile_network(self.file, self.variant, {**self.settings, **(settings or {})}, self.limits)

    def with_network(self, **parts: Any) -> Subject:
        """The same subject with other declarations in the network, and without its `expect` lines."""
        network = replace(self.network, **{**parts, "expectations": ()})
        return replace(self, file=replace(self.file, network=network))

    def expect_setting(self, name: str, option: str) -> None:
        """Raises `CompileError` unless the network has the setting `name`, for which the option `option` asks."""
        for unknown in unknown_settings(self.network, [name]):
            raise CompileError([replace(unknown, message=f"{option}: {unknown.message}")])

    @property
    def digest(self) -> str:
        """A hash, in twelve hexadecimal digits, of the text of the spec and of all that it imports."""
        texts = sorted({source.name: source.text for source in _sources(self.file)}.items())
        return sha256(repr(texts).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _sources(file: File) -> list[Any]:
    """The sources of the spec itself and of all that it imports."""
    pending, seen = [file], {id(file): file}
    while pending:
        for definition in pending.pop().definitions.values():
            if id(definition.file) not in seen:
                seen[id(definition.file)] = definition.file
                pending.append(definition.file)
    return [one.source for one in seen.values()]
