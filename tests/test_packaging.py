"""Wheel, source distribution and editable install carry what is needed, and work from any folder."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel made from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def installed(what: str | Path, folder: Path, *options: str) -> Path:
    """The programs of a fresh environment with `what` installed; its dependencies are those of this one."""
    venv.create(folder, with_pip=False)
    bin = folder / "bin"
    purelib = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    Path(purelib, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--python", bin / "python", "install", "--no-deps", "--no-index"]
    run(*command, "--ignore-installed", *options, what, cwd=folder)
    return bin


def files(folder: str) -> set[str]:
    """Paths of the repository's files in one of its folders, as git would have them."""
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in paths}


def test_wheel_holds_the_package_the_grammar_and_the_specs(built: tuple[Path, Path]) -> None:
    names = {name for name in ZipFile(built[1]).namelist() if ".dist-info/" not in name}
    inside = {f"archdsl/{name}" for folder in ("grammar", "specs") for name in files(folder)}
    assert names == files("archdsl") | inside
    assert {"archdsl/py.typed", "archdsl/grammar/archdsl.lark", "archdsl/specs/blocks/residual.arch"} <= names


def test_wheel_of_the_checkout_is_the_wheel_of_the_source_distribution(built: tuple[Path, Path]) -> None:
    folder = built[1].parent / "direct"
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT, cwd=ROOT)
    assert (folder / built[1].name).read_bytes() == built[1].read_bytes()


def test_source_distribution_holds_all_that_tests_and_documents_need(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = set().union(*map(files, ("archdsl", "grammar", "specs", "tests", "docs", "scripts")))
    assert wanted | {"LICENSE", "CHANGELOG.md", "Makefile", "constraints.txt", "README.md", "pyproject.toml"} <= names
    assert not any(name.startswith((".venv", "build", "dist")) for name in names)


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
