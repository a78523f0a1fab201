"""Taking projects down: stop all their containers, then delete their records. Volumes stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from deploytool.errors import HostUnreachable, UsageError
from deploytool.model.desired import Desired
from deploytool.model.event import Report
from deploytool.model.ingress import INGRESS_PROJECT
from deploytool.model.intent import Definition, Intent, Project
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.policies import FailureAction
from deploytool.run.converge import Run
from deploytool.transport.futures import each


@dataclass(frozen=True, slots=True)
class _NoDefinitions:
    """The empty definitions of a project that no play describes."""

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        return Definition({})


def prepare_down(run: Run, names: Sequence[str]) -> None:
    """Set the intent of ``run`` to no replicas of these projects, in the playbook or only on the hosts.

    Raises:
        UsageError: neither the playbook nor any host knows one of them.
    """
    known = {project.name: project for project in run.intent.projects}
    everywhere = tuple(run.intent.inventory.hosts.values())
    projects = [_hidden(known[name]) if name in known else _without_play(name, everywhere) for name in names]
    run.intent = replace(run.intent, projects=tuple(projects))
    if not all(name in known for name in names):
        run.intent = _with_owners(run.intent, run.observe())
    run.policy = run.policy.pinning({name: Desired(name, {}) for name in names}).as_asked()


def take_down(run: Run) -> tuple[Report, dict[str, str]]:
    """Stop everything, then delete the projects' records on every host that answered.

    Returns the report and, by host, the reason for which a record could not be deleted.
    """
    report = run.converge()
    if report.exit_code not in (0, HostUnreachable.exit_code) or report.left:
        return report, {}
    seen = run.observe()
    known = [project.name for project in run.intent.projects if _is_known(run, project.name, seen)]
    folders = {name: _to_forget(known, host) for name, host in seen.answered().items()}
    hosts = [name for name, projects in folders.items() if projects]
    told = each(hosts, lambda name: _forget(run, name, folders[name]), run.options.forks)
    return report, {name: why for name, why in told.items() if why}


def _without_play(name: str, hosts: tuple[Host, ...]) -> Project:
    return Project(name, "", name, "all", hosts, (), _NoDefinitions())


def _is_known(run: Run, name: str, seen: Observed) -> bool:
    """True if every host that may hold a part of the project answered; else its records are still needed."""
    hosts = seen.possible_holders(name) & run.intent.inventory.hosts.keys()
    return hosts <= seen.answered().keys()


def _to_forget(projects: Sequence[str], host: ObservedHost) -> list[str]:
    """The projects that were taken down, and the proxy's own if the host serves nothing any more."""
    names = list(projects)
    if not host.served and not any(container.of_ingress for container in host.containers):
        names.append(INGRESS_PROJECT)
    return [name for name in names if name in host.projects]


def _hidden(project: Project) -> Project:
    """The project to take down: without exposure, and with failures that do not stop the rest."""
    services = (
        replace(s, exposure=None, update=replace(s.update, failure_action=FailureAction.CONTINUE))
        for s in project.services
    )
    return replace(project, services=tuple(services))


def _with_owners(intent: Intent, seen: Observed) -> Intent:
    """The intent with each project that only the hosts know assigned to the play of its newest release."""
    projects = []
    for project in intent.projects:
        release = seen.newest_release(project.name)
        if not project.play and release is None and not _runs(project.name, seen):
            message = f"no play and no host knows a project '{project.name}'"
            raise UsageError(message, hint="see deploytool status")
        projects.append(project if project.play or not release else replace(project, play=release.play))
    return replace(intent, projects=tuple(projects))


def _runs(name: str, seen: Observed) -> bool:
    return any(container.ours and container.project == name for _, container in seen.containers())


def _forget(run: Run, host_name: str, projects: Sequence[str]) -> str:
    for project in projects:
        try:
            outcome = run.backend.forget(host_name, project, run.claim)
        except HostUnreachable as error:
            return error.message
        if not outcome.ok:
            return f"{project}: {outcome.reason}"
    return ""
