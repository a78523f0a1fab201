"""Real hosts for every test below: brought up once, healed and cleaned after each test."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploytool.errors import DeploytoolError
from deploytool.lab.lab import Lab
from deploytool.lab.layout import Layout
from tests.lab.labhosts import ROOT, LabHosts
from tests.lab.user import User

_HERE = Path(__file__).parent
_COUNT = 3
_NO_LAB = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder is a lab test; before -m selects."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def _alone() -> Iterator[None]:
    """Test runs of this machine take turns: each breaks and cleans the hosts."""
    with Path(tempfile.gettempdir(), "deploytool-lab-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def lab_hosts(request: pytest.FixtureRequest, _alone: None) -> LabHosts:
    """The lab of this working copy. Without a Docker engine: skipped, loudly; in CI: failed."""
    lab = Lab(Layout(ROOT / ".lab"))
    try:
        made = LabHosts(lab, lab.up(_COUNT, start_engine=os.geteuid() == 0))
    except DeploytoolError as error:
        reason = f"no lab: {error.message} ({error.hint})"
        request.config.stash[_NO_LAB] = reason
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    made.heal()
    return made


@pytest.fixture
def lab(lab_hosts: LabHosts) -> Iterator[LabHosts]:
    """Three hosts that answer, hold nothing, and may be broken."""
    yield lab_hosts
    lab_hosts.heal()


@pytest.fixture
def user(lab: LabHosts, tmp_path: Path, request: pytest.FixtureRequest) -> User:
    """Somebody with the ``PLAYBOOK`` of the module, where it has one. Nothing runs yet."""
    someone = User(lab, tmp_path)
    if playbook := getattr(request.module, "PLAYBOOK", ""):
        someone.write(playbook)
    return someone


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A run without its lab must not look like a pass."""
    reason = config.stash.get(_NO_LAB, "")
    if reason:
        terminalreporter.section("THE LAB TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(reason, red=True)
