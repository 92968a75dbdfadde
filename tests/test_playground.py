"""The live page without a server, in Chromium: Python runs in the browser, and everything comes from the page's folder.

Skips where it is not built: `make playground` needs Node.
"""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import chromium, requests

import archdsl
from archdsl.live.browser import reply

FOLDER = Path(__file__).parent.parent / "build" / "playground"


class Files(http.server.SimpleHTTPRequestHandler):
    """A server of files, as any site has."""

    def log_message(self, format: str, *words: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    if not (FOLDER / "index.html").is_file():
        pytest.skip("the page is not built: `make playground`")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(FOLDER)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def driver(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("playground")) as opened:
        yield opened


def until(driver: Any, selector: str, words: str = "", seconds: float = 120) -> str:
    """Waits until an element with these words is there, and returns its text."""
    end = time.monotonic() + seconds
    script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
    while not any(words in (last := text) for text in driver.execute_script(script, selector)):
        assert time.monotonic() < end, f"{words!r} was not seen"
        time.sleep(0.05)
    return str(last)


def type_at_end(driver: Any, line: int, text: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    driver.find_element("css selector", ".cm-content").click()
    keys = ActionChains(driver, duration=0).key_down(Keys.CONTROL).send_keys(Keys.HOME).key_up(Keys.CONTROL)
    keys.send_keys(*[Keys.ARROW_DOWN] * (line - 1), Keys.END, text).perform()


def test_an_example_is_compiled_in_the_browser(driver: Any, site: str) -> None:
    driver.get(f"{site}#example=lenet")
    until(driver, "#view svg")
    assert until(driver, "#facts", f"{archdsl.load('lenet').params / 1000:.1f} K parameters")
    until(driver, "#view svg", "LeNet")


def test_a_mistake_is_mended_and_the_text_stays_in_the_address(driver: Any, site: str) -> None:
    lines = driver.execute_script("return [...document.querySelectorAll('.cm-line')].map((e) => e.textContent)")
    (line,) = (number for number, text in enumerate(lines, 1) if text.strip().startswith("network"))
    type_at_end(driver, line, "  # 😀 mine")
    until(driver, "#messages-told", "No errors")
    (line,) = (number for number, text in enumerate(lines, 1) if text.strip().startswith("stage output"))
    type_at_end(driver, line, " -> rleu")
    until(driver, ".cm-lintRange-error", "rleu")
    until(driver, "#messages .fix")
    until_address(driver, "#text=")
    driver.refresh()
    until(driver, ".cm-line", "# 😀 mine")
    until(driver, ".cm-lintRange-error", "rleu")


def until_address(driver: Any, words: str) -> None:
    end = time.monotonic() + 20
    while words not in driver.current_url:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("address", "told"),
    [("#example=../index", "There is no example"), ("#text=@@", "cannot be read"), ("#text=AAAA", "cannot be read")],
)
def test_an_address_that_holds_no_text_is_told(driver: Any, site: str, address: str, told: str) -> None:
    driver.get("about:blank")
    driver.get(site + address)
    until(driver, "#file-told", told)
    driver.get_log("browser")


def test_everything_comes_from_its_own_folder(driver: Any, site: str) -> None:
    sent = requests(driver)
    assert f"{site}worker.js" in sent
    assert [url for url in sent if not url.startswith((site, "blob:"))] == []


def test_the_worker_replies_with_the_same_answers() -> None:
    """What the worker calls, here in this Python."""
    text = "network N:\n    input image: 3 x 8 x 8\n    conv(4, 3) -> relu\n"
    replied = json.loads(reply(json.dumps({"kind": "ask", "number": 7, "question": {"text": text, "view": "code"}})))
    assert (replied["kind"], replied["number"]) == ("answer", 7)
    assert replied["answer"]["view"]["text"] == archdsl.loads(text).source()
