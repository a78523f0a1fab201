"""The verbs on the proxy of a host: endpoints, drain, and letting a proxy go.

Envoy is a stand-in for curl here: it takes what lies in ``xds`` at once, unless a test says otherwise.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from deploytool.backend.base import Task
from deploytool.model.desired import HostFiles
from deploytool.model.intent import File, ProjectKind
from deploytool.model.plan import Ref, Step, StepKind
from tests.unit.backend.compose.host.fake_docker import MINE, FakeHost, identity

INGRESS = "deploytool-ingress"
PART = {
    "digest": "d1\n",
    "offers.json": "[]\n",
    "clusters/web~0": '{"name":"shop/web~0@GEN@","outlier_detection":{},"at":["@ALL@"]}\n',
    "local/web~0": '{"to":"@NAME@","port":"@PORT@"}\n',
    "remote/web~0/h2": '{"to":"h2","weight":"@WEIGHT@"}\n',
    "heads/80": '{"name":"port-80"}\n',
    "chains/80": '{"filter":1}\n',
    "routes/80/_": '1\t{"cluster":"shop/web~0@GEN@"}\n',
}
CURL = r"""
here=$(dirname "$0") at=$(dirname "$0")/../d/deploytool-ingress
version() { sed -n 's/^{"version_info":"\([^"]*\)".*/\1/p' "$1"; }
echo "$*" >>"$here/asked"
case "$*" in
  *version_text*)
    [ -e "$here/refuses" ] || echo "cluster_manager.cds.version_text: \"$(version "$at/xds/cds.json")\""
    echo "listener_manager.lds.version_text: \"$(version "$at/xds/lds.json")\""
    for file in "$at"/xds/rds-port-*.json; do
      port=${file##*/rds-port-} port=${port%.json}
      [ -e "$here/refuses-routes" ] ||
        echo "http.port-$port.rds.port-$port.version_text: \"$(version "$file")\""
    done
    ;;
  *clusters*) cat "$here/clusters" ;;
  *downstream_cx*) echo "http.port-80.downstream_cx_active: $(cat "$here/connections")" ;;
