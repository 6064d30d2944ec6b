"""A Chromium that opens pages from disk, and pictures of the report: `python -m tests.reports.browsing PAGE FOLDER`."""

from __future__ import annotations

import base64
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMEDRIVER = shutil.which("chromedriver")

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


class Page:
    """The page that is open, and what a person can do with it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, html: Path, fragment: str = "") -> None:
        """Anew, also if it is open already; returns when its scripts are done."""
        self.driver.get("about:blank")
        self.driver.get(html.resolve().as_uri() + fragment)
        self.until("return document.documentElement.classList.contains('ready')")

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a function returns."""
        return self.driver.execute_script(script, *arguments)

    def until(self, script: str, *arguments: Any, seconds: float = 20) -> None:
        """Wait for what happens a moment later: fragments, focus, images."""
        deadline = time.monotonic() + seconds
        while not self.run(script, *arguments):
            assert time.monotonic() < deadline, f"never: {script} {arguments}"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """As it is shown, hidden parts left out."""
        return self.texts(selector)[0]

    def texts(self, selector: str) -> list[str]:
        """The same of all that match."""
        texts: list[str] = self.run(
            "const text = (one) => one.innerText ?? one.textContent;"  # drawings have no innerText
            "return [...document.querySelectorAll(arguments[0])].map((one) => text(one).trim())",
            selector,
        )
        return texts

    def click(self, selector: str) -> None:
        """As a mouse does: it must be in sight."""
        self.driver.find_element("css selector", selector).click()

    def press(self, *keys: str) -> None:
        """Keys, wherever the focus is."""
        for key in keys:
            webdriver.ActionChains(self.driver).send_keys(key).perform()

    def media(self, *, dark: bool = False, paper: bool = False) -> None:
        """What the system asks of pages."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        media = {"media": "print" if paper else "", "features": [scheme]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def window(self, width: int, height: int) -> None:
        """In CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def picture(self, path: Path) -> None:
        """What is in the window, as PNG."""
        self.until("return [...document.images].every((image) => image.complete)")
        time.sleep(0.2)  # transitions
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """What the console has said since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last time."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]  # type: ignore[no-untyped-call]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]


@contextmanager
def browser() -> Iterator[Page]:
    """A Chromium of one's own. Both paths are given, so Selenium asks nobody where to find them."""
    assert CHROMIUM
    assert CHROMEDRIVER
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(executable_path=CHROMEDRIVER))
        try:
            page = Page(driver)
            page.window(1400, 1000)
            page.media()
            yield page
        finally:
            driver.quit()


def take_pictures(page: Page, html: Path, folder: Path) -> list[Path]:
    """Of any report: its overview by day, and by night the page of the worst asset that has a picture."""

    def asset(page: Page) -> str:
        fragment: str = page.run(
            "const worst = sorted(ASSETS, 'verdict', false);"
            "return `#/asset/${(worst.find((asset) => asset.pictured) || worst[0]).route}`"
        )
        return fragment

    shots: tuple[tuple[str, bool, Callable[[Page], str]], ...] = (
        ("report", False, lambda page: ""),
        ("report-asset", True, asset),
    )
    page.open(html)
    taken = []
    for name, dark, fragment in shots:
        page.media(dark=dark)
        page.open(html, fragment(page))
        taken.append(folder / f"{name}.png")
        page.picture(taken[-1])
    page.media()
    return taken


if __name__ == "__main__":
    with browser() as opened:
        take_pictures(opened, Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
