"""Loads a public network by name as a graph. Imports torch only when that is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph, Node
from archdsl.tensor import Kind, Tensor


def load_reference(reference: str, inputs: Sequence[tuple[tuple[int, ...], Kind]] = ()) -> Graph:
    """The graph of a public network, traced without numbers; inputs are those that it is made for, unless given.

    Executes the code that the reference names. Raises `CompileError`.
    """
    require_torch(f"importing {reference}")
    from archdsl.frontends.references import build, usual_input
    from archdsl.frontends.torch import from_torch, stand_ins

    module = build(reference, meta=True)
    tensors = [Tensor(*dims, kind=kind) for dims, kind in inputs] or [Tensor(*usual_input(reference, module))]
    return from_torch(module, stand_ins(module, tensors), reference)


def is_reference(name: str) -> bool:
    """Whether this names code rather than a file: `timm:resnet50`, and not `C:\\specs\\net.arch`."""
    package, colon, rest = name.partition(":")
    return bool(colon) and re.fullmatch(r"[A-Za-z_][\w.]+", package) is not None and not rest.startswith(("/", "\\"))


def opaque_nodes(graph: Graph) -> tuple[Node, ...]:
    """The nodes that are opaque: the language has no op for them."""
    return tuple(node for node in graph if node.op.name == "opaque")


def require_torch(purpose: str) -> None:
    """Raises `CompileError` where PyTorch is not installed."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise CompileError(
            [Diagnostic("broken-reference", f"{purpose} needs PyTorch", help="pip install 'archdsl[torch]'")]
        )
