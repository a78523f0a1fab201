"""The page of a watcher of real hosts, in a real browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.browser.conftest import browser
from tests.chromium import Browser
from tests.lab.labhosts import ROOT, LabHosts
from tests.lab.user import User, ok

__all__ = ["browser"]  # a fixture

SCREENSHOT = ROOT / "docs" / "watch-page.png"
HEALTHY = "document.querySelectorAll('td .replica.good').length"
TEXT = "document.body.innerText"


@contextmanager
def watching(lab: LabHosts) -> Iterator[str]:
    """The address of the page of a watcher of the demo."""
    command = [sys.executable, "-m", "deploytool", "watch", str(lab.inventory), "playbooks/site.yaml"]
    watcher = subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", "--keepalive", "1s"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        found = re.search(r"listening on port (\d+)", watcher.stderr.readline())
        yield f"http://127.0.0.1:{found[1]}/"
    finally:
        watcher.send_signal(signal.SIGTERM)
        watcher.communicate(timeout=30)
    assert watcher.returncode == 0


def test_the_page_shows_a_repair_and_a_host_that_falls_silent(lab: LabHosts, browser: Browser) -> None:
    """As they happen, without being loaded again. UPDATE_SCREENSHOT=1 keeps what is seen."""
    ok(User(lab, ROOT).run("converge", lab.inventory, "playbooks/site.yaml", "--yes"))
    with watching(lab) as url:
        page = browser.page()
        page.look_as(1280, 640)
        page.open(url)
        page.until(f"{HEALTHY} === 7 && document.querySelector('h1').textContent === 'As expected'")
        first = page.ask("[...document.querySelectorAll('.replica')].map((one) => one.title).join()")
        assert first.count("demo-web-") == 6
        (victim, *_) = (c for c in lab.containers("lab2", "demo") if c.service == "web")
        lab.exec("lab2", "docker", "rm", "--force", victim.id)
        page.until(f"{TEXT}.includes('lab2: demo/web: ready 1')")
        page.until(f"{HEALTHY} === 7")
        lab.pause("lab3")
        page.until(f"{TEXT}.includes('lab3 has not answered')")
        page.until("document.querySelectorAll('td .replica.done').length === 2")
        if os.environ.get("UPDATE_SCREENSHOT"):
            SCREENSHOT.write_bytes(page.screenshot())
        assert page.complaints == []
        assert {one for one in page.requests if not one.startswith((url, "data:"))} == set()
