"""Names, ports and files of a lab."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import yaml

from deploytool.lab.layout import MAX_HOSTS, Layout, inventory_text, known_hosts_text, state_text

ROOT = Path(__file__).parents[3]
LAYOUT = Layout(Path("/somewhere/.lab"))


def test_no_two_hosts_share_a_port():
    """Not even where a lab has as many hosts as it may have."""
    hosts = LAYOUT.hosts(MAX_HOSTS)
    ports = list(chain.from_iterable((host.ssh_port, host.http_port, host.alt_http_port) for host in hosts))
    assert len(set(ports)) == 3 * MAX_HOSTS


def test_committed_inventory_is_the_one_of_three_hosts():
    """inventories/lab.yaml is what the code writes, with the lab's folder beside the inventories."""
    committed = (ROOT / "inventories" / "lab.yaml").read_text("utf-8")
    comments = "".join(line for line in committed.splitlines(keepends=True) if line.startswith("#"))
    assert committed == comments + inventory_text(LAYOUT.hosts(3), "{{ inventory_dir }}/../.lab")


def test_a_fourth_host_is_in_the_first_zone_again():
    """Zones go round, so that each has hosts."""
    inventory = yaml.safe_load(inventory_text(LAYOUT.hosts(4), "x"))
    zones = [host["deploytool_labels"]["zone"] for host in inventory["web"]["hosts"].values()]
    assert zones == ["a", "b", "c", "a"]


def test_labs_with_a_namespace_of_their_own_have_hosts_of_the_same_names():
    """Names that are one per machine differ: containers, network, label, and the address among the hosts."""
    other = Layout(Path("/elsewhere/.lab"), namespace="other-")
    assert [host.name for host in other.hosts(3)] == [host.name for host in LAYOUT.hosts(3)]
    assert other.container("lab1") == "other-lab1"
    assert other.network != LAYOUT.network
    assert other.label != LAYOUT.label
    assert other.hosts(1)[0].address == f"other-lab1.{other.network}"


def test_known_hosts_name_the_port():
    """As OpenSSH looks hosts up that are not on port 22."""
    text = known_hosts_text({2202: "ssh-ed25519 BBBB", 2201: "ssh-ed25519 AAAA"})
    assert text == "[127.0.0.1]:2201 ssh-ed25519 AAAA\n[127.0.0.1]:2202 ssh-ed25519 BBBB\n"


def test_state_tells_programs_where_the_hosts_are():
    """Name and ports of each host, as JSON."""
    state = json.loads(state_text(LAYOUT, LAYOUT.hosts(2)))
    assert [(host["name"], host["ssh_port"]) for host in state["hosts"]] == [("lab1", 2201), ("lab2", 2202)]
