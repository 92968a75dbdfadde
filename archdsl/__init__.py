"""A small compiler of neural-network architectures.

    import archdsl

    net = archdsl.load("resnet@50", classes=10)
    net.params, net.macs            # counts
    net.module(device="cuda")       # a PyTorch module
    net.source()                    # the source of that module, which needs torch alone
    net.draw("block")               # a figure; a network shows its overview in a notebook
    net.save("resnet.py")           # or .json, .svg, .pdf, .png, .tex
    net.prove("torchvision:resnet50")   # is it the public network? and if so:
    net.load_weights(state_dict, from_="torchvision")
    archdsl.family("resnet", ["18", "50"]).source()     # several variants in one file
    archdsl.from_torch(module, example)   # the network of any module that can be traced

A fault in a spec raises `CompileError`, whose text is what the command line would print.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archdsl.diagnostics import CompileError, Diagnostic
    from archdsl.driver import Limits
    from archdsl.ir.graph import Graph
    from archdsl.network import Network, family, from_torch, load, loads
    from archdsl.shown import Drawing

__all__ = [
    "CompileError",
    "Diagnostic",
    "Drawing",
    "Graph",
    "Limits",
    "Network",
    "family",
    "from_torch",
    "load",
    "loads",
]

# Each name is imported when it is first asked for, so that `import archdsl` itself takes almost no time.
_HOMES = {
    "CompileError": "archdsl.diagnostics",
    "Diagnostic": "archdsl.diagnostics",
    "Drawing": "archdsl.shown",
    "Graph": "archdsl.ir.graph",
    "Limits": "archdsl.driver",
    "Network": "archdsl.network",
    "family": "archdsl.network",
    "from_torch": "archdsl.network",
    "load": "archdsl.network",
    "load_ipython_extension": "archdsl.notebook",
    "loads": "archdsl.network",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("archdsl")
    if name not in _HOMES:
        raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
