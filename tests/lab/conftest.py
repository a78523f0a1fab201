"""Real hosts for every test below: brought up once, healed and cleaned after each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from deploytool.errors import DeploytoolError
from tests.lab.labhosts import LabHosts
from tests.lab.own_lab import worker_lab, working_copy_lab
from tests.lab.user import User

_HERE = Path(__file__).parent
_NO_LAB = pytest.StashKey[str]()

# Files whose tests take more than a minute. They begin first, so that no worker still has one when the others
# end; and with test_docs among the first, test_lab_hosts does not wait for the lab that both of them need.
_LONG = ("test_converge", "test_watch", "test_docs", "test_backend", "test_ingress", "test_proof")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder is a lab test, before -m selects; the long ones come first."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)
    items.sort(key=lambda item: _LONG.index(item.path.stem) if item.path.stem in _LONG else len(_LONG))


@pytest.fixture(scope="session")
def own_hosts(request: pytest.FixtureRequest) -> Iterator[LabHosts]:
    """The lab of this process. Without a Docker engine: skipped, loudly; in CI: failed."""
    with ExitStack() as stack:
        yield _entered(stack, worker_lab() if _is_worker(request) else working_copy_lab(), request)


@pytest.fixture(scope="session")
def lab_hosts(own_hosts: LabHosts) -> LabHosts:
    """The hosts of a module's tests; they need not be clean."""
    return own_hosts


@pytest.fixture(scope="module")
def working_copy_hosts(request: pytest.FixtureRequest) -> Iterator[LabHosts]:
    """The lab of ``deploytool lab``, for tests of what names its ports and containers."""
    with ExitStack() as stack:
        if _is_worker(request):
            yield _entered(stack, working_copy_lab(), request)
        else:
            yield request.getfixturevalue("own_hosts")


def _is_worker(request: pytest.FixtureRequest) -> bool:
    return hasattr(request.config, "workerinput")


def _entered(
    stack: ExitStack, lab: AbstractContextManager[LabHosts], request: pytest.FixtureRequest
) -> LabHosts:
    try:
        return stack.enter_context(lab)
    except DeploytoolError as error:
        reason = f"no lab: {error.message} ({error.hint})"
        request.config.stash[_NO_LAB] = reason
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells the process that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["no_lab"] = session.config.stash.get(_NO_LAB, "")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The reporting process hears it from a worker that has ended."""
    if reason := getattr(node, "workeroutput", {}).get("no_lab", ""):
        node.config.stash[_NO_LAB] = reason


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A run without its lab must not look like a pass."""
    reason = config.stash.get(_NO_LAB, "")
    if reason:
        terminalreporter.section("THE LAB TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(reason, red=True)
