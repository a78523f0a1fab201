"""The observed state: the answer of each host, and queries over all answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from deploytool.model.container import Container
from deploytool.model.ingress import Belief, Served
from deploytool.model.release import Lease, Release


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a host and its Docker engine. ``now_s``: its clock, seconds since the epoch."""

    node_id: str = ""
    os: str = "linux"
    arch: str = "amd64"
    cpus: float = 0.0
    memory_bytes: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    docker: str = ""
    kernel: str = ""
    compose: str = ""
    now_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """A project's folder on a host. ``manifest_digest``: empty where nothing is to run.

    ``release``: the current one. ``latest``: the highest number of a release or attempt on record here.
    ``possible_holders``: hosts beside the members of the release that may hold a part of the project.
    """

    name: str
    manifest_digest: str = ""
    release: Release | None = None
    lease: Lease | None = None
    latest: int = 0
    possible_holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedHost:
    """A host that answered.

    ``served``: project → the configuration of the host's proxy. ``beliefs``: the endpoints as the proxy
    reports them; they change with every request, and are ignored when hosts are compared.
    """

    facts: Facts = Facts()
    containers: tuple[Container, ...] = ()
    projects: Mapping[str, ProjectFolder] = field(default_factory=dict)
    served: Mapping[str, Served] = field(default_factory=dict)
    beliefs: tuple[Belief, ...] = field(default=(), compare=False)

    def holds(self, project_name: str) -> bool:
        """True if a part of a project is here: a replica, a definition, or a configuration of the proxy."""
        folder = self.projects.get(project_name)
        if (folder and folder.manifest_digest) or project_name in self.served:
            return True
        return any(container.replica and container.project == project_name for container in self.containers)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A host that did not answer: its state is unknown, and its replicas may run on.

    ``setup``: true where a person has to set up the host first (host key, Docker, permission).
    """

    reason: str
    hint: str = ""
    setup: bool = False


Answer: TypeAlias = ObservedHost | Unreachable


@dataclass(frozen=True, slots=True, eq=False)
class Observed(Mapping[str, Answer]):
    """The answers of the observed hosts, by name; equal to any mapping with the same answers.

    A host that is not in it was not observed. Queries use the hosts that answered, sorted by name.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    _answered: Mapping[str, ObservedHost] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Sort the hosts that answered, once: almost every query uses them."""
        object.__setattr__(self, "answers", dict(self.answers))
        answered = {name: one for name, one in sorted(self.answers.items()) if isinstance(one, ObservedHost)}
        object.__setattr__(self, "_answered", answered)

    def __getitem__(self, host_name: str) -> Answer:
        return self.answers[host_name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.answers)

    def __len__(self) -> int:
        return len(self.answers)

    def with_hosts(self, answers: Mapping[str, Answer]) -> Observed:
        """The observed state with these answers added; they replace those of the same hosts."""
        return Observed({**self.answers, **answers})

    def only(self, host_names: Collection[str]) -> Observed:
        """The observed state of these hosts only."""
        return Observed({name: one for name, one in self.answers.items() if name in host_names})

    def answered(self) -> Mapping[str, ObservedHost]:
        """The hosts that answered, sorted by name."""
        return self._answered

    def unreachable(self) -> Mapping[str, Unreachable]:
        """The hosts that did not answer, sorted by name."""
        return {name: one for name, one in sorted(self.answers.items()) if isinstance(one, Unreachable)}

    def containers(self) -> Iterator[tuple[str, Container]]:
        """(host name, container) of all containers, deploytool's and others."""
        return ((name, container) for name, host in self._answered.items() for container in host.containers)

    def replicas(self, project_name: str, service_name: str = "") -> Iterator[tuple[str, Container]]:
        """(host name, container) of the replicas of a project or of one service, in any state."""
        for host_name, container in self.containers():
            mine = container.replica and container.project == project_name
            if mine and service_name in ("", container.service):
                yield host_name, container

    def folders(self, project_name: str) -> Iterator[tuple[str, ProjectFolder]]:
        """(host name, folder) of a project, on the hosts that have one."""
        for host_name, host in self._answered.items():
            folder = host.projects.get(project_name)
            if folder:
                yield host_name, folder

    def newest_release(self, project_name: str) -> Release | None:
        """The current release with the highest number on any host; of equals, the first host's."""
        releases = (folder.release for _, folder in self.folders(project_name) if folder.release)
        return max(releases, key=lambda release: release.number, default=None)

    def latest_number(self, project_name: str) -> int:
        """The highest number of a release or an attempt on any host; 0 where there is none."""
        folders = (folder for _, folder in self.folders(project_name))
        numbers = (max(folder.latest, folder.release.number if folder.release else 0) for folder in folders)
        return max(numbers, default=0)

    def leases(self, project_name: str, except_of: str = "") -> dict[str, Lease]:
        """Host → its lease, if unexpired by the host's clock and not of the owner ``except_of``."""
        found = {}
        for host_name, folder in self.folders(project_name):
            lease, now_s = folder.lease, self._answered[host_name].facts.now_s
            if lease and lease.owner != except_of and lease.in_force(now_s):
                found[host_name] = lease
        return found

    def possible_holders(self, project_name: str) -> set[str]:
        """The names of hosts that may hold a part of a project, observed or not.

        These are the members of the newest release, the other hosts that a folder names, and the hosts on
        which a part was observed.
        """
        release = self.newest_release(project_name)
        found = set(release.members if release else ())
        for _, folder in self.folders(project_name):
            found.update(folder.possible_holders)
        found.update(name for name, host in self._answered.items() if host.holds(project_name))
        return found
