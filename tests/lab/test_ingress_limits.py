"""Replicas that fail are left out for a while, and too many requests get a 503: `make proof`."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.watchlab import wait_for
from tests.lab.labhosts import LabHosts, Seen
from tests.lab.traffic.site import Shop, give_images
from tests.lab.user import ok

pytestmark = pytest.mark.proof

SITE = """\
- name: Shop
  hosts: web
  ingress: {image: demo/envoy:1}
  services:
    web:
      image: "traffic/web:{{ tag | default('1') }}"
      ports: [{target: 8080, published: "80", mode: ingress}]
      x-ingress: {health_path: /up, max_requests: "{{ most | default(8192) | int }}"}
      stop_grace_period: 5s
      deploy: {replicas: 3, update_config: {order: start-first, monitor: 1s}}
"""


@pytest.fixture
def user(lab: LabHosts, tmp_path: Path) -> Shop:
    give_images(lab)
    made = Shop(lab, tmp_path, timeout_s=600.0)
    made.write(SITE)
    return made


def ask(address: tuple[str, int], path: str = "/") -> tuple[int, str, bool]:
    """Status, body, and whether the proxy says that there are too many requests."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), answer.getheader("x-envoy-overloaded") == "true"
    connection.close()
    return found


def break_with(lab: LabHosts, host: str, replica: Seen, code: int) -> None:
    """The replica answers everything but its health check with ``code``; with 0 it is well again."""
    script = f"open my $f, '>', '/broken'; print $f {code}" if code else "unlink '/broken'"
    lab.exec(host, "docker", "exec", replica.id, "/usr/bin/perl", "-e", script)


def test_a_replica_that_fails_is_left_out_and_comes_back(user: Shop, lab: LabHosts) -> None:
    """503 five times in a row, though its health check is well: ten seconds without it, for every host.

    Errors of its own (500) are answers, and change nothing. ``status`` says so meanwhile.
    """
    user.up()
    (replica,) = (c for c in lab.containers("lab2", "shop") if c.service == "web")
    me = replica.id[:12]
    for address in user.addresses:  # a proxy that looked too early looks again after two seconds
        wait_for("it is asked", lambda address=address: me in ask(address)[1], 60)
    break_with(lab, "lab2", replica, 500)
    for address in user.addresses:
        found = Counter(ask(address)[0] for _ in range(60))
        assert set(found) == {200, 500} and found[500] > 10, found

    break_with(lab, "lab2", replica, 503)
    for address in user.addresses:
        wait_for("it is left out", lambda address=address: all(ask(address)[0] == 200 for _ in range(20)), 20)
    said = ok(user.run("status", lab.inventory, user.folder / "site.yaml")).stdout
    assert "failed outlier check" in said, said

    break_with(lab, "lab2", replica, 0)
    for address in user.addresses:
        wait_for("it is back", lambda address=address: me in ask(address)[1], 60)
    assert "failed outlier" not in ok(user.run("status", lab.inventory, user.folder / "site.yaml")).stdout


def test_too_many_requests_get_an_answer_at_once(user: Shop, lab: LabHosts) -> None:
    """Four under way and four that wait; the others get 503 and are told why. Then all is as before."""
    user.up(most=4)
    with ThreadPoolExecutor(40) as pool:
        found = list(pool.map(lambda _: ask(user.addresses[0], "/slow?3"), range(40)))
    counted = Counter((status, told) for status, _, told in found)
    assert set(counted) == {(200, False), (503, True)}, counted
    assert counted[200, False] >= 4 and counted[503, True] >= 10, counted
    assert [ask(address)[0] for address in user.addresses * 5] == [200] * 15
    assert overflows(user, lab) > 0


def test_what_a_frozen_proxy_did_not_take_is_handed_in_again(user: Shop, lab: LabHosts) -> None:
    """The run says so and stops nothing; the next one does not take what is written for what is known."""
    user.up()
    (proxy,) = (c for c in lab.containers("lab1", "deploytool-ingress") if c.service == "envoy")
    pid = lab.exec("lab1", "docker", "inspect", "--format", "{{.State.Pid}}", proxy.id)
    before = {c.id[:12] for host in lab.hosts for c in lab.containers(host, "shop")}
    lab.exec("lab1", "kill", "-STOP", pid)
    try:
        said = user.fails(tag=2)
    finally:
        lab.exec("lab1", "kill", "-CONT", pid)
    assert "Envoy does not take the new endpoints: its admin socket does not answer" in said, said
    plan = ok(user.run("plan", lab.inventory, user.folder / "site.yaml", "-e", "tag=2")).stdout
    assert "Nothing to do." not in plan, plan
    user.up(tag=2)
    replicas = {c.id[:12] for host in lab.hosts for c in lab.containers(host, "shop")}
    assert len(replicas) == 3 and not replicas & before
    for address in user.addresses:
        found = {ask(address)[1].split()[-1] for _ in range(60)}
        assert found == replicas


def overflows(user: Shop, lab: LabHosts) -> int:
    """As Prometheus reads it: requests that a limit of a cluster kept out, on the first host."""
    found = ok(user.run("targets", lab.inventory, user.folder / "site.yaml", "--prometheus")).stdout
    (target,) = (t for t in json.loads(found) if t["labels"]["host"] == "lab1")
    address = lab.exec("lab1", "hostname", "-i").split()[0]
    port = target["targets"][0].rpartition(":")[2]
    text = lab.exec("lab2", "perl", "-e", FETCH, address, port, target["labels"]["__metrics_path__"])
    names = ("envoy_cluster_upstream_rq_pending_overflow", "envoy_cluster_upstream_cx_overflow")
    lines = [line for line in text.splitlines() if line.startswith(names) and "shop/web" in line]
    return sum(int(line.rpartition(" ")[2]) for line in lines)


FETCH = """
use IO::Socket::INET;
my $link = IO::Socket::INET->new(PeerAddr => "$ARGV[0]:$ARGV[1]", Timeout => 5) or die $!;
print $link "GET $ARGV[2] HTTP/1.1\\r\\nHost: metrics\\r\\nConnection: close\\r\\n\\r\\n";
local $/;
my $text = <$link>;
$text =~ s/\\r\\n[0-9a-f]+\\r\\n//g;
print $text;
"""
