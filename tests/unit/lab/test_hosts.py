"""The actions that bring the containers of a lab to the hosts that were asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deploytool.lab.hosts import Action, Container, next_actions, specify
from deploytool.lab.layout import Layout

LAYOUT = Layout(Path("/srv/.lab"))
SPECS = [specify(LAYOUT, host, "image:1", "1") for host in LAYOUT.hosts(3)]
WELL = [Container(spec.container, "running", spec.spec, connected=True) for spec in SPECS]


def changed(**fault: object) -> dict[str, tuple[Action, ...]]:
    """The actions where the second of three hosts has a fault."""
    return next_actions(SPECS, [WELL[0], replace(WELL[1], **fault), WELL[2]])


def test_hosts_that_are_well_are_left_alone():
    """Asking for what is there changes nothing."""
    assert next_actions(SPECS, WELL) == {}


def test_an_empty_machine_gets_all_hosts():
    """Every host is made."""
    assert next_actions(SPECS, []) == dict.fromkeys(("lab1", "lab2", "lab3"), (Action.CREATE,))


def test_surplus_goes_and_what_is_missing_comes():
    """Fewer and more hosts than there are; those that stay are not touched."""
    assert next_actions(SPECS[:1], WELL) == {"lab2": (Action.REMOVE,), "lab3": (Action.REMOVE,)}
    assert next_actions(SPECS, WELL[:2]) == {"lab3": (Action.CREATE,)}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": "exited"}, (Action.START,)),
        ({"status": "paused"}, (Action.UNPAUSE,)),
        ({"connected": False}, (Action.CONNECT,)),
        ({"status": "exited", "connected": False}, (Action.CONNECT, Action.START)),
        ({"status": "paused", "connected": False}, (Action.UNPAUSE, Action.CONNECT)),
        ({"status": "created"}, (Action.REMOVE, Action.CREATE)),
        ({"status": "dead"}, (Action.REMOVE, Action.CREATE)),
        ({"spec": "made by an older version"}, (Action.REMOVE, Action.CREATE)),
    ],
)
def test_a_broken_host_is_repaired_with_what_it_needs(fault, expected):
    """A host keeps its containers and its key wherever it can; the others are not touched."""
    assert changed(**fault) == {"lab2": expected}


def test_another_image_or_port_makes_another_spec():
    """The image, its version of cgroups and its ports are part of a host's spec."""
    host = LAYOUT.hosts(1)[0]
    specs = {
        specify(LAYOUT, host, "image:1", "1").spec,
        specify(LAYOUT, host, "image:2", "1").spec,
        specify(LAYOUT, host, "image:1", "2").spec,
        specify(LAYOUT, replace(host, ssh_port=2299), "image:1", "1").spec,
    }
    assert len(specs) == 4


def test_a_container_has_the_namespace_and_the_host_inside_of_it_has_not():
    """A host of a second lab takes itself for the one that its inventory names."""
    layout = Layout(Path("/srv/.lab"), namespace="other-")
    spec = specify(layout, layout.hosts(1)[0], "image:1", "1")
    named = {word: spec.argv[index + 1] for index, word in enumerate(spec.argv) if word.startswith("--")}
    assert (spec.container, named["--name"], named["--hostname"]) == ("other-lab1", "other-lab1", "lab1")


def test_ports_are_published_on_loopback_only():
    """Nobody on the network reaches a host with a well known password."""
    argv = SPECS[0].argv
    published = [argv[index + 1] for index, word in enumerate(argv) if word == "--publish"]
    assert published == ["127.0.0.1:2201:22", "127.0.0.1:8081:80", "127.0.0.1:8181:8080"]
