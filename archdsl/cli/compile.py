"""`archdsl compile`: writes a spec as PyTorch source, or in another form."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.analyses.budget import OverBudget
from archdsl.cli.budget import BatchOption, KeepOption, MemoryOption, budget_of, check_budget, refusal, said
from archdsl.cli.complete import emitted, several_variants
from archdsl.cli.options import Format, FormatOption, OutputOption, Purpose, SpecArgument, SpecOptions, grouped
from archdsl.cli.output import in_short, keep, print_table, put_out, reporting
from archdsl.cli.parallel import ParallelOption, check_alone, spread
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
    from archdsl.backends.torch.extras import Extras
    from archdsl.cli.target import Target
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
FeaturesOption = Annotated[
    bool, typer.Option("--features", help="Add forward_features, forward_head, and the outputs of stages as a list.")
]
PublishedOption = Annotated[
    str | None,
    typer.Option(
        "--published",
        metavar="REFERENCE",
        help="Add load_published, for the weights of a network such as torchvision:resnet50, whose code is executed.",
    ),
]
HubOption = Annotated[bool, typer.Option("--hub", help="Let the Hugging Face Hub load and save the network.")]
TimmOption = Annotated[bool, typer.Option("--timm", help="Register the network with timm; with its features.")]
HubconfOption = Annotated[bool, typer.Option("--hubconf", help="Also write hubconf.py, for torch.hub.load.")]
AllVariantsOption = Annotated[bool, typer.Option("--all-variants", help="Like --variants, for all of the spec.")]


@dataclass(frozen=True, slots=True)
class Additions:
    """What is added to the PyTorch file for those who build on it."""

    features: FeaturesOption = False
    published: PublishedOption = None
    hub: HubOption = False
    timm: TimmOption = False
    hubconf: HubconfOption = False
    memory: MemoryOption = None
    keep: KeepOption = None
    batch: BatchOption = None

    @property
    def named(self) -> tuple[str, ...]:
        """The options that are given."""
        return tuple(f"--{one.name}" for one in fields(self) if getattr(self, one.name) not in (None, False))

    def extras(self, graph: Graph) -> Extras:
        """The same for the emitter. Executes the code of the reference. Raises `CompileError`."""
        from archdsl.backends.torch.extras import Extras

        published = None
        if self.published is not None:
            from archdsl.prove.published import published_by

            published = published_by(graph, self.published)
        budget = budget_of(self.memory, self.keep, self.batch)
        return Extras(self.features, published, self.hub, self.timm, budget=budget)

    @property
    def packages(self) -> list[str]:
        """The packages that the file needs."""
        more = (("huggingface_hub", self.hub), ("timm", self.timm))
        return ["torch", *(package for package, asked in more if asked)]


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
    _check(ctx, additions, kinds, output, is_family)
    if for_ is not None:
        _check_purpose(ctx, for_, additions, kinds, is_family)
    devices = None if parallel is None else spread(ctx, parallel, needs_count=False)
    if devices is not None:
        others = {"--for": for_ is not None, "--variants": variants is not None, "--all-variants": all_variants}
        others |= {f"--emit {','.join(kinds)}": kinds != ["torch"], **dict.fromkeys(additions.named, True)}
        check_alone(ctx, others)
    if is_family:
        _family(ctx, asked, _named(ctx, asked, kinds, variants, all_variants), output, format, additions)
        return
    with reporting(format) as report:
        purpose = for_ if devices is None else devices.name
        name = asked.name if purpose is None else f"{asked.name}_{purpose}"
        places = {} if output == Path("-") else _places(ctx, output, name, kinds)
        keep(asked, *places.values())
        refuse_overwriting(places.values(), [] if weights is None else [weights])
        compiled = asked.compile()
        report.add(compiled.warnings)
        contents = {kind: written(compiled.graph, kind) for kind in kinds if kind != "torch" and weights is None}
        emitted = None
        if devices is not None:
            contents["torch"] = parallel_written(compiled.graph, devices.kind, devices.number)
        elif "torch" in kinds:
            write_source = torch_written if for_ is None else inference_written
            try:
                emitted = write_source(compiled.graph, additions.extras(compiled.graph))
            except OverBudget as error:
                ctx.fail(refusal(error.nearest, additions.memory))
            contents["torch"] = emitted.text
        if weights is not None:
            contents["onnx"] = onnx_written(compiled.graph, given_weights(compiled, weights, from_))
        if output == Path("-"):
            put_out(contents[kinds[0]])
            report.result_printed = True
            return
        files = {places[kind]: contents[kind] for kind in kinds}
        if additions.hubconf and emitted is not None:
            files |= _hubconf(additions, places["torch"], [compiled.graph], emitted.name)
        write(files)
        if report.verbose:
            _print_run(compiled.graph)
            if emitted is not None and emitted.outcome is not None:
                print("\n".join(said(emitted.outcome)))
            for path in files:
                print(f"wrote {shown(str(path))}")


# --- several variants ----------------------------------------------------------------------


def _family(
    ctx: typer.Context,
    asked: Target,
    names: list[str] | None,
    output: Path | None,
    format: Format,
    additions: Additions,
) -> None:
    """Writes one file for the variants `names`, or for all of them if that is None."""
    with reporting(format) as report:
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
        files = {place: text}
        if additions.hubconf:
            files |= _hubconf(additions, place, graphs)
        write(files)
        if report.verbose:
            header = next(iter(family.values())).graph.header
            print(f"{header.name} from {header.spec}, {len(family)} variants")
            for name, compiled in family.items():
                print(f"{name}: {in_short(compiled.graph)}")
            for path in files:
                print(f"wrote {shown(str(path))}")


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


def _check(ctx: typer.Context, additions: Additions, kinds: list[str], output: Path | None, is_family: bool) -> None:
    """Ends the command for additions that do not fit what is written."""
    check_budget(ctx, additions.memory, additions.keep, additions.batch)
    if not additions.named:
        return
    if "torch" not in kinds:
        ctx.fail(f"{additions.named[0]} adds to PyTorch source, and --emit does not name torch.")
    if additions.published is not None and is_family:
        ctx.fail("--published proves one network; for the weights of several variants compile one at a time.")
    if is_family and (additions.memory or additions.keep):
        ctx.fail("--memory and --keep choose for one network; compile one variant at a time.")
    if additions.hubconf and output == Path("-"):
        ctx.fail("--hubconf writes a file beside the network's; name a file or a folder with -o.")


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
