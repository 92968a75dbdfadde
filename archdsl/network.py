"""The Python interface: a spec in, and a `Network` that can be counted, drawn, written and run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archdsl.analyses import totals
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import (
    Compiled,
    Limits,
    compile_family,
    compile_network,
    is_graph,
    open_graph,
    open_spec,
    split_variant,
)
from archdsl.files import write
from archdsl.ir.graph import Graph
from archdsl.report import render_line, render_text
from archdsl.resolve.model import File
from archdsl.resolve.resolve import resolve
from archdsl.source import Source

if TYPE_CHECKING:
    from archdsl.analyses.summary import Summary
    from archdsl.prove.report import ProofReport
    from archdsl.prove.weights import WeightMap


def load(
    spec: str | PathLike[str], /, variant: str | None = None, *, limits: Limits | None = None, **settings: Any
) -> Network:
    """Compiles a spec: a file, or the name of one that comes with archdsl, `"resnet"` or `"resnet@50"`.

    `settings` are the spec's parameters and scaling coefficients by name; words and blocks are given as text:
    `load("resnet", layers=[2, 2, 2, 2], unit="Basic")`. A graph file, `"net.json"`, has neither variants nor settings.
    Raises `CompileError`.
    """
    name, own = split_variant(str(spec))
    if own is not None and variant not in (None, own):
        raise ValueError(f"{spec} names the variant {own}, and variant= names {variant}")
    chosen = variant if own is None else own
    with _readable():
        if is_graph(name):
            return Network(open_graph(name, chosen, settings))
        file = open_spec(Path(spec) if isinstance(spec, PathLike) else name)
        return _network(file, chosen, settings, limits)


def loads(text: str, /, variant: str | None = None, *, limits: Limits | None = None, **settings: Any) -> Network:
    """Compiles the text of a spec, which may import from the library. Raises `CompileError`."""
    with _readable():
        source = Source("spec.arch", text.replace("\r\n", "\n").replace("\r", "\n"))
        return _network(resolve(source), variant, settings, limits)


def family(
    spec: str | PathLike[str],
    /,
    variants: Sequence[str] | None = None,
    *,
    limits: Limits | None = None,
    **settings: Any,
) -> Family:
    """Compiles several variants of a spec, all of them where none are named, with the same `settings`.

    Raises `CompileError`.
    """
    if split_variant(str(spec))[1] is not None:
        raise ValueError(f"{spec} is one variant; name the spec alone, and its variants beside it")
    with _readable():
        compiled = compile_family(
            open_spec(Path(spec) if isinstance(spec, PathLike) else spec), variants, settings, limits
        )
    return Family({name: Network(one) for name, one in compiled.items()})


def _network(file: File, variant: str | None, settings: Mapping[str, Any], limits: Limits | None) -> Network:
    network = Network(compile_network(file, variant, settings, limits))
    for diagnostic in network.warnings:
        if diagnostic.code == "unused-setting":
            warnings.warn(render_line(diagnostic), stacklevel=3)
    return network


@contextmanager
def _readable() -> Iterator[None]:
    """Errors inside read as the command line prints them."""
    try:
        yield
    except CompileError as error:
        error.args = (f"\n{render_text(error.diagnostics)}",)
        raise


@dataclass(frozen=True)
class Family:
    """Variants of one network, by name. Made by `family`."""

    networks: Mapping[str, Network]

    def source(self) -> str:
        """PyTorch source of them all in one file: `resnet50(classes=10)` makes one, `NETWORKS` has them by name."""
        from archdsl.outputs import family_written

        return family_written([network.graph for network in self.networks.values()])


class Network:
    """A compiled network. Made by `load` and `loads`; it does not change."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled

    @property
    def graph(self) -> Graph:
        """The ops, their shapes and the tree of stages and blocks that they stand in."""
        return self._compiled.graph

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What `archdsl check` would warn of."""
        return self._compiled.warnings

    @property
    def settings(self) -> dict[str, Any]:
        """Every parameter and scaling coefficient of the spec, and what it came to."""
        return {setting.name: setting.value for setting in self.graph.header.settings}

    @cached_property
    def params(self) -> int:
        """Learned numbers, without those of outputs that serve only training; shared weights count once."""
        return totals.parameters(self.graph, totals.nodes_in(self.graph))

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of convolutions and matrix products, for one input."""
        return totals.macs(self.graph, totals.nodes_in(self.graph))

    def source(self) -> str:
        """PyTorch source of the network, to be kept: it imports nothing but torch.

        Raises `CompileError` for an imported network with operations that the language has no op for.
        """
        from archdsl.outputs import written

        with _readable():
            return written(self.graph, "torch")

    def module(self, device: Any = None, dtype: Any = None) -> Any:
        """The `torch.nn.Module` that `source` describes, with fresh weights, on a device and of a dtype of torch's.

        Raises `ImportError` where torch is not installed.
        """
        try:
            from archdsl.backends.torch.load import module
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise ImportError("a module needs PyTorch: pip install 'archdsl[torch]'") from None
        from archdsl.outputs import prepared

        with _readable():
            return module(prepared(self.graph, "torch"), device=device, dtype=dtype)

    def load_weights(
        self, state_dict: Mapping[str, Any], from_: str | WeightMap, device: Any = None, dtype: Any = None
    ) -> Any:
        """A module of this network with the weights of a public one, such as a published checkpoint.

        `from_` says whose they are: `"torchvision"`, where the library knows this network's counterpart there,
        `"torchvision:resnet50"`, or a map that `archdsl prove --write-map` wrote. A reference's code is executed,
        and proven to have the same structure. Raises `ValueError` where these are not its weights.
        """
        module = self.module(device, dtype)
        from archdsl.prove.checkpoints import published
        from archdsl.prove.weights import load_weights

        with _readable():
            weights = published(self.graph, state_dict, from_) if isinstance(from_, str) else from_
        load_weights(module, state_dict, weights)
        return module

    def prove(self, reference: Any, structure_only: bool = False) -> ProofReport:
        """Compares this network with a public one: `"torchvision:resnet50"`, or a module of PyTorch's.

        The report is `ok` where structure, parameters, outputs and gradients are the same; printed, it says where
        they are not. The reference's code is executed. Raises `CompileError` where it cannot be imported.
        """
        from archdsl.prove.prove import prove

        with _readable():
            return prove(self.graph, reference, structure_only)

    def draw(
        self,
        figure: str = "overview",
        format: str = "svg",
        *,
        block: str | None = None,
        depth: int | None = None,
        expand: Sequence[str] = (),
        theme: Literal["light", "dark"] = "light",
    ) -> Drawing:
        """A figure ("overview", "block", "graph") as "svg", "pdf", "png" or "dot".

        `block` names the block to draw, by its name or a path; `depth` levels of the graph are opened, and what
        the patterns of `expand` name (`"conv4.*"`). Raises `ValueError` for what cannot be drawn.
        """
        from archdsl.backends import figures

        for what, known in ((figure, tuple(figures.FIGURES)), (format, figures.FORMATS)):
            if what not in known:
                raise ValueError(f"there is no {what!r}; it may be {', '.join(known)}")
        picture = figures.draw(self.graph, figure, format, block=block, depth=depth, expand=expand, theme=theme)
        return Drawing(picture, format)

    def draw_beside(
        self,
        *others: Network,
        format: str = "svg",
        cost: str | None = None,
        theme: Literal["light", "dark"] = "light",
    ) -> Drawing:
        """This network and one to three others side by side, as "svg", "pdf" or "png": what only one has is in colour.

        `cost` adds bars of "macs" or "params". Raises `ValueError` for what cannot be drawn.
        """
        from archdsl.backends import figures

        graphs = [self.graph, *(other.graph for other in others)]
        return Drawing(figures.draw_several(graphs, format=format, cost=cost, theme=theme), format)

    @cached_property
    def summary(self) -> Summary:
        """All costs, of every node and scope: parameters, operations, memory, receptive fields."""
        from archdsl.analyses.measures import summarize
        from archdsl.analyses.summary import Basis
        from archdsl.backends.torch.schedule import emitted

        return summarize(self.graph, Basis(schedule=emitted))

    def table(self, format: str = "text", *, width: int = 80, **options: Any) -> str:
        """A table of costs as `archdsl table` prints it: "text", "markdown", "csv", "latex", "html" or "json".

        `options` are those of the command: `rows="op"`, `columns=["path", "params"]`, `convention="thop"`. Raises
        `CompileError` for words that are not known.
        """
        from archdsl.backends.tables import render
        from archdsl.backends.tables.costs import Request, build
        from archdsl.backends.torch.schedule import emitted

        with _readable():
            request = Request(format=format, **options)
            return render(format, build(self.graph, request, width, emitted), width=width)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes what the suffix says: `.py`, `.json` and the like as `compile` does; `.svg`, `.pdf`, `.png` overview.

        The file is written whole or not at all. Raises `CompileError` where it cannot be.
        """
        from archdsl.backends.figures import FORMATS
        from archdsl.outputs import OUTPUTS, output_of, written

        suffix = Path(path).suffix
        output = output_of(suffix)
        with _readable():
            if suffix.removeprefix(".") in FORMATS:
                content: str | bytes = self.draw(format=suffix.removeprefix(".")).data
            elif output is not None:
                content = written(self.graph, output.name)
            else:
                known = dict.fromkeys([*(output.suffix for output in OUTPUTS), *(f".{format}" for format in FORMATS)])
                raise ValueError(f"there is nothing to write as {suffix!r}; it may be {', '.join(known)}")
            write({Path(path): content})

    def __repr__(self) -> str:
        header = self.graph.header
        variant = f"@{header.variant}" if header.variant else ""
        given = "".join(f", {s.name}={s.value!r}" for s in header.settings if s.origin == "given")
        return f"<{header.name}{variant}{given}: {self.params:,} params, {self.macs:,} MACs>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), **self.draw()._repr_mimebundle_()}


@dataclass(frozen=True)
class Drawing:
    """A figure in one format, which a notebook shows."""

    data: bytes = field(repr=False)
    format: str

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the figure as it is. Raises `CompileError` where it cannot be written."""
        with _readable():
            write({Path(path): self.data})

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        match self.format:
            case "svg":
                return {"image/svg+xml": self.data.decode()}
            case "png":
                return {"image/png": self.data}
            case _:
                return {"text/plain": repr(self)}
