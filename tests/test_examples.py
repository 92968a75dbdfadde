"""The programs in `examples`, run as a reader runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent


def last_line(name: str, folder: Path, *words: str) -> str:
    """What a program prints last. It is run in an empty folder, where its plot is to be found then."""
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
    return done.stdout.splitlines()[-1]


def test_lenet_learns_digits(tmp_path: Path, all_variants: bool) -> None:
    """With all passes 98 in 100 held-out digits are read right; after three they are most."""
    line = last_line("digits", tmp_path, *([] if all_variants else ["--passes", "3"]))
    share, count = map(float, re.findall(r"[\d.]+", line)[:2])
    assert count == 360
    assert share >= (98 if all_variants else 80), line


def test_the_compiled_resnet_learns_as_torchvisions_does(tmp_path: Path, all_variants: bool) -> None:
    line = last_line("same_loss", tmp_path, *([] if all_variants else ["--steps", "3"]))
    found = re.fullmatch(r"losses of (\d+) steps differ by (\S+) at most; wrote same_loss.svg", line)
    assert found, line
    assert float(found[2]) <= 1e-6
