"""Makes the trace of a program that `torch.export.save` wrote, from its JSON alone.

Shapes are computed anew with tensors that hold no numbers, so that a file cannot claim others. Only PyTorch's own
operations are taken, and none that is given the name of a file.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensorMode

from archdsl.frontends.pt2.archive import refused
from archdsl.limits import PT2_CALLS
from archdsl.text import shown

TARGET = re.compile(r"torch\.ops\.(aten|torchvision)\.(\w+)\.(\w+)")
TEXTS = frozenset({"approximate", "mode", "padding", "padding_mode", "reduce", "rounding_mode", "equation", "indexing"})
"""Arguments of operations that may be a text. No operation with another one, such as the name of a file, is taken."""

LARGEST = 2**40
"""Numbers of a tensor."""

DTYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
"""PyTorch's numbers for kinds of numbers, in such files."""

PLAIN = ("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_int_lists")


@dataclass
class Program:
    """A trace. `keys` are the names of weights by placeholder, `parameters` those that are trained.

    `classes` are the classes of modules by their paths.
    """

    graph: fx.Graph = field(default_factory=fx.Graph)
    keys: dict[str, str] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)
    inputs: list[fx.Node] = field(default_factory=list)
    outputs: list[fx.Node] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """Numbers of each weight, by its name."""


def program_of(data: Mapping[str, Any], name: str) -> Program:
    """The trace that a file's JSON describes. Raises `CompileError`."""
    try:
        return _Reader(data, name).program
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        # Whatever is missing, or of another kind than such files have it.
        raise refused(f"{name} is no program of torch.export: {type(error).__name__}: {shown(str(error))}") from None


