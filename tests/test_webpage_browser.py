"""The page of a network in Chromium: clicks, keys, search, table, themes; no error, and no request but for the file.

Skips where there is no Chromium with its driver, or no selenium.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import chromium, requests

import archdsl

NAMES = ("googlenet", "efficientnet@b0")
NARROW = {"width": 800, "height": 900, "deviceScaleFactor": 1, "mobile": False}


class Browser:
    """Chromium, with what the tests do to a page in the words of its reader."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver, self.folder = driver, folder

    def open(self, name: str, address: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get((self.folder / f"{name}.html").as_uri() + address)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        """Keys, by the names that selenium has for them (ENTER), or as letters, to whatever has the focus."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        for key in keys:
            ActionChains(self.driver, duration=0).send_keys(getattr(Keys, key, key)).perform()

    def click(self, selector: str) -> None:
        """With the mouse, in the middle of what is seen."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver, duration=0).click(self.element(selector)).perform()

    def element(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def box(self, relative: str) -> str:
        return f'#figure g[role=button][data-path="{relative}"]'

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    @property
    def trail(self) -> list[str]:
        return self.text("#trail").split("\n")

    @property
    def focused(self) -> str:
        """The path of the box that has the focus, or the id of what has it."""
        return str(self.run("const e = document.activeElement; return e.dataset.path ?? (e.id || e.tagName)"))

    @property
    def view(self) -> list[float]:
        box = self.run("return document.querySelector('#figure svg').getAttribute('viewBox')")
        return [float(number) for number in box.split(" ")]

    def row(self) -> str:
        return self.text("#costs tr[aria-current] th")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("pages")
    for name in NAMES:
        archdsl.load(name).save(folder / f"{name}.html")
    cell = archdsl.load("googlenet").draw(format="html")._repr_mimebundle_()["text/html"]
    (folder / "notebook.html").write_text(f"<!DOCTYPE html><title>Notebook</title>{cell}", encoding="utf-8")
    with chromium(folder) as driver:
        yield Browser(driver, folder)


@pytest.fixture(autouse=True)
def _no_errors_and_no_requests(browser: Browser) -> Iterator[None]:
    """After each test: nothing on the console, and nothing was asked for but the page itself."""
    yield
    assert browser.driver.get_log("browser") == []
    own = [(browser.folder / f"{name}.html").as_uri() for name in (*NAMES, "notebook")]
    assert requests(browser.driver) <= set(own)


def test_a_click_opens_a_box_and_the_trail_leads_back(browser: Browser) -> None:
    browser.open("googlenet")
    assert browser.trail == ["GoogLeNet"]
    browser.click(browser.box("inception4"))
    assert browser.trail == ["GoogLeNet", "inception4"]
    assert browser.text("#panel h2") == "inception4"
    assert browser.row() == "inception4"
    browser.click(browser.box("i4a"))
    assert browser.trail == ["GoogLeNet", "inception4", "i4a"]
    assert "concat" in browser.text("#figure")
    browser.click("#trail li:first-child button")
    assert browser.trail == ["GoogLeNet"]


def test_a_page_in_a_notebook_s_frame_opens_its_boxes_and_reads_nothing_around_it(browser: Browser) -> None:
    browser.open("notebook")
    frame = browser.element("iframe")
    assert frame.size["width"] > 1000
    browser.driver.switch_to.frame(frame)
    try:
        browser.click(browser.box("inception4"))
        assert browser.trail == ["GoogLeNet", "inception4"]
        read = "try { return parent.document.body.innerText } catch (error) { return error.name }"
        assert browser.run(read) == "SecurityError"
    finally:
        browser.driver.switch_to.default_content()


def test_an_op_tells_what_it_is(browser: Browser) -> None:
    browser.open("googlenet", "#inception4.i4a")
    path = browser.run("return [...boxes.keys()].find((path) => places.get(path).what.startsWith('conv(208'))")
    browser.run("boxes.get(arguments[0]).focus()", path)
    graph = archdsl.load("googlenet").graph
    told = browser.text("#panel")
    node, facts = graph.node(path), archdsl.load("googlenet").summary.nodes[path]
    for part in (path, "conv(208", f"{facts.params:,}", f"{facts.macs:,}", "208×14×14", f"{facts.field} pixels"):
        assert part in told
    assert f"{node.span.source.name}:{node.span.line}" in told
    browser.press("ENTER")
    assert browser.run("return chosen") == path
    assert "chosen" in str(browser.run("return boxOf(chosen).getAttribute('class')"))


def test_everything_can_be_done_by_keys(browser: Browser) -> None:
    browser.open("googlenet")
    browser.run("document.getElementById('figure').focus()")
    browser.press("TAB")
    assert browser.focused == "image"
    browser.press("TAB", "TAB")
    assert browser.focused == "inception3"
    box = browser.element(browser.box("inception3"))
    assert box.get_attribute("aria-expanded") == "false"
    assert box.accessible_name.startswith("inception3, output 480 by 14 by 14")
    browser.press("ENTER")
    assert browser.trail == ["GoogLeNet", "inception3"]
    browser.press("TAB", "TAB", "SPACE")
    assert browser.trail == ["GoogLeNet", "inception3", "i3b"]
    browser.press("ESCAPE")
    assert (browser.trail[-1], browser.focused) == ("inception3", "i3b")
    browser.press("ESCAPE", "ESCAPE")
    assert (browser.trail, browser.focused) == (["GoogLeNet"], "inception3")


def test_search_opens_what_is_closed(browser: Browser) -> None:
    browser.open("googlenet")
    browser.press("/")
    assert browser.focused == "find"
    browser.press(*"i4a 48x14x14")
    count = int(browser.text("#found-told").split()[0])
    assert count == browser.run("return document.querySelectorAll('#found li').length") > 0
    browser.press("ENTER")
    assert browser.trail == ["GoogLeNet", "inception4", "i4a"]
    chosen = browser.run("return chosen")
    assert archdsl.load("googlenet").graph.node(chosen).output.dims == (48, 14, 14)
    assert f"inception4.i4a.{browser.focused}" == chosen
    browser.press("/", *"nothing is called so", "ENTER")
    assert browser.text("#found-told") == "0 found"
    browser.press("ESCAPE")
    assert (browser.focused, browser.text("#found-told")) == ("figure", "")


def test_the_figure_moves_and_zooms(browser: Browser) -> None:
    browser.open("googlenet")
    whole = browser.view
    browser.press("+")
    assert browser.view[2] == pytest.approx(whole[2] * 0.8)
    browser.press("ARROW_RIGHT", "ARROW_DOWN")
    assert browser.view[0] > whole[0]
    assert browser.view[1] > whole[1]
    browser.press("-", "-")
    assert browser.view[2] > whole[2]
    browser.press("0")
    assert browser.view == whole
    from selenium.webdriver.common.action_chains import ActionChains, ScrollOrigin

    # A drag that begins on a box moves the figure and opens nothing.
    drag = ActionChains(browser.driver, duration=0).click_and_hold(browser.element(browser.box("inception3")))
    drag.move_by_offset(-30, 12).move_by_offset(-30, 0).release().perform()
    assert browser.view[0] > whole[0]
    assert browser.view[1] < whole[1]
    assert browser.trail == ["GoogLeNet"]
    figure = ScrollOrigin.from_element(browser.element("#figure"))
    ActionChains(browser.driver, duration=0).scroll_from_origin(figure, 0, -200).perform()
    assert browser.view[2] < whole[2]


def test_table_and_figure_go_together(browser: Browser) -> None:
    browser.open("googlenet")
    row = '#costs [data-go="inception5.i5a"]'
    browser.click(row)
    assert browser.trail == ["GoogLeNet", "inception5"]
    assert browser.run("return boxOf(chosen).dataset.path") == "i5a"
    assert browser.row() == "i5a"
    browser.click(row)
    assert browser.trail[-1] == "i5a"
    browser.run("document.querySelector('.skip').click()")
    assert browser.trail[-1] == "i5a", "the link to the table leaves the figure as it is"
    browser.click("#side")
    assert not browser.element("#aside").is_displayed()
    assert browser.element("#side").get_attribute("aria-expanded") == "false"


def test_gates_are_told_apart(browser: Browser) -> None:
    """EfficientNet's gates see the whole image from the first block on; its convolutions see 851 pixels at the end."""
    browser.open("efficientnet@b0")
    browser.run("tell('stage8')")
    assert "all of the input, through gates; 851 pixels by convolutions" in browser.text("#panel")
    assert browser.run("return document.querySelector('#figure svg').getAttribute('aria-label')") == "EfficientNet b0"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_themes_and_narrow_windows(browser: Browser, scheme: str) -> None:
    command = browser.driver.execute_cdp_cmd
    command("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.open("efficientnet@b0")
    shown = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}
    colour = "return getComputedStyle(document.body).backgroundColor"
    assert browser.run(colour) == shown[scheme]
    browser.click("#theme")
    assert browser.run(colour) == shown["dark" if scheme == "light" else "light"]
    command("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    assert browser.run(colour) == shown["light"]
    assert not browser.element("#panel").is_displayed()
    command("Emulation.setEmulatedMedia", {"media": "", "features": []})
    command("Emulation.setDeviceMetricsOverride", NARROW)
    assert browser.run("const page = document.documentElement; return page.scrollWidth - page.clientWidth") == 0
    assert browser.element("#aside").rect["x"] == 0
    command("Emulation.clearDeviceMetricsOverride", {})


def test_what_the_policy_forbids_does_not_happen(browser: Browser) -> None:
    """Trusted types: even a script of the page itself could not turn a text into markup."""
    browser.open("googlenet")
    refused = "try { document.body.innerHTML = '<b>x</b>'; return 'done' } catch (error) { return error.name }"
    assert browser.run(refused) == "TypeError"
    browser.driver.get_log("browser")  # the refusal is reported there


@pytest.mark.parametrize("name", NAMES)
def test_no_column_of_the_table_is_cut(browser: Browser, name: str) -> None:
    """Where the page is as wide as a slide, the table needs no scrolling to the side."""
    browser.open(name)
    long, shown = browser.run("const s = document.querySelector('.scroll'); return [s.scrollWidth, s.clientWidth]")
    assert long <= shown
