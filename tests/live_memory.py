"""Memory as PyTorch itself uses it: what lives at once in a forward pass, and what autograd keeps for the backward one.

Only tensors are seen, not what a kernel takes for itself while it runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from emission import example_inputs
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archdsl.backends.torch.layouts import laid_out
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Expression


class LiveMemory(TorchDispatchMode):
    """Bytes of all tensors that are alive, other than the `fixed` ones; `peak` is reset by the caller."""

    def __init__(self, fixed: Iterable[Tensor]) -> None:
        super().__init__()
        self._fixed = {tensor.untyped_storage()._cdata for tensor in fixed}
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self._before: Any = None
        self.peak = 0

    def add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        known = self._alive.get(storage._cdata)
        if storage._cdata not in self._fixed and (known is None or known[0].expired()):
            self._alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.peak = max(self.peak, self.now)

    @property
    def now(self) -> int:
        self._alive = {key: entry for key, entry in self._alive.items() if not entry[0].expired()}
        return sum(size for _, size in self._alive.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        after_product = self._before is torch.ops.aten._unsafe_view.default
        if func is torch.ops.aten.add.Tensor and after_product and args[1].dim() == 1:
            func = torch.ops.aten.add_.Tensor  # a linear layer adds its bias in place, but not while it is watched
        if func is not torch.ops.prim.device.default:
            self._before = func
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.native_batch_norm.default and not args[5]:
            result = result[0], None, None  # statistics of the batch, which only the meta device makes at inference
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self.add(tensor)
        return result


def live_memory(graph: Graph, module: nn.Module, inputs: list[Tensor]) -> dict[str, int]:
    """By node: the most that lives while it runs, beside weights and inputs.

    They run one after the other, and each value is dropped after its last use.
    """
    (graph,) = laid_out((graph,))
    nodes = [node for node in graph if node.id not in graph.training_only]
    left = Counter(value for node in nodes for value in graph.inputs_of(node.id))
    left.update(value for output in graph.outputs if not output.training for value in output.values)
    values: dict[Value, Tensor] = {}
    peaks: dict[str, int] = {}
    memory = LiveMemory([*module.parameters(), *module.buffers(), *inputs])
    left_to_take = list(inputs)
    with torch.no_grad(), memory:
        for node in nodes:
            memory.peak = 0
            _run(graph, module, node, values, left_to_take, memory)
            peaks[node.id] = memory.peak
            for value in {*graph.inputs_of(node.id), *(Value(node.id, p) for p in range(len(node.outputs)))}:
                left[value] -= graph.inputs_of(node.id).count(value)
                if left[value] <= 0:
                    del values[value]
    return peaks


def _run(
    graph: Graph, module: nn.Module, node: Node, values: dict[Value, Tensor], inputs: list[Tensor], memory: LiveMemory
) -> None:
    if node.op.name == "input":
        values[Value(node.id)] = inputs.pop(0)
        return
    outputs = compute(graph, module, node, [values[value] for value in graph.inputs_of(node.id)])
    memory.add(outputs[0])
    values.update({Value(node.id, port): output for port, output in enumerate(outputs)})


def compute(graph: Graph, module: nn.Module, node: Node, taken: Sequence[Tensor]) -> Sequence[Tensor]:
    """The outputs of one node, by the module that lies at its path or by its expression."""
    emission = node.op.torch(*graph.tensors_into(node.id))
    if isinstance(emission, Expression):
        names = {**vars(__import__(type(module).__module__)), "torch": torch, "nn": nn, "F": F}
        lent = {"module": module.get_submodule(node.weights)} if emission.borrows else {}
        texts = tuple(f"taken[{i}]" for i in range(len(taken)))
        result = eval(emission.written(texts), names, {"taken": taken, **lent})
    elif emission.around:
        result = module.get_parameter(node.weights)
    else:
        result = module.get_submodule(node.weights)(*taken)
        result = result[0] if emission.pair else result
    return result if isinstance(result, tuple | list) else (result,)


def kept_memory(module: nn.Module, inputs: Sequence[Tensor]) -> int:
    """Bytes of all tensors that autograd keeps of a forward pass, each stretch of memory once, without weights.

    Single numbers are left out: constants of an expression. On the meta device tensors have no addresses, but storages.
    """
    fixed = {tensor.untyped_storage()._cdata for tensor in (*module.parameters(), *module.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.dim() and tensor.untyped_storage()._cdata not in fixed:
            kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = module(*inputs)
    total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    del result
    return total


def by_node(predicted: Mapping[str, int], found: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The nodes for which two countings differ."""
    return {id: (predicted[id], found[id]) for id in predicted if predicted[id] != found[id]}


def emitted_memory(module: nn.Module, inputs: list[Tensor]) -> int:
    """The most that lives while a module's own `forward` runs, beside its weights and the network's inputs.

    The inputs are the caller's, who holds them all the while. Nothing is traced or replaced: what counts is what
    PyTorch and Python really let go of.
    """
    memory = LiveMemory([*module.parameters(), *module.buffers(), *inputs])
    with torch.no_grad(), memory:
        module.eval()(*inputs)
    return memory.peak


def memory_on_cpu(module: nn.Module, graph: Graph) -> int:
    """`emitted_memory` of a module that was made on the meta device, as PyTorch would run it on a CPU.

    No number is computed. The meta device itself has other kernels: its attention holds all scores.
    """
    with FakeTensorMode():
        for part in module.modules():
            for name, old in list(part.named_parameters(recurse=False)):
                setattr(part, name, nn.Parameter(torch.empty(old.shape, dtype=old.dtype)))
            for name, old in list(part.named_buffers(recurse=False)):
                setattr(part, name, torch.empty(old.shape, dtype=old.dtype))
        return emitted_memory(module, example_inputs(graph, batch=1))
