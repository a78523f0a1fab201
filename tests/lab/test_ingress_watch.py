"""A watcher keeps endpoints true, whatever becomes of the replicas and hosts behind them: `make proof`.

Seconds until all is true again are printed. What a proxy was told is read from its host, never from what the
watcher says.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.watchlab import Watch, wait_for, watching
from tests.lab.labhosts import LabHosts, Seen
from tests.lab.traffic.clients import load
from tests.lab.traffic.site import SHOP, Shop, give_images

pytestmark = pytest.mark.proof
LONG_S = 120
EDGE = "/var/lib/deploytool/deploytool-ingress/projects/shop/state"


@pytest.fixture
def user(lab: LabHosts, tmp_path: Path) -> Iterator[Shop]:
    """Six replicas, two a host, and a watcher over them."""
    give_images(lab)
    made = Shop(lab, tmp_path, timeout_s=600.0)
    made.write(SHOP.replace("  hosts: web\n", "  hosts: web\n  reschedule_after: 5s\n"))
    made.up()
    with watching(Watch(lab.inventory, tmp_path, port=lab.port(9469))):
        yield made


def test_a_replica_that_is_killed_or_removed(user: Shop, lab: LabHosts, report: Callable[..., None]) -> None:
    """Its successor gets requests; nobody else notices, but for what was under way on it."""
    with load(user.addresses, kinds=("kept", "new")) as tally:
        for host, argv in (("lab1", ("kill", "--signal", "KILL")), ("lab2", ("rm", "--force"))):
            victim = web(lab, host)[0]
            lab.exec(host, "docker", *argv, victim.id)
            report(f"docker {argv[0]}", wait_for("endpoints are true", lambda: true(lab), LONG_S))
            assert len(web(lab, host)) == 2
            wait_for("all answer", lambda host=host: len(answering(user, host)) == 6, LONG_S)
    assert tally.failed.total() <= 4, tally.reasons  # GETs on that very replica, and those are asked again


def test_a_container_with_a_new_address(user: Shop, lab: LabHosts, report: Callable[..., None]) -> None:
    """Found under its name, within the seconds that Envoy takes an address for true; no request is lost."""
    (one, _) = web(lab, "lab1")
    with load(user.addresses, kinds=("kept", "new")) as tally:
        before = address(lab, "lab1", one)
        squatters = 0
        while address(lab, "lab1", one) == before:
            squatters += 1
            assert squatters < 10
            lab.exec("lab1", "docker", "network", "disconnect", "deploytool-ingress", one.id)
            squat = ("--entrypoint", "/usr/bin/perl", "traffic/web:1", "-e", "sleep 600")
            lab.exec("lab1", "docker", "run", "--detach", "--network", "deploytool-ingress", *squat)
            lab.exec("lab1", "docker", "network", "connect", "deploytool-ingress", one.id)
        name = one.id[:12]
        report("a new address", wait_for("it answers", lambda: name in answering(user, "lab1"), LONG_S))
    assert tally.failed.total() == 0, tally.reasons
    assert true(lab)


def test_a_holder_that_starts_anew_or_is_gone(user: Shop, lab: LabHosts, report: Callable[..., None]) -> None:
    """Docker calls its proxy running, though it lost its network: it is made anew, and the port answers."""
    for argv in (("restart", "--time", "0"), ("rm", "--force")):
        (holder,) = (c for c in lab.containers("lab1", "deploytool-ingress") if c.service == "net")
        lab.exec("lab1", "docker", *argv, holder.id)
        answers = wait_for("it answers again", lambda: len(quietly(user, "lab1")) == 6, LONG_S)
        report(f"docker {argv[0]} of the holder", answers)
    assert true(lab)


def quietly(user: Shop, host: str) -> set[str]:
    try:
        return answering(user, host)
    except OSError:
        return set()


def test_a_host_that_dies_and_comes_back(user: Shop, lab: LabHosts, report: Callable[..., None]) -> None:
    """The others stop asking it at once, forget it when its replicas are elsewhere, and take it in again."""
    alive = ["lab1", "lab2"]
    there = [address for address, host in zip(user.addresses, lab.hosts, strict=True) if host in alive]
    with load(there, kinds=("kept", "new")) as tally:
        lab.kill("lab3")
        report("a dead host is forgotten", wait_for("six on two hosts", lambda: true(lab, alive), LONG_S))
        wait_for("all answer", lambda: all(len(answering(user, host)) == 6 for host in alive), LONG_S)
    lab.start("lab3")
    report("and taken in again", wait_for("all hosts are true", lambda: true(lab), LONG_S))
    assert answering(user, "lab3")
    # What was under way there when it died, at most one of each kind and address.
    assert tally.failed.total() <= len(there) * 2, tally.reasons


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    def told(what: str, seconds: float) -> None:
        with capsys.disabled():
            print(f"\nwatch, {what}: true again after {seconds:.1f} s")

    return told


def web(lab: LabHosts, host: str) -> list[Seen]:
    return [c for c in lab.containers(host, "shop") if c.service == "web" and c.running]


def remote(lab: LabHosts, host: str) -> dict[str, int]:
    words = lab.exec(host, "cat", f"{EDGE}/remote/web~0").split()
    return {name: int(weight) for name, weight in zip(words[::2], words[1::2], strict=True)}


def true(lab: LabHosts, alive: list[str] | None = None) -> bool:
    """True if every proxy was told its own replicas by name, and the number of them on each other host."""
    hosts = alive or list(lab.hosts)
    running = {host: web(lab, host) for host in hosts}
    if sum(map(len, running.values())) != 6:
        return False
    for host in hosts:
        named = lab.exec(host, "cat", f"{EDGE}/names/web~0").split()
        others = {name: len(found) for name, found in running.items() if found and name != host}
        if sorted(named) != sorted(c.name for c in running[host]) or remote(lab, host) != others:
            return False
    return True


def answering(user: Shop, host: str) -> set[str]:
    """The replicas that answer through a host's port, of 60 requests."""
    where, port = user.addresses[user.lab.hosts.index(host)]
    found = set()
    for _ in range(60):
        with urllib.request.urlopen(f"http://{where}:{port}/", timeout=15) as answer:
            found.add(answer.read().decode().rpartition(" ")[2].strip())
    return found


def address(lab: LabHosts, host: str, container: Seen) -> str:
    (found,) = json.loads(lab.exec(host, "docker", "inspect", container.id))
    return str(found["NetworkSettings"]["Networks"]["deploytool-ingress"]["IPAddress"])
