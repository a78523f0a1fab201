"""The lab as tests see it: real hosts to look at, to break, and to set right again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from deploytool.errors import LabError
from deploytool.lab import hosts
from deploytool.lab.commands import attempt, docker, run
from deploytool.lab.lab import Lab
from deploytool.lab.layout import LabHost
from deploytool.model import labels
from deploytool.transport.base import Result

ROOT = Path(__file__).parents[2]

# All that a test may have left: containers, networks, volumes, files. The first command needs an engine that
# answers; the next two are left out where there is nothing to remove: each would take longer than to look.
_CLEAN = """
docker ps --all --quiet | xargs -r docker rm --force --volumes
! ls -d /sys/class/net/br-* >/dev/null 2>&1 || docker network prune --force
! ls -d /var/lib/docker/volumes/*/ >/dev/null 2>&1 || docker volume prune --all --force
rm -rf /var/lib/deploytool /home/*/deploytool
"""

_INSPECT = """
ids=$(docker ps --all --quiet) || exit
[ -z "$ids" ] || exec docker inspect --type container $ids
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A container on a host of the lab, as its engine shows it."""

    id: str
    name: str
    project: str
    service: str
    image: str
    status: str
    labels: Mapping[str, str] = field(repr=False)

    @property
    def running(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True, slots=True)
class LabHosts:
    """Three hosts, up and clean at the begin of each test. Methods take the hosts' names in ``inventory``.

    ``number`` is 0 for the lab of the working copy, and differs between labs that are up at the same time.
    """

    lab: Lab
    all: tuple[LabHost, ...]
    inventory: Path
    number: int = 0

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(host.name for host in self.all)

    @property
    def key_file(self) -> Path:
        return self.lab.layout.key_file

    @property
    def known_hosts_file(self) -> Path:
        return self.lab.layout.known_hosts_file

    def host(self, name: str) -> LabHost:
        """The host's ports on loopback, among others."""
        return next(host for host in self.all if host.name == name)

    def container(self, name: str) -> str:
        """The host's container on this machine's engine."""
        return self.lab.layout.container(name)

    def port(self, first: int) -> int:
        """A port of this machine that no test of another lab takes for the same end."""
        return first + self.number

    def exec(self, host: str, *argv: str, stdin: bytes = b"", timeout_s: float = 60.0) -> str:
        """The output of ``argv`` on the host, as root and without SSH; it must succeed."""
        return run(self._exec(host, argv), stdin=stdin, timeout_s=timeout_s)

    def try_exec(self, host: str, *argv: str, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        """As ``exec``, where failing is a result."""
        return attempt(self._exec(host, argv), stdin=stdin, timeout_s=timeout_s)

    def containers(self, host: str, project: str | None = None) -> tuple[Seen, ...]:
        """The host's containers in any status, by name; those of one Compose project only, if it is given."""
        while (inspected := self.try_exec(host, "sh", "-c", _INSPECT)).exit_code:
            assert b"No such container" in inspected.stderr, inspected  # removed meanwhile: look again
        described = json.loads(inspected.stdout or "[]")
        seen = sorted(map(_seen, described), key=lambda container: container.name)
        return tuple(one for one in seen if project in (None, one.project))

    def pause(self, host: str) -> None:
        """Freeze the host: connections open and nothing answers."""
        docker("pause", self.container(host))

    def unpause(self, host: str) -> None:
        docker("unpause", self.container(host))

    def kill(self, host: str) -> None:
        """Switch the host off."""
        docker("kill", self.container(host))

    def start(self, host: str) -> None:
        """Switch the host on, and wait until it answers."""
        docker("start", self.container(host))
        hosts.admit(self.lab.layout, self.host(host), self.lab.layout.public_key_file.read_text("utf-8"))

    def disconnect(self, host: str) -> None:
        """Cut the host off the network."""
        docker("network", "disconnect", self.lab.layout.network, self.container(host))

    def heal(self) -> None:
        """Make all hosts answer and hold nothing, whatever a test did to them."""
        if not self._all_well() or not self._clean():
            self.lab.up(len(self.all))
            assert self._clean(), "a host of the lab could not be cleaned"

    def _all_well(self) -> bool:
        there = {container.name: container.condition for container in hosts.containers(self.lab.layout)}
        expected = dict.fromkeys(map(self.container, self.hosts), "running")
        return there == expected and all(map(hosts.answers_ssh, self.all))

    def _clean(self) -> bool:
        with ThreadPoolExecutor(len(self.all)) as pool:
            return all(pool.map(_clean, map(self.container, self.hosts)))

    def _exec(self, host: str, argv: Sequence[str]) -> tuple[str, ...]:
        return ("docker", "exec", "--interactive", self.container(host), *argv)


def _clean(container: str) -> bool:
    try:
        docker("exec", container, "timeout", "20", "sh", "-ec", _CLEAN, timeout_s=30.0)
    except LabError:
        return False
    return True


def _seen(described: dict) -> Seen:
    own = described["Config"]["Labels"] or {}
    return Seen(
        id=described["Id"],
        name=described["Name"].lstrip("/"),
        project=own.get(labels.PROJECT, ""),
        service=own.get(labels.SERVICE, ""),
        image=described["Config"]["Image"],
        status=described["State"]["Status"],
        labels=own,
    )
