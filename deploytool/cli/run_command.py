"""The run of a command: wired together, planned, agreed to, carried out, reported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from os import environ
from pathlib import Path
from secrets import token_bytes

import click

from deploytool.backend.base import Backend
from deploytool.cli.host_limit import limited
from deploytool.cli.options import SiteOptions
from deploytool.cli.output import show_plan, show_proposal, show_report
from deploytool.cli.saved_plan_options import document, save
from deploytool.cli.screen import Screen
from deploytool.cli.session import Loaded, ask, backend_for
from deploytool.cli.signals import asking
from deploytool.core.change.guard import GuardPolicy
from deploytool.core.change.reconcile import ReconcilePolicy
from deploytool.core.placement.schedule import SchedulePolicy
from deploytool.errors import CHANGES_PENDING, INTERRUPTED, HostsUnusable, UsageError
from deploytool.model.difference import Difference
from deploytool.model.event import Report
from deploytool.model.intent import Intent
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan, StepKind
from deploytool.plan.policy import PlanPolicy
from deploytool.report.plan import explain_text
from deploytool.report.sanitize import sanitize
from deploytool.run.converge import Run, RunOptions
from deploytool.run.differences import differences
from deploytool.run.lease_owner import this_run
from deploytool.run.prune import prune_images
from deploytool.run.stamp import stamp


def policy_of(intent: Intent, options: SiteOptions, max_moves: int = 0) -> PlanPolicy:
    """The options that allow or ask for something, as the planner takes them.

    Raises:
        UsageError: an option names a host or service that does not exist.
    """
    allowed = options.policy
    services = {service.name for project in intent.projects for service in project.services}
    moved = frozenset(allowed.move_volumes)
    if moved - services:
        raise UsageError(f"--move-volumes: there is no service '{min(moved - services)}'")
    return PlanPolicy(
        schedule=SchedulePolicy(allowed.reschedule_unreachable, moved),
        reconcile=ReconcilePolicy(adopt=allowed.adopt),
        guard=GuardPolicy(
            allow_vanished=allowed.allow_vanished,
            adopt=allowed.adopt,
            take_over=allowed.take_over,
            allow_partial=allowed.allow_partial,
        ),
        limit=limited(intent, options.hosts.limit),
        max_moves=max_moves,
        whole_playbook=not options.files.tags and not options.files.skip_tags,
        timeout_s=allowed.timeout,
    )


@contextmanager
def running(
    loaded: Loaded,
    screen: Screen,
    reason: str,
    options: SiteOptions,
    backend: Backend | None = None,
    *,
    max_moves: int = 0,
) -> Iterator[Run]:
    """A run over the loaded files, on a ``backend`` that may be connecting; it is closed at the end."""
    intent, forks = loaded.intent, options.hosts.forks
    backend = backend or backend_for(screen, options.hosts, options.change)
    policy = replace(policy_of(intent, options, max_moves), stamp=stamp(loaded.folder, environ))
    lease = this_run(reason, environ)
    run_options = RunOptions(forks, options.change.lock_wait)
    run = Run(intent, policy, backend, lease, screen.emit, run_options)
    try:
        with screen, asking(run.interrupts.request_stop):
            yield run
    finally:
        backend.close(forks)


def carry_out(run: Run, screen: Screen, options: SiteOptions, act: Callable[[], Report] | None = None) -> int:
    """Show the plan, ask for consent where something is stopped, converge, and report; returns the exit code.

    ``act`` replaces ``run.converge``. With ``--check`` the plan is only shown.
    """
    if options.change.check:
        return only_plan(run, screen, options)
    declined = []
    changed: list[Difference] = []

    def confirm(found: Plan, seen: Observed) -> bool:
        changed.extend(_differences(run, found, seen, options))
        screen.drain()
        show_proposal(found, seen, changed, options)
        if not options.change.yes and _calls_for_asking(found) and not ask("Make these changes?"):
            declined.append(found)
        screen.resume()
        return not declined

    run.confirm = confirm
    report = (act or run.converge)()
    if options.change.prune_images and not declined and not report.interrupted:
        prune_images(run)
    screen.drain()
    if declined:
        click.echo("Nothing was changed.", err=True)
        return INTERRUPTED
    show_report(report, run.seen, changed, options)
    return report.exit_code


def only_plan(run: Run, screen: Screen, options: SiteOptions, out: Path | None = None) -> int:
    """Observe and show the plan, saved to ``out`` if given; returns the exit code."""
    found, seen = run.plan()
    changed = _differences(run, found, seen, options)
    screen.drain()
    if out:
        save(document(found, seen, options), out)
    show_plan(found, seen, changed, options)
    if seen.unreachable():
        return HostsUnusable.exit_code
    return CHANGES_PENDING if found and options.shown.detailed_exitcode else 0


def _differences(run: Run, plan: Plan, seen: Observed, options: SiteOptions) -> list[Difference]:
    """Changes of the hosts' definitions; none without ``--diff``, and then no host is asked."""
    if not options.shown.diff:
        return []
    return differences(plan, seen, run.backend, run.options.forks, token_bytes(16))


def _calls_for_asking(found: Plan) -> bool:
    """On a terminal, before anything that runs is stopped or replaced."""
    stops = any(step.kind is StepKind.STOP for step in found.steps)
    return stops and sys.stdin.isatty() and sys.stdout.isatty()


def explain(run: Run, screen: Screen, service: str) -> int:
    """Show the schedule's reasons for one service, in every project that has it.

    Raises:
        UsageError: no project has it.
    """
    known = {service.name for project in run.intent.projects for service in project.services}
    if service not in known:
        near = get_close_matches(service, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known))}"
        raise UsageError(f"--explain: there is no service '{service}'", hint=hint)
    seen = run.observe()
    screen.drain()
    for project, verdicts in run.backend.explain(run.intent, seen, run.policy, service):
        rows = [(verdict.host, verdict.kept + verdict.chosen, verdict.text) for verdict in verdicts]
        click.echo(sanitize(explain_text(project.name, service, rows)), nl=False)
    return HostsUnusable.exit_code if seen.unreachable() else 0
