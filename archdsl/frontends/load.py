"""Loads a public network by name as a graph. torch is imported only when this is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl.diagnostics import CompileError
from archdsl.formats import refuse_block_string, refuse_foreign
from archdsl.ir.graph import Graph, Node
from archdsl.packages import require
from archdsl.readers import read_network, reader_of
from archdsl.tensor import Kind, Tensor
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.ir.imported import Imported


def load_reference(reference: str, inputs: Sequence[tuple[tuple[int, ...], Kind]] = ()) -> Graph:
    """The graph of a public network, traced without computing numbers, or of a file that there is a reader for.

    `inputs` are shapes and kinds; by default, the input that the network is made for. The code that a reference names
    is executed; nothing that a file says is. Raises `CompileError` if it cannot be imported.
    """
    return import_reference(reference, inputs).graph


def import_reference(reference: str, inputs: Sequence[tuple[tuple[int, ...], Kind]] = ()) -> Imported:
    """Does the same as `load_reference`, and also says which parameters were left out."""
    given = [Tensor(*dims, kind=kind) for dims, kind in inputs]
    if reader_of(reference):
        return read_network(reference, given)
    refuse_foreign(shown(reference))
    refuse_block_string(shown(reference))
    return read_code(Path(reference), reference, given)


def read_code(path: Path, reference: str, inputs: Sequence[Tensor]) -> Imported:
    """The network that a reference names; its code is executed. `inputs` are by default those that it is made for.

    Raises `CompileError` if it cannot be imported, or if PyTorch is missing. It has no file: `path` is not used.
    """
    require("torch", f"importing {reference}")
    from archdsl.frontends.references import usual_input
    from archdsl.frontends.torch import traced_reference

    with advising("" if inputs else GIVE_SHAPE):
        return traced_reference(reference, lambda module: inputs or [Tensor(*usual_input(reference, module))], True)[1]


GIVE_SHAPE = (
    "give the shape of its input with the import: `archdsl import ... --input 3x224x224`, or `--input '128 int'` for "
    "tokens"
)


@contextmanager
def advising(help: str) -> Iterator[None]:
    """Has errors about a network's inputs say first what helps here."""
    try:
        yield
    except CompileError as error:
        if not help or all(one.code != "reference-inputs" for one in error.diagnostics):
            raise
        raise CompileError(
            [replace(one, help=help) if one.code == "reference-inputs" else one for one in error.diagnostics]
        ) from error


def opaque_nodes(graph: Graph) -> tuple[Node, ...]:
    """The nodes for which the language has no op."""
    return tuple(node for node in graph if node.op.name == "opaque")
