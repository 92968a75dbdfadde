"""Specs in the cells of a notebook: `%load_ext archdsl`, then cells that begin with `%%arch name`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any, NoReturn

from archdsl.driver import compile_network, network_of
from archdsl.network import Network
from archdsl.report import render_text
from archdsl.resolve.model import File
from archdsl.resolve.resolve import resolve
from archdsl.shown import readable
from archdsl.source import Source
from archdsl.suggest import nearest

USAGE = "%%arch NAME [VARIANT] [--figure KIND] [--format svg|png|html] [--SETTING VALUE ...]"
FIGURE = ("figure", "format")
"""The cell's options that are not settings of the spec: those of `Network.draw`."""


def load_ipython_extension(shell: Any) -> None:
    """Called by `%load_ext archdsl`."""
    shell.register_magic_function(_magic(shell), "cell", "arch")


def _magic(shell: Any) -> Callable[[str, str], None]:
    def arch(line: str, cell: str) -> None:
        """Compile the spec in this cell, bind the network to a name and show its figure.

        %%arch NAME [VARIANT] [--figure KIND] [--format svg|png|html] [--SETTING VALUE ...]

        %%arch net 50 --classes 10 sets a parameter of the spec; --format html is a figure whose boxes open.
        """
        name, variant, options = _words(line)
        file = _file(cell)
        picture = {option: options.pop(option) for option in FIGURE if option in options}
        _check_options(options, file)
        with readable():
            network = Network(compile_network(file, variant, options))
        shown = _bundle(network, picture)
        shell.push({name: network})
        if network.warnings:
            print(render_text(network.warnings))
        from IPython.display import display

        display(shown, raw=True)

    return arch


def _words(line: str) -> tuple[str, str | None, dict[str, str]]:
    """What stands behind `%%arch`: a name, perhaps a variant, and options with their values."""
    try:
        words = shlex.split(line)
    except ValueError:
        _refuse(f"a quotation mark is never closed in: {line.strip()}")
    plain: list[str] = []
    options: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            plain.append(word)
            continue
        option, equals, value = word.removeprefix("--").partition("=")
        if not equals and not words:
            _refuse(f"a value is missing after {word}")
        options[option.replace("-", "_")] = value if equals else words.pop(0)
    return *_name_and_variant(plain), options


def _name_and_variant(words: list[str]) -> tuple[str, str | None]:
    if not words:
        _refuse("a name for the network is missing; `%%arch net` makes the variable `net`")
    name, *rest = words
    if not name.isidentifier() or iskeyword(name):
        own, at, variant = name.partition("@")
        meant = f": a variant stands apart, `%%arch {own} {variant}`" if at and own.isidentifier() else ""
        _refuse(f"`{name}` cannot be the name of a variable{meant}")
    setting, equals, value = rest[0].partition("=") if rest else ("", "", "")
    if equals and setting.isidentifier():
        _refuse(f"a setting is written `--{setting} {value}`, and `{rest[0]}` would be a variant")
    if len(rest) > 1:
        _refuse(f"`{rest[1]}` is one word too many; a setting is written `--classes 10`")
    return name, rest[0] if rest else None


def _file(cell: str) -> File:
    """The spec of a cell, which may import from the notebook's folder. Raises `CompileError`."""
    # The first line of the cell is the magic itself: with a line in its place, errors have the numbers that the
    # notebook shows beside the lines.
    with readable():
        file = resolve(Source("cell", "\n" + cell), Path.cwd())
        network_of(file)
    return file


def _check_options(options: Mapping[str, str], file: File) -> None:
    """A word that is nearly an option of the figure, and no setting of the spec, is most likely that option."""
    known = {setting.name for setting in network_of(file).parameters}
    for option in options.keys() - known:
        meant = nearest(option, FIGURE)
        if meant and not nearest(option, known):
            _refuse(f"there is no option --{option}; did you mean --{meant}?")


def _bundle(network: Network, picture: Mapping[str, str]) -> dict[str, Any]:
    try:
        drawn = network.draw(**picture)  # type: ignore[arg-type]
    except ValueError as error:
        _refuse(str(error))
    return {"text/plain": repr(network), **drawn._repr_mimebundle_()}


def _refuse(text: str) -> NoReturn:
    """Ends the cell with a message, which IPython shows without a traceback."""
    from IPython.core.error import UsageError

    raise UsageError(f"{text}\n{USAGE}")
