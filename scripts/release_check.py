"""What `make release-check` does: builds the release, and uses it as someone would who has just installed it.

On each Python that archdsl supports and this machine has, the wheel is installed without extras into a fresh
environment, and commands are run in an empty folder. What they print and write is checked.

    python scripts/release_check.py                     every Python that is found
    python scripts/release_check.py /opt/bin/python3.14 this one
    python scripts/release_check.py --wheel FILE        a wheel that is there already; this needs no package to build
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")

FILES: Mapping[str, tuple[str, bytes]] = {
    "compile resnet@18": ("resnet_18.py", b'"""'),
    "compile resnet@18 --emit json": ("resnet_18.json", b"{"),
    "compile resnet@18 --emit dot": ("resnet_18.dot", b"digraph"),
    "compile resnet@18 --emit mermaid": ("resnet_18.mmd", b"flowchart"),
    "compile lenet@5 -o lenet_keras.py": ("lenet_keras.py", b'"""'),
    "compile resnet --variants 18,34": ("resnet_family.py", b'"""'),
    "draw resnet@18 -o net.svg": ("net.svg", b"<svg"),
    "draw resnet@18 -o net.pdf": ("net.pdf", b"%PDF-1.4"),
    "draw resnet@18 -o net.png": ("net.png", b"\x89PNG\r\n"),
    "draw resnet@18 -o net.tex": ("net.tex", b"%"),
    "draw resnet@18 -o net.html": ("net.html", b"<!DOCTYPE html>"),
    "draw googlenet --figure block --block Inception -o block.pdf": ("block.pdf", b"%PDF-1.4"),
    "draw unet@2015 --figure volumes -o volumes.svg": ("volumes.svg", b"<svg"),
}
"""Commands that write a file, with its name and how it begins."""

TEXTS: Mapping[str, str] = {
    "--version": r"^archdsl {version}\n.*\ntorch is not installed\n",
    "list": r"\nresnet .*",
    "check resnet@18": r"11,689,512 params, 1\.81 G MACs",
    "table resnet@18": r"total +1000 +11\.7 M +1\.81 G",
    "table resnet@18 --format latex": r"\\begin\{{longtable\}}",
    "table resnet@18 @34 @50": r"50",
    "explain efficientnet@b3 stage7.3.conv2": r"round_to",
    "show lenet@5 --until parse": r"LeNet",
    "ops conv": r"stride",
    "check resnet_18.json": r"11,689,512 params",
}
"""Commands that print something, and what has to be in it."""

REFUSED: Mapping[str, str] = {
    "compile resnet@18 --emit onnx": "pip install 'archdsl[onnx]'",
    "check torchvision:resnet18": "pip install 'archdsl[torch]'",
    "check missing.arch": "missing.arch",
}
"""Commands that end with exit code 1 or 2, and what they say. The first two need an extra, which is not there."""

