"""The script in the package is what its sources build. Skips where Node or its packages are missing (`make page`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from archdsl.live.look import STATIC

SOURCES = Path(__file__).parent.parent / "editors" / "page"


def test_the_script_is_what_its_sources_build(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (SOURCES / "node_modules").is_dir():
        pytest.skip("Node or its packages are not installed: `make page` installs them")
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=SOURCES, check=True)
    for name in ("app.js", "app.licences.txt"):
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), "run `make page`"


def test_the_script_asks_for_nothing_and_evaluates_nothing() -> None:
    script = (STATIC / "app.js").read_text(encoding="utf-8")
    for word in ("eval(", "new Function", "importScripts", "fetch(", "XMLHttpRequest", "sourceMappingURL"):
        assert word not in script
