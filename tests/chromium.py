"""A real Chromium without a window, driven over its own protocol through two pipes.

Debian's package is installed where it is missing, by root; elsewhere a sentence says what to do.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploytool.lab import apt

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
DEADLINE_S = 60.0
# The browser reads its third file and writes its fourth, whatever these are called here.
_EXEC = """
import os, sys
ours = [os.dup2(int(file), 50 + n) for n, file in enumerate(sys.argv[1:3])]
for n, file in enumerate(ours):
    os.dup2(file, 3 + n)
os.execv(sys.argv[3], sys.argv[3:])
"""
_NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoChromium(Exception):
    """There is none, and why none could be had."""


def find_chromium() -> str:
    """The path of a Chromium of this machine, installed if need be.

    Raises:
        NoChromium: with the way out.
    """
    with Path(tempfile.gettempdir(), "deploytool-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # processes of one run take turns: apt refuses a second one
        found = next(filter(None, map(shutil.which, _NAMES)), None)
        if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
            apt.install("chromium")
            found = shutil.which("chromium")
    if found is None:
        raise NoChromium(
            "no Chromium: on Debian, apt-get install chromium (as root the tests do it themselves)"
        )
    return found


class Page:
    """One tab. ``requests`` are the addresses that it fetched, ``complaints`` errors and what CSP forbade."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.requests: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, parameters, self._session)

    def look_as(self, width: int, height: int, *, dark: bool = False, script: bool = True) -> None:
        """As a phone or a desk, by night or by day, with or without JavaScript."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def open(self, url: str) -> None:
        """Load a page, and wait until it is there."""
        self._browser.loaded.discard(self._session)
        self.call("Page.navigate", url=url)
        self._browser.listen_until(lambda: self._session in self._browser.loaded)

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        end = time.monotonic() + DEADLINE_S
        while not self.ask(expression):
            assert time.monotonic() < end, (expression, self.ask("document.body.innerText"))
            time.sleep(0.05)

    def screenshot(self) -> bytes:
        """The visible part of the page, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


class Browser:
    """A Chromium that runs. Messages are JSON documents that end with a NUL."""

    def __init__(self, path: str, profile: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = [path, *FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _EXEC, str(theirs_in), str(theirs_out), *command],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._read = b""
        self._count = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._pages: dict[str, Page] = {}
        self.loaded: set[str] = set()

    def page(self) -> Page:
        """A new tab."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self._pages[session] = Page(self, session)
        return page

    def call(self, method: str, parameters: dict[str, Any], session: str = "") -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        self.listen_until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def listen_until(self, condition: Any) -> None:
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, "Chromium does not answer"
            if select.select([self._in], [], [], 0.2)[0]:
                self._hear()

    def close(self) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self.call("Browser.close", {})
        self._process.wait(DEADLINE_S)
        os.close(self._in)
        os.close(self._out)

    def _hear(self) -> None:
        data = os.read(self._in, 1 << 20)
        assert data, "Chromium ended"
        *whole, self._read = (self._read + data).split(b"\0")
        for message in map(json.loads, whole):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._note(message["method"], message["params"], message.get("sessionId", ""))

    def _note(self, method: str, told: dict[str, Any], session: str) -> None:
        page = self._pages.get(session)
        if method == "Page.loadEventFired":
            self.loaded.add(session)
        elif page and method == "Network.requestWillBeSent":
            page.requests.append(told["request"]["url"])
        elif page and method == "Log.entryAdded":
            page.complaints.append(told["entry"]["text"])
        elif page and method == "Runtime.exceptionThrown":
            page.complaints.append(str(told["exceptionDetails"]))


@contextlib.contextmanager
def running(profile: Path) -> Iterator[Browser]:
    """A Chromium for the length of the context."""
    browser = Browser(find_chromium(), profile)
    try:
        yield browser
    finally:
        browser.close()