class _Reader:
    def __init__(self, data: Mapping[str, Any], name: str) -> None:
        self.name = name
        module = data["graph_module"]
        self.content = module["graph"]
        self.values: dict[str, fx.Node] = {}
        self.program = Program()
        self.mode = FakeTensorMode()
        if len(self.content["nodes"]) > PT2_CALLS:
            raise refused(f"{name} has more than {PT2_CALLS:,} calls")
        self.inputs(module["signature"]["input_specs"])
        for row in self.content["nodes"]:
            self.call(row)
        self.outputs(module["signature"]["output_specs"])

    # --- what flows in and out --------------------------------------------------------------

    def inputs(self, specs: list[Any]) -> None:
        kinds = {
            "parameter": "parameter_name",
            "buffer": "buffer_name",
            "tensor_constant": "tensor_constant_name",
        }
        for spec in specs:
            ((kind, row),) = spec.items()
            if kind == "user_input" and "as_tensor" not in row["arg"]:
                continue  # a number that the program was exported with
            if kind not in (*kinds, "user_input"):
                raise refused(f"{self.name} takes something that is no tensor ({shown(str(kind), 40)})")
            arg = row["arg"]["as_tensor"] if kind == "user_input" else row["arg"]
            node = self.program.graph.placeholder(str(arg["name"]))
            node.meta["val"] = self.empty(self.content["tensor_values"][arg["name"]])
            self.values[arg["name"]] = node
            if kind == "user_input":
                self.program.inputs.append(node)
                continue
            key = str(row[kinds[kind]])
            self.program.keys[node.name] = key
            self.program.sizes[key] = node.meta["val"].numel()
            if kind == "parameter":
                self.program.parameters.add(key)

    def empty(self, meta: Mapping[str, Any]) -> torch.Tensor:
        """A tensor without numbers, of the shape that the file says."""
        sizes = [self.size(size) for size in meta["sizes"]]
        total = 1
        for size in sizes:
            total *= size
        if not 0 < total <= LARGEST:
            raise refused(f"{self.name} has a tensor of {total:,} numbers")
        with self.mode:
            return torch.empty(sizes, dtype=DTYPES[meta["dtype"]])

    def size(self, size: Mapping[str, Any]) -> int:
        """A size. One that may vary has the value that the program was exported with."""
        ((kind, value),) = size.items()
        if kind == "as_expr":
            hint = value.get("hint")
            if not isinstance(hint, Mapping):
                raise refused(f"{self.name} has sizes without a number", "export it with inputs of fixed sizes")
            ((_, value),) = hint.items()
        if type(value) is not int or value < 0:
            raise refused(f"{self.name} has the size {shown(str(value), 40)}")
        return value

    def outputs(self, specs: list[Any]) -> None:
        for spec in specs:
            ((kind, row),) = spec.items()
            arg = row["arg"]
            if kind == "user_output" and "as_tensor" in arg and arg["as_tensor"]["name"] in self.values:
                node = self.values[arg["as_tensor"]["name"]]
                if node.name not in self.program.keys:
                    self.program.outputs.append(node)
        if not self.program.outputs:
            raise refused(f"{self.name} does not give a tensor")
        self.program.graph.output(tuple(self.program.outputs))

    # --- calls ------------------------------------------------------------------------------

    def call(self, row: Mapping[str, Any]) -> None:
        results = row["outputs"]
        if results and all(set(result) <= {"as_sym_int", "as_sym_bool", "as_sym_float"} for result in results):
            return  # a size, which is known
        if not results:
            return  # an assertion about sizes
        target = self.target(row["target"])
        args, kwargs = self.arguments(target, row["inputs"])
        node = self.program.graph.call_function(target, args, kwargs, name=_node_name(results))
        node.meta["nn_module_stack"] = dict(self.stack(row.get("metadata") or {}))
        node.meta["val"] = self.result(node)
        self.named(node, results)

    def target(self, text: Any) -> Any:
        """PyTorch's operation of this name."""
        found = TARGET.fullmatch(str(text))
        operation: Any = torch.ops
        for part in found.groups() if found else ():
            operation = getattr(operation, part, None)
        if not isinstance(operation, torch._ops.OpOverload):
            message = f"{self.name} calls `{shown(str(text), 80)}`, which is no operation of PyTorch's that is read"
            raise refused(message, code="unknown-layer")
        for argument in operation._schema.arguments:
            if "str" in str(argument.type) and argument.name not in TEXTS:
                message = f"{self.name} calls `{shown(str(text), 80)}`, which takes a text ({argument.name})"
                raise refused(message, code="unknown-layer")
        return operation

    def arguments(self, target: Any, rows: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = {str(row["name"]): self.argument(row["arg"]) for row in rows}
        args: list[Any] = []
        for argument in target._schema.arguments:
            if argument.kwarg_only or argument.name not in given:
                break
            args.append(given.pop(argument.name))
        return tuple(args), given

    def argument(self, union: Mapping[str, Any]) -> Any:
        ((kind, value),) = union.items()
        if kind in PLAIN or kind in ("as_string", "as_strings"):
            return value
        if kind == "as_none":
            return None
        if kind in ("as_tensor", "as_optional_tensor", "as_sym_int"):
            return self.one(value)
        if kind in ("as_tensors", "as_optional_tensors", "as_sym_ints"):
            return [self.one(one) for one in value]
        if kind == "as_scalar_type":
            return DTYPES[value]
        if kind == "as_device":
            return torch.device("cpu")
        if kind == "as_layout":
            return torch.strided
        if kind == "as_memory_format":
            return torch.contiguous_format
        raise refused(f"{self.name} has an argument of a kind that is not read: {shown(str(kind), 40)}")

    def one(self, value: Mapping[str, Any]) -> Any:
        """A tensor by its name, a size, or None."""
        if "name" in value:
            return self.values[value["name"]]
        ((kind, inner),) = value.items()
        if kind == "as_none":
            return None
        if kind == "as_int":
            return inner
        if kind == "as_name":
            return self.size(self.content["sym_int_values"][inner])
        return self.one(inner)

    def result(self, node: fx.Node) -> Any:
        """What a call gives, without numbers."""
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda source: source.meta["val"])
        try:
            with self.mode, torch.no_grad():
                return node.target(*args, **kwargs)  # type: ignore[operator]
        except Exception as error:
            said = shown(str(error).strip().partition("\n")[0])
            raise refused(f"{self.name} calls {node.target} in a way that it does not take: {said}") from None

    def named(self, node: fx.Node, results: list[Any]) -> None:
        """Enters the results of a call; of several, each is an item of what the call gives."""
        given: list[Any] = []
        for result in results:
            ((kind, value),) = result.items()
            given += value if kind == "as_tensors" else [value]
        several = isinstance(node.meta["val"], tuple | list)
        for place, value in enumerate(given):
            if not isinstance(value, Mapping) or "name" not in value:
                continue
            made = node
            if several:
                made = self.program.graph.call_function(operator.getitem, (node, place), name=str(value["name"]))
                made.meta["val"] = node.meta["val"][place]
                made.meta["nn_module_stack"] = node.meta["nn_module_stack"]
            self.values[value["name"]] = made

    def stack(self, metadata: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
        """The modules around a call, outermost first: `key,path,class` of each, with semicolons between them."""
        for entry in str(metadata.get("nn_module_stack", "")).split(";"):
            key, _, rest = entry.partition(",")
            path, _, kind = rest.rpartition(",")
            if kind:
                path = re.sub(r"^L\['self'\]\.?", "", path)
                self.program.classes.setdefault(path, kind.rpartition(".")[2])
                yield key, (path, kind)


def _node_name(results: list[Any]) -> str | None:
    ((_, value),) = results[0].items()
    return str(value["name"]) if len(results) == 1 and isinstance(value, Mapping) and "name" in value else None
