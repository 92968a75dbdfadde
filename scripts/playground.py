"""Builds the live page that needs no server: `make playground` writes `build/playground/`, for any web server.

Python runs in the browser as WebAssembly (Pyodide, from npm). Its packages are those of `constraints.txt`: wheels of
Python alone, and pydantic-core's wheel for this platform. Everything is served from the page's own folder.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from archdsl.live.language import language
from archdsl.live.look import STATIC, style

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "editors" / "page"
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
PLATFORM = ("--implementation", "cp", "--python-version", "3.14", "--abi", "cp314", "--platform")
"""Of Pyodide's Python, for pip."""
PURE = ("annotated-types", "lark", "networkx", "platformdirs", "pydantic", "typing-extensions", "typing-inspection")
COMPILED = ("pydantic-core",)
LEFT_OUT = re.compile(
    r"\.dist-info/|/tests?/|networkx/(drawing|readwrite|linalg)/.*\.txt$|/__pycache__/|archdsl/live/static/"
    r"|archdsl/(cli|frontends|decompile|lsp|prove|backends/(onnx|keras))/|figures/fonts/(.*\.ttf|outlines\.json)$|\.pyi$"
)
"""What no question of the page needs."""
READ = re.compile(r"archdsl/(syntax/|text\.py|backends/(torch|python)/)")
"""Files whose text is needed besides what is compiled: functions are copied from it, and kept trees are known by it."""
TIME = (2026, 1, 1, 0, 0, 0)
"""Of all files in the archive, so that the same files give the same bytes."""

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; font-src data:; "
    "img-src data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'"
)
"""As that of `archdsl serve`, and WebAssembly."""
TOOLS = """\
<label for="example">Example</label> <select id="example"><option value="">your text</option></select>
    <button type="button" id="link">Copy link</button>"""


def main() -> None:
    """Writes the folder anew, and prints what is in it."""
    folder = ROOT / "build" / "playground"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in PYODIDE:
        shutil.copyfile(SOURCES / "node_modules" / "pyodide" / name, folder / name)
    subprocess.run(["node", "build.mjs", str(folder), "--playground"], cwd=SOURCES, check=True)
    (folder / "index.html").write_text(page(), encoding="utf-8")
    (folder / "style.css").write_text(style(), encoding="utf-8")
    (folder / "language.json").write_text(json.dumps(language()), encoding="utf-8")
    shutil.copytree(ROOT / "specs", folder / "examples", ignore=shutil.ignore_patterns("blocks"))
    packages = ROOT / "build" / "packages"
    installed(packages, wheels(ROOT / "build" / "wheels"))
    parsed(packages / "cache")
    archive(folder / "packages.zip", packages)
    sizes = {path: path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}
    for path, size in sizes.items():
        if size > 100_000:
            print(f"{size / 1e6:8.2f} MB  {path.name}")
    print(f"{sum(sizes.values()) / 1e6:8.2f} MB  in all, {sum(map(compressed, sizes)) / 1e6:.2f} MB as gzip sends it")


def compressed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes()))


def page() -> str:
    """The page of `archdsl serve` with examples, links and the policy, which a server of files does not send."""
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    changes = {
        '<meta charset="utf-8">': f'<meta charset="utf-8">\n{policy}',
        "<!-- further tools -->": TOOLS,
        'id="save" disabled>Save <kbd>': 'id="save" disabled>Download <kbd>',
    }
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def wheels(folder: Path) -> list[Path]:
    """The wheels of the packages, downloaded where they are not there yet."""
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M))
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name in (*PURE, *COMPILED):
        pattern = f"{name.replace('-', '_')}-{pinned[name]}-*.whl"
        if not list(folder.glob(pattern)):
            platform = "pyemscripten_2026_0_wasm32" if name in COMPILED else "any"
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
            subprocess.run([*command, *PLATFORM, platform, "-d", folder, f"{name}=={pinned[name]}"], check=True)
        found += folder.glob(pattern)
    return found


def installed(folder: Path, found: list[Path]) -> None:
    """Writes all packages and archdsl as they are installed, compiled for Pyodide's Python."""
    shutil.rmtree(folder, ignore_errors=True)
    for wheel in found:
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(folder, [name for name in opened.namelist() if not LEFT_OUT.search(name)])
    for part, inside in (("archdsl", "archdsl"), ("grammar", "archdsl/grammar"), ("specs", "archdsl/specs")):
        for path in (ROOT / part).rglob("*"):
            name = f"{inside}/{path.relative_to(ROOT / part).as_posix()}"
            if path.is_file() and not LEFT_OUT.search(name):
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
    subprocess.run(["node", "compile.mjs", str(folder)], cwd=SOURCES, check=True)
    for path in folder.rglob("*.py"):
        name = path.relative_to(folder).as_posix()
        (compiled,) = path.parent.glob(f"__pycache__/{path.stem}.cpython-*.pyc")
        if not READ.match(name):
            compiled.rename(path.with_suffix(".pyc"))
            path.unlink()


def parsed(folder: Path) -> None:
    """Fills a cache with the trees of the library, so that no parser is needed before somebody types."""
    shutil.rmtree(folder, ignore_errors=True)
    code = "from archdsl.resources import specs_folder; from archdsl.syntax.parser import parse, read_source\n"
    code += "for path in specs_folder().rglob('*.arch'): parse(read_source(path, 'spec'))"
    environment = {**os.environ, "ARCHDSL_CACHE": str(folder), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def archive(place: Path, folder: Path) -> None:
    """One archive of a folder; the same files give the same bytes."""
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as whole:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = zipfile.ZipInfo(path.relative_to(folder).as_posix(), TIME)
                whole.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main()
