"""Traces a module's forward pass with `torch.export`, which runs its code; explains failures."""

from __future__ import annotations

import inspect
import logging
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.frontends.functional import without_mutation

STANDARD = Path(traceback.__file__).parent
"""The folder of Python's standard library."""


@dataclass(frozen=True)
class Exported:
    """A trace of one forward pass: its graph without in-place operations, and its inputs and outputs.

    `keys` are the module's own names of parameters and buffers, by placeholder. `constants` are the tensors that its
    code makes of plain numbers, by placeholder. `outputs` are pairs of a name and a
    value. The names are those of a named tuple's or dictionary's entries, or "".
    """

    graph: fx.Graph
    keys: Mapping[str, str]
    inputs: tuple[fx.Node, ...]
    outputs: tuple[tuple[str, fx.Node], ...]
    training: bool
    constants: Mapping[str, torch.Tensor]


def export(module: nn.Module, inputs: tuple[Any, ...], name: str, training: bool = False) -> Exported:
    """Traces `module(*inputs)`, in evaluation or in training mode. Raises `CompileError`.

    `name` is the module's name in messages. Its mode is restored, and its weights and statistics do not change.
    """
    modes = {inner: inner.training for inner in module.modules()}
    module.train(training)
    try:
        return _exported(_program(module, inputs, name), training, name)
    finally:
        for inner, mode in modes.items():
            inner.training = mode


def _program(module: nn.Module, inputs: tuple[Any, ...], name: str) -> Any:
    try:
        return _traced(module, inputs)
    except Exception as error:
        first = error
    # Some modules that torch.export refuses, such as those whose forward stores values on the module, can be traced
    # symbolically: that follows the calls and ignores such assignments.
    try:
        return _traced(fx.symbolic_trace(module), inputs)
    except Exception:
        raise CompileError([_diagnosis(module, inputs, name, first)]) from first


def _traced(module: nn.Module, inputs: tuple[Any, ...]) -> Any:
    with _silence(), torch.no_grad(), _FewNumbers(), _WithoutData():
        return torch.export.export(module, inputs, strict=False)


class TakenApart(Exception):
    """Raised while tracing a module that reads many single numbers of its values."""


class _FewNumbers(TorchFunctionMode):
    """Stops tracing a forward pass that reads its values number by number, which would take hours."""

    LIMIT = 1000

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        taken = 0
        if func is torch.Tensor.item:
            taken = 1
        elif func in (torch.unbind, torch.Tensor.unbind) and args[0].dim() == 1:
            taken = len(args[0])
        self.taken += taken
        if taken and self.taken > self.LIMIT:
            raise TakenApart(f"it reads more than {self.LIMIT} single numbers of its values")
        return func(*args, **kwargs)


DATA = vars(torch._C.TensorBase)["data"].__get__
"""The function that reads the attribute of a tensor."""


class _WithoutData(TorchFunctionMode):
    """Takes `x.data` for `x`: it differs for gradients alone, and torch.export loses track of it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func == DATA else func(*args, **(kwargs or {}))


@contextmanager
def _silence() -> Iterator[None]:
    """Hides what torch.export prints and logs: when it fails, it prints graphs and also raises an error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _exported(program: Any, training: bool, name: str) -> Exported:
    signature = program.graph_signature
    keys = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    graph, results = without_mutation(program)
    user_inputs = set(signature.user_inputs)
    inputs = tuple(node for node in graph.nodes if node.op == "placeholder" and node.name in user_inputs)
    names = list(_names(program.call_spec.out_spec))
    found = zip(names, results, strict=True)
    # Parameters and plain numbers that a network returns are not results of a computation.
    outputs = [(key, node) for key, node in found if isinstance(node, fx.Node) and node.name not in keys]
    if not outputs:
        raise CompileError([Diagnostic("cannot-trace", f"{name} does not return a tensor")])
    constants = {name: program.constants[key] for name, key in signature.inputs_to_lifted_tensor_constants.items()}
    return Exported(graph, keys, inputs, tuple(outputs), training, constants)


def _names(spec: Any, name: str = "") -> Iterator[str]:
    """A name for each value in a result: the fields and keys that lead to it, joined by underscores."""
    if spec.is_leaf():
        yield name
        return
    context = spec.context
    fields = getattr(context, "_fields", None) or (context if isinstance(context, list) else None)
    for index, child in enumerate(spec.children()):
        here = str(fields[index]) if fields else ""
        yield from _names(child, "_".join(part for part in (name, here) if part))


