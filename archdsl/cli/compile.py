"""`archdsl compile`: writes a spec as PyTorch source, or in another form."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.analyses.budget import OverBudget
from archdsl.cli.additions import Additions, check_additions
from archdsl.cli.budget import refusal, said
from archdsl.cli.complete import emitted, several_variants
from archdsl.cli.options import Format, FormatOption, OutputOption, Purpose, SpecArgument, SpecOptions, grouped
from archdsl.cli.output import Report, in_short, keep, print_table, put_out, reporting
from archdsl.cli.parallel import ParallelOption, Spread, check_alone, spread, unbalanced
from archdsl.cli.weights import FromOption, WeightsOption, check_call, given_weights
from archdsl.files import refuse_overwriting, write
from archdsl.outputs import (
    BY_NAME,
    OUTPUTS,
    family_written,
    inference_written,
    onnx_written,
    output_of,
    parallel_written,
    torch_written,
    written,
)
from archdsl.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archdsl.backends.torch.source import Emitted
    from archdsl.cli.target import Target
    from archdsl.driver import Compiled
    from archdsl.ir.graph import Graph

EmitOption = Annotated[
    str | None,
    typer.Option(
        "--emit",
        metavar="KINDS",
        help=f"What to write, one or several of {','.join(BY_NAME)}  [default: {OUTPUTS[0].name}]",
        autocompletion=emitted,
    ),
]


VariantsOption = Annotated[
    str | None,
    typer.Option(
        "--variants",
        metavar="A,B",
        help="Write one PyTorch file for these variants, with a function for each.",
        autocompletion=several_variants,
    ),
]
ForOption = Annotated[
    Purpose | None,
    typer.Option(
        "--for",
        help="Leave out what only training needs, and fold batch normalizations into layers.",
        show_default=False,
    ),
]
AllVariantsOption = Annotated[bool, typer.Option("--all-variants", help="Like --variants, for all of the spec.")]


@grouped
def compile(
    ctx: typer.Context,
    spec: SpecArgument,
    output: OutputOption = None,
    emit: EmitOption = None,
    variants: VariantsOption = None,
    all_variants: AllVariantsOption = False,
    weights: WeightsOption = None,
    from_: FromOption = None,
    for_: ForOption = None,
    parallel: ParallelOption = None,
    *,
    additions: Additions,
    options: SpecOptions,
    format: FormatOption = Format.TEXT,
) -> None:
    """Compile a spec to PyTorch source, and to other forms of the same graph.

    Writes a file such as efficientnet_phi3.py into the current folder, or to the path that -o names; a path without
    a suffix is a folder. Any other option is a parameter of the spec: --phi 3, --layers "[3, 4, 6, 3]". `SPEC --help`
    lists them.

    With --variants, several variants go into one file, resnet_family.py, with a function for each. --features,
    --published, --hub, --timm and --hubconf add what others build on; without them the file needs torch alone.

    With --for inference, the file is for a network that is trained already: its method `load` takes the weights of the
    module for training. `archdsl prove SPEC --for inference` shows that both give the same.

    With --parallel, the file trains the network on several devices; torchrun starts it, and it says how.

    With --memory 8G --batch 64 or --keep 0.5, training takes less memory: parts of the network, as few multiply-adds as
    possible, run again in the backward pass. --memory counts what is kept for a batch and computed again at one time,
    weights, gradients, and the state of Adam, in single precision.

    An ONNX file has the weights of --weights. Without them it is small, and its weights are inputs.
    """
    from archdsl.cli.target import target

    asked = target(ctx, spec, options)
    kinds = _kinds(ctx, emit, output)
    check_call(ctx, kinds, weights, from_)
    is_family = variants is not None or all_variants
    check_additions(ctx, additions, kinds, output, is_family)
    if for_ is not None:
        _check_purpose(ctx, for_, additions, kinds, is_family)
    devices = None if parallel is None else spread(ctx, parallel, needs_count=False)
    if devices is not None:
        others = {"--for": for_ is not None, "--variants": variants is not None, "--all-variants": all_variants}
        others |= {f"--emit {','.join(kinds)}": kinds != ["torch"], **dict.fromkeys(additions.named, True)}
        check_alone(ctx, others)
    with reporting(format) as report:
        if is_family:
            _family(ctx, report, asked, _named(ctx, asked, kinds, variants, all_variants), output, additions)
        else:
            _network(ctx, report, asked, output, Wanted(kinds, for_, devices, weights, from_, additions))


# --- one network ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written of one network: forms, or one file for inference or for several devices."""

    kinds: list[str]
    purpose: Purpose | None
    devices: Spread | None
    weights: Path | None
    source: str | None
    additions: Additions

    def name(self, network: str) -> str:
        """The name of the file for a network of this name, without its suffix."""
        what = self.purpose if self.devices is None else self.devices.name
        return network if what is None else f"{network}_{what}"


