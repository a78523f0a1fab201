"""No request is lost, whatever happens: the long proof, `make proof`. Takes about ten minutes.

Each case puts constant load on port 80 of all three hosts: connections that are kept, new ones, requests of
three seconds, and a WebSocket for each host. A WebSocket that outlives the drain is ended by its replica
with a goodbye, or cut with its proxy; then it is opened anew, and that has to work.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.labhosts import LabHosts
from tests.lab.traffic.clients import Tally, load
from tests.lab.traffic.site import Shop, give_images, shop
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
def nothing_fails(user: Shop, case: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Tally]:
    """Load while the block runs and a little before and after; its figures are printed."""
    with load(user.addresses) as tally:
        time.sleep(2)  # some load before anything happens; nothing is waited for
        yield tally
        time.sleep(2)
    with capsys.disabled():
        print(f"\n{case}: {tally.line()}")
    assert tally.failed.total() == 0, tally.reasons
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
    """Envoy's image is replaced on every host, beside the old one."""
    with nothing_fails(user, "another image of Envoy", capsys):
        user.up(envoy="demo/envoy:2")


def test_an_update_that_fails_and_is_rolled_back(user: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Replicas that never get healthy get no request."""
    with nothing_fails(user, "failed update, rolled back", capsys):
        assert "rolled back to release 1" in user.fails(tag="sick")


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
