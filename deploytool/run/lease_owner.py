"""The owner of a lease: the identity of this run, and the check if another run is dead.

Source: proc(5), for the start time of a process.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from deploytool.model.release import Lease

TTL_S = 60

# Environment variables of CI systems with the address of the job, in the order in which they are tried.
_JOB_URLS = ("CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL")


def this_run(reason: str, environ: Mapping[str, str], *, yields: bool = False) -> Lease:
    """A lease of this process, with an owner that is unique to this call.

    ``yields``: runs of people and CI may take it over.
    """
    return Lease(
        owner=os.urandom(16).hex(),
        who=f"{_user()}@{socket.gethostname()}",
        reason=reason,
        url=_job_url(environ),
        yields=yields,
        process=_identity(os.getpid()),
    )


def is_dead(lease: Lease) -> bool:
    """True if the run that has the lease ran on this machine and has ended; false where that is unknown."""
    machine, _, rest = lease.process.partition("/")
    pid, _, _ = rest.partition("/")
    if lease.manual or not machine or machine != _machine() or not pid.isdigit():
        return False
    return _identity(int(pid)) != lease.process


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return str(os.getuid())


def _job_url(environ: Mapping[str, str]) -> str:
    if environ.get("GITHUB_RUN_ID"):
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        return f"{server}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return next((environ[name] for name in _JOB_URLS if environ.get(name)), "")


def _machine() -> str:
    """An identifier of this boot of this machine and this PID namespace; empty where /proc has none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _identity(pid: int) -> str:
    """An identifier that no later process can have: machine, PID, and start time in clock ticks."""
    try:
        # Fields after the command's name, which may contain spaces and brackets; the 20th is the start time.
        started = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{_machine()}/{pid}/{started}" if _machine() else ""
