"""A real Chromium for every test below, and a server to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploytool.errors import DeploytoolError
from tests.chromium import Browser, NoChromium, running

_HERE = Path(__file__).parent
_MISSING = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder needs a browser; one of them at a time is enough for a small machine."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Without a Chromium: skipped, loudly; in CI: failed."""
    try:
        with running(tmp_path_factory.mktemp("profile")) as found:
            yield found
    except (NoChromium, DeploytoolError) as error:
        request.config.stash[_MISSING] = str(error)
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A run without its browser must not look like a pass."""
    reason = config.stash.get(_MISSING, "")
    if reason:
        terminalreporter.section("THE BROWSER TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(reason, red=True)
