"""The filters that a host has to pass, whatever else runs there. Those of what is left on it: ``capacity``.

A new filter is a class here and its place in ``FILTERS``: it is then asked for every service. The first one
that refuses gives the reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from deploytool.core.placement.constraints import matches, runs_platform, value_of
from deploytool.core.placement.filter_reasons import (
    DRAINED,
    LEFT,
    PAUSED,
    UNREACHABLE,
    FilterReason,
    mismatch,
    other_platform,
)
from deploytool.model.intent import Service
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Facts, Observed

_NO_FACTS = Facts(os="", arch="")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host as filters see it.

    ``host`` is None where it left the play, ``facts`` None where it did not answer.
    """

    host: Host | None
    facts: Facts | None


class Filter(ABC):
    """A rule about the hosts that may have a replica.

    ``applies_to_kept``: a replica that is there already has to go where the filter refuses; otherwise the
    filter keeps out new ones alone.
    """

    applies_to_kept: ClassVar[bool] = True

    @abstractmethod
    def key(self, service: Service) -> Hashable:
        """The parts of the service that the answer depends on: services with equal keys share the answer."""

    @abstractmethod
    def reason(self, service: Service, candidate: Candidate) -> FilterReason | None:
        """The reason of a refusal; None where the host passes."""


class HostFilter(Filter):
    """A rule about the host alone: every service gets the same answer."""

    def key(self, service: Service) -> Hashable:
        return None


class InPlay(HostFilter):
    """The host is one of the play's."""

    def reason(self, service: Service, candidate: Candidate) -> FilterReason | None:
        return LEFT if candidate.host is None else None


class Reachable(HostFilter):
    """The host answered. One that did not keeps its replicas on paper."""

    applies_to_kept = False

    def reason(self, service: Service, candidate: Candidate) -> FilterReason | None:
        return UNREACHABLE if candidate.facts is None else None


class NotDrained(HostFilter):
    """A drained host keeps nothing."""

    def reason(self, service: Service, candidate: Candidate) -> FilterReason | None:
        return DRAINED if candidate.host and candidate.host.state is HostState.DRAIN else None


class Constraints(Filter):
    """``deploy.placement.constraints``."""

    def key(self, service: Service) -> Hashable:
        return service.constraints

    def reason(self, service: Service, candidate: Candidate) -> FilterReason | None:
        host, facts = candidate.host, candidate.facts or _NO_FACTS
        unmet = (one for one in service.constraints if host and not matches(one, host, facts))
        return next(map(mismatch, unmet), None)


class Platform(Filter):
    """``platform``: the images of the service run on the host."""

    def key(self, service: Service) -> Hashable:
        return service.platform

    def reason(self, service: Service, candidate: Candidate) -> FilterReason | None:
        runs = runs_platform(service.platform, candidate.facts or _NO_FACTS)
        return None if runs else other_platform(service.platform)


class NotPaused(HostFilter):
    """A paused host takes nothing new."""

    applies_to_kept = False

    def reason(self, service: Service, candidate: Candidate) -> FilterReason | None:
        return PAUSED if candidate.host and candidate.host.state is HostState.PAUSE else None


FILTERS: tuple[Filter, ...] = (
    InPlay(),
    Reachable(),
    NotDrained(),
    Constraints(),
    Platform(),
    NotPaused(),
)

_Answers = dict[str, "FilterReason | None"]  # by host


class Filters:
    """Asks the filters about the hosts of one play, which are given sorted by name; remembers each answer."""

    def __init__(
        self, hosts: Mapping[str, Host], observed: Observed, filters: Sequence[Filter] = FILTERS
    ) -> None:
        self._hosts = hosts
        self._facts = {name: seen.facts for name, seen in observed.answered().items()}
        self._joining = _Asked(filters, self._candidate)
        self._keeping = _Asked([one for one in filters if one.applies_to_kept], self._candidate)
        self._qualified: dict[Hashable, list[str]] = {}
        self._paths: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}

    def reachable(self, host_name: str) -> bool:
        return host_name in self._facts

    def may_not_keep(self, service: Service, host_name: str) -> FilterReason | None:
        """The reason for which a reachable host may not even keep a replica; None if it may."""
        return self._keeping.reason(service, host_name)

    def may_not_join(self, service: Service, host_name: str) -> FilterReason | None:
        """The reason for which a host may not receive a replica; None if it may."""
        return self._joining.reason(service, host_name)

    def qualified(self, service: Service) -> Sequence[str]:
        """The hosts that may receive a replica, whatever else runs there, sorted by name."""
        key = self._joining.key(service)
        if key not in self._qualified:
            self._qualified[key] = [h for h in self._hosts if self.may_not_join(service, h) is None]
        return self._qualified[key]

    def branches(self, service: Service, host_name: str) -> tuple[str, ...]:
        """The host's branch at each level of the service's spread tree; empty where it lacks the label."""
        paths = self._paths.setdefault(service.spread, {})
        if host_name not in paths:
            host, facts = self._hosts[host_name], self._facts.get(host_name, _NO_FACTS)
            paths[host_name] = tuple(value_of(key, host, facts) or "" for key in service.spread)
        return paths[host_name]

    def _candidate(self, host_name: str) -> Candidate:
        return Candidate(self._hosts.get(host_name), self._facts.get(host_name))


class _Asked:
    """The answers of some filters, shared by services with equal keys.

    Services of one project have different names: ``_of_service`` finds their answers without the key.
    """

    def __init__(self, filters: Sequence[Filter], candidate: Callable[[str], Candidate]) -> None:
        self._filters, self._candidate = filters, candidate
        self._answers: dict[Hashable, _Answers] = {}
        self._of_service: dict[str, _Answers] = {}

    def key(self, service: Service) -> Hashable:
        """The keys of all filters together."""
        return tuple(one.key(service) for one in self._filters)

    def reason(self, service: Service, host_name: str) -> FilterReason | None:
        """The reason of the first filter that refuses the host; None where all pass it."""
        answers = self._of_service.get(service.name)
        if answers is None:
            answers = self._of_service[service.name] = self._answers.setdefault(self.key(service), {})
        if host_name not in answers:
            candidate = self._candidate(host_name)
            reasons = (one.reason(service, candidate) for one in self._filters)
            answers[host_name] = next((reason for reason in reasons if reason), None)
        return answers[host_name]
