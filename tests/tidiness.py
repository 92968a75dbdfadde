"""Whether emitted files are as a person would leave them: linted, formatted, and nothing needed but torch."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

IMPORTED = frozenset("__future__ argparse collections contextlib functools math time torch typing".split())
"""All that files import: parts of Python itself, and torch."""


def check_tidy(texts: Mapping[str, str], folder: Path) -> None:
    """Fails for texts that are not tidy; they are written into `folder` by their names, and Ruff reads them there."""
    for name, text in texts.items():
        assert set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)) <= IMPORTED, name
        assert str(Path.cwd()) not in text, name
        (folder / f"{re.sub(r'[@.]', '_', name)}.py").write_text(text, encoding="utf-8")
    for words in (["check", "--select=E,F,I,UP,B"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, "--isolated", "--no-cache", "--line-length=100"]
        subprocess.run([*command, "--target-version=py311", str(folder)], check=True)
