"""Surges keep to the limits of their hosts."""

from __future__ import annotations

import pytest

from deploytool.model.intent import Resources, Service
from tests.unit.core.change.rolling import (
    H80,
    OLD,
    P80,
    START_FIRST,
    held,
    plan,
    short,
)
from tests.unit.core.strategies import M, make_host


@pytest.mark.parametrize(
    ("web", "why"),
    [
        ({"max_per_host": 1}, "h1 would hold 2 replicas, more than max_replicas_per_node 1"),
        ({"ports": P80}, "h1 has port 80 in use, beside the old ones"),
        ({"reserve": Resources(memory_bytes=60 * M)}, "h1 lacks 60M, beside the old ones"),
    ],
)
def test_start_first_falls_back_where_a_surge_has_no_room_and_says_why(web, why):
    """The filters hold for the surge, too."""
    service = Service("web", update=START_FIRST, **web)
    old = held("web", 1, OLD, ports=H80 if service.ports else (), reserve=service.reserve)
    rolled = plan([service], {"h1": [old]}, [make_host("h1", memory_bytes=100 * M)])
    assert rolled.notes == (f"web: stop-first instead of start-first, since {why}",)
    assert short(rolled) == ["stop web on h1", "start web on h1"]


def test_two_surges_that_fit_one_by_one_but_not_together():
    """Both roll at the same time, so only the first in the file gets the room."""
    reserve = Resources(memory_bytes=30 * M)
    services = [Service(name, update=START_FIRST, reserve=reserve) for name in ("web", "api")]
    old = [held(name, 1, OLD, reserve=reserve) for name in ("web", "api")]
    rolled = plan(services, {"h1": old}, [make_host("h1", memory_bytes=100 * M)])
    assert rolled.surged == {"web"}
