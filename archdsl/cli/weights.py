"""The weights that a command is given: the file of `--weights`, and by `--from` which network they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.limits import BYTES
from archdsl.text import shown

if TYPE_CHECKING:
    from archdsl.driver import Compiled
    from archdsl.prove.weights import WeightMap

WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="Weights for an ONNX file: a state_dict that PyTorch saved, or .safetensors.",
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="REFERENCE",
        help="Which network the weights belong to, if not to the one that archdsl writes: torchvision, "
        "timm:resnet50, or a file that `prove --write-map` wrote. Executes that network's code.",
        show_default=False,
    ),
]


def check_call(ctx: typer.Context, kinds: list[str], weights: Path | None, source: str | None) -> None:
    """Ends the command if the options about weights do not fit together."""
    if weights is None and source is not None:
        ctx.fail("--from says which network weights belong to; name their file with --weights.")
    if weights is not None and kinds != ["onnx"]:
        ctx.fail(f"--weights are for ONNX alone, not for {', '.join(kinds)}; write --emit onnx.")


def given_weights(compiled: Compiled, path: Path, source: str | None) -> Mapping[str, Any]:
    """The weights of a compiled network, by the names of its state_dict. Raises `CompileError`."""
    from archdsl.frontends.weights import read_weights

    found = read_weights(path)
    if source is None:
        return found
    from archdsl.network import Network

    belongs = _map(Path(source)) if source.endswith(".json") else source
    try:
        module = Network(compiled).load_weights(_tensors(found), belongs)
    except ValueError as error:
        raise CompileError([Diagnostic("bad-weights", f"{shown(str(path))}: {error}")]) from None
    weights: Mapping[str, Any] = module.state_dict()
    return weights


def _tensors(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays as tensors of PyTorch, which those of safetensors are not yet."""
    from archdsl.packages import require

    require("torch", "finding which weights correspond")
    from archdsl.frontends.weights import as_tensor

    return {name: as_tensor(value) for name, value in arrays.items()}


def _map(path: Path) -> WeightMap:
    """The map of weights in a file. Raises `CompileError`."""
    from archdsl.prove.weights import WeightMap

    try:
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
        if len(content) > BYTES:
            raise ValueError(f"it is larger than {BYTES >> 20} MiB")
        return WeightMap.from_json(content.decode("utf-8"))
    except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        message = f"{shown(str(path))} is no map of weights: {reason}"
        help = "`archdsl prove SPEC --against REFERENCE --write-map FILE` writes one"
        raise CompileError([Diagnostic("bad-weights", message, help=help)]) from None