def _network(ctx: typer.Context, report: Report, asked: Target, output: Path | None, wanted: Wanted) -> None:
    """Writes one network, and prints with which settings."""
    places = {} if output == Path("-") else _places(ctx, output, wanted.name(asked.name), wanted.kinds)
    keep(asked, *places.values())
    refuse_overwriting(places.values(), [] if wanted.weights is None else [wanted.weights])
    compiled = asked.compile()
    report.add(compiled.warnings)
    contents, emitted = _contents(ctx, compiled, wanted)
    if wanted.devices is not None and wanted.devices.kind == "pipeline":
        report.add(unbalanced(compiled.graph, wanted.devices.number))
    if output == Path("-"):
        put_out(contents[wanted.kinds[0]])
        report.result_printed = True
        return
    files = {places[kind]: contents[kind] for kind in wanted.kinds}
    if wanted.additions.hubconf and emitted is not None:
        files |= _hubconf(wanted.additions, places["torch"], [compiled.graph], emitted.name)
    write(files)
    if report.verbose:
        _print_run(compiled.graph)
        if emitted is not None and emitted.outcome is not None:
            print("\n".join(said(emitted.outcome)))
        _print_written(files)


def _contents(ctx: typer.Context, compiled: Compiled, wanted: Wanted) -> tuple[dict[str, str | bytes], Emitted | None]:
    """What is written, by form, and what was emitted as PyTorch source for one device."""
    graph = compiled.graph
    if wanted.devices is not None:
        return {"torch": parallel_written(graph, wanted.devices.kind, wanted.devices.number)}, None
    if wanted.weights is not None:
        return {"onnx": onnx_written(graph, given_weights(compiled, wanted.weights, wanted.source))}, None
    contents = {kind: written(graph, kind) for kind in wanted.kinds if kind != "torch"}
    if "torch" not in wanted.kinds:
        return contents, None
    write_source = torch_written if wanted.purpose is None else inference_written
    try:
        emitted = write_source(graph, wanted.additions.extras(graph))
    except OverBudget as error:
        ctx.fail(refusal(error.nearest, wanted.additions.memory))
    return {**contents, "torch": emitted.text}, emitted


# --- several variants ----------------------------------------------------------------------


def _family(
    ctx: typer.Context,
    report: Report,
    asked: Target,
    names: list[str] | None,
    output: Path | None,
    additions: Additions,
) -> None:
    """Writes one file for the variants `names`, or for all of them if that is None."""
    places = {} if output == Path("-") else _places(ctx, output, f"{asked.name}_family", ["torch"])
    keep(asked, *places.values())
    family = asked.family(names)
    for compiled in family.values():
        report.add(compiled.warnings)
    graphs = [compiled.graph for compiled in family.values()]
    text = family_written(graphs, additions.extras(graphs[0]))
    if output == Path("-"):
        sys.stdout.write(text)
        report.result_printed = True
        return
    (place,) = places.values()
    files: dict[Path, str] = {place: text}
    if additions.hubconf:
        files |= _hubconf(additions, place, graphs)
    write(files)
    if report.verbose:
        print(f"{graphs[0].header.name} from {graphs[0].header.spec}, {len(family)} variants")
        for name, compiled in family.items():
            print(f"{name}: {in_short(compiled.graph)}")
        _print_written(files)


