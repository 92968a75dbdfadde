"""Builds the documentation site in `build/site`: copies the documents, writes the gallery's pages, and runs zensical.

In: README.md, docs/, specs/ and the like. Out: a folder of HTML files that work without a server and ask nobody else.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import site_gallery
from site_links import Pages
from site_notebook import as_markdown

ROOT = Path(__file__).parent.parent
CONFIGURATION = ROOT / "docs" / "site" / "zensical.toml"
FETCHED = re.compile(r"https://[\w./-]+/iframe-worker/shim")
MOVED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "grammar/README.md": "grammar.md",
    "examples": "examples.md",
    "docs/notebook.ipynb": "notebook.md",
}
"""Where pages go that are not of `docs/`, or are no Markdown."""
FURTHER = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "grammar/README.md")
"""Documents that stand elsewhere in the repository."""


def main() -> None:
    build(ROOT / "build")
    print("build/site/index.html")


def build(folder: Path, networks: Sequence[str] = site_gallery.NETWORKS) -> Path:
    """Builds the site in `folder/site`, with the pages of these networks alone, and returns its path."""
    pages, site = folder / "pages", folder / "site"
    for old in (pages, site, folder / ".cache"):
        shutil.rmtree(old, ignore_errors=True)
    pages.mkdir(parents=True)
    playground = ROOT / "build" / "playground"
    copied = Pages(ROOT, pages, moved(networks), playground.is_dir())
    copy_documents(copied)
    site_gallery.write(copied, networks)
    shutil.copy(CONFIGURATION, folder)
    subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(folder / "zensical.toml")],
        check=True,
    )
    keep_requests_home(site)
    # They hold only where the site has a whole host and is told its address.
    for name in ("404.html", "sitemap.xml"):
        (site / name).unlink()
    if playground.is_dir():
        shutil.copytree(playground, site / "playground")
    return site


def keep_requests_home(site: Path) -> None:
    """The one script that zensical would fetch from elsewhere is our own copy of it."""
    for page in site.rglob("*.html"):
        home = "../" * (len(page.relative_to(site).parts) - 1)
        text = FETCHED.sub(f"{home}site/iframe-worker.js", page.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")


def moved(networks: Sequence[str]) -> dict[str, str]:
    """Where files of the repository stand in the site, if not where `docs/` has them."""
    return MOVED | {f"specs/{name}.arch": f"gallery/{name}.md" for name in networks}


def copy_documents(pages: Pages) -> None:
    """Everything but the gallery: documents and what they show, the README, specs to download, the examples."""
    documents = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*")) if path.is_file()]
    for file in [*documents, *FURTHER]:
        if not file.endswith((".ipynb", ".toml")):
            pages.copy(file)
    shutil.copytree(ROOT / "specs", pages.folder / "specs")
    pages.write("examples.md", examples())
    pages.write("notebook.md", as_markdown(ROOT / "docs" / "notebook.ipynb"))


def examples() -> str:
    """The programs of `examples/`, each of which begins with what it does."""
    parts = ["# Examples\n"]
    for path in sorted((ROOT / "examples").glob("*.py")):
        parts.append(f"## {path.name}\n\n```python\n{path.read_text(encoding='utf-8').rstrip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
