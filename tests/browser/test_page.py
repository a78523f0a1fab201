"""A watcher's page in a browser: by day and by night, on a phone and a desk, with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from deploytool.model.snapshot import Action, ReplicaState, WatchedReplica
from deploytool.watch.publisher import Publisher
from deploytool.web.routes import page_routes
from deploytool.web.server import HttpServer
from tests.chromium import Browser, Page
from tests.snapshots import NOW_S, fleet, hostile

MARKS = "document.querySelectorAll('.replica').length"
VERDICT = "document.querySelector('h1').textContent"
SIZES = {"phone": (390, 844), "desk": (1280, 800)}


@pytest.fixture
def publisher() -> Publisher:
    publisher = Publisher()
    publisher.publish(fleet())
    return publisher


@pytest.fixture
def url(publisher: Publisher) -> Iterator[str]:
    with HttpServer(("127.0.0.1", 0), page_routes(publisher)) as server:
        yield f"http://127.0.0.1:{server.port}/"
        publisher.close()


@pytest.fixture
def page(browser: Browser) -> Page:
    return browser.page()


def test_it_follows_the_watcher_without_being_loaded_again(
    page: Page, publisher: Publisher, url: str
) -> None:
    """What is new is there at once, what is scrolled stays, and ages grow."""
    publisher.publish(fleet(40, 80))
    page.look_as(*SIZES["desk"])
    page.open(url)
    page.until("document.getElementById('link').textContent === 'live'")
    page.ask("window.first = true; document.querySelector('.grid').scrollLeft = 300; 0")
    before = page.ask(MARKS)
    snapshot = fleet(40, 80)
    more = WatchedReplica(
        "new", "shop-web-99", "shop", "web", "node001.eu.example", ReplicaState.STARTING, NOW_S - 5
    )
    publisher.publish(
        replace(
            snapshot,
            converging=True,
            replicas=(*snapshot.replicas, more),
            actions=(*snapshot.actions, Action(NOW_S, "shop/web: starting 1 more")),
        )
    )
    page.until(f"{VERDICT} === 'Converging'")
    # The one that was missing on the first host is there now.
    assert page.ask(MARKS) == before
    assert page.ask("document.querySelectorAll('[title*=\"shop-web-99\"]').length") == 1
    assert page.ask("document.querySelector('li').innerText").endswith("shop/web: starting 1 more")
    assert page.ask("window.first") is True
    assert page.ask("document.querySelector('.grid').scrollLeft") == 300
    page.until("document.querySelector('[title*=\"shop-web-99\"] small').textContent === '7s'")
    assert page.complaints == []


def test_the_first_view_needs_no_script(page: Page, url: str) -> None:
    """All replicas, with their ages, and what happened."""
    page.look_as(*SIZES["desk"], script=False)
    page.open(url)
    text = page.call("DOM.getDocument", depth=0) and page.screenshot()
    assert text.startswith(b"\x89PNG")
    found = page.call("DOM.performSearch", query=".replica")
    assert found["resultCount"] == 13
    assert not [one for one in page.requests if one.endswith(("page.js", "stream"))]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("hosts", [4, 200])
def test_it_fits_and_can_be_read(
    page: Page, publisher: Publisher, url: str, hosts: int, size: str, dark: bool
) -> None:
    """Nothing but the table is wider than the screen, its first column stays, and contrasts are enough."""
    publisher.publish(fleet(hosts, hosts * 2))
    width, height = SIZES[size]
    page.look_as(width, height, dark=dark)
    page.open(url)
    assert page.ask("document.documentElement.scrollWidth") <= width
    page.ask("document.querySelector('.grid').scrollLeft = 10000; 0")
    assert page.ask("document.querySelector('tbody th').getBoundingClientRect().left") < 60
    assert page.ask("parseFloat(getComputedStyle(document.querySelector('.replica small')).fontSize)") >= 11
    worst = page.ask(CONTRAST)
    assert worst[0] >= 4.5, worst


def test_markup_from_elsewhere_does_nothing(page: Page, publisher: Publisher, url: str) -> None:
    """Neither in the first view nor in what comes later."""
    publisher.publish(hostile(fleet()))
    page.look_as(*SIZES["desk"])
    page.open(url)
    page.until("document.getElementById('link').textContent === 'live'")
    publisher.publish(replace(hostile(fleet()), converging=True))
    page.until(f"{VERDICT} === 'Converging'")
    assert page.ask("document.querySelectorAll('img, main script').length") == 0
    assert page.complaints == []


def test_nothing_is_fetched_from_elsewhere(page: Page, url: str) -> None:
    """The page needs this server and nothing else."""
    page.look_as(*SIZES["desk"])
    page.open(url)
    page.until("document.getElementById('link').textContent === 'live'")
    assert {one for one in page.requests if not one.startswith((url, "data:"))} == set()


def test_it_says_when_the_watcher_is_gone(page: Page, publisher: Publisher, url: str) -> None:
    """What is shown then is not news."""
    page.look_as(*SIZES["desk"])
    page.open(url)
    page.until("document.getElementById('link').textContent === 'live'")
    publisher.close()
    page.until("document.getElementById('link').className === 'lost'")


# The least contrast of any text with the ground behind it, as WCAG counts it, and where that is.
CONTRAST = """
(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map((value) => {
      const c = value / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = [21, ""];
  for (const one of document.querySelectorAll("main *, footer *")) {
    if (![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, one.outerHTML.slice(0, 200)];
  }
  return worst;
})()
"""
