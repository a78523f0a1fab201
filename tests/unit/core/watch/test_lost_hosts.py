"""Whom to give up: never from an incomplete view, never more than half."""

from __future__ import annotations

import pytest

from deploytool.core.watch.lost_hosts import Away, given_up, next_decision, why_not
from deploytool.model.intent import Service
from tests.builders import host, project

FIVE = project(Service("web"), hosts=[host(f"h{n}") for n in range(1, 6)])


def away(**seconds: float) -> dict[str, Away]:
    return {name: Away(value) for name, value in seconds.items()}


@pytest.mark.parametrize(
    ("silent", "after_s", "expected"),
    [
        ({}, 5.0, set()),
        ({"h1": 4.9}, 5.0, set()),
        ({"h1": 5.0}, 5.0, {"h1"}),
        ({"h1": 60.0}, None, set()),
        ({"h1": 60.0, "h2": 7.0}, 5.0, {"h1", "h2"}),
        ({"h1": 60.0, "h2": 1.0}, 5.0, set()),  # h2 has only just fallen silent: the view is incomplete
        ({"h1": 60.0, "h2": 60.0, "h3": 60.0}, 5.0, set()),  # more than half
        ({"h1": 60.0, "other": 1.0}, 5.0, {"h1"}),  # other belongs to no play of this project
    ],
)
def test_whom_to_give_up(silent, after_s, expected):
    """Who was silent for long enough, while all others are known and half of them answer."""
    assert given_up(FIVE, away(**silent), after_s, fleet=6) == expected


def test_a_fleet_that_falls_silent_is_a_broken_network():
    """Also where the play itself lost only one host of its five; and a sentence says so."""
    lost = away(h1=60, a=60, b=60, c=60, d=60, e=60)
    assert given_up(FIVE, lost, 5.0, fleet=10) == set()
    assert "6 of 10 hosts do not answer: the network is broken" in why_not(FIVE, lost, 5.0, fleet=10)
    assert "3 of 5 hosts do not answer" in why_not(FIVE, away(h1=9, h2=9, h3=9), 5.0, fleet=10)
    assert why_not(FIVE, away(h1=9), 5.0, fleet=10) == ""
    assert why_not(FIVE, away(h1=9, h2=9, h3=9), None, fleet=10) == ""


def test_a_host_that_somebody_has_to_set_right_is_not_given_up():
    """It is there, and so are its replicas; nor does it keep others from being given up."""
    lost = {"h1": Away(600, setup=True), "h2": Away(600)}
    assert given_up(FIVE, lost, 5.0, fleet=5) == {"h2"}
    assert given_up(FIVE, {"h1": Away(600, setup=True)}, 5.0, fleet=5) == set()


def test_when_the_next_decision_is_due():
    """So that nobody has to look all the time."""
    plays = [(FIVE, 5.0)]
    assert next_decision(plays, away(h1=2.0, h2=4.5, other=1.0)) == pytest.approx(0.5)
    assert next_decision(plays, away(h1=9.0)) is None
    assert next_decision([(FIVE, None)], away(h1=1.0)) is None
