"""The live page in Chromium, as its reader uses it: keys, the mouse, two windows, a file that others write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsers import chromium, requests
from served import Served, served

import archdsl

SPEC = """\
network Net:
    param phi: float = 0 "each step doubles the width"
    param bias: bool = false
    variants:
        small: phi = 0
        large: phi = 2
    def C(c) = round(c * 2 ^ phi)
    input image: 3 x 32 x 32
    conv(C(16), 3, bias=bias) -> relu
    global_avg_pool -> flatten -> linear(10)
"""


class Reader:
    """Who uses the page, in one window or several."""

    def __init__(self, driver: Any, server: Served) -> None:
        self.driver, self.server = driver, server

    def open(self, address: str | None = None) -> None:
        self.driver.get(address or self.server.address)
        self.until(lambda: self.texts("#name") != ["archdsl"])

    def until(self, holds: Callable[[], Any], seconds: float = 20) -> Any:
        """Waits, as a reader would, until something is to be seen."""
        end = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < end, "it was not seen in time"
            time.sleep(0.03)
        return found

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => (e.innerText ?? e.textContent).trim())"
        return list(self.driver.execute_script(script, selector))

    def text(self, selector: str) -> str:
        return " ".join(self.texts(selector))

    def sees(self, selector: str, words: str) -> None:
        self.until(lambda: words in self.text(selector))

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def press(self, *keys: str, held: str = "") -> None:
        """Keys by the names that selenium has for them, or texts, to whatever has the focus."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        chain = ActionChains(self.driver, duration=0)
        if held:
            chain.key_down(getattr(Keys, held))
        for key in keys:
            chain.send_keys(getattr(Keys, key, key))
        if held:
            chain.key_up(getattr(Keys, held))
        chain.perform()

    def put_caret(self, line: int) -> None:
        """At the end of a line, by the keyboard."""
        self.click(".cm-content")
        self.press("HOME", held="CONTROL")
        self.press(*["ARROW_DOWN"] * (line - 1), "END")

    @property
    def written(self) -> str:
        """The text in the editor, without what stands at the ends of lines."""
        script = """return [...document.querySelectorAll('.cm-line')].map((line) => {
            const copy = line.cloneNode(true);
            copy.querySelectorAll('.line-end').forEach((end) => end.remove());
            return copy.textContent; })"""
        return "\n".join(self.driver.execute_script(script))

    @property
    def focused(self) -> str:
        return str(self.driver.execute_script("return document.activeElement.id || document.activeElement.className"))


@pytest.fixture
def _in_full(all_variants: bool) -> None:
    if not all_variants:
        pytest.skip("runs with --all-variants")


