"""Constraints and spread keys: how they are read, and which hosts they match."""

from __future__ import annotations

import pytest

from deploytool.core.placement.constraints import matches, runs_platform, value_of
from deploytool.model.constraint import parse_constraint, parse_spread
from deploytool.model.intent import Constraint
from deploytool.model.inventory import Connection
from deploytool.model.observed import Facts
from tests.unit.core.strategies import make_host

HOST = make_host(
    "web1",
    connection=Connection("10.1.2.3"),
    groups=("eu", "web"),
    labels={"zone": "EU-1", "Rack": "a"},
)
FACTS = Facts(node_id="ABC:def", os="linux", arch="x86_64", labels={"disk": "ssd"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("node.hostname == web1", True),
        ("node.hostname == WEB1", True),
        ("node.hostname!=web1", False),
        ("node.id == abc:DEF", True),
        ("node.labels.zone == eu-1", True),
        ("node.labels.zone != eu-2", True),
        ("node.labels.rack == a", False),
        ("node.labels.Rack == A", True),
        ("NODE.LABELS.zone == eu-1", True),
        ("node.labels.gone == x", False),
        ("node.labels.gone != x", True),
        ("engine.labels.disk == ssd", True),
        ("node.groups == web", True),
        ("node.groups == all", True),
        ("node.groups != db", True),
        ("node.groups == db", False),
        ("node.platform.os == Linux", True),
        ("node.platform.arch == amd64", True),
        ("node.platform.arch == x86_64", True),
        ("node.platform.arch != aarch64", True),
        ("node.ip == 10.1.2.3", True),
        ("node.ip == 10.1.0.0/16", True),
        ("node.ip != 10.2.0.0/16", True),
        ("node.ip == fd00::/8", False),
    ],
)
def test_matching(text: str, expected: bool) -> None:
    """Each key compares what it names; values without regard to case, names of labels with."""
    assert matches(parse_constraint(text), HOST, FACTS) is expected


@pytest.mark.parametrize("operator", ["==", "!="])
@pytest.mark.parametrize("key", ["node.role", "node.labels.", "rack"])
def test_an_unknown_key_matches_nothing(key: str, operator: str) -> None:
    """Whatever the operator, a key that nobody knows excludes every host."""
    assert not matches(Constraint(key, operator, "x"), HOST, FACTS)


def test_the_address_is_the_one_for_other_hosts_first() -> None:
    """node.ip is deploytool_address where it is an address, else the connection's, never a name's."""
    host = make_host("h", address="192.168.0.5", connection=Connection("10.0.0.5"))
    assert value_of("node.ip", host, FACTS) == "192.168.0.5"
    assert value_of("node.ip", make_host("h", connection=Connection("h.example.com")), FACTS) == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("node.labels.zone", "'node.labels.zone' is not a constraint; write it as node.labels.zone == eu-1"),
        ("node.labels.zone = a", "a constraint compares with == or !=, not with '='"),
        ("node.labels.zone > a", "a constraint compares with == or !=, not with '>'"),
        ("node.labels.zone ==", "the constraint 'node.labels.zone ==' compares with nothing"),
        ("node.hostnam == a", "unknown key 'node.hostnam': did you mean 'node.hostname'?"),
        ("node.ip == web", "node.ip compares with an address or a network, which 'web' is not"),
        (
            "node.role == manager",
            "there are no managers and workers here; select hosts by node.groups or node.labels",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, sentence: str) -> None:
    """A constraint that nobody can evaluate is refused with a sentence and a way out."""
    with pytest.raises(ValueError, match=r".") as error:
        parse_constraint(text)
    assert str(error.value) == sentence


def test_reading() -> None:
    """White space does not matter, and a constraint prints as it is written by hand."""
    assert parse_constraint("  node.labels.zone==eu 1 ") == Constraint("node.labels.zone", "==", "eu 1")
    assert str(parse_constraint("Node.Labels.Zone!=a")) == "node.labels.Zone != a"


def test_spread_keys() -> None:
    """Replicas are spread over what a host has one of."""
    assert parse_spread(" node.labels.rack ") == "node.labels.rack"
    with pytest.raises(ValueError, match="several groups"):
        parse_spread("node.groups")
    with pytest.raises(ValueError, match="unknown key 'rack'"):
        parse_spread("rack")


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("", True), ("linux", True), ("linux/amd64", True), ("linux/arm64/v8", False), ("windows/amd64", False)],
)
def test_platforms(platform: str, expected: bool) -> None:
    """A platform is an operating system and an architecture, each left out where it does not matter."""
    assert runs_platform(platform, FACTS) is expected
