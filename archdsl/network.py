"""The Python interface: `load` compiles a spec to a `Network`, which can be counted, drawn, written and run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archdsl.analyses import totals
from archdsl.diagnostics import Diagnostic
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
from archdsl.readers import is_reference
from archdsl.report import render_line
from archdsl.resolve.model import File
from archdsl.resolve.resolve import resolve
from archdsl.shown import Drawing, TableText, readable
from archdsl.source import Source

if TYPE_CHECKING:
    from archdsl.analyses.summary import Summary
    from archdsl.backends.figures.scene import Scene
    from archdsl.backends.tables.table import Table
    from archdsl.prove.report import ProofReport
    from archdsl.prove.weights import WeightMap


def load(
    spec: str | PathLike[str], /, variant: str | None = None, *, limits: Limits | None = None, **settings: Any
) -> Network:
    """Compiles a spec, given as a path or as the name of one that comes with archdsl: `"resnet"` or `"resnet@50"`.

    Files of other tools are read, too (docs/files.md), and so is code that makes a `torch.nn.Module`, given as text:
    `"torchvision:resnet50"` or `"package.module:factory"`. The code that it names is executed; a `Path` names no code.
    `settings` are the spec's parameters and scaling coefficients by name; words and blocks are given as text:
    `load("resnet", layers=[2, 2, 2, 2], unit="Basic")`. Graphs, `"net.json"`, and code have neither variants nor
    settings. Raises `CompileError` if the spec or a setting is wrong, and `ValueError` if two variants are named.
    """
    name, own = split_variant(str(spec))
    if own is not None and variant not in (None, own):
        raise ValueError(f"{spec} names the variant {own}, and variant= names {variant}")
    chosen = variant if own is None else own
    with readable():
        if is_graph(name) and not (isinstance(spec, PathLike) and is_reference(name)):
            return Network(open_graph(name, chosen, settings))
        file = open_spec(Path(spec) if isinstance(spec, PathLike) else name)
        return _network(file, chosen, settings, limits)


def loads(text: str, /, variant: str | None = None, *, limits: Limits | None = None, **settings: Any) -> Network:
    """Compiles the text of a spec, which may import from the library. Raises `CompileError`."""
    with readable():
        source = Source("spec.arch", text.replace("\r\n", "\n").replace("\r", "\n"))
        return _network(resolve(source), variant, settings, limits)


def from_torch(module: Any, example_inputs: Any, name: str | None = None) -> Network:
    """Imports a `torch.nn.Module`: the network of `module(*example_inputs)` in evaluation mode.

    `example_inputs` is a tensor or a tuple of tensors, with the batch as first dimension; module and inputs may be on
    the device `meta`. The module's code is executed. Warns if there are parameters that no output needs. Raises
    `CompileError` if the module cannot be traced.
    """
    from archdsl.frontends.torch import imported

    with readable():
        found = imported(module, example_inputs, name)
    if found.left_out:
        warnings.warn(found.left_out, stacklevel=2)
    return Network(Compiled(found.graph, None, ()))


def family(
    spec: str | PathLike[str],
    /,
    variants: Sequence[str] | None = None,
    *,
    limits: Limits | None = None,
    **settings: Any,
) -> Family:
    """Compiles several variants of a spec with the same `settings`: all variants if `variants` is None.

    Raises `CompileError` if the spec, a variant or a setting is wrong, and `ValueError` if `spec` names a variant.
    """
    if split_variant(str(spec))[1] is not None:
        raise ValueError(f"{spec} is one variant; give the name of the spec alone, and its variants as variants=[...]")
    with readable():
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


def _drawing(scene: Scene, format: str, steps: bool | int) -> Drawing:
    """A figure in one format; with `steps` built up in frames, and in at most so many where that is a number."""
    from archdsl.backends import figures

    if steps is not False:
        scene = figures.in_steps(scene, None if steps is True else steps)
    return Drawing(figures.written(scene, format), format, scene)


@dataclass(frozen=True)
class Family:
    """Several variants of one network: `networks` has them by variant name. Made by `family`."""

    networks: Mapping[str, Network]

    def source(self, *, features: bool = False, hub: bool = False, timm: bool = False) -> str:
        """PyTorch source of all variants in one file.

        In it, a function such as `resnet50(classes=10)` makes one network, and `NETWORKS` has the functions by name.
        What may be added is as in `Network.source`.
        """
        from archdsl.backends.torch.extras import Extras
        from archdsl.outputs import family_written

        with readable():
            graphs = [network.graph for network in self.networks.values()]
            return family_written(graphs, Extras(features, None, hub, timm))


class Network:
    """A compiled network, which does not change. Made by `load`, `loads` and `family`."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled

    @property
    def graph(self) -> Graph:
        """The ops, their shapes and the tree of stages and blocks that they stand in."""
        return self._compiled.graph

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings that `archdsl check` would print."""
        return self._compiled.warnings

    @property
    def settings(self) -> dict[str, Any]:
        """The value of every parameter and scaling coefficient of the spec, by name."""
        return {setting.name: setting.value for setting in self.graph.header.settings}

    @cached_property
    def params(self) -> int:
        """How many learned numbers there are, without those that only training outputs use. Shared ones count once."""
        return totals.parameters(self.graph, totals.nodes_in(self.graph))

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of convolutions and matrix products, for one input."""
        return totals.macs(self.graph, totals.nodes_in(self.graph))

    def source(
        self, *, features: bool = False, published: str | None = None, hub: bool = False, timm: bool = False
    ) -> str:
        """PyTorch source of the network. It imports nothing but torch, so it works without archdsl.

        `features` adds `forward_features`, `forward_head` and `forward_stages`; `published`, the name of a public
        network such as `"torchvision:resnet50"`, adds `load_published` for its weights, and executes its code. `hub`
        makes the class one that the Hugging Face Hub loads and saves, and `timm` registers it with timm; the file then
        needs that package. Raises `CompileError` for an imported network with operations that the language has no op
        for, and for a network without the head that `features` and `timm` need.
        """
        from archdsl.backends.torch.extras import Extras
        from archdsl.outputs import torch_written

        with readable():
            weights = None
            if published is not None:
                from archdsl.prove.published import published_by

                weights = published_by(self.graph, published)
            return torch_written(self.graph, Extras(features, weights, hub, timm)).text

    def module(self, device: Any = None, dtype: Any = None) -> Any:
        """The `torch.nn.Module` that `source` describes, with new random weights.

        `device` and `dtype` are PyTorch's, and are passed to the module's `to`. Raises `ImportError` if torch is not
        installed.
        """
        try:
            from archdsl.backends.torch.load import module
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise ImportError("a module needs PyTorch: pip install 'archdsl[torch]'") from None
        from archdsl.outputs import prepared

        with readable():
            return module(prepared(self.graph, "torch"), device=device, dtype=dtype)

    def onnx(self, weights: Any = None) -> bytes:
        """The network at inference as an ONNX file, for any number of samples.

        `weights` is a module of this network (`module`, `load_weights`), or its state_dict. Without them the file is
        small, and its weights are inputs. Raises `CompileError` if the package onnx is not installed, if an op has no
        form in ONNX, or if the weights are not those of this network.
        """
        from archdsl.outputs import onnx_written, written

        with readable():
            if weights is None:
                data = written(self.graph, "onnx")
                assert isinstance(data, bytes)
                return data
            return onnx_written(self.graph, weights.state_dict() if hasattr(weights, "state_dict") else weights)

    def load_weights(
        self, state_dict: Mapping[str, Any], from_: str | WeightMap, device: Any = None, dtype: Any = None
    ) -> Any:
        """A `torch.nn.Module` of this network with the weights of a public one, such as a published checkpoint.

        `from_` says which network `state_dict` belongs to: `"torchvision"` (where archdsl knows this network's
        counterpart in that package), `"torchvision:resnet50"`, or a map that `archdsl prove --write-map` wrote. The
        reference's code is executed and its structure is proved to be the same. Raises `ValueError` if the weights
        are not those of that network.
        """
        module = self.module(device, dtype)
        from archdsl.prove.checkpoints import published
        from archdsl.prove.weights import load_weights

        with readable():
            weights = published(self.graph, state_dict, from_) if isinstance(from_, str) else from_
        load_weights(module, state_dict, weights)
        return module

    def prove(self, reference: Any, structure_only: bool = False) -> ProofReport:
        """Compares this network with a public one: `"torchvision:resnet50"`, or a `torch.nn.Module`.

        The report is `ok` if structure, parameters, outputs and gradients are the same (with `structure_only`, no
        numbers are compared); printed, it lists the differences. The reference's code is executed. Raises
        `CompileError` if the reference cannot be imported.
        """
        from archdsl.prove.prove import prove

        with readable():
            return prove(self.graph, reference, structure_only, self._compiled.inference)

    def draw(
        self,
        figure: str = "overview",
        format: str = "svg",
        *,
        block: str | None = None,
        depth: int | None = None,
        expand: Sequence[str] = (),
        theme: Literal["light", "dark"] = "light",
        steps: bool | int = False,
    ) -> Drawing:
        """A figure ("overview", "block", "graph", "volumes", "profile") as "svg", "pdf", "png", "tex" or "dot"; or, as
        "html", a page on which the reader opens stages and blocks.

        With `steps`, it is built up in frames, for a lecture: in at most 12, or in at most as many as `steps` says.
        `block` names the block to draw, by its name or a path. In a graph, `depth` levels of blocks are opened, and
        also the blocks whose paths match a pattern of `expand` (`"conv4.*"`). Raises `ValueError` for a figure or
        format that does not exist, and for `steps` in DOT or HTML, which have none.
        """
        from archdsl.backends import figures

        for what, known in ((figure, tuple(figures.FIGURES)), (format, figures.FORMATS)):
            if what not in known:
                raise ValueError(f"there is no {what!r}; it may be {', '.join(known)}")
        if format in figures.WHOLE:
            figures.refuse_in_whole(format, figure, block=block, depth=depth, expand=expand, steps=steps)
        if format == "html":
            from archdsl.webpage.document import document

            return Drawing(document(self.graph), format)
        if format == "dot":
            return Drawing(figures.as_dot(self.graph, theme), format)
        scene = figures.as_scene(self.graph, figure, block=block, depth=depth, expand=expand, theme=theme)
        return _drawing(scene, format, steps)

    def draw_beside(
        self,
        *others: Network,
        format: str = "svg",
        cost: str | None = None,
        theme: Literal["light", "dark"] = "light",
        steps: bool | int = False,
    ) -> Drawing:
        """This network and one to three others side by side; what only one has is in colour.

        `format` is "svg", "pdf", "png" or "tex"; `cost` adds bars of "macs" or "params". With `steps`, it is built up
        in frames: what is common first. Raises `ValueError` for what cannot be drawn.
        """
        from archdsl.backends import figures

        graphs = [self.graph, *(other.graph for other in others)]
        return _drawing(figures.as_scene_of(graphs, cost=cost, theme=theme), format, steps)

    @cached_property
    def summary(self) -> Summary:
        """The costs of every node, of every stage and block, and of the whole: parameters, operations, memory (bytes),
        receptive fields (pixels)."""
        from archdsl.analyses.measures import summarize
        from archdsl.analyses.summary import Basis
        from archdsl.backends.torch.schedule import emitted

        return summarize(self.graph, Basis(schedule=emitted))

    def table(self, format: str = "text", *, width: int = 80, **options: Any) -> TableText:
        """A table of costs as `archdsl table` prints it: "text", "markdown", "csv", "latex", "html" or "json".

        In a notebook it shows its rows.

        `options` are those of the command: `rows="op"`, `columns=["path", "params"]`, `convention="thop"`. Raises
        `CompileError` for a format, row, column or the like that does not exist.
        """
        from archdsl.backends.tables import render
        from archdsl.backends.tables.costs import build
        from archdsl.backends.tables.html import inside
        from archdsl.backends.tables.request import Request
        from archdsl.backends.torch.schedule import emitted

        def built(form: str) -> Table:
            return build(self.graph, Request(format=form, **options), width, emitted)

        with readable():
            return TableText(render(format, built(format), width=width), lambda: inside(built("html")))

    def save(self, path: str | PathLike[str], weights: Any = None) -> None:
        """Writes the network to a file in the form that the suffix of `path` names.

        `.svg`, `.pdf`, `.png` and `.tex` are the overview figure, `.html` is the page; the others (`.py`, `.json` ...)
        are what `archdsl compile` writes. `weights` are for `.onnx` alone, as in `onnx`. The file is written whole or
        not at all. Raises `CompileError` if it cannot be written, and `ValueError` for another suffix.
        """
        from archdsl.backends.figures import FORMATS
        from archdsl.outputs import OUTPUTS, output_of, written

        suffix, output = Path(path).suffix, output_of(Path(path).name)
        if weights is not None and suffix != ".onnx":
            raise ValueError(f"only an ONNX file holds weights, and {Path(path).name} is none")
        with readable():
            if weights is not None:
                content: str | bytes = self.onnx(weights)
            elif suffix.removeprefix(".") in FORMATS:
                content = self.draw(format=suffix.removeprefix(".")).data
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
