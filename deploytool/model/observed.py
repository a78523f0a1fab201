"""What the hosts said: the answer of each, and questions to all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from deploytool.model.container import Container
from deploytool.model.ingress import Belief, Served
from deploytool.model.release import Lease, Release


@dataclass(frozen=True, slots=True)
class Facts:
    """The host itself. ``now_s`` is its clock, seconds since the epoch."""

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
    """A project's folder on a host. ``manifest_digest`` is empty where nothing is to run.

    ``release`` is the current one; ``latest`` the highest number of a release or attempt on record here.
    ``others`` are hosts, beside the members of the release, that may hold something of the project.
    """

    name: str
    manifest_digest: str = ""
    release: Release | None = None
    lease: Lease | None = None
    latest: int = 0
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedHost:
    """A host that answered.

    ``served`` is what its proxy was told, by project, and ``beliefs`` what it thinks. These change with every
    request, so two looks that differ in nothing else are equal.
    """

    facts: Facts = Facts()
    containers: tuple[Container, ...] = ()
    projects: Mapping[str, ProjectFolder] = field(default_factory=dict)
    served: Mapping[str, Served] = field(default_factory=dict)
    beliefs: tuple[Belief, ...] = field(default=(), compare=False)

    def holds(self, project_name: str) -> bool:
        """Something of a project is here: a replica, a definition, or what the proxy was told."""
        folder = self.projects.get(project_name)
        if (folder and folder.manifest_digest) or project_name in self.served:
            return True
        return any(container.replica and container.project == project_name for container in self.containers)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A host that did not answer. Unknown is not absent.

    ``setup`` is true where somebody has to set the host right first (host key, Docker, permission).
    """

    reason: str
    hint: str = ""
    setup: bool = False


Answer: TypeAlias = ObservedHost | Unreachable


@dataclass(frozen=True, slots=True, eq=False)
class Observed(Mapping[str, Answer]):
    """The answer of every host that was asked, by name; equal to any mapping with the same answers.

    A host that is not in it was not asked. What is said of a project here is what the hosts that answered
    know; where several hosts are named, they are sorted by name.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    _answered: Mapping[str, ObservedHost] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Sort those that answered once: every decision asks for them."""
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
        """With these answers in place of earlier ones of the same hosts."""
        return Observed({**self.answers, **answers})

    def only(self, host_names: Collection[str]) -> Observed:
        """The answers of these hosts alone."""
        return Observed({name: one for name, one in self.answers.items() if name in host_names})

    def answered(self) -> Mapping[str, ObservedHost]:
        """The hosts that answered, sorted by name."""
        return self._answered

    def unreachable(self) -> Mapping[str, Unreachable]:
        """The hosts that were asked and did not answer, sorted by name."""
        return {name: one for name, one in sorted(self.answers.items()) if isinstance(one, Unreachable)}

    def containers(self) -> Iterator[tuple[str, Container]]:
        """(host name, container) of everything on the hosts that answered, ours or not."""
        return ((name, container) for name, host in self._answered.items() for container in host.containers)

    def replicas(self, project_name: str, service_name: str = "") -> Iterator[tuple[str, Container]]:
        """(host name, container) of a project's replicas, or of one of its services, in whatever state."""
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
        """The release with the highest number that any host remembers; of equals, the first host's."""
        releases = (folder.release for _, folder in self.folders(project_name) if folder.release)
        return max(releases, key=lambda release: release.number, default=None)

    def latest_number(self, project_name: str) -> int:
        """The highest number that a release or an attempt has on any host; 0 where there is none."""
        folders = (folder for _, folder in self.folders(project_name))
        numbers = (max(folder.latest, folder.release.number if folder.release else 0) for folder in folders)
        return max(numbers, default=0)

    def leases(self, project_name: str, except_of: str = "") -> dict[str, Lease]:
        """Host → the lease that is in force by the host's own clock; not those of the owner ``except_of``."""
        found = {}
        for host_name, folder in self.folders(project_name):
            lease, now_s = folder.lease, self._answered[host_name].facts.now_s
            if lease and lease.owner != except_of and lease.in_force(now_s):
                found[host_name] = lease
        return found

    def possible_holders(self, project_name: str) -> set[str]:
        """The hosts that may hold something of a project, asked or not.

        These are the members of the newest release, the further hosts that a folder names, and the hosts
        that are seen to hold something.
        """
        release = self.newest_release(project_name)
        found = set(release.members if release else ())
        for _, folder in self.folders(project_name):
            found.update(folder.others)
        found.update(name for name, host in self._answered.items() if host.holds(project_name))
        return found