def _named(
    ctx: typer.Context, asked: Target, kinds: list[str], variants: str | None, all_variants: bool
) -> list[str] | None:
    """The variants that are asked for; None for all. Options that do not fit one file for several end the command."""
    option = "--all-variants" if all_variants else "--variants"
    if variants is not None and all_variants:
        ctx.fail("--variants names some variants and --all-variants takes all; leave one of them out.")
    if asked.variant is not None:
        ctx.fail(f"{asked.spec}@{asked.variant} is one variant; with {option} the spec is named alone: {asked.spec}.")
    if kinds != ["torch"]:
        ctx.fail(f"{option} writes PyTorch source only; for {', '.join(kinds)} compile one variant at a time.")
    names = [name.strip() for name in (variants or "").split(",") if name.strip()]
    if not names and not all_variants:
        ctx.fail("--variants takes names of variants with commas between them; --all-variants takes all.")
    return None if all_variants else names


# --- what is written -----------------------------------------------------------------------


def _check_purpose(
    ctx: typer.Context, purpose: Purpose, additions: Additions, kinds: list[str], is_family: bool
) -> None:
    """Ends the command for options that do not fit a network for inference."""
    option = f"--for {purpose}"
    if kinds != ["torch"]:
        ctx.fail(f"{option} writes PyTorch source; other forms are for inference already.")
    if is_family:
        ctx.fail(f"{option} writes one network; compile one variant at a time.")
    if additions.memory or additions.keep:
        ctx.fail(f"{option} writes a network that is not trained, and --memory and --keep are about training.")
    if additions.published is not None:
        ctx.fail("--published loads weights into the module for training, whose state dict `load` takes: write it too.")


def _hubconf(additions: Additions, place: Path, graphs: list[Graph], made_by: str | None = None) -> dict[Path, str]:
    """hubconf.py, with an entry for each network: the class `made_by`, or the function of that name."""
    from archdsl.backends.torch.hubconf import FILE, entry_names, hubconf

    entries = {entry: made_by or entry for entry in entry_names(graphs)}
    return {place.with_name(FILE): hubconf(place.stem, entries, additions.packages)}


def _kinds(ctx: typer.Context, emit: str | None, output: Path | None) -> list[str]:
    """The forms to write: those of --emit, else the one that the suffix of the output means, else PyTorch."""
    if emit is None:
        named = output_of(output.name) if output else None
        return [(named or OUTPUTS[0]).name]
    kinds = list(dict.fromkeys(kind.strip() for kind in emit.split(",") if kind.strip()))
    for kind in kinds:
        if kind not in BY_NAME:
            ctx.fail(f"--emit knows no form called '{kind}'; it may be {', '.join(BY_NAME)}.")
    if not kinds:
        ctx.fail(f"--emit takes one or several of {', '.join(BY_NAME)}.")
    if output == Path("-") and len(kinds) > 1:
        ctx.fail("Only one form can be written to standard output, and --emit names several; name a folder with -o.")
    return kinds


def _places(ctx: typer.Context, output: Path | None, name: str, kinds: list[str]) -> dict[str, Path]:
    """The path of each form: the file that -o names, else a file named after the network in the folder."""
    folder = output or Path()
    if output is not None and (output.suffix or output.exists()) and not output.is_dir():
        if len(kinds) > 1:
            ctx.fail(f"{output} is one file, and --emit names {len(kinds)}; name a folder.")
        return {kinds[0]: output}
    return {kind: folder / f"{name}{BY_NAME[kind].suffix}" for kind in kinds}


# --- what is printed -----------------------------------------------------------------------


def _print_written(files: Iterable[Path]) -> None:
    for path in files:
        print(f"wrote {shown(str(path))}")


def _print_run(graph: Graph) -> None:
    """Prints the settings that were used, where the value of each came from, and the network's costs."""
    header = graph.header
    variant = f", variant {header.variant}" if header.variant else ""
    print(f"{header.name} from {header.spec}{variant}")
    if header.settings:
        from archdsl.elaborate.derive import shown

        rows = [(setting.name, shown(setting.value), setting.origin) for setting in header.settings]
        print_table(("setting", ">value", "from"), rows)
    print(in_short(graph))
