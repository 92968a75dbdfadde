"""Headless Chromium for tests; they skip where there is none.

Debian: `apt-get install chromium chromium-driver`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WORDS = ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-background-networking")


@contextmanager
def chromium(home: Path) -> Iterator[Any]:
    """A driver of Chromium that keeps its files in `home`, without animations, and with logs of what pages ask for."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("there is no Chromium with its driver: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for word in (*WORDS, "window-size=1280,800"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    environment = {**os.environ, "HOME": str(home)}
    opened = webdriver.Chrome(options=options, service=Service(driver, env=environment))
    try:
        features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        yield opened
    finally:
        opened.quit()


def requests(driver: Any) -> set[str]:
    """The addresses that pages asked for since the last call, without what stands in the page itself."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {url.partition("#")[0] for url in sent if not url.startswith(("data:", "about:"))}
