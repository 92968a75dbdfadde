"""Imports a `torch.nn.Module` as a graph, with the tree of its modules as scopes.

Nodes are named by the paths of the modules that made them. Operations that the language has no op for become opaque
nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import fx, nn

from archdsl.diagnostics import CompileError
from archdsl.frontends.buffers import on_one_device
from archdsl.frontends.chance import drop_paths
from archdsl.frontends.export import Exported, export
from archdsl.frontends.finished import finished
from archdsl.frontends.parametrized import make_plain, with_plain_weights
from archdsl.frontends.recorded import recorded, recording
from archdsl.frontends.references import build
from archdsl.frontends.traces import translated, with_counter
from archdsl.ir.graph import Graph
from archdsl.ir.imported import Imported
from archdsl.ir.weight_parts import entry_of
from archdsl.tensor import Tensor


def from_torch(module: nn.Module, example_inputs: Any, name: str | None = None) -> Graph:
    """Imports a PyTorch module: the graph of `module(*example_inputs)` in evaluation mode.

    `example_inputs` is a tensor or a tuple of tensors, with the batch as first dimension. If the module is on the
    device `meta`, so may they be. Outputs that exist only in training mode are marked as such. The module's code is
    executed. Raises `CompileError` if it cannot be traced.
    """
    return imported(module, example_inputs, name).graph


def stand_ins(module: nn.Module, inputs: Sequence[Tensor]) -> tuple[Any, ...]:
    """Inputs for tracing a module: two samples, on the module's device and in the precision of its weights."""
    weights = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    device, kinds = weights.device, {"float": weights.dtype, "int": torch.long}
    return tuple(torch.zeros(2, *tensor.dims, dtype=kinds[tensor.kind], device=device) for tensor in inputs)


def traced_reference(
    reference: str, inputs_of: Callable[[nn.Module], Sequence[Tensor]], meta: bool = False
) -> tuple[nn.Module, Imported]:
    """Makes and imports the network that a reference names. `inputs_of` gives the inputs that a network is traced with.

    With `meta`, its weights have no values. A network whose code mixes such tensors with others is made on the CPU.
    """
    with recording() as calls:
        module = build(reference, meta)
    notes = make_plain(module)
    try:
        inputs = stand_ins(module, inputs_of(module))
        _initialize(module, inputs)
        found = imported(module, inputs, reference)
        return module, replace(found, recorded=recorded(found.modules, module, calls), notes=(*found.notes, *notes))
    except CompileError as error:
        if not meta or "meta" not in "".join(note.text for one in error.diagnostics for note in one.notes):
            raise
    return traced_reference(reference, inputs_of)


