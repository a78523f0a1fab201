"""The input of one project's plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deploytool.core.change.reconcile import Change, reconcile
from deploytool.model.backing_off import BackingOff
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.intent import Project
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed
from deploytool.model.plan import ProjectPlan, Step
from deploytool.plan.ingress import Ingress
from deploytool.plan.policy import PlanPolicy
from deploytool.plan.renderer import Renderer


@dataclass(frozen=True, slots=True)
class ProjectCase:
    """A project with its schedule, the files of each host, and the observed hosts.

    ``inventory``: every known host by name. ``before``: the plans of the projects before this one, whose
    steps may free a port or start a proxy.
    """

    project: Project
    desired: Desired
    files: Mapping[str, HostFiles]
    observed: Observed
    policy: PlanPolicy
    ingress: Ingress
    inventory: Mapping[str, Host] = field(default_factory=dict)
    before: Sequence[ProjectPlan] = ()

    @property
    def name(self) -> str:
        return self.project.name

    @property
    def backing_off(self) -> BackingOff:
        """The containers, services and hosts that this plan leaves unchanged after failures."""
        return self.policy.reconcile.backing_off

    def changes(self) -> tuple[Change, ...]:
        """The differences of desired and observed state, by service and host."""
        return reconcile(self.project, self.desired, self.files, self.observed, self.policy.reconcile)

    def with_ingress(self, steps: Sequence[Step], before: Sequence[ProjectPlan] = ()) -> tuple[Step, ...]:
        """The steps with those that ingress adds, sorted so that each follows its needs."""
        return self.ingress.steps(
            self.project, steps, self.desired, self.files, self.observed, before, self.backing_off
        )


def files_of(
    project: Project, desired: Desired, observed: Observed, ingress: Ingress, renderer: Renderer
) -> dict[str, HostFiles]:
    """Host → its files: for hosts of the play, and empty ones for hosts outside it that hold the project.

    Raises:
        InputError: a template fails for a host.
    """
    offers = ingress.offers.get(project.name, ())
    files = {host.name: renderer.host_files(project, desired, host, offers) for host in project.hosts}
    for name, seen in observed.answered().items():
        if name not in files and project.name in {*seen.projects, *seen.served}:
            files[name] = HostFiles(manifest=None)
    return files
