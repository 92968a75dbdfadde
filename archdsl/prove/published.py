"""The weights of a public network for the file of ours: proven to be those of the same network, name by name."""

from __future__ import annotations

from archdsl.backends.torch.published import Published
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph
from archdsl.ir.weight_parts import entry_of
from archdsl.prove.prove import prove_sides
from archdsl.prove.report import report_text
from archdsl.prove.sides import of_graph, of_reference


def published_by(graph: Graph, reference: str) -> Published:
    """Which weight of the reference (`torchvision:resnet50`) corresponds to which of ours.

    The structures are proven to be equal, which executes the reference's code; nothing is run, and no weights are read.
    Raises `CompileError` if the reference cannot be imported or is another network.
    """
    theirs = of_reference(reference, [node.output for node in graph.inputs], meta=True)
    report = prove_sides(of_graph(graph), theirs, structure_only=True)
    if report.weights is None:
        lines = report_text(report).splitlines()
        note = "; ".join(line.strip() for line in lines[1:3])
        raise CompileError([Diagnostic("other-network", f"{reference} is another network than {report.ours}: {note}")])
    names = {name for name, _ in report.weights.pairs}
    rows = next((name for name in names if entry_of(name) != name), None)
    if rows:
        message = f"{reference} keeps the weights of several layers as one, {entry_of(rows)}, which no renaming divides"
        help = f"load them in Python: net.load_weights(state_dict, from_={reference!r})"
        raise CompileError([Diagnostic("other-network", message, help=help)])
    unused = tuple(name for name in theirs.make().state_dict() if name not in names)
    return Published(reference, report.weights.pairs, unused)
