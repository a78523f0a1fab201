"""The endpoints of a project as the proxies of its hosts know them, and as they should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deploytool.model.backing_off import NONE_BACKING_OFF, BackingOff
from deploytool.model.container import Container
from deploytool.model.desired import Desired
from deploytool.model.ingress import UNFINISHED, Served
from deploytool.model.intent import Project
from deploytool.model.observed import Observed

_NOTHING = Served()


@dataclass(frozen=True, slots=True)
class WantedEndpoints:
    """The wanted state of a project's proxies: host → the digest of its part of the configuration.

    ``proxy_starts`` are, by host, the steps after which its proxy is there, ``sticky`` the services whose
    proxies list their own host, too. ``backing_off`` is left alone for now.
    """

    digests: Mapping[str, str]
    proxy_starts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sticky: frozenset[str] = frozenset()
    backing_off: BackingOff = NONE_BACKING_OFF


class KnownEndpoints:
    """``seen`` are the hosts that answered, are not left alone, and whose proxy serves the project, or did.

    ``exposed`` are its services behind ingress, ``tended`` those that are not left alone.
    """

    def __init__(
        self, project: Project, desired: Desired, observed: Observed, wanted: WantedEndpoints
    ) -> None:
        self._project, self._desired, self._wanted = project, desired, wanted
        self.seen = {
            name: host
            for name, host in observed.answered().items()
            if name in wanted.digests or project.name in host.served
            if (project.name, name) not in wanted.backing_off.hosts
        }
        self.exposed = tuple(service.name for service in project.services if service.exposure)
        self.tended = tuple(name for name in self.exposed if not self.backs_off(name))

    def backs_off(self, service: str) -> bool:
        """True where a service is in back-off on every host."""
        return (self._project.name, service) in self._wanted.backing_off.services

    def served(self, host_name: str) -> Served:
        """The configuration that the proxy of a host was given last."""
        return self.seen[host_name].served.get(self._project.name, _NOTHING)

    def is_served(self, service: str, host_name: str) -> bool:
        """True where a service is behind ingress on a host, or was: its replicas are drained either way."""
        return host_name in self.seen and (service in self.exposed or service in self.served(host_name).local)

    def weights(self, service: str, host_name: str, *, more: bool) -> dict[str, int]:
        """The other hosts whose weight for a service has to rise, or to fall, on a host's proxy.

        One that is to forget the project goes on passing requests to the others until then.
        """
        if host_name not in self._wanted.digests or self.backs_off(service):
            return {}
        known = self.served(host_name).remote.get(service, {})
        goal: dict[str, int] = {}
        if service in self.exposed:
            goal = {name: self._desired[service, name] for name in self._desired.hosts_of(service)}
            if service not in self._wanted.sticky:
                goal.pop(host_name, None)
        names = sorted({*known, *goal})
        found = {name: goal.get(name, 0) for name in names if goal.get(name, 0) != known.get(name, 0)}
        return {name: weight for name, weight in found.items() if (weight > known.get(name, 0)) == more}

    def difference(self, host_name: str) -> str:
        """The difference between a proxy's configuration and its own host, as a cause; empty without one."""
        served, digest = self.served(host_name), self._wanted.digests.get(host_name, "")
        if served.digest and not digest:
            return "nothing is offered here any more"
        if served.digest == UNFINISHED:
            return "its last change was not finished"
        if served.digest != digest:
            return "its part is not there yet" if not served.digest else "what is offered changes"
        for service in self.tended if digest else ():
            names = tuple(sorted(c.name for c in self.replicas(host_name, service)))
            if names != served.local.get(service, ()):
                return f"{service} runs in {', '.join(names) or 'no container'}"
        return ""

    def replicas(self, host_name: str, service: str) -> Iterator[Container]:
        """The replicas on a host that may get requests."""
        for c in self.seen[host_name].containers:
            mine = c.replica and (c.project, c.service) == (self._project.name, service)
            if mine and c.serves:
                yield c
