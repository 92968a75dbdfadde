"""Completion in the shell: specs, variants, parameters, ops, nodes.

Typer calls most of these functions with its context and the word so far, and takes pairs of a word and what it means.
Where a spec cannot be read there are no completions, and no error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from archdsl.analyses.measures import COMPARED
from archdsl.backends.tables import FORMATS

if TYPE_CHECKING:
    from archdsl.resolve.model import Network

SPEC = "archdsl.spec"
"""Key in `Context.meta` of the first positional word of the call."""


def spec_names(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """Files and folders and specs of the library; after `@`, the variants of the spec before it."""
    name, at, _ = incomplete.rpartition("@")
    if at:
        network = _network(name)
        return [(f"{name}@{variant}", "") for variant in network.variants] if network else []
    return [*_files(incomplete), *((name, "library") for name in library() if name.startswith(incomplete))]


def bash_variants(environment: Mapping[str, str]) -> list[str] | None:
    """The variants to offer to bash after `efficientnet@`; None in all other cases.

    Bash reads `@` as a separate word and replaces it with the completion, so each completion begins with `@`.
    """
    if environment.get("_ARCHDSL_COMPLETE") != "complete_bash":
        return None
    words = environment.get("COMP_WORDS", "").split("\n")[: int(environment.get("COMP_CWORD", "0")) + 1]
    if words[-1] == "@":
        words.append("")
    if len(words) < 3 or words[-2] != "@":
        return None
    network = _network(words[-3])
    return [f"@{name}" for name in network.variants if name.startswith(words[-1])] if network else []


def variants(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The variants of the spec in the call."""
    network = _network(ctx.meta.get(SPEC) or "")
    return [(variant, "") for variant in network.variants] if network else []


def several_variants(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The variants of the spec in the call, separated by commas: `18,3` -> `18,34`."""
    return _one_more(incomplete, variants(ctx, ""))


def parameters(spec: str, incomplete: str) -> Iterator[tuple[str, str]]:
    """The settings of a spec as options that begin with `incomplete`, such as `--phi`, and what each means."""
    network = _network(spec.rpartition("@")[0] or spec)
    if network is not None:
        found = [(f"--{parameter.name}", parameter.doc) for parameter in network.parameters]
        found += [(f"--{formula.name.name}", "scaling coefficient") for formula in network.scaling]
        yield from (pair for pair in found if pair[0].startswith(incomplete))


def op_names(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The ops that a spec may use."""
    from archdsl.ops.reference import families

    return [(op.name, family.value) for family, ops in families().items() for op in ops]


def nodes(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The nodes of the spec in the call, one level of their paths at a time."""
    from archdsl.diagnostics import CompileError
    from archdsl.driver import compile_network, open_spec, split_variant

    spec, variant = split_variant(ctx.meta.get(SPEC) or "")
    try:
        graph = compile_network(open_spec(spec), variant or ctx.params.get("variant")).graph
    except CompileError:
        return []
    level = incomplete.count(".") + 1
    paths = (".".join(node.id.split(".")[:level]) for node in graph if node.id.startswith(incomplete))
    return [(path, "") for path in dict.fromkeys(paths)]


def library() -> list[str]:
    """Names of the specs that come with archdsl."""
    from archdsl.resources import specs_folder

    return sorted(path.stem for path in specs_folder().glob("*.arch"))


def _files(incomplete: str) -> Iterator[tuple[str, str]]:
    from pathlib import Path

    folder, slash, start = incomplete.rpartition("/")
    try:
        entries = sorted(Path(f"{folder}{slash}" or ".").iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(start) and not (entry.name.startswith(".") and not start):
            if entry.suffix == ".arch":
                yield f"{folder}{slash}{entry.name}", ""
            elif entry.is_dir():
                yield f"{folder}{slash}{entry.name}/", ""


def _network(name: str) -> Network | None:
    from archdsl.diagnostics import CompileError
    from archdsl.driver import open_spec, split_variant

    try:
        return open_spec(split_variant(name)[0]).network
    except CompileError:
        return None


def figures(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The figures of `archdsl draw`."""
    from archdsl.backends.figures import FIGURES

    return [(name, figure.about) for name, figure in FIGURES.items()]


def themes(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The color themes of figures."""
    from archdsl.backends.figures import THEMES

    return [(theme, "") for theme in THEMES]


def text_forms(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    from archdsl.backends.figures import TEXT_FORMS

    return [(form, "") for form in TEXT_FORMS]


def emitted(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The forms that `compile --emit` writes, separated by commas: `torch,js` -> `torch,json`."""
    from archdsl.outputs import OUTPUTS

    return _one_more(incomplete, ((output.name, output.about) for output in OUTPUTS))


def formats(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The formats of tables."""
    return [(format, "") for format in FORMATS]


def measures(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The measures that networks are compared by."""
    return _one_more(incomplete, ((name, "") for name in COMPARED))


def columns(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The columns of the cost table."""
    from archdsl.backends.tables.request import COLUMNS

    return _one_more(incomplete, ((name, "") for name in COLUMNS))


def _one_more(incomplete: str, known: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The known words, each put after the words that already stand before a comma: `params,ma` -> `params,macs`."""
    before = incomplete.rpartition(",")[0]
    return [(f"{before},{word}" if before else word, about) for word, about in known]
