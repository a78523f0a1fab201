"""``deploytool events``: events of replicas on all hosts, as they happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from deploytool.backend.base import Feed
from deploytool.cli.command import command
from deploytool.cli.host_commands import follow, host_session
from deploytool.cli.options import LookingOptions, flag, format_option, services_option
from deploytool.cli.session import load
from deploytool.core.placement.replica_names import wanted_services
from deploytool.model.container import ContainerEvent
from deploytool.report.registry import EVENT_FORMATS


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsOptions(LookingOptions):
    """Options of ``events``."""

    services: Annotated[tuple[str, ...], services_option] = ()
    everything: Annotated[bool, flag("-a", "--all", help="Also of containers that are not ours.")] = False
    output: Annotated[str, format_option(EVENT_FORMATS)] = "text"


@command(EventsOptions)
def events(options: EventsOptions) -> int:
    """Follow what happens to replicas on all hosts: started, ended, healthy, removed.

    Example: deploytool events inventories/lab.yaml -s web
    """
    intent = load(options.files).intent
    wanted = wanted_services(options.services, intent)
    pairs = {(one.project, one.service) for one in wanted}
    form = EVENT_FORMATS[options.output]

    def show(host: str, event: ContainerEvent) -> str:
        chosen = event.ours and (event.project, event.service) in pairs
        if not chosen and (options.services or not options.everything):
            return ""
        return form(host, event)

    with host_session(intent, wanted, options) as hosts:

        def opened(host: str, last: ContainerEvent | None) -> Feed[ContainerEvent]:
            return hosts.backend.events(host)

        return follow(hosts, opened, lambda event: ("", event.time_s), show, again=True)
