"""Chromium without a window, for tests that use a page as a reader would. They skip where it is not installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WORDS = ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-background-networking")


@contextmanager
def chromium(folder: Path, size: tuple[int, int] = (1280, 800)) -> Iterator[Any]:
    """Selenium's driver of a browser whose home is `folder`. It logs its console and its requests."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("there is no Chromium with its driver: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for word in (*WORDS, f"window-size={size[0]},{size[1]}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver, env={**os.environ, "HOME": str(folder)}))
    try:
        features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        yield opened
    finally:
        opened.quit()
