"""What a network can be written as. Whoever writes one asks here: the command line, Python, and the proofs.

An output is one entry of `OUTPUTS`. `compile --emit`, its help and completion, `import -o` and `Network.save` follow.
Passes and writers go by name, and are imported when a network is written: the help of a command needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archdsl.ir.graph import Graph


@dataclass(frozen=True, slots=True)
class Output:
    """One form of a network.

    `name` is what `--emit` calls it and `suffix` what its files end in. `passes` prepare the graph, in this order; they
    are files of `archdsl/passes`. `writer` is the function from the graph to the text, `module:function` in this
    package. `about` says in a few words what is written.
    """

    name: str
    suffix: str
    passes: tuple[str, ...]
    writer: str
    about: str


OUTPUTS = (
    Output(
        "torch",
        ".py",
        ("refuse_opaque", "legal_names", "refuse_far_weights"),
        "backends.torch.source:source",
        "PyTorch source",
    ),
    Output("json", ".json", (), "ir.serialize:to_json", "the graph, which commands take in place of a spec"),
    Output("dot", ".dot", (), "backends.figures:whole_as_dot", "the graph for Graphviz"),
    Output("svg", ".svg", (), "backends.figures:whole_as_svg", "the graph as a figure"),
)
"""In the order of the help; the first is written where nothing else is said."""

BY_NAME = {output.name: output for output in OUTPUTS}


def output_of(suffix: str) -> Output | None:
    """The output whose files end so."""
    return next((output for output in OUTPUTS if output.suffix == suffix), None)


def prepared(graph: Graph, name: str) -> Graph:
    """The graph as the writer of this output takes it. Raises `CompileError` where it cannot be written so."""
    from archdsl.passes.pipeline import named, run

    return run(graph, named(BY_NAME[name].passes)).graph


def family_written(graphs: Sequence[Graph]) -> str:
    """PyTorch source of several variants of one network in one file."""
    from archdsl.backends.torch.source import family_source

    return family_source([prepared(graph, "torch") for graph in graphs])


def written(graph: Graph, name: str) -> str:
    """The text of this output, with a line end. Raises `CompileError` where the graph cannot be written so."""
    module, _, function = BY_NAME[name].writer.partition(":")
    writer: Callable[[Graph], str] = getattr(import_module(f"archdsl.{module}"), function)
    return writer(prepared(graph, name))
