"""A lab as a whole: up, down, status. Each is idempotent, and repairs what an interrupted one left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from deploytool.errors import UsageError
from deploytool.lab import hosts, images, workdir
from deploytool.lab.commands import Say
from deploytool.lab.docker_engine import ensure_engine
from deploytool.lab.envoy import load_envoy_images
from deploytool.lab.hosts import Action, Spec
from deploytool.lab.layout import MAX_HOSTS, LabHost, Layout

T = TypeVar("T")
R = TypeVar("R")

# Starting a host is mostly work of this machine's engine; more at once only wait for each other.
_AT_ONCE = 8
_DONE = {
    Action.CREATE: "made",
    Action.START: "started",
    Action.UNPAUSE: "unpaused",
    Action.CONNECT: "connected again",
    Action.REMOVE: "removed",
}


@dataclass(frozen=True, slots=True)
class HostStatus:
    """The state of one host. ``status`` is its container's, or ``disconnected`` from the lab's network."""

    host: LabHost
    status: str
    ssh_answers: bool


def _silent(line: str) -> None:
    """Discard a line of progress."""


@dataclass(frozen=True, slots=True)
class Lab:
    """Disposable hosts on this machine, each with its own sshd, Docker engine and Compose.

    ``say`` receives lines of progress. Processes that change one lab take turns.
    """

    layout: Layout = field(default_factory=Layout)
    say: Say = _silent

    def up(self, count: int = 3, *, start_engine: bool = False, envoy: bool = False) -> tuple[LabHost, ...]:
        """Bring the lab to ``count`` hosts that answer: hosts are created, repaired and removed as needed.

        With ``start_engine``, as root on Debian or Ubuntu, Docker is installed and started if no engine
        answers. With ``envoy``, the hosts get images of Envoy for ingress, too.

        Raises:
            UsageError: ``count`` is out of range, or no engine answers and none was to be started.
            LabError: an image could not be built, or a host did not come up.
        """
        if not 1 <= count <= MAX_HOSTS:
            raise UsageError(f"a lab has 1 to {MAX_HOSTS} hosts, not {count}")
        with workdir.locked(self.layout, self.say):
            ensure_engine(self.say, may_start=start_engine)
            ready = images.ensure_images(self.say)
            wanted = self.layout.hosts(count)
            self._arrange(wanted, ready.host)
            public_key = workdir.ensure_key(self.layout)
            keys = _each(wanted, lambda host: hosts.admit(self.layout, host, public_key))
            workdir.write_files(self.layout, wanted, keys)
            containers = [self.layout.container(host.name) for host in wanted]
            _each(containers, lambda container: images.load_demo_images(container, ready.demo_recipe))
            if envoy:
                load_envoy_images(containers, ready.host, self.say)
        return wanted

    def down(self, *, with_images: bool = False) -> int:
        """Remove the lab's hosts, network and files, and all images with ``with_images``.

        Returns the number of hosts that were removed.

        Raises:
            UsageError, LabError: no Docker engine answers, or it refused.
        """
        with workdir.locked(self.layout, self.say):
            ensure_engine(self.say, may_start=False)
            there = hosts.containers(self.layout)
            hosts.remove([container.name for container in there])
            hosts.remove_networks(self.layout)
            if with_images:
                images.remove_images()
            workdir.clear(self.layout)
        return len(there)

    def status(self) -> tuple[HostStatus, ...]:
        """The hosts of the lab in order of their numbers.

        Raises:
            UsageError, LabError: no Docker engine answers.
        """
        ensure_engine(self.say, may_start=False)
        there = {container.name: container.condition for container in hosts.containers(self.layout)}
        conditions = {
            host: there[name]
            for host in self.layout.hosts(MAX_HOSTS)
            if (name := self.layout.container(host.name)) in there
        }
        greeted = _each(conditions, hosts.answers_ssh)
        return tuple(
            HostStatus(host, condition, answers)
            for (host, condition), answers in zip(conditions.items(), greeted, strict=True)
        )

    def _arrange(self, wanted: tuple[LabHost, ...], image: str) -> None:
        """Apply ``next_actions`` to all containers at the same time."""
        version = hosts.cgroup_version()
        made = [hosts.specify(self.layout, host, image, version) for host in wanted]
        specs = {spec.container: spec for spec in made}
        actions = hosts.next_actions(made, hosts.containers(self.layout))
        hosts.ensure_network(self.layout)
        _each(actions.items(), lambda item: self._do(item[0], item[1], specs))

    def _do(self, name: str, actions: tuple[Action, ...], specs: dict[str, Spec]) -> None:
        for action in actions:
            hosts.perform(self.layout, action, name, specs)
            self.say(f"{name}: {_DONE[action]}")


def _each(items: Iterable[T], do: Callable[[T], R]) -> list[R]:
    """Apply ``do`` to all items in parallel; results in order. All have ended when an error is raised."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(do, items))