def _initialize(module: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Gives lazy layers their shapes, which they take from their first input."""
    if any(nn.parameter.is_lazy(value) for value in (*module.parameters(), *module.buffers())):
        with suppress(Exception), torch.no_grad():
            module.eval()(*inputs)


def imported(module: nn.Module, example_inputs: Any, name: str | None = None) -> Imported:
    """Does the same as `from_torch`, and also gives the names of the module's parameters.

    Those are of the module with plain weights (`parametrized.py`), where some are computed from others.
    """
    module = with_plain_weights(module)
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    # One tensor for two inputs would be traced as one value.
    inputs = tuple(
        value.clone() if id(value) in map(id, inputs[:place]) else value for place, value in enumerate(inputs)
    )
    name = name or f"{type(module).__module__}.{type(module).__qualname__}"
    if inputs and all(value.dim() and value.shape[0] == 1 for value in inputs):
        # With two samples, the batch differs from axes of size 1. Some modules take only one sample.
        with suppress(CompileError):
            return _imported_as_is(module, tuple(torch.cat([value, value]) for value in inputs), name)
    return _imported_as_is(module, inputs, name)


def _imported_as_is(module: nn.Module, inputs: tuple[Any, ...], name: str) -> Imported:
    with drop_paths() as dropped, on_one_device(module) as numbers:
        exported = _with_training_outputs(module, inputs, name)
    return replace(_imported(module, exported, inputs, name, numbers), drop_paths=tuple(dropped.values()))


def _with_training_outputs(module: nn.Module, inputs: tuple[Any, ...], name: str) -> tuple[Exported, int]:
    """The trace to import, and how many of its outputs exist in evaluation too.

    A trace in training mode is made only if evaluation leaves parameters unused: they may serve training outputs.
    """
    evaluated = export(module, inputs, name)
    used = {evaluated.keys[node.name] for node in evaluated.graph.nodes if node.name in evaluated.keys and node.users}
    if used.issuperset(key for key, _ in module.named_parameters()):
        return evaluated, len(evaluated.outputs)
    try:
        # In training, batch normalization needs at least two samples.
        trained = export(module, tuple(torch.cat([value, value]) for value in inputs), name, training=True)
    except CompileError:
        return evaluated, len(evaluated.outputs)
    shapes = [[tuple(node.meta["val"].shape[1:]) for _, node in found.outputs] for found in (evaluated, trained)]
    count = len(evaluated.outputs)
    if len(trained.outputs) > count and shapes[1][:count] == shapes[0]:
        return trained, count
    return evaluated, count


def _imported(
    module: nn.Module,
    found: tuple[Exported, int],
    inputs: tuple[Any, ...],
    name: str,
    numbers: Mapping[str, torch.Tensor],
) -> Imported:
    exported, lasting = found
    parameters = frozenset(key for key, _ in module.named_parameters(remove_duplicate=False))
    buffers = {node: numbers[key] for node, key in exported.keys.items() if key in numbers}
    constants = {node: value for node, value in exported.constants.items() if not value.is_meta}
    outputs = [node for _, node in exported.outputs]
    larger = cache(lambda: _with_one_more(module, exported, inputs, name))
    translator = translated(
        exported.graph, exported.keys, parameters, buffers | constants, exported.inputs, outputs, larger
    )
    modules = dict(module.named_modules(remove_duplicate=False))
    leaves = {path: _shown(inner) for path, inner in modules.items() if not any(inner.children())}
    classes = {path: type(inner).__name__ for path, inner in modules.items()}
    keys = frozenset(module.state_dict(keep_vars=True))
    made = [with_counter(one, keys) for one in translator.made]
    results = list(zip((key for key, _ in exported.outputs), translator.results, strict=True))
    network = finished(made, results, lasting, classes, leaves, leaves, name)
    unused = _unused(module, network.keys, translator.buffers)
    return replace(network, unused=unused, left_out=_left_out(module, unused))


def _shown(module: nn.Module) -> str:
    """A module as it prints itself; its class, if its own code for that fails."""
    try:
        return repr(module)
    except Exception:
        return type(module).__name__


def _with_one_more(module: nn.Module, exported: Exported, inputs: tuple[Any, ...], name: str) -> Mapping[str, fx.Node]:
    """The calls, by name, of a trace with one sample more; none if the module does not take so many."""
    with suppress(CompileError, IndexError), on_one_device(module):
        more = tuple(torch.cat([value[:1]] * (len(value) + 1)) for value in inputs)
        return {node.name: node for node in export(module, more, name, exported.training).graph.nodes}
    return {}


def _unused(module: nn.Module, keys: Mapping[str, Mapping[str, str]], read: set[str]) -> tuple[str, ...]:
    """The names of the state_dict that no node has, of weights that none has under another name either."""
    named = {entry_of(key) for of_node in keys.values() for key in of_node.values()} | read
    state = module.state_dict(keep_vars=True)
    used = {id(state[key]) for key in named if key in state}
    return tuple(key for key, value in state.items() if key not in named and id(value) not in used)


def _left_out(module: nn.Module, unused: tuple[str, ...]) -> str:
    """What to say of parameters that no output needs; they are not counted."""
    known = dict(module.named_parameters(remove_duplicate=False))
    used = {parameter for key, parameter in known.items() if key not in unused}
    keys = [key for key, parameter in module.named_parameters() if parameter not in used]
    if not keys:
        return ""
    count, whole = sum(known[key].numel() for key in keys), sum(p.numel() for p in module.parameters())
    shown = ", ".join(keys[:3]) + (" ..." if len(keys) > 3 else "")
    return f"no output needs {count:,} of {whole:,} parameters, which are left out: {shown}"
