"""The Docker engine of this machine: use the one that answers, or make one answer.

``remedy`` decides, without looking at anything; ``ensure_engine`` looks, and does what was decided.
Nothing is installed or started unless the caller asked for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from deploytool.errors import DeploytoolError, StepFailed, UsageError
from deploytool.lab import apt
from deploytool.lab.machine import Say, attempt, last_words, run

_LOG = Path("/var/log/dockerd.log")
_READY_S = 60.0
# A process number left in these by a machine that was switched off may belong to another process by now;
# dockerd would then take that process for itself, or for its containerd, and give up.
_PID_FILES = (
    ("dockerd", Path("/run/docker.pid")),
    ("containerd", Path("/run/docker/containerd/containerd.pid")),
)


class Remedy(Enum):
    """What makes a Docker engine answer on this machine."""

    NONE = "it answers"
    START = "start dockerd"
    INSTALL = "install Docker, then start dockerd"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the decision rests on. ``distributions`` are ``ID`` and ``ID_LIKE`` of os-release."""

    complaint: str
    has_client: bool
    has_dockerd: bool
    is_root: bool
    distributions: frozenset[str]

    @property
    def answers(self) -> bool:
        return not self.complaint

    @property
    def has_apt(self) -> bool:
        return bool(self.distributions & {"debian", "ubuntu"})


def remedy(machine: Machine, *, may_start: bool) -> Remedy:
    """Choose what has to be done so that a Docker engine answers.

    Raises:
        UsageError: it can be done here, but was not asked for.
        StepFailed: it cannot be done here; the hint says what the user can do.
    """
    if machine.answers:
        return Remedy.NONE
    if "permission denied" in machine.complaint.lower():
        hint = "add your user to the group docker and log in again, or run this as root"
        raise StepFailed("Docker is here, but you may not use it", hint=hint)
    if not (machine.is_root and machine.has_apt):
        hint = "install Docker (https://docs.docker.com/get-docker/), start it, and try again"
        raise StepFailed(f"no Docker engine answers on this machine: {machine.complaint}", hint=hint)
    if not may_start:
        hint = "start Docker, or have 'deploytool lab up --start-engine' install and start it"
        raise UsageError(f"no Docker engine answers on this machine: {machine.complaint}", hint=hint)
    return Remedy.START if machine.has_dockerd and machine.has_client else Remedy.INSTALL


def ensure_engine(say: Say, *, may_start: bool) -> None:
    """See to it that a Docker engine answers; with ``may_start``, install and start one if need be.

    Raises:
        UsageError, StepFailed: as ``remedy``; or installing or starting failed.
    """
    decided = remedy(look(), may_start=may_start)
    if decided is Remedy.INSTALL:
        say("installing Docker with apt-get")
        _install()
    if decided is not Remedy.NONE:
        say("starting the Docker engine")
        _start()


def engine_answers() -> bool:
    """Whether a Docker engine answers now."""
    return look().answers


def look() -> Machine:
    """The facts about this machine."""
    return Machine(
        complaint=_complaint(),
        has_client=shutil.which("docker") is not None,
        has_dockerd=shutil.which("dockerd") is not None,
        is_root=os.geteuid() == 0,
        distributions=apt.distributions(apt.os_release()),
    )


def _install() -> None:
    apt.install("docker.io", "iptables")
    # Newer releases have the client in a package of its own, which docker.io only recommends.
    if shutil.which("docker") is None:
        apt.install("docker-cli")


def _start() -> None:
    if Path("/run/systemd/system").is_dir():
        run(("systemctl", "start", "docker"), timeout_s=_READY_S)
    elif not engine_answers():
        for name, pid_file in _PID_FILES:
            _drop_stale(name, pid_file)
        _spawn_dockerd()
    _wait_until_ready()


def _drop_stale(process_name: str, pid_file: Path) -> None:
    try:
        pid = pid_file.read_text().strip()
        current = Path("/proc", pid, "comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return
    if current != process_name:
        pid_file.unlink()


def _spawn_dockerd() -> None:
    """Start dockerd so that it outlives this process, its terminal, and its process group."""
    with _LOG.open("ab") as log:
        subprocess.Popen(
            ("dockerd",), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )


def _wait_until_ready() -> None:
    deadline = time.monotonic() + _READY_S
    while complaint := _complaint():
        if time.monotonic() > deadline:
            message = f"the Docker engine did not answer within {_READY_S:g} s: {complaint}"
            raise StepFailed(message, hint=f"see {_LOG}")
        time.sleep(0.1)


def _complaint() -> str:
    """Why no engine answers; empty where one does."""
    try:
        result = attempt(("docker", "version", "--format", "{{.Server.Version}}"), timeout_s=20.0)
    except DeploytoolError as error:
        return error.message
    return last_words(result) if result.exit_code else ""
