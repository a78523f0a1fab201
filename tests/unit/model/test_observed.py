"""The questions that the answers of all hosts can be asked."""

from __future__ import annotations

from deploytool.model.container import Container
from deploytool.model.ingress import Served
from deploytool.model.observed import Facts, Observed, ObservedHost, ProjectFolder, Unreachable
from deploytool.model.release import Lease, Release

LOST = Unreachable("no answer")


def folder(number: int = 1, *, latest: int = 0, others: tuple[str, ...] = (), **hosts: int) -> ProjectFolder:
    release = Release(number, f"digest-{number}", placements={"web": hosts})
    return ProjectFolder("shop", "sha", release, latest=latest, possible_holders=others)


def replica(name: str, service: str = "web", **details: object) -> Container:
    return Container(name, name, project="shop", service=service, spec="s", **details)  # type: ignore[arg-type]


def test_hosts_are_told_apart_by_their_answer():
    """Sorted by name; a host that was not asked is in neither."""
    observed = Observed({"h3": ObservedHost(), "h2": LOST, "h1": ObservedHost()})
    assert list(observed.answered()) == ["h1", "h3"]
    assert dict(observed.unreachable()) == {"h2": LOST}
    assert "h4" not in observed


def test_it_is_a_mapping_that_does_not_change():
    """Later answers make another one; the dictionary that it was made from may change."""
    answers = {"h1": ObservedHost(), "h2": LOST}
    before = Observed(answers)
    after = before.with_hosts({"h1": LOST})
    answers["h3"] = LOST
    assert before == {"h1": ObservedHost(), "h2": LOST}
    assert after == {"h1": LOST, "h2": LOST} and list(after.answered()) == []
    assert after.only({"h2"}) == {"h2": LOST}


def test_replicas_are_ours_alone():
    """Neither one-offs nor strangers; of one service where it is named."""
    web, api = replica("web-1"), replica("api-1", "api")
    strangers = (Container("x", "x", project="shop", service="web"), replica("run", oneoff=True))
    observed = Observed(
        {"h2": ObservedHost(containers=(web, *strangers)), "h1": ObservedHost(containers=(api,))}
    )
    assert list(observed.replicas("shop")) == [("h1", api), ("h2", web)]
    assert list(observed.replicas("shop", "web")) == [("h2", web)]
    assert list(observed.replicas("blog")) == []


def test_the_newest_release_of_any_host_counts():
    """Hosts remember different releases after a partial run; an attempt counts for the numbers alone."""
    folders = {"h1": folder(1, h3=1), "h2": folder(2, latest=4, h3=2)}
    observed = Observed({name: ObservedHost(projects={"shop": one}) for name, one in folders.items()})
    assert observed.newest_release("shop") is folders["h2"].release
    assert observed.latest_number("shop") == 4
    assert observed.newest_release("blog") is None and observed.latest_number("blog") == 0


def test_a_lease_is_in_force_by_the_clock_of_its_host():
    """One that a person took has no end."""
    held = {
        "h1": Lease("a", expires_s=50.0),
        "h2": Lease("b", expires_s=150.0),
        "h3": Lease("c", manual=True),
    }
    observed = Observed(
        {
            name: ObservedHost(Facts(now_s=100.0), projects={"shop": ProjectFolder("shop", lease=lease)})
            for name, lease in held.items()
        }
    )
    assert observed.leases("shop") == {"h2": held["h2"], "h3": held["h3"]}
    assert observed.leases("shop", except_of="b") == {"h3": held["h3"]}


def test_whoever_is_named_or_holds_something_is_a_possible_holder():
    """By the release, by a folder, by what is seen, by what a proxy was told; asked or not."""
    observed = Observed(
        {
            "h1": ObservedHost(projects={"shop": folder(1, others=("h5",), h4=1)}),
            "h2": ObservedHost(containers=(replica("web-1"),)),
            "h3": ObservedHost(served={"shop": Served()}),
            "h6": ObservedHost(),
            "h7": LOST,
        }
    )
    assert observed.possible_holders("shop") == {"h1", "h2", "h3", "h4", "h5"}
    assert observed.possible_holders("blog") == set()
