"""Counts the failures of a run, for the rules of ``core.change.batches`` about whether the rest continues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from deploytool.core.change.batches import batches, ends_all, endures, goes_on, sizes_of
from deploytool.model.intent import Project
from deploytool.model.observed import Observed
from deploytool.model.plan import Step


class Failures:
    """Failed replicas by project and service, and failed or unreachable hosts by project and batch."""

    def __init__(self) -> None:
        self._replicas: Counter[tuple[str, str]] = Counter()
        self._hosts: dict[tuple[str, int], set[str]] = {}

    def note(self, step: Step) -> None:
        """Count a failed step."""
        self._replicas[step.project, step.service] += step.count
        self._hosts.setdefault((step.project, step.wave), set()).add(step.host)

    def absent(self, project: Project, observed: Observed) -> Iterator[tuple[int, list[str]]]:
        """Count the hosts that did not answer; yields the first batch with too many, and their names."""
        absent = observed.unreachable()
        waves: dict[int, list[str]] = {}
        for host_name, wave in batches(project).items() if ends_all(project) else ():
            if host_name in absent:
                waves.setdefault(wave, []).append(host_name)
                self._hosts.setdefault((project.name, wave), set()).add(host_name)
        sizes = sizes_of(project)
        for wave, hosts in sorted(waves.items()):
            if not endures(project, len(hosts), sizes[wave]):
                yield wave, hosts
                return

    def tolerated(self, project: Project, step: Step) -> bool:
        """True if steps on other hosts that need ``step``, which failed, may start all the same."""
        service = project.service(step.service)
        if service is None:
            return False
        failed_hosts = len(self._hosts.get((step.project, step.wave), ()))
        hosts = sizes_of(project).get(step.wave, len(project.hosts))
        replicas = self._replicas[step.project, step.service]
        return goes_on(project, service, replicas, failed_hosts, hosts)

    def ends_all(self, project: Project, step: Step) -> bool:
        """True if the failure of ``step`` ends the changes of its whole project."""
        return ends_all(project) and not self.tolerated(project, step)
