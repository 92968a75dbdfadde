"""What a call asks for: a spec, one of its variants, settings, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl.cli.specs import SETTINGS, option_names
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import Compiled, Limits, compile_network, is_graph, open_graph, open_spec, split_variant
from archdsl.suggest import nearest

if TYPE_CHECKING:
    import typer

    from archdsl.resolve.model import File


@dataclass(frozen=True)
class Target:
    """One spec of a call. `settings` are texts by name; `options` are what the command understands besides."""

    spec: str
    variant: str | None
    settings: Mapping[str, str]
    limits: Limits
    options: tuple[str, ...] = ()

    @cached_property
    def file(self) -> File:
        """The resolved spec; of a graph file its name alone. Raises `CompileError`."""
        if self.is_graph:
            from archdsl.resolve.model import File
            from archdsl.source import Source

            return File(source=Source(self.spec, ""), definitions={}, functions={}, defaults=())
        return open_spec(self.spec)

    @property
    def is_graph(self) -> bool:
        """Whether this is a graph file, and no spec."""
        return is_graph(self.spec)

    def compile(self) -> Compiled:
        """Raises `CompileError`."""
        if self.is_graph:
            return open_graph(self.spec, self.variant, self.settings)
        self.check_settings()
        return compile_network(self.file, self.variant, self.settings, self.limits)

    def of_variant(self, variant: str | None) -> Target:
        """The same with another variant; the file is read once."""
        other = replace(self, variant=variant)
        other.__dict__["file"] = self.file
        return other

    def check_settings(self) -> None:
        """Raises `CompileError` for settings that the network does not have."""
        if self.file.network is None:
            return
        names = _settable(self.file)
        unknown = [name for name in self.settings if name not in names]
        if unknown:
            raise CompileError([_unknown(self.file.network.name, name, names, self.options) for name in unknown])

    @property
    def title(self) -> str:
        """`specs/efficientnet.arch@b3`."""
        return f"{self.file.source.name}@{self.variant}" if self.variant else self.file.source.name

    @property
    def name(self) -> str:
        """A name for its files that says what is particular about it, and can be imported: `efficientnet_phi3`."""
        parts = [Path(self.file.source.name).stem, self.variant or ""]
        parts += [f"{name}{value.strip('[]')}" for name, value in self.settings.items()]
        name = re.sub(r"\W+", "_", "_".join(filter(None, parts))).strip("_")
        return f"_{name}" if name[:1].isdigit() else name


def targets(
    ctx: typer.Context, specs: list[str], variant: str | None, settings: list[str] | None, steps: int, depth: int
) -> list[Target]:
    """One target for each spec named. A variant that is named twice, or a setting, is a wrong call."""
    chosen = _settings(ctx, settings or [])
    made = []
    for name in specs:
        spec, own = split_variant(name)
        if own is not None and variant not in (None, own):
            ctx.fail(f"{name} names the variant {own}, and --variant names {variant}.")
        made.append(Target(spec, variant if own is None else own, chosen, Limits(steps, depth), option_names(ctx)))
    return made


def target(
    ctx: typer.Context, spec: str, variant: str | None, settings: list[str] | None, steps: int, depth: int
) -> Target:
    """The target of a command that takes one spec."""
    (only,) = targets(ctx, [spec], variant, settings, steps, depth)
    return only


def _settings(ctx: typer.Context, settings: list[str]) -> dict[str, str]:
    pairs: list[tuple[str, str]] = list(ctx.meta.get(SETTINGS, ()))
    for text in settings:
        for part in _split(text):
            name, equals, value = part.partition("=")
            if not equals or not name.strip():
                ctx.fail(f"--set takes name=value, got '{part.strip()}'.")
            pairs.append((name.strip(), value.strip()))
    chosen: dict[str, str] = {}
    for name, value in pairs:
        if name in chosen:
            ctx.fail(f"'{name}' is set twice.")
        chosen[name] = value
    return chosen


def _split(text: str) -> list[str]:
    """`a=[1,2],b=3` at the commas that stand in no bracket and no quotes."""
    return [part for part in re.findall(r'(?:\[[^\]]*\]|\([^)]*\)|"[^"]*"|[^,\[("]|[\[("])+', text) if part.strip()]


def _settable(file: File) -> tuple[str, ...]:
    from archdsl.elaborate.settings import setting_names

    assert file.network is not None
    return setting_names(file.network)


def _unknown(network: str, name: str, names: tuple[str, ...], options: tuple[str, ...]) -> Diagnostic:
    """An option that is neither the command's nor a setting of the spec."""
    known = {f"--{known}": known for known in names} | {option: option for option in options}
    meant = nearest(f"--{name}", known)
    help = f"did you mean `{meant}`?" if meant else (f"it has {', '.join(names)}" if names else None)
    return Diagnostic("unknown-parameter", f"{network} has no parameter `{name}`", help=help)
