"""What is released: wheel, source distribution and editable install hold what they should, and work from any folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from trove_classifiers import classifiers, deprecated_classifiers

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MOST_BYTES = 60_000_000
"""What archdsl needs without extras is to take up at most so much, the bytecode that Python makes of it left out."""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path, *what: str) -> tuple[Path, ...]:
    """What is built from the checkout: the source distribution, and the wheel made from it, unless `what` says."""
    command = [sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", folder, ROOT]
    run(*command, cwd=ROOT, SOURCE_DATE_EPOCH="1700000000")
    return (*folder.glob("*.tar.gz"), *folder.glob("*.whl"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel made from it."""
    sdist, wheel = build(tmp_path_factory.mktemp("dist"))
    return sdist, wheel


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """Files of the checkout that git has, or would have: those that are ignored are left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this folder is no checkout of git, so that nothing says which files belong to it")
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()}


def installed(what: str | Path, folder: Path, *options: str) -> Path:
    """The programs of a fresh environment with `what` installed; its dependencies are those of this one."""
    venv.create(folder, with_pip=False)
    bin = folder / "bin"
    purelib = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    Path(purelib, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--python", bin / "python", "install", "--no-deps", "--no-index"]
    run(*command, "--ignore-installed", *options, what, cwd=folder)
    return bin


# --- the files -----------------------------------------------------------------------------


def test_wheel_holds_the_package_the_grammar_and_the_specs(built: tuple[Path, Path], tracked: set[str]) -> None:
    """All that git has of the three folders, each license in them, what the package index reads, and nothing else."""
    info = f"archdsl-{PROJECT['version']}.dist-info"
    package = {name for name in tracked if name.startswith("archdsl/")}
    licenses = {
        f"licenses/{name}"
        for name in package
        if re.search(r"/[^/]*(licen[cs]e|OFL)[^/]*$", name, re.IGNORECASE) and not name.endswith(".py")
    }
    about = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    data = {f"archdsl/{name}" for name in tracked if name.startswith(("grammar/", "specs/"))}
    assert set(ZipFile(built[1]).namelist()) == package | data | {f"{info}/{name}" for name in about | licenses}
    assert {"archdsl/py.typed", "archdsl/grammar/archdsl.lark", "archdsl/specs/blocks/residual.arch"} <= package | data


def test_source_distribution_holds_what_git_has(built: tuple[Path, Path], tracked: set[str]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == tracked | {"PKG-INFO"}
    assert {"tests/conftest.py", "references.txt", "docs/tour.md", "grammar/archdsl.lark"} <= names


def test_building_again_gives_the_same_bytes(built: tuple[Path, Path], tmp_path: Path) -> None:
    """`built` made its wheel from the source distribution; here it is made from the checkout."""
    again = build(tmp_path, "--sdist", "--wheel")
    assert [path.name for path in again] == [path.name for path in built]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


def test_source_distribution_runs_its_tests(built: tuple[Path, Path], tmp_path: Path) -> None:
    with tarfile.open(built[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    which = ["tests/unit/test_grammar.py", "tests/unit/test_python_names.py", "-p", "no:cacheprovider"]
    told = run(sys.executable, "-m", "pytest", "-q", *which, cwd=folder, PYTHONPATH=str(folder))
    assert re.search(r"\d+ passed", told)
    where = run(sys.executable, "-c", "import archdsl; print(archdsl.__file__)", cwd=folder, PYTHONPATH=str(folder))
    assert Path(where.strip()) == folder / "archdsl" / "__init__.py"


# --- the metadata --------------------------------------------------------------------------


def test_classifiers_are_those_of_the_package_index() -> None:
    assert set(PROJECT["classifiers"]) <= classifiers - deprecated_classifiers.keys()


def test_classifiers_name_each_version_of_python() -> None:
    """From the oldest that is supported to the newest, and this one among them."""
    named = re.findall(r"Python :: 3\.(\d+)", "\n".join(PROJECT["classifiers"]))
    supported = SpecifierSet(PROJECT["requires-python"])
    assert [int(minor) for minor in named] == [n for n in range(int(named[-1]) + 1) if f"3.{n}" in supported]
    assert str(sys.version_info.minor) in named


def test_changes_are_told_up_to_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    assert first.group(1) == PROJECT["version"]


# --- what it needs -------------------------------------------------------------------------


def needed(name: str, extras: frozenset[str] = frozenset(), found: frozenset[str] = frozenset()) -> frozenset[str]:
    """The names of all packages that `pip install name` brings in, as what is installed says of itself."""
    asked = extras or {""}
    for line in PROJECT["dependencies"] if name == "archdsl" else distribution(name).requires or ():
        wanted = Requirement(line)
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in asked):
            continue
        if wanted.name not in found:
            found = needed(wanted.name, frozenset(wanted.extras), found | {wanted.name})
    return found


def size(name: str) -> int:
    """The bytes of a package's files, as its own record of them says. Bytecode, which is made later, has none there."""
    files = distribution(name).files
    assert files, f"{name} has no record of its files"
    return sum(file.size or 0 for file in files)


def test_dependencies_are_small() -> None:
    sizes = {name: size(name) for name in needed("archdsl")}
    assert {"lark", "pydantic-core", "pillow"} <= {name.lower().replace("_", "-") for name in sizes}
    assert "torch" not in sizes
    assert sum(sizes.values()) < MOST_BYTES, json.dumps(dict(sorted(sizes.items(), key=lambda one: -one[1])), indent=1)


# --- installed -----------------------------------------------------------------------------


def test_installed_wheel_works_from_any_folder(built: tuple[Path, Path], tmp_path: Path) -> None:
    bin = installed(built[1], tmp_path / "env")
    where = run(bin / "python", "-c", "import archdsl; print(archdsl.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(tmp_path / "env")
    run(bin / "archdsl", "check", "efficientnet", cwd=tmp_path)


def test_editable_install_is_the_checkout(tmp_path: Path) -> None:
    bin = installed(ROOT, tmp_path / "env", "--no-build-isolation", "--editable")
    where = run(bin / "python", "-c", "import archdsl; print(archdsl.__file__)", cwd=tmp_path)
    assert Path(where) == ROOT / "archdsl" / "__init__.py\n"
    run(bin / "archdsl", "check", "efficientnet", cwd=tmp_path)
