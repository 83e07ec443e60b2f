"""A real browser, headless, by the W3C WebDriver protocol: Debian's chromium and its driver.

https://www.w3.org/TR/webdriver2/
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from factory import process
from tests.integration.registries import free_port

PROGRAMS = ("chromium", "chromedriver")
MISSING = [name for name in PROGRAMS if not shutil.which(name)]
_ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""By which an answer names an element, as the protocol has it."""


@dataclass
class Browser:
    """A session."""

    url: str

    def _ask(self, path: str, body: object | None = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}{path}", data=data, headers=headers, method=method)
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        self._ask("/url", {"url": url})

    def text(self) -> str:
        """All that the page shows."""
        script = {"script": "return document.body ? document.body.innerText : ''", "args": []}
        return str(self._ask("/execute/sync", script))

    def until(self, *words: str, seconds: float = 60) -> str:
        """The page's text, once it has all of these words."""
        deadline = time.monotonic() + seconds
        while True:
            text = self.text()
            if all(word in text for word in words):
                return text
            assert time.monotonic() < deadline, text
            time.sleep(0.5)

    def find(self, xpath: str) -> str:
        """The first element."""
        found = self._ask("/element", {"using": "xpath", "value": xpath})
        return str(found[_ELEMENT])

    def type(self, xpath: str, text: str) -> None:
        self._ask(f"/element/{self.find(xpath)}/value", {"text": text})

    def click(self, xpath: str) -> None:
        self._ask(f"/element/{self.find(xpath)}/click", {})

    def close(self) -> None:
        self._ask("", method="DELETE")


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """One with a profile of its own."""
    port = free_port()
    pid = process.daemon(["chromedriver", f"--port={port}"], log=folder / "chromedriver.log")
    try:
        opened = Browser(_session(f"http://127.0.0.1:{port}", folder))
        try:
            yield opened
        finally:
            opened.close()
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _session(driver: str, folder: Path) -> str:
    options = {"args": [*_ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]}
    wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
    deadline = time.monotonic() + 60
    while True:
        try:
            session = Browser(driver)._ask("/session", wanted)
            return f"{driver}/session/{session['sessionId']}"
        except HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        except URLError:
            assert time.monotonic() < deadline, (folder / "chromedriver.log").read_text()
            time.sleep(0.2)