esac
"""


@pytest.fixture
def envoy(fake: FakeHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    """A host with a proxy that answers, and two replicas, of which Envoy says what ``clusters`` has."""
    monkeypatch.setattr("deploytool.backend.compose.protocol.ENVOY_PATIENCE_S", 0.0)
    assert fake.engine.lock("shop", MINE).ok
    assert fake.engine.lock(INGRESS, MINE).ok
    fake.replace("curl", CURL)
    (fake.plugins / "clusters").write_text("")
    (fake.plugins / "connections").write_text("0")
    edge = fake.root / INGRESS
    for name in ("xds", "run", "projects"):
        (edge / name).mkdir()
    for name in ("cds.json", "lds.json"):
        (edge / "xds" / name).write_text('{"resources":[]}\n')
    replicas = [f"{identity(n)} shop-web-{n} web 8080 Up 1 second (healthy)" for n in (1, 2)]
    fake.answer("*ingress.targets*", said="\n".join(replicas))
    with listening(edge / "run" / "token.sock"):
        yield fake


def listening(path: Path) -> closing[socket.socket]:
    """A Unix socket in the file system; its path may be longer than one may be bound at."""
    one = socket.socket(socket.AF_UNIX)
    short = Path("/tmp") / f"deploytool-{path.stat().st_ino if path.exists() else id(one)}.sock"
    one.bind(str(short))
    short.rename(path)
    return closing(one)


def task(
    kind: StepKind, project: str = "shop", part: dict[str, str] | None = None, **details: object
) -> Task:
    files = tuple(File(path, text.encode(), 0o600) for path, text in (part or {}).items())
    step = Step("", kind, "h1", project, "", **details)  # type: ignore[arg-type]
    host_files = HostFiles(None, ingress=files) if part is not None else None
    project_kind = ProjectKind.INGRESS if project == INGRESS else ProjectKind.SERVICES
    return Task(step, host_files, project_kind=project_kind)


def endpoints(part: dict[str, str], *leaving: str, **details: object) -> Task:
    refs = tuple(Ref(one, one) for one in leaving)
    return task(StepKind.ENDPOINTS, part=part, service="web", containers=refs, **details)


def warm(fake: FakeHost) -> None:
    """Envoy finds the replicas of the cluster that there is now well."""
    edge = fake.root / INGRESS
    generation = (edge / "projects/shop/state/generation/web~0").read_text().strip()
    name = f"shop/web~0@{generation}"
    (fake.plugins / "clusters").write_text(
        f"{name}::10.0.0.1:8080::rq_active::3\n{name}::10.0.0.1:8080::hostname::shop-web-1\n"
        f"{name}::10.0.0.1:8080::health_flags::healthy\n"
    )


def served(fake: FakeHost) -> dict[str, object]:
    (cluster,) = json.loads((fake.root / INGRESS / "xds" / "cds.json").read_text())["resources"]
    return cluster


def digest(fake: FakeHost) -> str:
    return fake.engine.observe().served["shop"].digest


def put_in_place(fake: FakeHost, *leaving: str, **details: object) -> None:
    """Once in vain, since only then it is known what Envoy has to find well."""
    fake.do(endpoints(PART, *leaving, **details))
    warm(fake)
    fake.done(endpoints(PART, *leaving, **details))


def test_replicas_here_and_weights_of_others_become_endpoints(envoy: FakeHost) -> None:
    """The next look reports the endpoints that a proxy was given, and their health as it sees it."""
    put_in_place(envoy, remotes=(("h2", 3),))
    assert served(envoy)["at"] == [
        {"to": "shop-web-1", "port": 8080},
        {"to": "shop-web-2", "port": 8080},
        {"to": "h2", "weight": 3},
    ]
    seen = envoy.engine.observe()
    assert seen.served["shop"].digest == "d1"
    assert seen.served["shop"].local == {"web": ("shop-web-1", "shop-web-2")}
    assert seen.served["shop"].remote == {"web": {"h2": 3}}
    assert [(one.endpoint, one.active, one.trouble) for one in seen.beliefs] == [("shop-web-1", 3, "")]


def test_what_leaves_gets_no_requests(envoy: FakeHost) -> None:
    """Until the next plan prepares the project anew."""
    put_in_place(envoy, identity(2))
    assert served(envoy)["at"] == [{"to": "shop-web-1", "port": 8080}]
    put_in_place(envoy)
    assert served(envoy)["at"] == [{"to": "shop-web-1", "port": 8080}]


def test_a_host_of_weight_nothing_is_out(envoy: FakeHost) -> None:
    """And may come back."""
    put_in_place(envoy, remotes=(("h2", 1),))
    put_in_place(envoy, remotes=(("h2", 0),))
    assert {"to": "h2", "weight": 1} not in served(envoy)["at"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("refuses", "clusters", "said", "reason"),
    [
        ("refuses", "warm", "[2026] rejected: bad cluster", "the new endpoints: rejected: bad cluster"),
        ("refuses", "warm", "", "the new endpoints: it does not say why"),
        ("refuses-routes", "warm", "[2026] failed: bad route", "the new routes: failed: bad route"),
        ("", "", "", "the new endpoints: shop/web has not been looked at"),
        (
            "",
            "cold",
            "",
            "the new endpoints: no replica of shop/web is well as this host sees it: 10.0.0.1:8080",
        ),
    ],
)
def test_what_envoy_does_not_take_is_taken_back(
    envoy: FakeHost, refuses: str, clusters: str, said: str, reason: str
) -> None:
    """With the reason; the part does not look done."""
    put_in_place(envoy)
    before = (envoy.root / INGRESS / "xds" / "cds.json").read_text()
    envoy.answer("'docker ps'*--quiet*", said=identity(9))
    envoy.answer("'docker logs'*", said=said)
    changed = {**PART, "digest": "d2\n", "clusters/web~0": PART["clusters/web~0"].replace("}}", '},"x":1}')}
    envoy.do(endpoints({**PART, "clusters/web~0": changed["clusters/web~0"].replace(":1", ":2")}))
    if refuses:
        (envoy.plugins / refuses).touch()
    envoy.do(endpoints(changed))
    warm(envoy)
    text = (envoy.plugins / "clusters").read_text()
    (envoy.plugins / "clusters").write_text(
        {"": "", "warm": text, "cold": text.replace("::healthy", "::/failed_active_hc")}[clusters]
    )
    (outcome,) = envoy.do(endpoints(changed))
    assert outcome.reason == f"Envoy does not take {reason}"
    assert (envoy.root / INGRESS / "xds" / "cds.json").read_text() == before
    assert digest(envoy) == "unfinished"


def test_a_proxy_that_does_not_answer_is_told_from_one_that_refuses(envoy: FakeHost) -> None:
    """Nobody else can say why."""
    (envoy.root / INGRESS / "run" / "token.sock").unlink()
    (outcome,) = envoy.do(endpoints(PART))
    assert outcome.reason == "Envoy does not take the new endpoints: its admin socket does not answer"


def test_a_project_may_go_where_the_proxy_is_gone(envoy: FakeHost) -> None:
    """It has nobody to wait for, and nothing of it stays."""
    put_in_place(envoy)
    (envoy.root / INGRESS / "run" / "token.sock").unlink()
    envoy.answer("'docker ps'*", said="")
    envoy.done(endpoints({}))
    assert not (envoy.root / INGRESS / "projects" / "shop").exists()


def test_a_project_goes_only_when_its_last_replicas_were_let_go(envoy: FakeHost) -> None:
    """Until then its part stays, and does not look done."""
    put_in_place(envoy)
    envoy.do(endpoints({}, identity(1), identity(2)))
    warm(envoy)
    envoy.done(endpoints({}, identity(1), identity(2)))
    assert served(envoy)["at"] == []
    assert digest(envoy) == "d1"
    envoy.done(endpoints({}))
    assert "shop" not in envoy.engine.observe().served


def test_files_that_cannot_be_written_are_told(envoy: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with any other verb."""
    monkeypatch.setattr("deploytool.backend.compose.protocol.packed", lambda files: b"\xff" * 2000)
    (outcome,) = envoy.do(endpoints(PART))
    assert outcome.reason.startswith("the proxy's files cannot be written: ")