in_full = pytest.mark.usefixtures("_in_full")
"""Of a test that `make variants` runs."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("live")
    spec = folder / "net.arch"
    spec.write_text(SPEC)
    with chromium(folder) as driver, served(spec) as server:
        yield Reader(driver, server)


@pytest.fixture
def reader(opened: Reader) -> Iterator[Reader]:
    """The page with the spec as it was at first; afterwards nothing is on the console."""
    opened.server.spec.write_text(SPEC)
    opened.driver.get("about:blank")
    opened.open()
    yield opened
    assert opened.driver.get_log("browser") == []
    opened.driver.execute_script("window.onbeforeunload = null")


def params(**settings: Any) -> str:
    number = archdsl.loads(SPEC, **settings).params
    return f"{number / 1000:.2f} K" if number >= 1000 else str(number)


def test_a_mistake_is_underlined_and_mended_by_its_fix(reader: Reader) -> None:
    reader.sees("#messages-told", "No errors")
    reader.put_caret(9)
    reader.press(" -> conv(8, 3, stide=2)")
    reader.until(lambda: reader.all(".cm-lintRange-error"))
    assert reader.texts(".cm-lintRange-error") == ["stide=2"]
    reader.sees("#messages", "`conv` has no argument `stide`")
    reader.sees("#messages", "did you mean `stride=2`?")
    reader.sees("#old", "from before the errors")
    assert reader.all("#view.old svg")
    reader.until(lambda: reader.all("#messages .fix"))
    reader.click("#messages .fix")
    reader.sees("#messages-told", "No errors")
    assert "conv(8, 3, stride=2)" in reader.written
    assert not reader.all(".cm-lintRange-error")
    assert not reader.all("#view.old")


def test_lines_below_a_colon_are_further_in_and_tab_leaves_the_editor(reader: Reader) -> None:
    reader.put_caret(1)
    reader.press("ENTER", "# in", "ENTER", "# as far in")
    assert "\n    # in\n    # as far in\n" in reader.written
    reader.press("ENTER", "re")
    reader.until(lambda: reader.all(".cm-tooltip-autocomplete"))
    reader.press("ESCAPE", "TAB")
    assert "cm-content" not in reader.focused
    assert reader.written.splitlines()[3] == "    re"


def test_the_slider_changes_the_table(reader: Reader) -> None:
    reader.click("#tab-table")
    reader.sees("#view tfoot", params(phi=0))
    slider = reader.driver.find_element("css selector", "input[type=range]")
    slider.send_keys(*["\ue014"] * 20)  # the right arrow, by 0.1 each
    assert reader.driver.find_element("css selector", "#setting-phi").get_attribute("value") == "2"
    reader.sees("#view tfoot", params(phi=2))
    reader.click("#setting-bias")
    reader.sees("#view tfoot", params(phi=2, bias=True))
    reader.click("#reset")
    reader.sees("#view tfoot", params(phi=0))


def test_shapes_stand_at_the_ends_of_lines(reader: Reader) -> None:
    ends = reader.until(lambda: reader.texts(".line-end"))
    assert [end.split()[0] for end in ends] == ["602", "3×32×32", "16×32×32", "10"]


@in_full
def test_variants_and_a_second_network(reader: Reader) -> None:
    from selenium.webdriver.support.select import Select

    reader.until(lambda: "large" in reader.text("#variant"))
    Select(reader.driver.find_element("css selector", "#variant")).select_by_value("large")
    reader.sees("#facts", params(phi=2))
    reader.driver.find_element("css selector", "#beside").send_keys("@small")
    reader.until(lambda: len(reader.texts("#view svg")) == 1 and "small" in reader.text("#view svg"))
    reader.driver.find_element("css selector", "#beside").send_keys("x")
    reader.sees("#beside-told", "has no variant")


def test_it_is_saved_by_a_key_and_is_there_after_a_reload(reader: Reader) -> None:
    reader.put_caret(1)
    reader.press(" # 😀 saved")
    reader.sees("#file-told", "unsaved changes")
    assert reader.server.spec.read_text() == SPEC
    reader.press("s", held="CONTROL")
    reader.sees("#file-told", ": saved")
    assert reader.server.spec.read_text(encoding="utf-8") == SPEC.replace("Net:", "Net: # 😀 saved")
    assert "#" not in reader.driver.current_url
    reader.driver.refresh()
    reader.until(lambda: "# 😀 saved" in reader.written)


@in_full
def test_offsets_hold_after_letters_of_two_units(reader: Reader) -> None:
    reader.put_caret(1)
    reader.press(" # 😀😀😀")
    reader.put_caret(9)
    reader.press(" -> rleu")
    reader.until(lambda: reader.texts(".cm-lintRange-error") == ["rleu"])


@in_full
def test_a_file_that_another_program_writes_is_read_again(reader: Reader) -> None:
    reader.server.spec.write_text(SPEC.replace("Net", "Other"))
    reader.sees("#file-told", "was changed on disk, and read again")
    reader.sees("#name", "Other")


def test_two_writers_lose_nothing(reader: Reader) -> None:
    """What is unsaved here stays, and what was written there stays, until the reader chooses."""
    reader.put_caret(1)
    reader.press(" # mine")
    theirs = SPEC.replace("Net", "Theirs")
    reader.server.spec.write_text(theirs)
    reader.sees("#file-told", "has unsaved changes here")
    assert "# mine" in reader.written
    assert reader.server.spec.read_text() == theirs
    reader.click("#file-choices button:nth-child(2)")
    reader.sees("#file-told", ": saved")
    assert "# mine" in reader.server.spec.read_text()


@in_full
def test_a_save_over_what_another_wrote_is_refused(reader: Reader) -> None:
    reader.put_caret(1)
    reader.press(" # mine")
    theirs = SPEC.replace("Net", "Theirs")
    reader.server.spec.write_text(theirs)
    reader.press("s", held="CONTROL")
    reader.sees("#file-told", "changed on disk")
    assert reader.server.spec.read_text() == theirs
    reader.click("#file-choices button:nth-child(1)")
    reader.sees("#name", "Theirs")
    assert "# mine" not in reader.written


@in_full
@pytest.mark.parametrize(("content", "why"), [(None, "is no longer there"), (b"\xff", "is not UTF-8")])
def test_a_file_that_vanishes_or_breaks_leaves_the_text(reader: Reader, content: bytes | None, why: str) -> None:
    if content is None:
        reader.server.spec.unlink()
    else:
        reader.server.spec.write_bytes(content)
    reader.sees("#file-told", why)
    assert reader.written == SPEC.replace("\n", "\n").removesuffix("\n") + "\n"
    reader.click("#save")
    if content is not None:
        reader.sees("#file-told", "Not saved")
        reader.click("#file-choices button")
    reader.sees("#file-told", ": saved")
    assert reader.server.spec.read_text() == SPEC


@in_full
def test_tabs_and_everything_else_are_reached_by_the_keyboard(reader: Reader) -> None:
    reader.click("#tab-figure")
    reader.press("ARROW_RIGHT")
    assert reader.focused == "tab-table"
    reader.press("ARROW_RIGHT")
    reader.sees("#view pre", "class Net(nn.Module)")
    reader.click(".cm-content")
    reader.press("ESCAPE", "TAB")
    assert "cm-" not in reader.focused
    seen = set()
    for _ in range(40):
        seen.add(reader.focused)
        reader.press("TAB")
    assert {"projector", "theme", "variant", "beside", "setting-phi", "tab-code", "copy", "view"} <= seen


@in_full
def test_a_projector_gets_large_type_on_dark(reader: Reader) -> None:
    def looks() -> tuple[float, str]:
        script = "const s = getComputedStyle(document.body); return [parseFloat(s.fontSize), s.backgroundColor]"
        size, background = reader.driver.execute_script(script)
        return size, background

    before = looks()
    reader.click("#projector")
    size, background = looks()
    assert size > 1.3 * before[0]
    assert background != before[1]
    fill = "return getComputedStyle(document.querySelector('#view svg > rect')).fill"
    assert reader.driver.execute_script(fill) == background
    reader.click("#projector")
    assert looks() == before


@in_full
def test_a_window_without_the_token_is_told_what_to_do(reader: Reader) -> None:
    reader.driver.execute_script("sessionStorage.clear()")
    reader.driver.get("about:blank")
    reader.driver.get(f"http://127.0.0.1:{reader.server.port}/")
    reader.sees("#file-told", "open the address that archdsl serve printed")
    assert "403" in " ".join(entry["message"] for entry in reader.driver.get_log("browser"))
    reader.driver.get("about:blank")
    reader.driver.get_log("browser")


def test_nothing_is_asked_of_other_hosts(reader: Reader) -> None:
    own = f"http://127.0.0.1:{reader.server.port}/"
    sent = requests(reader.driver)
    assert f"{own}app.js" in sent
    assert [url for url in sent if not url.startswith(own)] == []


def test_the_end_of_the_server_is_told_and_the_text_stays(reader: Reader) -> None:
    """The last test of this file: it ends the server."""
    reader.put_caret(1)
    reader.press(" # mine")
    reader.server.process.terminate()
    reader.server.process.wait(timeout=15)
    reader.sees("#file-told", "archdsl serve is not running")
    reader.press("s", held="CONTROL")
    reader.sees("#file-told", "Not saved")
    assert "# mine" in reader.written
    assert reader.server.spec.read_text() == SPEC
    reader.driver.get_log("browser")