# --- what went wrong -----------------------------------------------------------------------


def _diagnosis(module: nn.Module, inputs: tuple[Any, ...], name: str, error: Exception) -> Diagnostic:
    """Explains a failure: the code depends on numbers, or does not accept these inputs, or cannot be traced."""
    shown = ", ".join("x".join(map(str, value.shape[1:])) for value in inputs)
    places = ", at ".join(filter(None, (_reached(module, inputs), _line(error))))
    place = (Note(f"reached {places}"),) if places else ()
    said = _first_line(error)
    if _asks_for_values(error):
        return Diagnostic(
            "data-dependent",
            f"what {name} computes depends on the numbers that flow through it, so it is not one fixed graph",
            notes=(Note(said if isinstance(error, TakenApart) else f"PyTorch says: {said}"), *place),
        )
    if not _runs(module, inputs):
        return Diagnostic(
            "reference-inputs",
            f"{name} does not take the input {shown}" if inputs else f"{name} does not run without inputs",
            notes=(Note(f"PyTorch says: {said}"), *place),
            help=_advice(error) or f"its forward takes {_signature(module)}: tensors, with the batch first. {WRAPPER}",
        )
    return Diagnostic(
        "cannot-trace",
        f"{name} runs, but neither torch.export nor torch.fx can trace it",
        notes=(Note(f"torch.export says: {said}"), *place),
        help=_advice(error),
    )


WRAPPER = "A function that returns a wrapper module adapts other arguments, as docs/prove.md shows"
"""What helps where a forward takes something else than the inputs one by one."""


def _advice(error: Exception) -> str | None:
    """What to change, for failures with a known cause."""
    said = str(error)
    if "uninitialized parameter" in said:
        return "run the module once before: its lazy layers get their shapes from the first input"
    if "Cache" in said and "pytree" in said:
        return (
            "return tensors alone: name a function that returns a wrapper module, whose forward is "
            "`return self.model(tokens, use_cache=False).logits`, as docs/prove.md shows"
        )
    return None


def _signature(module: nn.Module) -> str:
    """The parameters of a forward, as its code has them: `(x, mask=None)`."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return "other arguments"
    return f"({', '.join(str(one.replace(annotation=one.empty)) for one in parameters)})"


def _asks_for_values(error: Exception) -> bool:
    from torch._subclasses.fake_tensor import DataDependentOutputException
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    if isinstance(error, TakenApart | GuardOnDataDependentSymNode | DataDependentOutputException):
        return True
    return "data-dependent" in str(error).lower() or "meta tensors" in str(error).lower()


def _runs(module: nn.Module, inputs: tuple[Any, ...]) -> bool:
    try:
        with torch.no_grad():
            module(*inputs)
    except Exception:
        return False
    return True


def _reached(module: nn.Module, inputs: tuple[Any, ...]) -> str:
    """The innermost module that was running when tracing stopped: `layer1.0 (Bottleneck)`."""
    paths = {inner: path for path, inner in module.named_modules()}
    with _watching() as active:
        try:
            _traced(module, inputs)
        except Exception:
            for inner in reversed(active):
                if paths.get(inner):
                    return f"{paths[inner]} ({type(inner).__name__})"
    return ""


def _line(error: Exception) -> str:
    """The innermost line that does not belong to PyTorch, Python or archdsl: `net.py:12`."""
    own = (Path(torch.__file__).parent, Path(__file__).parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_file() and path.parent != STANDARD and not any(path.is_relative_to(folder) for folder in own):
            return f"{path.name}:{frame.lineno}"
    return ""


@contextmanager
def _watching() -> Iterator[list[nn.Module]]:
    """A context that keeps a list of the modules whose forward is running, the innermost last."""
    active: list[nn.Module] = []

    def enter(inner: nn.Module, _: Any) -> None:
        active.append(inner)

    def leave(inner: nn.Module, _: Any, __: Any) -> None:
        active.pop()

    hooks = register_module_forward_pre_hook(enter), register_module_forward_hook(leave)
    try:
        yield active
    finally:
        for hook in hooks:
            hook.remove()


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