def test_a_host_that_cannot_ask_envoy_says_what_it_lacks(
    envoy: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two programs will do."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for path in (*Path("/bin").iterdir(), *Path("/usr/bin").iterdir(), *envoy.plugins.iterdir()):
        if path.name not in ("curl", "perl") and not (programs / path.name).exists():
            (programs / path.name).symlink_to(path)
    monkeypatch.setenv("PATH", str(programs))
    (outcome,) = envoy.do(endpoints(PART))
    assert outcome.reason == "neither curl nor perl is on the host, and Envoy is asked with one of them"


def test_proxies_that_changed_are_told_everything_again(envoy: FakeHost) -> None:
    """Each that runs counts, also one that does not answer yet."""
    put_in_place(envoy)
    envoy.answer("*ingress.admin*", said=f"{identity(9)} run/token.sock")
    envoy.done(task(StepKind.ENDPOINTS, INGRESS, {}))
    assert digest(envoy) == "d1"


def test_a_drain_ends_when_nothing_is_under_way(envoy: FakeHost) -> None:
    """Or when its time is over, and tells what was left."""
    put_in_place(envoy)
    one = task(StepKind.DRAIN, containers=(Ref(identity(1), "shop-web-1"),), grace_s=0.0)
    (outcome,) = envoy.do(one)
    assert outcome.ok
    assert outcome.log == ("3 requests were still under way after 0 s",)
    other = replace(one, step=replace(one.step, containers=(Ref(identity(2), "shop-web-2"),)))
    assert envoy.do(other)[0].log == ()


def test_a_proxy_that_is_let_go_keeps_its_connections_for_a_while(envoy: FakeHost) -> None:
    """It is not removed while it has some; the next look says so, and then it goes."""
    proxy = identity(9)
    refs = (Ref(proxy, "envoy-1"),)
    envoy.answer("*ingress.admin*", said="run/token.sock")
    (envoy.plugins / "connections").write_text("4")
    (outcome,) = envoy.do(task(StepKind.DRAIN, INGRESS, containers=refs, grace_s=30.0))
    assert outcome.log == ("4 connections stay with the proxy that was replaced after 10 s",)
    run = envoy.root / INGRESS / "run"
    assert sorted(path.suffix for path in run.iterdir()) == [".sock", ".until"]
    assert "POST" in (envoy.plugins / "asked").read_text()
    envoy.calls()
    envoy.done(task(StepKind.STOP, INGRESS, containers=refs))
    assert run.joinpath(f"{proxy[:12]}.until").exists()
    (envoy.plugins / "connections").write_text("0")
    envoy.answer("'docker inspect'*", code=1)
    envoy.done(task(StepKind.STOP, INGRESS, containers=refs))
    assert list(run.iterdir()) == []
