"""``deploytool events``: what happens to replicas, on all hosts, as it happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from deploytool.backend.base import Feed
from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.host_commands import across, following
from deploytool.cli.session import load_options
from deploytool.core.placement.replica_names import wanted_services
from deploytool.model.container import ContainerEvent
from deploytool.report.log_lines import event_record, event_text
from deploytool.report.sanitize import printable


@click.command(cls=Command)
@shared.files
@shared.looking
@shared.of_services
@click.option("-a", "--all", "everything", is_flag=True, help="Also of containers that are not ours.")
@click.option("-o", "--output", type=click.Choice(["text", "jsonl"]), default="text", help="What to print.")
def events(services: Sequence[str], everything: bool, **options: Any) -> int:
    """Follow what happens to replicas on all hosts: started, ended, healthy, removed.

    Example: deploytool events inventories/lab.yaml -s web
    """
    intent = load_options(options).intent
    wanted = wanted_services(services, intent)
    pairs = {(one.project, one.service) for one in wanted}
    as_json = options["output"] == "jsonl"

    def show(host: str, event: ContainerEvent) -> str:
        chosen = event.ours and (event.project, event.service) in pairs
        if not chosen and (services or not everything):
            return ""
        return event_record(host, event) if as_json else printable(event_text(host, event))

    with across(intent, wanted, options) as hosts:

        def opened(host: str, last: ContainerEvent | None) -> Feed[ContainerEvent]:
            return hosts.engines.named(host).events()

        return following(hosts, opened, lambda event: ("", event.time_s), show, again=True)
