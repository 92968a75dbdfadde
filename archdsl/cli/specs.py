"""The class of commands that take a spec: the spec's parameters are options of the command.

`archdsl compile efficientnet --phi 3` gives phi a value, and `archdsl compile efficientnet --help` lists phi.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from archdsl.cli.complete import SPEC, parameters

if TYPE_CHECKING:
    from archdsl.resolve.model import File

SETTINGS = "archdsl.settings"
"""Key in `Context.meta` of the settings in the call: pairs of name and text."""


class SpecCommand(TyperCommand):
    """A command whose unknown options are settings of its spec, each followed by a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Takes the spec's settings out of the words of the call before click reads the others."""
        known = {name: not option.is_flag for option in _options(self, ctx) for name in _names(option)}
        words = _SortedWords(known)
        words.read(args)
        if words.missing and not ctx.resilient_parsing:
            why = "this command has no such option, so it is read as a setting of the spec"
            ctx.fail(f"Option '{words.missing}' requires an argument: {why}.")
        ctx.meta[SETTINGS] = words.settings
        ctx.meta[SPEC] = words.first
        return super().parse_args(ctx, words.kept)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Adds the spec's parameters to the help, if the call names a spec."""
        super().format_options(ctx, formatter)
        if ctx.meta.get(SPEC):
            for title, about in spec_help(ctx.meta[SPEC], option_names(ctx)).items():
                with formatter.section(title):
                    if isinstance(about, str):
                        formatter.write_text(about)
                    else:
                        formatter.write_dl(about)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Adds the spec's parameters to the completions of options."""
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("--") and ctx.meta.get(SPEC):
            # Releases of typer define the class of completion items in different modules: it is taken from --help's.
            (example, *_) = super().shell_complete(ctx, "--help")
            found += [type(example)(name, help=help) for name, help in parameters(ctx.meta[SPEC], incomplete)]
        return found


def _options(command: TyperCommand, ctx: Any) -> list[Any]:
    return [parameter for parameter in command.get_params(ctx) if parameter.param_type_name == "option"]


def _names(option: Any) -> list[str]:
    return [*option.opts, *option.secondary_opts]


def option_names(ctx: Any) -> tuple[str, ...]:
    """The long options that the command itself has, such as `--variant`."""
    names = (name for option in _options(ctx.command, ctx) for name in _names(option))
    return tuple(name for name in names if name.startswith("--"))


class _SortedWords:
    """Separates a spec's settings from the other words of a call.

    `known` holds the command's options, and whether each takes a value. After `read`, `kept` are the words for the
    command, `settings` the spec's settings, `first` is the first positional word, and `missing` a setting without a
    value.
    """

    def __init__(self, known: Mapping[str, bool]) -> None:
        self.known = known
        self.kept: list[str] = []
        self.settings: list[tuple[str, str]] = []
        self.first: str | None = None
        self.missing: str | None = None

    def read(self, args: list[str]) -> None:
        words = iter(args)
        for word in words:
            if word == "--":
                rest = [*words]
                self.kept += [word, *rest]
                self.first = self.first or next(iter(rest), None)
            else:
                self.word(word, words)

    def word(self, word: str, words: Iterator[str]) -> None:
        name, equals, value = word.partition("=")
        if name.startswith("--") and name not in self.known:
            self.setting(name, value if equals else self._value(words))
            return
        self.kept.append(word)
        if self.known.get(word):
            self.kept += [value for value in [next(words, None)] if value is not None]
        elif self.first is None and (word == "-" or not word.startswith("-")):
            self.first = word

    def _value(self, words: Iterator[str]) -> str | None:
        """The next word, unless it is another option; a number may begin with a minus."""
        word = next(words, None)
        if word is not None and re.match(r"--?[A-Za-z]", word):
            return None
        return word

    def setting(self, name: str, value: str | None) -> None:
        if value is None:
            self.missing = name
        else:
            self.settings.append((name.removeprefix("--").replace("-", "_"), value))


def spec_help(name: str, options: tuple[str, ...] = ()) -> dict[str, str | list[tuple[str, str]]]:
    """The sections that `--help` adds for a spec, by title: its description, then parameters, coefficients, variants.

    A section is a text, or rows of a word and its meaning. A setting with the name of one of the command's `options`
    is listed as `--set name=`.
    """
    from archdsl.diagnostics import CompileError
    from archdsl.driver import is_graph, open_spec, split_variant

    if is_graph(split_variant(name)[0]):
        return {name: "This is a graph or code: it has no variants, and its numbers are fixed."}
    try:
        file = open_spec(split_variant(name)[0])
    except CompileError as error:
        return {name: f"This spec cannot be read: {error.diagnostics[0].message}"}
    return dict(_sections(file, options))


def _sections(file: File, options: tuple[str, ...]) -> Iterator[tuple[str, str | list[tuple[str, str]]]]:
    from archdsl.syntax.printer import expression_text

    network = file.network
    if network is None:
        return
    if network.doc:
        yield network.name, network.doc
    if network.parameters:
        rows = []
        for parameter in network.parameters:
            default = f"[default: {expression_text(parameter.default)}]" if parameter.default else "[required]"
            value = (parameter.type or "value").upper()
            rows.append((_option(parameter.name, value, options), f"{parameter.doc}  {default}".strip()))
        yield f"Parameters of {network.name}", rows
    if network.scaling:
        rows = [(_option(f.name.name, "NUMBER", options), expression_text(f.value)) for f in network.scaling]
        yield f"Scaling coefficients of {network.name}", rows
    if network.variants:
        yield (
            f"Variants of {network.name}",
            [
                (name, ", ".join(f"{a.name.name} = {expression_text(a.value)}" for a in variant.assignments))
                for name, variant in network.variants.items()
            ],
        )


def _option(name: str, value: str, options: tuple[str, ...]) -> str:
    return f"--set {name}={value}" if f"--{name}" in options else f"--{name} {value}"
