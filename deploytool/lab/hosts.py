"""The hosts of a lab: containers on this machine's Docker engine.

``specify`` and ``next_actions`` decide, and are pure; the other functions talk to the engine.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from deploytool.errors import LabError
from deploytool.lab.commands import attempt, docker, last_words
from deploytool.lab.image_build import digest
from deploytool.lab.layout import LabHost, Layout

_SPEC = "deploytool.lab.spec"
_ADMIT_S = 90.0
_RELEASE_S = 5.0
_SSH_S = 30.0

# All that dockerd and its containers need, short of --privileged: that asks for every capability, and a
# machine that is itself a container may lack one.
_CAPABILITIES = (
    *(
        "CHOWN",
        "SYS_ADMIN",
        "NET_ADMIN",
        "NET_RAW",
        "SYS_PTRACE",
        "MKNOD",
        "SYS_CHROOT",
        "SYSLOG",
        "SYS_NICE",
    ),
    *("DAC_READ_SEARCH", "LINUX_IMMUTABLE", "IPC_LOCK", "SYS_TIME", "SYS_MODULE", "SETFCAP", "AUDIT_CONTROL"),
)
_CGROUP_V1 = (
    *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined", "--device-cgroup-rule", "a *:* rwm"),
    *(word for name in _CAPABILITIES for word in ("--cap-add", name)),
)
_CGROUP_V2 = ("--cgroupns", "private", "--privileged")


class Action(Enum):
    """A change of one container."""

    CREATE = "create"
    START = "start"
    UNPAUSE = "unpause"
    CONNECT = "connect"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Container:
    """A container of the lab as Docker reports it: ``status`` is ``running``, ``paused``, ``exited``…"""

    name: str
    status: str
    spec: str
    connected: bool

    @property
    def condition(self) -> str:
        """Its status, or ``disconnected`` where it runs and is not on the lab's network."""
        return "disconnected" if self.status == "running" and not self.connected else self.status


@dataclass(frozen=True, slots=True)
class Spec:
    """The arguments of ``docker`` that create a host's container, and a hash of them."""

    container: str
    argv: tuple[str, ...]
    spec: str


def specify(layout: Layout, host: LabHost, image: str, cgroup_version: str) -> Spec:
    """The container of a host, from ``image``, on an engine with this version of cgroups."""
    name = layout.container(host.name)
    options = (
        *("--name", name, "--hostname", host.name, "--network", layout.network, "--label", layout.label),
        *("--publish", f"127.0.0.1:{host.ssh_port}:22"),
        *("--publish", f"127.0.0.1:{host.http_port}:80", "--publish", f"127.0.0.1:{host.alt_http_port}:8080"),
        *("--tmpfs", "/run", "--stop-timeout", "2"),
        *(_CGROUP_V1 if cgroup_version == "1" else _CGROUP_V2),
    )
    spec = digest(image, *options)
    return Spec(name, ("create", *options, "--label", f"{_SPEC}={spec}", image), spec)


def next_actions(wanted: Sequence[Spec], there: Iterable[Container]) -> dict[str, tuple[Action, ...]]:
    """Container → its actions in order; a container that needs none is left out.

    A container with another spec is created anew, and a surplus one is removed.
    """
    found = {container.name: container for container in there}
    specs = {spec.container: spec.spec for spec in wanted}
    actions = {
        name: _actions(specs.get(name), found.get(name)) for name in sorted(found.keys() | specs.keys())
    }
    return {name: needed for name, needed in actions.items() if needed}


def _actions(wanted: str | None, container: Container | None) -> tuple[Action, ...]:
    if container is None:
        return (Action.CREATE,)
    if wanted is None:
        return (Action.REMOVE,)
    # A container that was never started may lack what its start would have given it.
    if container.spec != wanted or container.status in ("created", "dead", "removing"):
        return (Action.REMOVE, Action.CREATE)
    connect = () if container.connected else (Action.CONNECT,)
    if container.status == "paused":
        return (Action.UNPAUSE, *connect)
    return connect if container.status == "running" else (*connect, Action.START)


def perform(layout: Layout, action: Action, name: str, specs: Mapping[str, Spec]) -> None:
    """Apply one action to the container ``name``.

    Raises:
        LabError: Docker refused; a new container that could not be started is not left behind.
    """
    if action is Action.CREATE:
        docker(*specs[name].argv)
        try:
            docker("start", name)
        except LabError:
            remove([name])
            raise
    elif action is Action.REMOVE:
        remove([name])
    elif action is Action.CONNECT:
        docker("network", "connect", layout.network, name)
    else:
        docker(action.value, name)


def remove(names: Sequence[str]) -> None:
    """Remove containers and their volumes, running or not."""
    if names:
        docker("rm", "--force", "--volumes", *names, timeout_s=120.0)


def containers(layout: Layout) -> tuple[Container, ...]:
    """The containers of the lab, sorted by name."""
    ids = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={layout.label}").split()
    if not ids:
        return ()
    described = json.loads(docker("inspect", "--type", "container", *ids))
    return tuple(sorted((_container(layout, one) for one in described), key=lambda container: container.name))


def cgroup_version() -> str:
    """The engine's version of cgroups: ``1`` or ``2``."""
    return docker("info", "--format", "{{.CgroupVersion}}")


def ensure_network(layout: Layout) -> None:
    """Create the lab's network if it is missing; hosts reach each other by name on it."""
    if not _networks(layout):
        docker("network", "create", "--label", layout.label, layout.network)


def remove_networks(layout: Layout) -> None:
    """Remove the lab's network if there is one. No host may be left on it.

    Raises:
        LabError: somebody else's containers are on it.
    """
    deadline = time.monotonic() + _RELEASE_S
    for network in _networks(layout):
        while (done := attempt(("docker", "network", "rm", network))).exit_code:
            if time.monotonic() > deadline:
                raise LabError(f"the network {layout.network} cannot be removed: {last_words(done)}")
            time.sleep(0.2)  # the engine may let go of a host's end a moment after the host


def admit(layout: Layout, host: LabHost, public_key: str) -> str:
    """Authorize a public key on the host, and wait until it answers. Returns the host's own public key.

    Raises:
        LabError: its sshd or its Docker engine does not answer in time.
    """
    admit = ("exec", "--interactive", layout.container(host.name), "lab-admit")
    host_key = docker(*admit, stdin=public_key.encode(), timeout_s=_ADMIT_S)
    deadline = time.monotonic() + _SSH_S
    while not answers_ssh(host):
        if time.monotonic() > deadline:
            raise LabError(
                f"no SSH server answers on 127.0.0.1:{host.ssh_port} within {_SSH_S:g} s", host=host.name
            )
        time.sleep(0.05)
    kind, key, *_ = host_key.split()
    return f"{kind} {key}"


def answers_ssh(host: LabHost, timeout_s: float = 1.0) -> bool:
    """True if an SSH server greets on the host's published port."""
    try:
        with socket.create_connection(("127.0.0.1", host.ssh_port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _networks(layout: Layout) -> list[str]:
    return docker("network", "ls", "--quiet", "--filter", f"label={layout.label}").split()


def _container(layout: Layout, described: dict[str, Any]) -> Container:
    return Container(
        name=described["Name"].lstrip("/"),
        status=described["State"]["Status"],
        spec=described["Config"]["Labels"].get(_SPEC, ""),
        connected=layout.network in described["NetworkSettings"]["Networks"],
    )
