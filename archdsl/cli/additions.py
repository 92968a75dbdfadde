"""The options of `archdsl compile` that add to a PyTorch file: features, published weights, hubs, less memory."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archdsl.cli.budget import BatchOption, KeepOption, MemoryOption, budget_of, check_budget

if TYPE_CHECKING:
    from archdsl.backends.torch.extras import Extras
    from archdsl.ir.graph import Graph

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


def check_additions(
    ctx: typer.Context, additions: Additions, kinds: list[str], output: Path | None, is_family: bool
) -> None:
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
