"""``deploytool status``: expected and actual, per service and host. Touches nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.screen import Screen
from deploytool.cli.session import load_options, running
from deploytool.errors import CHANGES_PENDING, HostsUnusable
from deploytool.model.ingress import Belief
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import ProjectPlan
from deploytool.report.status import Route, Row, status_json, status_text


@click.command(cls=Command)
@shared.files
@shared.reaching
@click.option("-s", "--service", "services", multiple=True, metavar="SERVICE", help="Only these services.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="What to print.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 where changes are pending.")
def status(services: Sequence[str], **options: Any) -> int:
    """Show expected and actual replicas, per service and host.

    Example: deploytool status inventories/lab.yaml
    """
    loaded = load_options(options)
    screen = Screen(verbose=options["verbose"])
    with running(loaded, screen, "status", options) as run:
        seen = run.observe()
        plan = run.planner.plan(seen)
        screen.drain()
    wanted = set(services)
    rows = [r for p in plan.projects for r in rows_of(p, seen) if not wanted or r.service in wanted]
    unreachable = {name: host.reason for name, host in seen.items() if isinstance(host, Unreachable)}
    show = status_json if options["output"] == "json" else status_text
    known = ((p.name, s.name) for p in loaded.intent.projects for s in p.services)
    mine = {f"{project}/{name}" for project, name in known if not wanted or name in wanted}
    routes = [route for route in routes_of(seen) if route.service in mine]
    click.echo(show(rows, unreachable, plan, routes).rstrip("\n"))
    if unreachable:
        return HostsUnusable.exit_code
    return CHANGES_PENDING if plan and options["detailed_exitcode"] else 0


def routes_of(seen: Observed) -> Iterator[Route]:
    """What the proxy of every host thinks of its endpoints."""
    for host_name, host in sorted(seen.items()):
        for belief in sorted(host.beliefs, key=_by_name) if isinstance(host, ObservedHost) else ():
            yield Route(host_name, belief.service, belief.endpoint, belief.active, belief.trouble)


def _by_name(belief: Belief) -> tuple[str, str]:
    return belief.service, belief.endpoint


def rows_of(project: ProjectPlan, seen: Observed) -> Iterator[Row]:
    """A row for each service and host that expects a replica or holds one."""
    found = {
        (container.service, host_name)
        for host_name, host in seen.items()
        for container in (host.containers if isinstance(host, ObservedHost) else ())
        if container.ours and container.project == project.project
    }
    for service, host_name in sorted({*found, *(key for key, n in project.desired.counts.items() if n)}):
        yield _row(project, service, host_name, seen)


def _row(project: ProjectPlan, service: str, host_name: str, seen: Observed) -> Row:
    expected, host = project.desired[service, host_name], seen.get(host_name)
    if not isinstance(host, ObservedHost):
        return Row(project.project, service, host_name, expected, None, None, None)
    mine = [c for c in host.containers if c.ours and (c.project, c.service) == (project.project, service)]
    spec = project.specs.get((service, host_name), "")
    return Row(
        project.project,
        service,
        host_name,
        expected,
        running=sum(c.state == "running" for c in mine),
        healthy=sum(c.healthy for c in mine),
        current=sum(c.spec == spec for c in mine),
    )
