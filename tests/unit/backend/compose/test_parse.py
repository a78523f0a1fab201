"""What a host prints is read as it was meant, and damage costs no more than it has to."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

import pytest

from deploytool.backend.compose.documents import Document, read_lines
from deploytool.backend.compose.parse import parse_engine, parse_lease, parse_observation, parse_release
from deploytool.errors import HostUnreachable
from deploytool.model.container import HostPort
from deploytool.model.ingress import Belief, Offer, Served
from deploytool.model.intent import Resources
from deploytool.model.release import Release

FACTS = (
    '{"key":"k1","version":"v2.26.1","root":"/r","facts":{"node_id":"N1","os":"linux","arch":"x86_64","cpus":4,'
    '"memory_bytes":1024,"labels":["zone=a","x=1=2"],"docker":"26.1.5"}}'
)
CONTAINER = {
    "id": "c" * 64,
    "name": "/shop-web-2",
    "created": "2026-01-02T03:04:05.678901234Z",
    "image": "demo/web:1",
    "image_id": "sha256:abc",
    "labels": {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "2",
        "com.docker.compose.oneoff": "False",
        "deploytool.spec": "1:abc",
        "deploytool.keys": '{"image":"1234"}',
        "deploytool.reserve": "0.5 134217728",
    },
    "restarts": 3,
    "state": "running",
    "exit_code": 0,
    "oom": False,
    "error": "",
    "started": "0001-01-01T00:00:00Z",
    "health": "healthy",
    "published": {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}, {"HostIp": "::", "HostPort": "80"}]},
    "wanted": {"8080/tcp": [{"HostIp": "", "HostPort": "80"}]},
}


def lines(*more: str) -> list[Document]:
    return told(FACTS, '{"clock":1700000000}', *more)


def told(*lines: str) -> list[Document]:
    return list(read_lines(lines))


def container(**changes: object) -> str:
    return json.dumps({"container": {**CONTAINER, **changes}})


def test_a_proxy_that_was_let_go_is_marked():
    """It is no replica any more, and lingers while it runs and the host says that it has reason to."""
    for line, state, lingers in (
        ('{"let_go":"cccccccccccc","lingers":true}', "running", True),
        ('{"let_go":"cccccccccccc","lingers":true}', "exited", False),
        ('{"let_go":"cccccccccccc","lingers":false}', "running", False),
    ):
        (found,) = parse_observation(lines(container(state=state), line), "h1").containers
        assert (found.let_go, found.lingers, found.replica) == (True, lingers, False)
    (found,) = parse_observation(
        lines(container(), '{"let_go":"dddddddddddd","lingers":true}'), "h1"
    ).containers
    assert (found.let_go, found.lingers, found.replica) == (False, False, True)


def test_facts_are_read():
    """Versions, capacity, labels with '=' in their value, and the host's clock."""
    facts = parse_observation(lines(), "h1").facts
    assert (facts.docker, facts.compose, facts.cpus, facts.now_s) == ("26.1.5", "2.26.1", 4, 1_700_000_000)
    assert facts.labels == {"zone": "a", "x": "1=2"}


def test_a_container_of_ours_is_read():
    """Project, service, number, spec, keys, reservation; IPv4 and IPv6 of a port are one."""
    (seen,) = parse_observation(lines(container()), "h1").containers
    assert (seen.name, seen.project, seen.service, seen.number) == ("shop-web-2", "shop", "web", 2)
    assert (seen.ours, seen.keys, seen.reserve) == (True, {"image": "1234"}, Resources(0.5, 134217728))
    assert seen.ports == (HostPort(80, "tcp", ""),)
    assert seen.started_s == 0.0
    assert seen.created_s == pytest.approx(1767323045.678901)


def test_a_stopped_container_holds_the_ports_it_wants():
    """It would take them again when it starts."""
    (seen,) = parse_observation(lines(container(state="exited", published={})), "h1").containers
    assert seen.ports == (HostPort(80, "tcp", ""),)


@pytest.mark.parametrize("published", ["9000-9010", "", "0"])
def test_a_stopped_container_holds_no_port_that_it_has_yet_to_choose(published):
    """Of a range, or of all ports, it takes a free one when it starts."""
    wanted = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": published}]}
    (seen,) = parse_observation(
        lines(container(state="created", published={}, wanted=wanted)), "h1"
    ).containers
    assert seen.ports == ()


def test_a_foreign_container_is_not_ours():
    """No spec label, whatever else it has; null labels are none."""
    (seen,) = parse_observation(lines(container(labels=None)), "h1").containers
    assert not seen.ours


@pytest.mark.parametrize(
    ("said", "message", "setup"),
    [
        (['{"fault":"docker"}'], "docker is not installed", True),
        (['{"fault":"compose"}', FACTS], "Compose plugin", True),
        (
            ['{"fault":"engine","said":"permission denied while trying to connect"}', '{"fault":"engine"}'],
            "no permission",
            True,
        ),
        (['{"fault":"engine","said":"Cannot connect to the Docker daemon"}'], "does not answer", False),
        (
            ['{"fault":"containers","said":"template: :1:2:\\nno such field"}', FACTS],
            "cannot be read: template: :1:2: no such field",
            False,
        ),
        ([], "cut short", False),
        (['{"facts":{broken'], "cut short", False),
    ],
)
def test_a_host_that_cannot_be_used_says_why(said, message, setup):
    """Somebody has to set it right, or it may come back by itself: the two are told apart."""
    with pytest.raises(HostUnreachable, match=message) as caught:
        parse_observation(told(*said), "h1")
    assert caught.value.setup is setup


