"""Ports of the whole play on real hosts, with a real proxy. The long proof is in test_ingress_proof.py."""

from __future__ import annotations

import json
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.lab.labhosts import LabHosts
from tests.lab.test_converge import ok
from tests.lab.traffic.clients import load
from tests.lab.traffic.site import Shop, give_images, shop

UPDATED = {"count": 2, "tag": "2", "order": "stop-first", "parallel": 1, "grace": "4s"}


@pytest.fixture(scope="session")
def traffic(lab_hosts: LabHosts) -> None:
    """Every host has Envoy and the server."""
    give_images(lab_hosts)


def answers(user: Shop) -> list[str]:
    """What each host says on its port, by host."""
    return [
        urllib.request.urlopen(f"http://{host}:{port}/", timeout=10).read().decode()
        for host, port in user.addresses
    ]


def test_a_play_answers_on_every_host_through_an_update(lab: LabHosts, traffic: None, tmp_path: Path) -> None:
    """Two replicas, three hosts: all answer, an update loses no request, and down leaves nothing."""
    user = shop(lab, tmp_path)
    user.up(count=2)
    assert user.counts("shop") in ([1, 1, 0], [1, 0, 1], [0, 1, 1])
    assert all(said.startswith("traffic/web:1 on ") for said in answers(user))

    with load(user.addresses, pause_s=0.1) as tally:
        user.up(**UPDATED)
    assert not tally.failed, tally.reasons
    assert min(tally.good[kind] for kind in ("kept", "new", "slow")) > 3, tally.line()
    assert all(said.startswith("traffic/web:2 on ") for said in answers(user))

    plan = user.run("plan", lab.inventory, tmp_path / "site.yaml", "-e", json.dumps(UPDATED))
    assert "Nothing to do." in ok(plan).stdout
    assert_admin_is_out_of_reach(lab, user)

    ok(user.run("down", lab.inventory, tmp_path / "site.yaml"))
    assert [lab.containers(host) for host in lab.hosts] == [(), (), ()]
    assert lab.exec(lab.hosts[0], "sh", "-c", "ls /var/lib/deploytool").split() == []


def assert_admin_is_out_of_reach(lab: LabHosts, user: Shop) -> None:
    """The proxy's admin interface is a socket in a folder that others may not enter, and no port at all."""
    host = lab.hosts[0]
    run = "/var/lib/deploytool/deploytool-ingress/run"
    assert lab.exec(host, "sh", "-c", f"stat -c %a {run}") == "700"
    (holder,) = (c for c in lab.containers(host, "deploytool-ingress") if c.service == "net")
    listening = lab.exec(host, "docker", "port", holder.id).split("\n")
    assert {line.partition("/")[0] for line in listening} == {"80", "15080"}
    for name in user.addresses:
        with pytest.raises(OSError), socket.create_connection((name[0], 9901), timeout=1):
            pass
