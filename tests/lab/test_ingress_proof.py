"""No request is lost, whatever happens: the long proof, `make proof`. Takes about ten minutes.

Each case puts constant load on port 80 of all three hosts: connections that are kept, new ones, requests of
three seconds, and a WebSocket for each host that nobody ends. One whose replica has to go outlives the drain
and is ended by the replica with a goodbye; then it is opened anew, and that has to work. None is cut.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploytool.load.compose.ingress_authority import _made
from tests.lab.labhosts import LabHosts
from tests.lab.traffic.clients import Tally, load
from tests.lab.traffic.site import SHOP, Shop, give_images, shop
from tests.lab.user import ok

pytestmark = pytest.mark.proof


@pytest.fixture(scope="session")
def traffic(lab_hosts: LabHosts) -> None:
    give_images(lab_hosts)


@pytest.fixture
def user(lab: LabHosts, traffic: None, tmp_path: Path) -> Shop:
    """Somebody whose shop runs, six replicas on three hosts."""
    made = shop(lab, tmp_path)
    made.up()
    return made


@contextmanager
def nothing_fails(
    user: Shop, case: str, capsys: pytest.CaptureFixture[str], on: Sequence[tuple[str, int]] = ()
) -> Iterator[Tally]:
    """Load while the block runs and a little before and after, on all hosts or ``on`` some of them.

    Its figures are printed.
    """
    with load(list(on or user.addresses)) as tally:
        time.sleep(2)  # some load before anything happens; nothing is waited for
        yield tally
        time.sleep(2)
    with capsys.disabled():
        print(f"\n{case}: {tally.line()}")
    assert tally.failed.total() == 0, tally.reasons
    assert tally.cut == 0
    assert min(tally.good[kind] for kind in ("kept", "new", "slow", "websocket")) > 0


def test_rolling_start_first(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Six replicas are replaced, two at a time, new ones first."""
    with nothing_fails(user, "update, start-first", capsys):
        user.up(tag="2")


def test_rolling_stop_first(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Six replicas are replaced, two at a time, old ones first."""
    with nothing_fails(user, "update, stop-first", capsys):
        user.up(tag="2", order="stop-first")


def test_scale_down_and_up(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """From six to two and back: one host is left without a replica, and answers on."""
    with nothing_fails(user, "scale 6 → 2 → 6", capsys):
        user.up(count=2)
        user.up(count=6)


def test_drain_of_a_host(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The replicas of a host go elsewhere; its port answers on."""
    with nothing_fails(user, "drain of a host", capsys):
        ok(user.run("converge", user.drain("lab2"), user.folder / "site.yaml"))
    assert user.counts("shop") == [3, 0, 3]


def test_another_proxy(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Envoy's image is replaced beside the old one, and back: WebSockets go on through the ones before.

    When these have ended, the next run takes the old proxies away.
    """
    with nothing_fails(user, "another image of Envoy, and back", capsys) as tally:
        user.up(envoy="demo/envoy:2")
        assert min(proxies(user).values()) == 2, "old proxies keep the WebSockets"
        user.up(envoy="demo/envoy:1")
        assert (tally.closed, tally.cut) == (0, 0)
    user.up(envoy="demo/envoy:1")
    assert proxies(user) == {"lab1": 1, "lab2": 1, "lab3": 1}


def test_a_proxy_lingers_no_longer_than_it_may(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A WebSocket that outlives ``drain`` ends with the proxy; requests that end in time do not notice."""
    with load(user.addresses) as tally:
        user.up(envoy="demo/envoy:2", drain="5s")
        user.up(envoy="demo/envoy:2", drain="5s")
        assert proxies(user) == {"lab1": 1, "lab2": 1, "lab3": 1}
        time.sleep(2)
    with capsys.disabled():
        print(f"\nanother image of Envoy, drain of 5 s: {tally.line()}")
    assert tally.failed.total() == 0, tally.reasons
    assert tally.cut >= len(user.addresses)


def proxies(user: Shop) -> dict[str, int]:
    """The number of replicas that run on each host."""
    found = {host: user.lab.containers(host, "deploytool-ingress") for host in user.lab.hosts}
    return {host: sum(c.service == "envoy" and c.running for c in seen) for host, seen in found.items()}


def test_an_update_that_fails_and_is_rolled_back(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Replicas that never get healthy get no request."""
    with nothing_fails(user, "failed update, rolled back", capsys):
        assert "rolled back to release 1" in user.fails(tag="sick")


def test_a_host_leaves_the_play(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The others forget it before its replicas and its proxy go; it keeps nothing."""
    stays, leaves = user.lab.hosts[:2], user.lab.hosts[2]
    user.write(SHOP.replace("hosts: web", f"hosts: web:!{leaves}"))
    with nothing_fails(user, "a host leaves", capsys, user.addresses[:2]):
        user.up()
    assert [user.lab.containers(host) == () for host in user.lab.hosts] == [False, False, True]
    assert all(len(user.ids()[host]) == 3 for host in stays)


def test_the_authority_is_replaced(user: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Between hosts that show each other certificates: trust the new one, use it, forget the old one."""
    user.up(mtls="true")
    file = tmp_path / "ingress-ca.pem"
    old, new = file.read_text("ascii"), _made()
    begin = "-----BEGIN CERTIFICATE"
    with nothing_fails(user, "another authority", capsys):
        for text in (old + new[new.index(begin) :], new + old[old.index(begin) :], new):
            file.write_text(text, "ascii")
            user.up(mtls="true")


def test_a_replica_is_killed(user: Shop, lab: LabHosts, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what was under way on that replica may fail: no more than a connection of each kind and host."""
    victim = next(c for c in lab.containers("lab1", "shop") if c.service == "web")
    with load(user.addresses) as tally:
        time.sleep(2)
        lab.exec("lab1", "docker", "kill", "--signal", "KILL", victim.id)
        time.sleep(10)
    with capsys.disabled():
        print(f"\nkill -9 of a replica: {tally.line()}")
    assert tally.failed.total() <= len(user.addresses) * 4, tally.reasons
    assert len({reason[:8] for reason in tally.reasons}) <= 2, tally.reasons  # within one second
