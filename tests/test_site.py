"""The documentation site: every link has an aim, nothing is fetched from elsewhere, and it can be read on a phone.

It is built with the pages of some networks, and with `--all-variants` with all.
"""

from __future__ import annotations

import base64
import re
import tomllib
import zlib
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import build_site
import pytest
from browsers import chromium, requests
from site_links import Pages

pytestmark = pytest.mark.xdist_group("site")

NETWORKS = ("lenet",)
SHOWN = ("index", "ops", "gallery/index", "gallery/lenet")
PHONE = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
SCREEN = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}


class Page(HTMLParser):
    """The anchors of a page, and what it links to or shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.links += [given[name] for name in ("href", "src") if name in given]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    pytest.importorskip("zensical", reason="zensical is not installed")
    networks = build_site.site_gallery.NETWORKS if request.config.getoption("--all-variants") else NETWORKS
    return build_site.build(tmp_path_factory.mktemp("site"), networks)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    paths = [path for path in site.rglob("*.html") if "playground" not in path.parts]
    return {path: Page(path.read_text(encoding="utf-8")) for path in paths}


def faults(pages: dict[Path, Page]) -> Iterator[str]:
    """The links that lead nowhere, or to an anchor that is not there."""
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            aim = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if parts.scheme in ("http", "https"):
                if not re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc):
                    yield f"{path.name}: {link} names no host"
            elif parts.scheme != "data" and not aim.is_file():
                yield f"{path.name}: {link} is not there"
            elif parts.fragment and aim in pages and unquote(parts.fragment) not in pages[aim].anchors:
                yield f"{path.name}: {link} has no such anchor"


def test_every_link_has_an_aim(pages: dict[Path, Page]) -> None:
    assert list(faults(pages)) == []


def test_a_broken_link_is_found(pages: dict[Path, Page]) -> None:
    path = next(iter(pages))
    wrong = ("gone.html", "#gone", "https://nowhere")
    pages = {**pages, path: Page("".join(f'<a href="{link}"></a>' for link in wrong))}
    assert len(list(faults(pages))) == len(wrong)


def test_every_document_is_in_the_navigation() -> None:
    sections = tomllib.loads(build_site.CONFIGURATION.read_text(encoding="utf-8"))["project"]["nav"]
    listed = {page for section in sections for pages in section.values() for one in pages for page in one.values()}
    documents = build_site.ROOT / "docs"
    written = {path.relative_to(documents).as_posix() for path in documents.rglob("*.md")}
    assert written <= listed


def test_a_page_of_the_gallery_tells_all(site: Path) -> None:
    text = (site / "gallery" / "lenet.html").read_text(encoding="utf-8")
    spec = (build_site.ROOT / "specs" / "lenet.arch").read_text(encoding="utf-8")
    words = unescape(re.sub("<[^>]+>", "", text))
    assert spec.strip() in re.sub(r"\n\n\n+", "\n\n", words)
    for part in ("61,706", "LeCun et al. 1998", "archdsl draw lenet", 'archdsl.load("lenet")'):
        assert part in words
    assert "figures/lenet-dark.svg" in text
    assert '<span class="kd">network</span>' in text, "the lexer of specs is not installed: pip install -e ."
    assert (site / "specs" / "lenet.arch").read_text(encoding="utf-8") == spec


def test_a_whole_spec_can_be_tried(tmp_path: Path) -> None:
    """Its link has the text as the playground unpacks it: deflated without a header, in base64 for addresses."""
    spec = "network Net:\n    input x: 3\n    relu  # ünïcode\n"
    pages = Pages(build_site.ROOT, tmp_path, {}, playground=True)
    text = pages.page(f"```arch\n{spec}```\n\n```arch\nrelu\n```\n", "docs/cookbook/paper.md")
    ((home, packed),) = re.findall(r"\((\S+)#text=([\w-]+)\)", text)
    assert home == "../playground/index.html"
    assert zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), wbits=-15).decode() == spec


@pytest.fixture(scope="module")
def browser(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("home")) as driver:
        yield driver


@pytest.mark.parametrize("view", [PHONE, SCREEN], ids=["phone", "screen"])
def test_pages_fit_and_ask_nobody_else(
    site: Path, pages: dict[Path, Page], browser: Any, view: dict[str, Any], all_variants: bool
) -> None:
    """Read from the folder, as a reader without a network does: nothing is wider than the window."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", view)
    shown = [site / f"{name}.html" for name in SHOWN]
    # Pages of networks are alike: one of them is among those shown.
    documents = [path for path in pages if path.parent.name != "gallery"]
    for path in dict.fromkeys([*shown, *documents] if all_variants else shown):
        browser.get(path.as_uri())
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= view["width"], path.name
        broken = "return [...document.images].filter((one) => one.complete && !one.naturalWidth).map((one) => one.src)"
        assert browser.execute_script(broken) == []
    assert {url for url in requests(browser) if not url.startswith("file:")} == set()
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_the_search_finds_without_a_server(site: Path, browser: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SCREEN)
    browser.get((site / "index.html").as_uri())
    WebDriverWait(browser, 20).until(lambda b: b.find_elements("css selector", ".md-search__button"))
    browser.find_element("css selector", ".md-search__button").click()
    field = WebDriverWait(browser, 20).until(lambda b: b.switch_to.active_element)
    field.send_keys("receptive field")
    WebDriverWait(browser, 20).until(lambda b: "costs.html" in str(b.execute_script(FOUND)))


FOUND = """
const roots = [document, ...[...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean)];
return roots.flatMap((root) => [...root.querySelectorAll("a[href*=costs]")].map((one) => one.href));
"""
