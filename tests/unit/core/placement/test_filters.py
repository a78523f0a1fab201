"""Filters: what each refuses, and that one more is asked for every service."""

from __future__ import annotations

from collections.abc import Hashable

import pytest

from deploytool.core.placement import allocator
from deploytool.core.placement.filter_reasons import FilterReason
from deploytool.core.placement.filters import FILTERS, Candidate, Filter, Filters
from deploytool.core.placement.schedule import schedule
from deploytool.model.intent import Constraint, Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import Facts, Observed, ObservedHost
from tests.unit.core.strategies import LOST, make_host, make_project

ODD = FilterReason("is odd", "are odd")
ZONE = (Constraint("node.labels.zone", "==", "a"),)


class EvenOnly(Filter):
    """Keeps one service off hosts with an odd number. Only its key tells the services apart."""

    def key(self, service: Service) -> Hashable:
        return service.name == "picky"

    def reason(self, service: Service, candidate: Candidate) -> FilterReason | None:
        odd = candidate.host is not None and int(candidate.host.name[1:]) % 2 == 1
        return ODD if odd and service.name == "picky" else None


class NewOnEvenOnly(EvenOnly):
    """The same, for new replicas alone."""

    applies_to_kept = False


SERVICES = (Service("easy"), Service("picky"), Service("bound", constraints=ZONE))
HOSTS = {f"h{n}": make_host(f"h{n}", labels={"zone": "a" if n < 3 else "b"}) for n in range(1, 5)}
OBSERVED = Observed({name: ObservedHost(Facts()) for name in HOSTS})


@pytest.mark.parametrize("place", range(len(FILTERS) + 1))
def test_one_more_filter_is_asked_for_every_service(place):
    """Wherever it stands in the list, also of two services that are alike to all others."""
    filters = Filters(HOSTS, OBSERVED, (*FILTERS[:place], EvenOnly(), *FILTERS[place:]))
    found = {service.name: list(filters.qualified(service)) for service in SERVICES}
    assert found == {"easy": ["h1", "h2", "h3", "h4"], "picky": ["h2", "h4"], "bound": ["h1", "h2"]}
    assert filters.may_not_keep(SERVICES[1], "h1") == ODD


def test_a_filter_may_be_for_new_replicas_alone():
    """What runs where it refuses stays there."""
    filters = Filters(HOSTS, OBSERVED, (*FILTERS, NewOnEvenOnly()))
    assert filters.may_not_join(SERVICES[1], "h1") == ODD
    assert filters.may_not_keep(SERVICES[1], "h1") is None


def test_a_filter_decides_where_replicas_go(monkeypatch):
    """A place in the list is all that it takes."""
    monkeypatch.setattr(
        allocator, "Filters", lambda hosts, observed: Filters(hosts, observed, (*FILTERS, EvenOnly()))
    )
    project = make_project(list(HOSTS.values()), [Service("easy", replicas=4), Service("picky", replicas=4)])
    desired = schedule(project, OBSERVED)
    assert desired.hosts_of("easy") == ("h1", "h2", "h3", "h4")
    assert desired.hosts_of("picky") == ("h2", "h4")


def test_the_first_filter_that_refuses_gives_the_reason():
    """Whether a host is there at all comes before what it is; a pause only counts for what is new."""
    hosts = {
        "h1": make_host("h1", state=HostState.DRAIN),
        "h2": make_host("h2", state=HostState.PAUSE, labels={"zone": "b"}),
        "h3": make_host("h3", state=HostState.PAUSE, labels={"zone": "a"}),
    }
    filters = Filters(hosts, Observed({"h1": LOST, "h2": ObservedHost(), "h3": ObservedHost()}))
    bound = SERVICES[2]
    joining = [str(filters.may_not_join(bound, name)) for name in ("h0", "h1", "h2", "h3")]
    assert joining == ["left the play", "is unreachable", "does not match node.labels.zone == a", "is paused"]
    keeping = [filters.may_not_keep(bound, name) for name in ("h0", "h1", "h2", "h3")]
    assert [str(reason) for reason in keeping] == ["left the play", "is drained", joining[2], "None"]
