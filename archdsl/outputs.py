"""The forms in which a network can be written: the command line, the Python interface and the proofs write with these.

To add a form, add an entry to `OUTPUTS`: `compile --emit`, its help and completion, `import -o` and `Network.save`
all read that list. An entry names its passes and its writer as text. They are imported when a network is written, so
that printing the help of a command stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archdsl.backends.torch.extras import Extras
    from archdsl.backends.torch.source import Emitted
    from archdsl.ir.graph import Graph
    from archdsl.passes.pipeline import Run


@dataclass(frozen=True, slots=True)
class Output:
    """One form in which a network can be written.

    `name` is its name for `--emit`, and `suffix` the end of its files' names. `passes` are run on the graph before, in
    this order; they are modules of `archdsl/passes`. `writer` is the function from the graph to the text, or to
    the bytes, given as `module:function` inside `archdsl`. `about` says in a few words what is written.
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
        (
            "refuse_opaque",
            "legal_names",
            "order_calls",
            "keep_shared_weights",
            "refuse_far_weights",
        ),
        "backends.torch.source:source",
        "PyTorch source",
    ),
    Output("json", ".json", (), "ir.serialize:to_json", "the graph, which commands take in place of a spec"),
    Output(
        "onnx",
        ".onnx",
        ("refuse_opaque", "refuse_without_onnx", "legal_names"),
        "backends.onnx.file:onnx_file",
        "the network at inference for other programs",
    ),
    Output(
        "keras",
        "_keras.py",
        ("refuse_opaque", "refuse_without_keras", "legal_names", "order_calls"),
        "backends.keras.source:keras_source",
        "Keras source, for convolutional networks",
    ),
    Output("dot", ".dot", (), "backends.figures:whole_as_dot", "the graph for Graphviz"),
    Output("mermaid", ".mmd", (), "backends.figures.mermaid:mermaid", "the stages as a flowchart for a README"),
    Output("svg", ".svg", (), "backends.figures:whole_as_svg", "the graph as a figure"),
)
"""All forms in the order in which the help lists them. The first is the default."""

BY_NAME = {output.name: output for output in OUTPUTS}


def output_of(name: str) -> Output | None:
    """The output whose files' names end as `name` does, or None: `net_keras.py` is Keras source, `net.py` is not."""
    return max(
        (output for output in OUTPUTS if name.endswith(output.suffix)),
        key=lambda output: len(output.suffix),
        default=None,
    )


def prepared(graph: Graph, name: str) -> Graph:
    """The graph after the passes of the output `name`. Raises `CompileError` if it cannot be written in this form."""
    return passed(graph, name).graph


def passed(graph: Graph, name: str) -> Run:
    """Does the same as `prepared`, and also says how the weights change."""
    from archdsl.passes.pipeline import named, run

    return run(graph, named(BY_NAME[name].passes))


def torch_written(graph: Graph, extras: Extras) -> Emitted:
    """PyTorch source with additions, and the name of its main class.

    Raises `CompileError` if the network has not what they need, such as a head.
    """
    from archdsl.backends.torch.source import emit

    return emit(prepared(graph, "torch"), extras)


def inference_written(graph: Graph, extras: Extras) -> Emitted:
    """PyTorch source of the network for inference: what only training needs is left out, and batch normalizations are
    folded into the layers beside them. Its method `load` takes the weights of the module for training."""
    from archdsl.backends.torch.inference import Folding
    from archdsl.backends.torch.source import emit
    from archdsl.passes.inference import for_inference

    found = for_inference(prepared(graph, "torch"))
    rows = [(fold.layer.weights, fold.norm.weights, fold.eps, fold.leads) for fold in found.folds]
    return emit(prepared(found.run.graph, "torch"), replace(extras, inference=Folding(tuple(rows), found.unused)))


def parallel_written(graph: Graph, kind: str, stages: int = 0) -> str:
    """PyTorch source that trains the network on several devices: as a "pipeline" of stages, with "fsdp" or "ddp".

    Raises `CompileError` if the network cannot be cut into so many stages.
    """
    from archdsl.backends.torch.parallel import parallel

    return parallel(prepared(graph, "torch"), kind, stages)


def family_written(graphs: Sequence[Graph], extras: Extras | None = None) -> str:
    """PyTorch source of several variants of one network in one file, perhaps with additions."""
    from archdsl.backends.torch.extras import NONE
    from archdsl.backends.torch.source import family_source

    return family_source([prepared(graph, "torch") for graph in graphs], extras or NONE)


def written(graph: Graph, name: str) -> str | bytes:
    """The graph in the form `name`; a text has a line end. Raises `CompileError` if that form cannot hold it."""
    module, _, function = BY_NAME[name].writer.partition(":")
    writer: Callable[[Graph], str | bytes] = getattr(import_module(f"archdsl.{module}"), function)
    return writer(prepared(graph, name))


def source_written(graph: Graph) -> str:
    """PyTorch source of a graph."""
    from archdsl.backends.torch.source import source

    return source(prepared(graph, "torch"))


def onnx_written(graph: Graph, weights: Mapping[str, Any]) -> bytes:
    """The graph as ONNX with weights: the state_dict of the emitted module, or one with the names of an imported graph.

    Raises `CompileError` if these are not the weights of the graph.
    """
    from archdsl.backends.onnx.file import onnx_with
    from archdsl.passes.pipeline import state_keys

    run = passed(graph, "onnx")
    if run.steps and all(key in weights for key in state_keys(graph)):
        weights = run.state(weights)
    return onnx_with(run.graph, weights)
