"""The filters that a host has to pass, in order, each with its reason.

Reachable, state, constraints and platform do not depend on what runs where; resources, host ports and the
most per host do. What is kept has to pass all but two: a paused host keeps what it has, and an
unreachable one keeps it on paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


class Filters:
    """Asks the hosts of one play, which are given sorted by name. Each answer is remembered."""

    def __init__(self, hosts: Mapping[str, Host], observed: Observed) -> None:
        self._hosts = hosts
        self._facts = {name: seen.facts for name, seen in observed.answered().items()}
        self._answers: dict[object, dict[str, FilterReason | None]] = {}
        self._qualified: dict[object, list[str]] = {}
        self._paths: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}

    def reachable(self, host_name: str) -> bool:
        return host_name in self._facts

    def may_not_keep(self, service: Service, host_name: str) -> FilterReason | None:
        """Why a reachable host may not even keep a replica, whatever else runs there."""
        answers = self._answers.setdefault((service.constraints, service.platform), {})
        if host_name not in answers:
            answers[host_name] = self._ask(service, host_name)
        return answers[host_name]

    def may_not_join(self, service: Service, host_name: str) -> FilterReason | None:
        """Why a host may not receive a replica, whatever else runs there."""
        if host_name in self._hosts and not self.reachable(host_name):
            return UNREACHABLE
        refusal = self.may_not_keep(service, host_name)
        paused = refusal is None and self._hosts[host_name].state is HostState.PAUSE
        return PAUSED if paused else refusal

    def qualified(self, service: Service) -> Sequence[str]:
        """The hosts that may receive a replica, whatever else runs there, sorted by name."""
        key = (service.constraints, service.platform)
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

    def _ask(self, service: Service, host_name: str) -> FilterReason | None:
        host = self._hosts.get(host_name)
        if host is None:
            return LEFT
        if host.state is HostState.DRAIN:
            return DRAINED
        facts = self._facts.get(host_name, _NO_FACTS)
        for constraint in service.constraints:
            if not matches(constraint, host, facts):
                return mismatch(constraint)
        return None if runs_platform(service.platform, facts) else other_platform(service.platform)
