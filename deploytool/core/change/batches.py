"""``serial``: the batches of hosts that change at the same time, and the failures after which a play goes on.

Source: ``ansible.executor.playbook_executor`` for the sizes; unlike there, unreachable hosts count as
failed, and dependencies between services win over the batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from deploytool.model.intent import Project, Service
from deploytool.model.plan import Step, StepKind
from deploytool.model.policies import FailureAction


def batches(project: Project) -> dict[str, int]:
    """Host → the number of its batch, in the play's order; the last size repeats. 0 without ``serial``."""
    names = [host.name for host in project.hosts]
    found: dict[str, int] = {}
    sizes = list(project.serial) or ["100%"]
    number = 0
    while len(found) < len(names):
        size = _size(sizes[min(number, len(sizes) - 1)], len(names))
        found |= dict.fromkeys(names[len(found) : len(found) + size], number)
        number += 1
    return found


def in_waves(project: Project, steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps with their wave: a step's wave is its host's batch, or later where it needs a later one.

    So the waves can be done one after the other without ever waiting in a circle.
    """
    if not project.serial:
        return tuple(steps)
    of_host = batches(project)
    waves: dict[str, int] = {}
    result = []
    for step in steps:
        if step.kind is not StepKind.PREPARE:  # all hosts are prepared before the first one changes
            needed = (waves.get(need, 0) for need in step.needs)
            waves[step.id] = max([of_host.get(step.host, 0), *needed])
        result.append(replace(step, wave=waves.get(step.id, 0)))
    return tuple(result)


def may_continue(
    project: Project, service: Service, failed_replicas: int, failed_hosts: int, hosts: int
) -> bool:
    """True if other hosts continue after the failure of so many replicas of ``service``.

    ``failed_hosts`` of the ``hosts`` of a batch had failures.
    """
    if ends_all(project):
        return within_failure_limit(project, failed_hosts, hosts)
    update = service.update
    if update.failure_action == FailureAction.CONTINUE:
        return True
    return bool(update.max_failure_ratio) and failed_replicas <= update.max_failure_ratio * service.replicas


def within_failure_limit(project: Project, failed_hosts: int, hosts: int) -> bool:
    """True if so many failed or unreachable hosts of a batch of ``hosts`` are within ``max_fail_percentage``.

    This limit of the play takes precedence over a service's ``max_failure_ratio``.
    """
    limit = project.max_fail_percent
    return not project.any_errors_fatal and limit is not None and 100 * failed_hosts <= limit * hosts


def ends_all(project: Project) -> bool:
    """True if a failure above the limit stops the whole project, and not only the steps that need it."""
    return project.any_errors_fatal or project.max_fail_percent is not None


def sizes_of(project: Project) -> Mapping[int, int]:
    """Batch → its number of hosts."""
    sizes: dict[int, int] = {}
    for number in batches(project).values():
        sizes[number] = sizes.get(number, 0) + 1
    return sizes


def _size(text: str, hosts: int) -> int:
    size = int(hosts * float(text[:-1]) / 100) if text.endswith("%") else int(text)
    return max(1, size)
