"""Compiles a spec, given by name, to a graph: text -> syntax tree -> resolved model -> graph -> passes.

The graph is verified when it is built and after each pass. Writing it (as PyTorch source, for example) is the task
of `outputs.py`.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import exists, isfile, realpath
from pathlib import Path
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.elaborate import elaborate
from archdsl.elaborate.expect import expectations
from archdsl.elaborate.left_out import left_out, left_out_errors
from archdsl.elaborate.outside import given_outside
from archdsl.elaborate.session import Limits
from archdsl.elaborate.unused import unused_settings
from archdsl.elaborate.unused_steps import unused_steps
from archdsl.formats import refuse_block_string, refuse_foreign
from archdsl.ir.graph import Graph
from archdsl.ir.verify import verify
from archdsl.passes.drop_unused_steps import drop_unused_steps
from archdsl.passes.pipeline import Pass, run
from archdsl.passes.place_by_depth import place_by_depth
from archdsl.readers import is_reference, read_network, reader_of, translated
from archdsl.resolve.allow import Allow, Allows
from archdsl.resolve.model import File, Network
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.suggest import nearest
from archdsl.syntax.parser import read_source
from archdsl.text import shown

__all__ = ["Compiled", "Limits", "compile_network", "find_spec", "open_graph", "open_spec", "split_variant"]

PASSES: tuple[Pass, ...] = (drop_unused_steps, place_by_depth)
"""Passes that every graph goes through, in this order. Passes that one output needs are listed in `outputs.py`."""

IN_BRACKETS = 'arguments of code follow in brackets, by its own names for them: "timm:resnet50(num_classes=10)"'


@dataclass(frozen=True)
class Compiled:
    """A graph, the network it was made from (None if the graph was read from a file or code), and the warnings.

    `allowed` are the comments (`# allow: ...`) that switched off further warnings. `inference` tells that the network
    was read from a file for inference alone, such as an ONNX model.
    """

    graph: Graph
    network: Network | None
    warnings: tuple[Diagnostic, ...]
    allowed: frozenset[Allow] = frozenset()
    inference: bool = False


def split_variant(name: str) -> tuple[str, str | None]:
    """`efficientnet@b3` -> ("efficientnet", "b3")."""
    spec, at, variant = name.rpartition("@")
    if not at or "/" in variant or isfile(name):
        return name, None
    return spec, variant


def find_spec(name: str) -> Path:
    """The file that a name stands for: a path, or a spec of the library. Raises `CompileError` if there is none."""
    path = Path(name)
    if isfile(name):
        return path
    library = specs_folder() / f"{name}.arch"
    if re.fullmatch(r"[\w/]+", name) and isfile(library):
        return library
    if exists(name):
        return path
    refuse_block_string(shown(name))
    known = sorted(spec.stem for spec in specs_folder().glob("*.arch"))
    message = f"there is no file `{shown(name)}`"
    if path.suffix == ".arch":
        known += map(str, path.parent.glob("*.arch") if exists(path.parent) else ())
    else:
        message += ", and the library has no spec of that name"
    meant = f"{name}.arch" if isfile(f"{name}.arch") else _of_scale(path) or nearest(shown(name), known)
    help = f"did you mean `{shown(meant)}`?" if meant else "`archdsl list` shows the library"
    raise CompileError([Diagnostic("file-not-found", message, help=help)])


def _of_scale(path: Path) -> str | None:
    """`yolov8.yaml@n` for `yolov8n.yaml`: the name of one scale of a file that is there."""
    found = re.fullmatch(r"(yolo[a-z]*\d+)([a-z])(.*\.ya?ml)", path.name)
    whole = path.with_name(f"{found[1]}{found[3]}") if found else None
    return f"{shown(whole.as_posix())}@{found[2]}" if found and whole and isfile(whole) else None


def open_spec(name: str | Path) -> File:
    """Reads and resolves a spec, by path or by its name in the library. Raises `CompileError`."""
    source, folder = read_spec(name)
    return resolve(source, folder)


def read_spec(name: str | Path) -> tuple[Source, Path]:
    """The text of a spec, and the folder that its imports are looked for in. Raises `CompileError`."""
    path = name if isinstance(name, Path) else find_spec(name)
    refuse_foreign(shown(path.as_posix()))
    library = specs_folder()
    title = path.as_posix()
    # A loop of links has a real path, too, but `Path.resolve` raises.
    if Path(realpath(path)).is_relative_to(library.resolve()) and not isfile(name):
        title = f"specs/{path.relative_to(library).as_posix()}"
    return translated(read_source(path, title)), path.parent


def is_graph(name: str) -> bool:
    """Whether a name is that of a file with one graph, or of code: they have neither variants nor settings."""
    return reader_of(name) is not None


def open_graph(name: str, variant: str | None = None, settings: Mapping[str, Any] | None = None) -> Compiled:
    """Reads a file with a graph, or the network that a reference names, whose code is executed (`readers.py`).

    Raises `CompileError` if it is wrong, or if a variant or settings are given: it has none.
    """
    settings = settings or {}
    asked = [f"parameter `{setting}`" for setting in settings]
    asked += [f"variant `{variant}`"] if variant else []
    if asked:
        lacks = f"{shown(name)} is {'code' if is_reference(name) else 'a graph'}, and has no "
        help = IN_BRACKETS if is_reference(name) and settings else None
        raise CompileError([Diagnostic("unknown-parameter", lacks + what, help=help) for what in asked])
    found = read_network(name)
    return Compiled(found.graph, None, (), inference=found.inference)


def network_of(file: File) -> Network:
    """The network of a file. Raises `CompileError` if the file holds only blocks."""
    if file.network is None:
        raise CompileError(
            file.problems
            or [
                Diagnostic(
                    "no-network",
                    f"{file.source.name} holds blocks and no network",
                    help="add a `network`, or check it with `archdsl check`",
                )
            ]
        )
    return file.network


def warnings_of_blocks(file: File) -> tuple[Diagnostic, ...]:
    """The warnings for a file without a network: those about names that its blocks do not use."""
    return Allows().remaining(one.warning for one in file.unused)


def compile_network(
    file: File,
    variant: str | None = None,
    settings: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Compiled:
    """Builds the graph of a file's network, runs the passes and checks the `expect` lines. Raises `CompileError`.

    `settings` are values by parameter name: numbers, booleans, lists, or text as a spec would write it.
    """
    network = network_of(file)
    budget = Budget((limits or Limits()).steps)
    chosen = {name: given_outside(name, value, network, budget) for name, value in (settings or {}).items()}
    allows = Allows()
    with collection_paused():
        done = elaborate(network, variant, chosen, limits, file.problems, allows)
        verify(done.graph, "elaborate")
        unused = [*(one.warning for one in file.unused), *unused_steps(done.graph, [one.whole for one in file.unused])]
        graph = run(done.graph, PASSES).graph
    warnings = (*done.warnings, *allows.remaining(unused))
    missed = left_out(network, done.graph, graph)
    failures = (*left_out_errors(missed), *expectations(network, graph, done.environment, missed))
    if failures:
        # Steps that are left out may be why; names that nothing uses are told once the facts hold.
        idle = unused_steps(done.graph, [one.whole for one in missed.values()])
        raise CompileError((*done.warnings, *allows.remaining(idle), *failures))
    settings_unused = unused_settings(network, graph.header.settings)
    return Compiled(graph, network, (*warnings, *settings_unused), frozenset(allows.used))


def compile_family(
    file: File,
    variants: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> dict[str, Compiled]:
    """Compiles several variants of a network with the same settings: all variants if `variants` is None.

    The result has them by name, in the order of the call, each once. Raises `CompileError`, also for variants that
    the network does not have.
    """
    network = network_of(file)
    known = ", ".join(network.variants)
    chosen = list(dict.fromkeys(network.variants if variants is None else variants))
    missing = [name for name in chosen if name not in network.variants]
    if missing or not chosen:
        what = [f"variant `{name}`" for name in missing] or ["variants"]
        help = f"it has {known}" if known else "compile the network itself"
        raise CompileError([Diagnostic("unknown-variant", f"{network.name} has no {one}", help=help) for one in what])
    return {name: compile_network(file, name, settings, limits) for name in chosen}


@contextmanager
def collection_paused() -> Iterator[None]:
    """Switches Python's garbage collector off while a graph is built.

    The graph's many objects all stay in use. The collector would visit them again and again, and building would take
    time quadratic in their number.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