def test_projects_releases_and_leases_are_read_by_name():
    """Each of the three is a line of its own; damage to one leaves the others."""
    release = json.dumps({"number": 3, "digest": "d", "placements": {"web": {"h1": 2}}})
    people = {"who": "a@b", "manual": False, "reason": "x y"}
    said = lines(
        '{"project":"shop","sha256":"s1","with_manifest":[3],"without_manifest":[4]}',
        json.dumps({"project": "shop", "release": release}),
        json.dumps({"project": "shop", "lease": f"me\n1700000060\n{json.dumps(people)}\n"}),
        '{"project":"other","sha256":""}',
        '{"project":"other","release":"{tru"}',
    )
    projects = parse_observation(said, "h1").projects
    assert projects["shop"].release.members == ("h1",)
    assert (projects["shop"].lease.who, projects["shop"].lease.expires_s) == ("a@b", 1_700_000_060)
    assert (projects["other"].release, projects["other"].lease) == (None, None)


def test_a_release_of_a_later_version_is_still_read():
    """Keys that we do not know are no reason to forget the placements."""
    assert parse_release('{"number":1,"digest":"d","future":true}').number == 1
    assert parse_release('{"future":true}') is None


def test_a_damaged_lease_is_nobodys():
    """Otherwise a full disk would lock a project for ever."""
    assert parse_lease("") is None
    assert parse_lease("owner\nsoon\n{}\n") is None


def test_an_error_of_docker_names_no_secret():
    """Docker quotes the command that it could not run, and causes come into plans, comments and logs."""
    error = 'exec: "serve": not found: serve --password=hunter2 postgres://me:hunter2@db/shop'
    seen = parse_observation(lines(container(error=error)), "h1").containers[0]
    assert "hunter2" not in seen.error
    assert seen.error.startswith('exec: "serve": not found: serve --password=[masked]')


def test_what_a_proxy_was_told_and_what_it_thinks() -> None:
    """By project: the digest, the offers, the endpoints; and of each endpoint whether it gets requests."""
    offers = json.dumps([{"project": "shop", "service": "web", "port": 80, "domains": ["*"], "mesh": 15080}])
    lines = [
        FACTS,
        json.dumps({"ingress": "shop", "digest": "abc", "offers": offers}),
        '{"ingress":"shop","service":"web","local":"shop-web-1 shop-web-2","remote":"h2 1\\nh3 2"}',
        '{"ingress":"blog","digest":"def","offers":"[]"}',
        '{"ingress":"blog","service":"front","local":""}',
        '{"believes":"shop/web","endpoint":"shop-web-1","active":3,"health":"healthy"}',
        '{"believes":"shop/web","endpoint":"h2","active":0,"health":"/failed_active_hc"}',
    ]
    seen = parse_observation(told(*lines), "h1")
    assert seen.served == {
        "shop": Served(
            "abc",
            (Offer("shop", "web", 80, mesh=15080),),
            {"web": ("shop-web-1", "shop-web-2")},
            {"web": {"h2": 1, "h3": 2}},
        ),
        "blog": Served("def", (), {"front": ()}),
    }
    assert seen.beliefs == (
        Belief("shop/web", "shop-web-1", 3),
        Belief("shop/web", "h2", 0, "failed active hc"),
    )


@pytest.mark.parametrize("offers", ["", "{", "null", '[{"nobody": 1}]', '["x"]', "[[]]"])
def test_damaged_offers_are_none(offers: str) -> None:
    """They are written anew by the next run; until then nothing is known of them."""
    line = json.dumps({"ingress": "shop", "digest": "abc", "offers": offers})
    assert parse_observation(told(FACTS, line), "h1").served["shop"].offers == ()


def test_a_release_is_read_as_it_is_written() -> None:
    """With all its fields: one that is added is read, too."""
    placements = {"web": {"h1": 2, "h2": 1}}
    release = Release(
        3, "d", "play", "when", "who", "commit", "converged", placements, {"db": {"h3": 1}}, ("web", "db")
    )
    assert all(getattr(release, field.name) for field in fields(Release)), "the test knows all fields"
    assert parse_release(json.dumps(asdict(release))) == release


def test_what_the_engine_says_is_given_back_as_it_came() -> None:
    """Where it had to be asked; nothing where the host keeps it."""
    known = parse_engine(lines())
    assert json.loads(known["known_facts"])["labels"] == ["zone=a", "x=1=2"]
    assert (known["known_key"], known["known_version"], known["known_root"]) == ("k1", '"v2.26.1"', "/r")
    assert parse_engine(told(FACTS.replace('"k1"', '""'))) == {}
    assert parse_engine([]) == {}
