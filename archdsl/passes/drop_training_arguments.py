"""Takes back the arguments that matter in training alone, such as initial weights: weights are loaded at inference."""

from __future__ import annotations

from typing import Any

from archdsl.ir.graph import Graph
from archdsl.ir.rewrite import replaced
from archdsl.ops.base import Op


def drop_training_arguments(graph: Graph) -> Graph:
    """A graph whose ops have the default values of these arguments, and exactly the same outputs at inference."""
    ops = {node.id: node.op.model_copy(update=found) for node in graph if (found := _defaults(node.op))}
    return replaced(graph, ops) if ops else graph


def _defaults(op: Op) -> dict[str, Any]:
    """The default values of arguments for training that have another one."""
    fields = type(op).model_fields
    defaults = {name: fields[name].default for name in sorted(op.training_arguments & fields.keys())}
    return {name: default for name, default in defaults.items() if getattr(op, name) != default}