IN_PYTHON = "import archdsl; net = archdsl.load('resnet@50', classes=10); print(net.params, net.macs)"
COUNTS = f"{25_557_032 - 2_048 * 990 - 990} {4_089_184_256 - 2_048 * 990}\n"
"""What torchvision's resnet50 has, less 990 of its 1000 classes."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("python", nargs="*", help="the Pythons to use; by default those that are found")
    parser.add_argument("--wheel", type=Path, help="the wheel to use, in place of building one")
    asked = parser.parse_args()
    wheel = asked.wheel.resolve() if asked.wheel else built()
    pythons = asked.python or list(found())
    done = [checked(python, wheel) for python in pythons]
    print()
    for line in done:
        print(line)
    if not asked.python:
        absent = [version for version in VERSIONS if not any(f"Python {version}." in line for line in done)]
        print(
            "\n".join(f"Python {version}: not found on this machine, so nothing is known of it" for version in absent)
        )
    return 0


def built() -> Path:
    """The wheel, which is built from the source distribution."""
    folder = ROOT / "build" / "release"
    for old in folder.glob("archdsl-*"):
        old.unlink()
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)], cwd=ROOT)
    for path in sorted(folder.glob("archdsl-*")):
        print(f"  {path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")
    (wheel,) = folder.glob("*.whl")
    return wheel


def found() -> Iterator[str]:
    """A Python of each version: a program on the path that runs, or one of pyenv, of which some are not on the path."""
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        candidates = [f"python{version}", *map(str, sorted(installed.glob(f"{version}.*/bin/python")))]
        yield from [python for python in candidates if works(python)][:1]


def works(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def checked(python: str, wheel: Path) -> str:
    """Uses the wheel on one Python, and says in a line what was done; ends the program at what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        environment, empty = Path(folder, "environment"), Path(folder, "empty")
        empty.mkdir()
        run([python, "-m", "venv", str(environment)], cwd=empty)
        bin = environment / "bin"
        run([str(bin / "python"), "-m", "pip", "install", "-q", str(wheel)], cwd=empty)
        os.environ["ARCHDSL_CACHE"] = str(Path(folder, "cache"))
        commands = use(bin, empty, wheel.name.split("-")[1])
        version = run([str(bin / "python"), "--version"], cwd=empty).strip()
        packages, files, bytecode = installed(environment)
    return (
        f"{version}: {commands} commands as expected; {packages} packages beside archdsl take up "
        f"{files / 1e6:.1f} MB, and their bytecode {bytecode / 1e6:.1f} MB"
    )


def use(bin: Path, folder: Path, version: str) -> int:
    """Runs all commands in `folder`, and returns how many."""
    for words, (name, start) in FILES.items():
        run([str(bin / "archdsl"), *shlex.split(words)], cwd=folder)
        beginning = (folder / name).read_bytes()[:200]
        expect(start in beginning, f"{name} begins with {beginning!r}, and {start!r} is not in it")
    for path in folder.glob("*.py"):
        compile(path.read_text(encoding="utf-8"), path.name, "exec")
    for words, pattern in TEXTS.items():
        out = run([str(bin / "archdsl"), *shlex.split(words)], cwd=folder)
        expect(re.search(pattern.format(version=re.escape(version)), out, re.DOTALL), f"{pattern} is not in:\n{out}")
    for words, text in REFUSED.items():
        out = run([str(bin / "archdsl"), *shlex.split(words)], cwd=folder, codes=(1, 2))
        expect(text in out and "Traceback" not in out, f"{text} is not in:\n{out}")
    expect(run([str(bin / "python"), "-c", IN_PYTHON], cwd=folder) == COUNTS, "resnet@50 has other counts")
    return len(FILES) + len(TEXTS) + len(REFUSED) + 1


def installed(environment: Path) -> tuple[int, int, int]:
    """How many packages archdsl brought in, and the bytes of their files and of their bytecode."""
    (folder,) = environment.glob("lib/python3*/site-packages")
    others = [path for path in folder.iterdir() if not re.match(r"(archdsl|pip|setuptools|_distutils|dist)", path.name)]
    files = [file for path in others for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    bytecode = sum(file.stat().st_size for file in files if file.suffix == ".pyc")
    packages = sum(path.name.endswith(".dist-info") for path in others)
    return packages, sum(file.stat().st_size for file in files) - bytecode, bytecode


def run(command: list[str], cwd: Path, codes: tuple[int, ...] = (0,)) -> str:
    """Runs a command, which is printed, and returns its output; ends the program if its exit code is another."""
    print(f"$ {Path(command[0]).name} {shlex.join(command[1:])}", flush=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    expect(done.returncode in codes, f"exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + (done.stderr if codes != (0,) else "")


def expect(holds: object, otherwise: str) -> None:
    if not holds:
        sys.exit(f"this is not as it should be: {otherwise}")


if __name__ == "__main__":
    sys.exit(main())
