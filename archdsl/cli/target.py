"""The target of a command: a spec, a file with a graph or code, with a variant, settings and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl.cli.specs import SETTINGS, option_names
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import (
    Compiled,
    Limits,
    compile_family,
    compile_network,
    find_spec,
    is_graph,
    open_graph,
    open_spec,
    split_variant,
)
from archdsl.readers import is_reference

if TYPE_CHECKING:
    import typer

    from archdsl.cli.options import SpecOptions
    from archdsl.resolve.model import File


@dataclass(frozen=True)
class Target:
    """One spec, file with a graph, or reference to code that a call names.

    `settings` are texts by name; `options` are the names of the command's own options.
    """

    spec: str
    variant: str | None
    settings: Mapping[str, str]
    limits: Limits
    options: tuple[str, ...] = ()

    @cached_property
    def file(self) -> File:
        """The resolved spec; for a graph or code, an empty one with its name. Raises `CompileError`."""
        if self.is_graph:
            from archdsl.resolve.model import File
            from archdsl.source import Source

            return File(source=Source(self.spec, ""), definitions={}, functions={}, defaults=())
        return open_spec(self.spec)

    @property
    def is_graph(self) -> bool:
        """Whether this is a file with a graph, or code, and not a spec."""
        return is_graph(self.spec)

    @property
    def read(self) -> tuple[Path, ...]:
        """The file that the target names, if it exists. Files that it imports are left out: they end in `.arch`."""
        try:
            return (Path(self.spec) if self.is_graph else find_spec(self.spec),)
        except CompileError:
            return ()

    def compile(self) -> Compiled:
        """Compiles the network, or reads the graph or code. Raises `CompileError`."""
        if self.is_graph:
            return open_graph(self.spec, self.variant, self.settings)
        self.check_settings()
        return compile_network(self.file, self.variant, self.settings, self.limits)

    def family(self, variants: Sequence[str] | None) -> dict[str, Compiled]:
        """Compiles several variants, all of them if `variants` is None. Raises `CompileError`."""
        if self.is_graph:
            what = "code" if is_reference(self.spec) else "a graph"
            raise CompileError([Diagnostic("unknown-variant", f"{self.spec} is {what}, and has no variants")])
        self.check_settings()
        return compile_family(self.file, variants, self.settings, self.limits)

    def of_variant(self, variant: str | None) -> Target:
        """The same target with another variant; the file is not read again."""
        other = replace(self, variant=variant)
        other.__dict__["file"] = self.file
        return other

    def check_settings(self) -> None:
        """Raises `CompileError` for settings that the network does not have."""
        from archdsl.elaborate.settings import unknown_settings

        if self.file.network is not None:
            unknown = unknown_settings(self.file.network, self.settings, self.options)
            if unknown:
                raise CompileError(unknown)

    @property
    def title(self) -> str:
        """The file and the variant: `specs/efficientnet.arch@b3`."""
        return f"{self.file.source.name}@{self.variant}" if self.variant else self.file.source.name

    @property
    def name(self) -> str:
        """A name for output files, made of the spec and its settings, that Python can import: `efficientnet_phi3`."""
        name = self.file.source.name
        parts = [name if is_reference(name) else Path(name).stem, self.variant or ""]
        parts += [f"{name}{value.strip('[]')}" for name, value in self.settings.items()]
        name = re.sub(r"\W+", "_", "_".join(filter(None, parts))).strip("_")
        return f"_{name}" if name[:1].isdigit() else name


def targets(ctx: typer.Context, specs: list[str], options: SpecOptions) -> list[Target]:
    """One target for each spec named. A setting that is given twice, or two different variants, end the command."""
    variant, limits = options.variant, options.network.limits
    chosen = _settings(ctx, options.network.settings or [])
    made = []
    for name in specs:
        spec, own = split_variant(name)
        if own is not None and variant not in (None, own):
            ctx.fail(f"{name} names the variant {own}, and --variant names {variant}; leave one of them out.")
        most = Limits(limits.max_steps, limits.max_depth)
        made.append(Target(spec, variant if own is None else own, chosen, most, option_names(ctx)))
    return made


def target(ctx: typer.Context, spec: str, options: SpecOptions) -> Target:
    """The target of a command that takes one spec."""
    (only,) = targets(ctx, [spec], options)
    return only


def _settings(ctx: typer.Context, settings: list[str]) -> dict[str, str]:
    pairs: list[tuple[str, str]] = list(ctx.meta.get(SETTINGS, ()))
    for text in settings:
        for part in _split(text):
            name, equals, value = part.partition("=")
            if not equals or not name.strip():
                ctx.fail(f"--set takes name=value and not '{part.strip()}'.")
            pairs.append((name.strip(), value.strip()))
    chosen: dict[str, str] = {}
    for name, value in pairs:
        if name in chosen:
            ctx.fail(f"'{name}' is set twice; leave one of them out.")
        chosen[name] = value
    return chosen


def _split(text: str) -> list[str]:
    """Splits `a=[1,2],b=3` at the commas outside brackets and quotes: `["a=[1,2]", "b=3"]`."""
    return [part for part in re.findall(r'(?:\[[^\]]*\]|\([^)]*\)|"[^"]*"|[^,\[("]|[\[("])+', text) if part.strip()]
