"""The Docker engine of this machine: one that answers is used as it is, else one is installed or started.

``remedy`` decides, and is pure; ``ensure_engine`` reads the machine and applies the remedy. Nothing is
installed or started unless the caller asks for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from deploytool.errors import DeploytoolError, LabError, UsageError
from deploytool.lab import apt
from deploytool.lab.commands import Say, attempt, last_words, run

_LOG = Path("/var/log/dockerd.log")
_READY_S = 60.0
# A process number left in these by a machine that was switched off may belong to another process by now;
# dockerd would then take that process for itself, or for its containerd, and give up.
_PID_FILES = (
    ("dockerd", Path("/run/docker.pid")),
    ("containerd", Path("/run/docker/containerd/containerd.pid")),
)


class Remedy(Enum):
    """The action that makes a Docker engine answer on this machine."""

    NONE = "it answers"
    START = "start dockerd"
    INSTALL = "install Docker, then start dockerd"


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts about this machine on which ``remedy`` decides.

    ``complaint`` is the message of the docker client where no engine answers, else empty. ``docker_host`` is
    the address of the engine in the user's environment. ``distributions`` are ``ID`` and ``ID_LIKE`` of
    os-release.
    """

    complaint: str
    docker_host: str
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
    """Choose the action after which a Docker engine answers.

    Raises:
        UsageError: the action is possible here, but was not asked for.
        LabError: no action is possible here; the hint is for the user.
    """
    if machine.answers:
        return Remedy.NONE
    if machine.docker_host:
        message = (
            f"the Docker engine at DOCKER_HOST={machine.docker_host} does not answer: {machine.complaint}"
        )
        raise LabError(message, hint="unset DOCKER_HOST to use the engine of this machine")
    if "permission denied" in machine.complaint.lower():
        hint = "add your user to the group docker and log in again, or run this as root"
        raise LabError("Docker is here, but you may not use it", hint=hint)
    if not (machine.is_root and machine.has_apt):
        hint = "install Docker (https://docs.docker.com/get-docker/), start it, and try again"
        raise LabError(f"no Docker engine answers on this machine: {machine.complaint}", hint=hint)
    if not may_start:
        hint = "start Docker, or have 'deploytool lab up --start-engine' install and start it"
        raise UsageError(f"no Docker engine answers on this machine: {machine.complaint}", hint=hint)
    return Remedy.START if machine.has_dockerd and machine.has_client else Remedy.INSTALL


def ensure_engine(say: Say, *, may_start: bool) -> None:
    """Make a Docker engine answer; one is installed and started with ``may_start`` only.

    Raises:
        UsageError, LabError: as ``remedy``; or installing or starting failed.
    """
    decided = remedy(look(), may_start=may_start)
    if decided is Remedy.INSTALL:
        say("installing Docker with apt-get")
        _install()
    if decided is not Remedy.NONE:
        say("starting the Docker engine")
        _start()


def look() -> Machine:
    """The facts about this machine."""
    return Machine(
        complaint=_complaint(),
        docker_host=os.environ.get("DOCKER_HOST", ""),
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


def verdict(log: str) -> str:
    """dockerd's reason for its end, from its log, as one line: its last message may have several."""
    lines = log.strip().splitlines() or ["it said nothing"]
    found = log.rpartition("failed to start daemon: ")
    return " ".join((found[2] if found[1] else lines[-1]).split())


def _start() -> None:
    process = None
    if Path("/run/systemd/system").is_dir():
        run(("systemctl", "start", "docker"), timeout_s=_READY_S)
    elif not look().answers:
        for name, pid_file in _PID_FILES:
            _drop_stale(name, pid_file)
        process = _spawn_dockerd()
    _wait_until_ready(process)


def _drop_stale(process_name: str, pid_file: Path) -> None:
    try:
        pid = pid_file.read_text().strip()
        current = Path("/proc", pid, "comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return
    if current != process_name:
        pid_file.unlink()


def _spawn_dockerd() -> subprocess.Popen[bytes]:
    """Start dockerd in a session of its own: it outlives this process and its terminal."""
    with _LOG.open("wb") as log:
        return subprocess.Popen(
            ("dockerd",), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )


def _wait_until_ready(process: subprocess.Popen[bytes] | None) -> None:
    """Poll until the engine answers, its process ends, or the deadline passes."""
    deadline = time.monotonic() + _READY_S
    while complaint := _complaint():
        if process is not None and process.poll() is not None:
            reason = verdict(_LOG.read_text(encoding="utf-8", errors="replace"))
            raise LabError(f"the Docker engine could not be started: {reason}", hint=f"see {_LOG}")
        if time.monotonic() > deadline:
            message = f"the Docker engine did not answer within {_READY_S:g} s: {complaint}"
            raise LabError(message, hint=f"see {_LOG}")
        time.sleep(0.1)


def _complaint() -> str:
    """The docker client's message where no engine answers; empty where one does."""
    try:
        result = attempt(("docker", "version", "--format", "{{.Server.Version}}"), timeout_s=20.0)
    except DeploytoolError as error:
        return error.message
    return last_words(result) if result.exit_code else ""
