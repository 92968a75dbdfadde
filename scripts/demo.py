"""What `make demo` does: compiles EfficientNet at phi 3, draws it, and runs the emitted module.

Every step is a command that can be typed as it is printed.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPEC = "specs/efficientnet.arch"
OUT = Path("build/demo")
FIGURES = ("efficientnet.svg", "efficientnet.pdf", "efficientnet.png")


def main() -> int:
    bin = Path(sys.executable).parent.relative_to(ROOT)
    archdsl, python = str(bin / "archdsl"), str(bin / "python")
    say("A spec becomes PyTorch source: every shape is checked before any tensor exists.")
    run(archdsl, "compile", SPEC, "--phi", "3", "-o", str(OUT))
    say("The same spec as a figure.")
    for figure in FIGURES:
        run(archdsl, "draw", SPEC, "--phi", "3", "-o", str(OUT / figure))
    (module,) = (ROOT / OUT).glob("*.py")
    device = best_device()
    say(f"The module stands on torch alone. It runs on {'CUDA' if device == 'cuda' else 'the CPU: no CUDA here'}.")
    run(python, str(module.relative_to(ROOT)), "--device", device, "--batch", "8" if device == "cuda" else "2")
    say("What was made:")
    for path in sorted((ROOT / OUT).iterdir()):
        print(f"  {path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")
    return 0


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


def run(*command: str) -> None:
    print(f"$ {shlex.join(command)}", flush=True)
    finished = subprocess.run(command, cwd=ROOT, check=False)
    if finished.returncode:
        sys.exit(finished.returncode)


def best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    sys.exit(main())
