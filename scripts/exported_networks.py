"""Exports public networks to ONNX with both of PyTorch's exporters, reads the files, and compares with PyTorch.

Counts are compared with what PyTorch counts of the module into which batch normalizations are folded, as exporters fold
them. Outputs are those of the module that archdsl emits, with the file's weights, beside those of onnxruntime. Writes
`tests/data/onnx.csv`, and goes on where it was stopped.
"""

from __future__ import annotations

import csv
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.fx.experimental.optimization import fuse
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archdsl
from archdsl.frontends.load import opaque_nodes
from archdsl.frontends.references import build
from archdsl.prove.onnx_weights import onnx_weights

RECORD = Path(__file__).parent.parent / "tests" / "data" / "onnx.csv"
COLUMNS = ["network", "exporter", "ops", "opaque", "params", "torch_params", "macs", "torch_macs", "difference"]

NETWORKS = (
    *(f"torchvision:{name}" for name in """
        alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3 mnasnet0_5
        mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnet50
        resnext50_32x4d shufflenet_v2_x0_5 shufflenet_v2_x1_0 squeezenet1_0 squeezenet1_1 swin_t vgg11_bn vit_b_32
        wide_resnet50_2 """.split()),
    *(f"timm:{name}" for name in "deit_tiny_patch16_224 dla34 ghostnet_100 mixer_s32_224 res2net50_26w_4s".split()),
    "timm:efficientformer_l1",
)  # fmt: skip


def randomized(module: nn.Module) -> nn.Module:
    """The module with numbers such that no exporter finds equal ones, or zeros that it may leave out."""
    torch.manual_seed(0)
    for inner in module.modules():
        if isinstance(inner, nn.modules.batchnorm._BatchNorm):
            for value in (inner.weight, inner.running_var):
                if value is not None:
                    nn.init.uniform_(value, 0.5, 1.5)
            for value in (inner.bias, inner.running_mean):
                if value is not None:
                    nn.init.normal_(value, 0, 0.1)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() < 2 or not parameter.any():
                parameter += 0.02 * torch.randn_like(parameter)
    return module.eval()


def exported(module: nn.Module, x: torch.Tensor, new: bool, path: Path) -> None:
    """Writes the module as ONNX, by the exporter that traces Python's code anew or by the older one."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        if new:
            torch.onnx.export(module, (x,), str(path), dynamo=True, external_data=False, verbose=False)
        else:
            torch.onnx.export(module, (x,), str(path), dynamo=False)


def counted(module: nn.Module, x: torch.Tensor) -> tuple[int, int]:
    """Parameters and multiply-adds that PyTorch counts, with batch normalizations folded."""
    folded = fuse(module)
    # Fast kernels of attention are single calls, of which the counter does not know the products.
    torch.backends.mha.set_fastpath_enabled(False)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        module(x)
    return sum(parameter.numel() for parameter in folded.parameters()), counter.get_total_flops() // 2


def difference(net: archdsl.Network, path: Path, x: torch.Tensor) -> float:
    """The largest difference between our module's outputs and those of onnxruntime, relative to the largest output."""
    module = net.module()
    module.load_state_dict(onnx_weights(path), strict=False)
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    with torch.no_grad():
        found = module.eval()(x)
    return float(np.abs(found.numpy() - wanted).max() / np.abs(wanted).max())


def rows(reference: str, folder: Path) -> Iterator[list[object]]:
    module = randomized(build(reference))
    x = torch.randn(1, 3, *((299, 299) if "inception" in reference else (224, 224)))
    torch_params, torch_macs = counted(module, x)
    for exporter in ("new", "old"):
        path = folder / "net.onnx"
        exported(module, x, exporter == "new", path)
        net = archdsl.load(path)
        opaque = len(opaque_nodes(net.graph))
        found = "" if opaque else f"{difference(net, path, x):.1e}"
        yield [reference, exporter, len(net.graph), opaque, net.params, torch_params, net.macs, torch_macs, found]


def main(chosen: list[str]) -> None:
    done = set()
    with suppress(FileNotFoundError), RECORD.open(newline="") as file:
        done = {row["network"] for row in csv.DictReader(file)}
    if not done:
        RECORD.write_text(",".join(COLUMNS) + "\n")
    for reference in chosen or [name for name in NETWORKS if name not in done]:
        with TemporaryDirectory() as folder, RECORD.open("a", newline="") as file:
            try:
                found = list(rows(reference, Path(folder)))
            except Exception as error:
                print(f"{reference}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
                continue
            csv.writer(file, lineterminator="\n").writerows(found)
            for row in found:
                print(*row)


if __name__ == "__main__":
    main(sys.argv[1:])
