"""Batches of hosts, by ``serial``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.core.change.batches import batches
from deploytool.model.intent import Service
from tests.unit.core.strategies import make_host, make_project


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        ((), [0, 0, 0, 0]),
        (("1",), [0, 1, 2, 3]),
        (("50%",), [0, 0, 1, 1]),
        (("1", "2"), [0, 1, 1, 2]),
        (("10%",), [0, 1, 2, 3]),
    ],
)
def test_hosts_are_cut_into_batches(serial, expected):
    """Numbers, percentages that come to one at least, and lists whose last element repeats."""
    hosts = [make_host(name) for name in ("h1", "h2", "h3", "h4")]
    shop = replace(make_project(hosts, [Service("web")]), serial=serial)
    assert list(batches(shop).values()) == expected
