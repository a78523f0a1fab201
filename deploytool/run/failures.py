"""The failures of a run, counted for the limits of ``core.change.batches``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from deploytool.core.change.batches import batches, ends_all, may_continue, sizes_of, within_failure_limit
from deploytool.model.intent import Project
from deploytool.model.observed import Observed
from deploytool.model.plan import Step


class Failures:
    """Failed replicas by project and service, and failed or unreachable hosts by project and batch."""

    def __init__(self) -> None:
        self._replicas: Counter[tuple[str, str]] = Counter()
        self._hosts: dict[tuple[str, int], set[str]] = {}

    def count(self, step: Step) -> None:
        """Count a failed step."""
        self._replicas[step.project, step.service] += step.count
        self._hosts.setdefault((step.project, step.wave), set()).add(step.host)

    def count_unreachable(self, project: Project, observed: Observed) -> Iterator[tuple[int, list[str]]]:
        """Count the hosts that did not answer; yields the first batch with too many, and their names."""
        unreachable = observed.unreachable()
        waves: dict[int, list[str]] = {}
        for host_name, wave in batches(project).items() if ends_all(project) else ():
            if host_name in unreachable:
                waves.setdefault(wave, []).append(host_name)
                self._hosts.setdefault((project.name, wave), set()).add(host_name)
        sizes = sizes_of(project)
        for wave, hosts in sorted(waves.items()):
            if not within_failure_limit(project, len(hosts), sizes[wave]):
                yield wave, hosts
                return

    def may_continue_after(self, project: Project, step: Step) -> bool:
        """True if steps on other hosts may start although they need ``step``, which failed."""
        service = project.service(step.service)
        if service is None:
            return False
        failed_hosts = len(self._hosts.get((step.project, step.wave), ()))
        hosts = sizes_of(project).get(step.wave, len(project.hosts))
        replicas = self._replicas[step.project, step.service]
        return may_continue(project, service, replicas, failed_hosts, hosts)

    def ends_all(self, project: Project, step: Step) -> bool:
        """True if the failure of ``step`` stops all further changes of its project."""
        return ends_all(project) and not self.may_continue_after(project, step)
