"""A fleet on which a project runs."""

from __future__ import annotations

import pytest

from tests.builders import Fleet
from tests.unit.report.fleets import shop


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet.of("h1", "h2", "h3")
    fleet.converge(shop())
    return fleet
