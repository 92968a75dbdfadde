"""Several networks in one call: `resnet@50 @101 classes=10 mobilenet alpha=0.5`.

A word like `alpha=0.5` is a setting of the network before it; `@101` adds variant 101 of the spec before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from os.path import isfile
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.complete import spec_names
from archdsl.cli.options import OR_CODE, NetworkOptions, SpecOptions

if TYPE_CHECKING:
    from archdsl.cli.target import Target

NetworkArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="NETWORK",
        help="Specs or variants (`resnet@50`); after one, `@101` is its variant 101, and `classes=10` a setting of it. "
        f"{OR_CODE}",
        autocompletion=spec_names,
        show_default=False,
    ),
]


@dataclass
class _NamedNetwork:
    """One network of the call: its spec and its settings."""

    spec: str
    settings: dict[str, str] = field(default_factory=dict)


def networks(ctx: typer.Context, words: list[str], options: NetworkOptions) -> list[tuple[str, Target]]:
    """The networks that `words` name, each with its label: its own words. Settings given as options hold for all."""
    from archdsl.cli.target import targets

    written = _read(ctx, words)
    found = targets(ctx, [one.spec for one in written], SpecOptions(None, options))
    return [
        (_label(one), replace(target, settings={**target.settings, **one.settings}))
        for one, target in zip(written, found, strict=True)
    ]


def one_or_several(ctx: typer.Context, words: list[str], options: SpecOptions) -> list[tuple[str, Target]]:
    """The networks that `words` name, each with its label. The variant of `options` is that of a network alone."""
    from archdsl.cli.target import target

    if len(words) == 1:
        return [(words[0], target(ctx, words[0], options))]
    found = networks(ctx, words, options.network)
    if len(found) == 1:
        ((label, only),) = found
        return [(label, only.of_variant(options.variant) if options.variant else only)]
    if options.variant:
        ctx.fail("Of several networks each has its variant behind its name: resnet@34, or @34 after another.")
    return found


def _label(one: _NamedNetwork) -> str:
    return " ".join([one.spec, *(f"{name}={value}" for name, value in one.settings.items())])


def _read(ctx: typer.Context, words: list[str]) -> list[_NamedNetwork]:
    found: list[_NamedNetwork] = []
    for word in words:
        name, equals, value = word.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_]\w*", name) and not isfile(word):
            if not found:
                ctx.fail(f"'{word}' is a setting; write it after the network that it is for.")
            if name in found[-1].settings:
                ctx.fail(f"'{name}' is set twice for {found[-1].spec}.")
            found[-1].settings[name] = value
        elif word.startswith("@"):
            if not found:
                ctx.fail(f"'{word}' is a variant; write it after its spec.")
            found.append(_NamedNetwork(found[-1].spec.partition("@")[0] + word))
        else:
            found.append(_NamedNetwork(word))
    return found
