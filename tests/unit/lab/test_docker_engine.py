"""The choice of a remedy where no Docker engine answers, and of none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.errors import LabError, UsageError
from deploytool.lab.docker_engine import Machine, Remedy, remedy, verdict

SILENT = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
FRESH = Machine(
    complaint=SILENT,
    docker_host="",
    has_client=False,
    has_dockerd=False,
    is_root=True,
    distributions=frozenset({"debian"}),
)


@pytest.mark.parametrize("may_start", [True, False])
def test_an_engine_that_answers_is_used_as_it_is(may_start):
    """Nothing is installed or started beside it, with root and without, on any distribution."""
    machine = replace(FRESH, complaint="", is_root=False, distributions=frozenset())
    assert remedy(machine, may_start=may_start) is Remedy.NONE


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (FRESH, Remedy.INSTALL),
        (replace(FRESH, has_client=True), Remedy.INSTALL),
        (replace(FRESH, has_client=True, has_dockerd=True), Remedy.START),
        (replace(FRESH, distributions=frozenset({"ubuntu", "debian"})), Remedy.INSTALL),
    ],
)
def test_root_on_debian_gets_what_is_missing(machine, expected):
    """Only what is missing is installed."""
    assert remedy(machine, may_start=True) is expected


def test_nothing_is_installed_or_started_unasked():
    """The refusal names the flag."""
    with pytest.raises(UsageError) as refused:
        remedy(FRESH, may_start=False)
    assert "--start-engine" in refused.value.hint


@pytest.mark.parametrize(
    "machine", [replace(FRESH, is_root=False), replace(FRESH, distributions=frozenset({"fedora"}))]
)
def test_elsewhere_the_user_is_told_what_to_do(machine):
    """Where it cannot be done here, the error says why no engine answers and what helps."""
    with pytest.raises(LabError, match="Cannot connect") as refused:
        remedy(machine, may_start=True)
    assert "install Docker" in refused.value.hint


def test_a_user_without_permission_is_not_told_to_install_docker():
    """An engine that refuses this user is there."""
    denied = replace(FRESH, complaint="permission denied while trying to connect", is_root=False)
    with pytest.raises(LabError, match="may not use it") as refused:
        remedy(denied, may_start=True)
    assert "group docker" in refused.value.hint


def test_an_engine_elsewhere_is_not_replaced_by_one_here():
    """Where the user named an engine, starting another one would not make that one answer."""
    with pytest.raises(LabError, match="tcp://there:2375") as refused:
        remedy(replace(FRESH, docker_host="tcp://there:2375"), may_start=True)
    assert "DOCKER_HOST" in refused.value.hint


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            "time=1 level=info\nfailed to start daemon: no iptables\n (exit status 4)\n",
            "no iptables (exit status 4)",
        ),
        ("time=1 level=info\nflag provided but not defined\n", "flag provided but not defined"),
        ("", "it said nothing"),
    ],
)
def test_dockerds_reason_is_one_line(log, expected):
    """The error says why dockerd ended, not only where to read it."""
    assert verdict(log) == expected
