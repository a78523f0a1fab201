"""Each way in which a host may differ has a rule, and a cause that reads well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from deploytool.core.change.reconcile import Change, ReconcilePolicy, reconcile
from deploytool.model.backing_off import BackingOff
from deploytool.model.container import Container
from deploytool.model.desired import Desired, HostFiles, Manifest, Spec
from deploytool.model.intent import Mode, Project, Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import Facts, Observed, ObservedHost
from deploytool.model.policies import Dependency, RestartPolicy
from tests.unit.core.strategies import LOST, SHOP, make_container, make_host, make_project

NEW = Spec("1:new", "demo/web:2", {"image": "b", "environment.V": "x"})
WEB = Service("web")
ADOPT, WATCH = ReconcilePolicy(adopt=True), ReconcilePolicy(respect_restart=True)


def container(number: int = 1, **changes: object) -> Container:
    return replace(make_container("web", number, spec=NEW.digest), **changes)  # type: ignore[arg-type]


def shop(service: Service = WEB, *others: Service, state: HostState = HostState.ACTIVE) -> Project:
    return make_project([make_host("h1", state=state)], [service, *others])


NOW_S = 1000.0


def compare(
    *containers: Container,
    wanted: int = 1,
    project: Project | None = None,
    policy: ReconcilePolicy = ReconcilePolicy(),
    counts: Mapping[tuple[str, str], int] | None = None,
) -> Change:
    """The only change, of one host with these containers on which ``wanted`` of web are to run."""
    desired = Desired(SHOP, {("web", "h1"): wanted} if counts is None else counts)
    files = {"h1": HostFiles(Manifest(""), {"web": NEW})}
    observed = Observed({"h1": ObservedHost(Facts(now_s=NOW_S), containers)})
    (change,) = reconcile(project or shop(), desired, files, observed, policy)
    return change


def fates(change: Change) -> dict[str, str]:
    """Container → what becomes of it."""
    return {
        found.name: name
        for name in ("in_place", "restart", "replace", "broken", "stop")
        for found in getattr(change, name)
    }


def fate(change: Change) -> str:
    (only,) = fates(change).values()
    return only


def cause(change: Change) -> str:
    (only,) = change.causes.values()
    return only


@pytest.mark.parametrize(
    ("state", "expected", "because"),
    [
        ({}, "in_place", ""),
        ({"health": "healthy"}, "in_place", ""),
        ({"health": "starting"}, "in_place", ""),
        ({"health": "unhealthy"}, "broken", "shop-web-1 is unhealthy"),
        ({"state": "exited", "exit_code": 0}, "restart", "shop-web-1 exited (0)"),
        ({"state": "exited", "exit_code": 3}, "restart", "shop-web-1 exited (3)"),
        (
            {"state": "exited", "exit_code": 137, "oom_killed": True},
            "restart",
            "shop-web-1 exited (137, out of memory)",
        ),
        ({"state": "created"}, "restart", "shop-web-1 was never started"),
        (
            {"state": "created", "error": "port is already allocated"},
            "restart",
            "shop-web-1 was never started: port is already allocated",
        ),
        ({"state": "paused"}, "restart", "shop-web-1 is paused"),
        ({"state": "restarting", "exit_code": 1}, "restart", "shop-web-1 restarts in a loop (1)"),
        ({"state": "dead"}, "broken", "shop-web-1 is dead"),
        ({"state": "removing"}, "broken", "shop-web-1 is being removed"),
    ],
)
def test_a_container_of_the_right_spec(state, expected, because):
    """What stopped is restarted, what is stuck or sick is made anew, and the cause says which."""
    change = compare(container(**state))
    assert fate(change) == expected
    assert list(change.causes.values()) == ([because] if because else [])
    assert change.changed == ()


@pytest.mark.parametrize(
    ("state", "loops"),
    [
        ({"restarts": 3, "started_s": 995.0}, True),
        ({"restarts": 3, "started_s": 995.0, "health": "starting"}, True),
        ({"restarts": 3, "started_s": 995.0, "health": "healthy"}, False),
        ({"restarts": 3, "started_s": 900.0}, False),
        ({"restarts": 2, "started_s": 995.0}, False),
    ],
)
def test_a_loop_is_seen_between_two_crashes_too(state, loops):
    """A container that was just started again after some crashes does not count as well for that."""
    assert fate(compare(container(**state))) == ("restart" if loops else "in_place")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, "replace"),
        ({"health": "starting"}, "replace"),
        ({"health": "unhealthy"}, "broken"),
        ({"state": "exited"}, "broken"),
        ({"state": "created"}, "broken"),
        ({"state": "paused"}, "broken"),
        ({"state": "restarting"}, "broken"),
        ({"state": "dead"}, "broken"),
    ],
)
def test_a_container_of_another_spec(state, expected):
    """One that works stays until its successor may come; one that does not is never restarted as it is."""
    change = compare(container(spec="1:old", keys={"image": "a", "environment.V": "x"}, **state))
    assert (fate(change), change.changed) == (expected, ("image",))


def test_a_container_renamed_by_an_interrupted_compose_run_makes_way():
    """Compose renames to <id>_name while it recreates; one that still works counts until it is replaced."""
    renamed = container(name="0123456789ab_shop-web-1")
    assert fate(compare(renamed)) == "replace"
    assert cause(compare(renamed)) == "0123456789ab_shop-web-1 was left by an interrupted Compose run"
    assert fate(compare(replace(renamed, state="exited"))) == "broken"


def test_a_renamed_container_beside_its_successor_is_surplus():
    """The successor is there already: only the leftover goes."""
    change = compare(container(2), container(1, name="0123456789ab_shop-web-1"))
    assert fates(change) == {"shop-web-2": "in_place", "0123456789ab_shop-web-1": "stop"}


def test_of_duplicates_the_oldest_number_stays():
    """Two containers of one replica, made on two incomplete views: one stays, whatever order they come in."""
    for pair in ((1, 2), (2, 1)):
        change = compare(*(container(number) for number in pair))
        assert fates(change) == {"shop-web-1": "in_place", "shop-web-2": "stop"}
        assert change.why_stop == "1 wanted, 2 there"


def test_what_works_stays_when_there_are_too_many():
    """Sound before starting, before outdated but sound, before broken, before broken and outdated."""
    ladder = [
        container(6),
        container(5, health="starting"),
        container(4, spec="1:old"),
        container(3, state="exited"),
        container(2, spec="1:old", state="exited"),
    ]
    for wanted in range(1, 6):
        stopped = compare(*reversed(ladder), wanted=wanted).stop
        assert [c.number for c in stopped] == [c.number for c in ladder[wanted:]]


def test_missing_replicas_are_started_and_say_how_many_run():
    """A first start needs no reason; a repair says what is left."""
    assert (compare(wanted=2).start, compare(wanted=2).why_start) == (2, "")
    repair = compare(container(), wanted=3)
    assert (repair.start, repair.why_start) == (2, "1 of 3 running")


def test_a_container_without_a_spec_is_not_ours():
    """It is left alone, unless it is adopted: then it is replaced, whatever it was made from."""
    foreign = container(spec="")
    assert fates(compare(foreign)) == {}
    adopted = compare(foreign, policy=ADOPT)
    assert (fate(adopted), adopted.changed) == ("replace", ("adopted",))


@pytest.mark.parametrize("policy", [ReconcilePolicy(), ADOPT])
@pytest.mark.parametrize("changes", [{"oneoff": True}, {"project": "blog"}, {"service": ""}])
def test_other_containers_are_never_touched(changes, policy):
    """One-off commands, other projects, and what is in no service are no replicas."""
    assert fates(compare(container(**changes), policy=policy)) == {}


def test_a_spec_without_keys_cannot_say_what_changed():
    """Containers of an older release of this tool: the cause names the spec itself."""
    assert compare(container(spec="0:old")).changed == ("spec",)


@pytest.mark.parametrize(
    ("restart", "exit_code", "expected"),
    [
        ("no", 0, "in_place"),
        ("no", 1, "in_place"),
        ("on-failure", 0, "in_place"),
        ("on-failure:3", 0, "in_place"),
        ("on-failure:3", 1, "restart"),
        ("", 1, "restart"),
        ("always", 0, "restart"),
        ("unless-stopped", 0, "restart"),
    ],
)
def test_a_watcher_respects_restart_policies(restart, exit_code, expected):
    """What ended as its policy allows stays ended; a converge that somebody asked for starts it again."""
    ended, project = (
        container(state="exited", exit_code=exit_code),
        shop(Service("web", restart=RestartPolicy.of(restart))),
    )
    assert fate(compare(ended, project=project, policy=WATCH)) == expected
    assert fate(compare(ended, project=project)) == "restart"


def test_a_watcher_leaves_to_docker_what_docker_restarts():
    """A container in its restart loop is in Docker's hands, and one that it gave up stays so."""
    loops, project = (
        container(state="restarting", exit_code=1),
        shop(Service("web", restart=RestartPolicy.of("always"))),
    )
    assert fate(compare(loops, project=project, policy=WATCH)) == "in_place"
    assert fate(compare(loops, project=project)) == "restart"
    between = container(restarts=5, started_s=995.0)
    assert fate(compare(between, project=project, policy=WATCH)) == "in_place"
    assert fate(compare(between, project=project)) == "restart"
    given_up, project = (
        container(state="exited", exit_code=1, restarts=3),
        shop(Service("web", restart=RestartPolicy.of("on-failure:3"))),
    )
    assert fate(compare(given_up, project=project, policy=WATCH)) == "in_place"
    assert fate(compare(given_up, project=project)) == "restart"


@pytest.mark.parametrize(
    "rest",
    [
        BackingOff(containers=frozenset({"shop-web-1@"})),
        BackingOff(services=frozenset({("shop", "web")})),
        BackingOff(hosts=frozenset({("shop", "h1")})),
    ],
)
def test_what_rests_is_left_alone(rest):
    """The replica, its whole service, or its host: nothing is done until the rest is over."""
    sick = container(health="unhealthy")
    assert fate(compare(sick)) == "broken"
    assert fate(compare(sick, policy=ReconcilePolicy(backing_off=rest))) == "in_place"


def test_what_is_missing_after_failures_is_not_started_before_its_time():
    """Only as many as failed: the others are."""
    rest = BackingOff(missing={("shop", "web", "h1"): 1})
    change = compare(wanted=3, policy=ReconcilePolicy(backing_off=rest))
    assert change.start == 2


@pytest.mark.parametrize(
    "project",
    [
        shop(Service("web", mode=Mode.REPLICATED_JOB)),
        shop(Service("web", mode=Mode.GLOBAL_JOB)),
        shop(WEB, Service("api", depends_on=(Dependency("web", "service_completed_successfully"),))),
    ],
)
def test_a_job_that_finished_is_in_place(project):
    """Its goal is to end with 0: a job, and a service that another one waits for to complete."""
    assert fate(compare(container(state="exited", exit_code=0), project=project)) == "in_place"
    assert fate(compare(container(state="exited", exit_code=1), project=project)) == "restart"
    assert fate(compare(container(spec="1:old", state="exited"), project=project)) == "replace"


@pytest.mark.parametrize(
    ("project", "wanted", "because"),
    [
        (shop(), 0, "0 wanted, 1 there"),
        (shop(state=HostState.DRAIN), 0, "the host is drained"),
        (shop(Service("api")), 0, "not in the playbook any more"),
        (make_project([make_host("h2")], [WEB]), 0, "the host left the play"),
    ],
)
def test_a_stop_says_why(project, wanted, because):
    """A count, a drain, a service and a host that are gone read differently."""
    change = compare(container(), wanted=wanted, project=project)
    assert (fate(change), change.why_stop) == ("stop", because)


def test_hosts_that_did_not_answer_are_in_no_change():
    """Unknown is not absent: not even what is wanted there is started."""
    desired = Desired(SHOP, {("web", "h1"): 2})
    assert reconcile(shop(), desired, {}, Observed({"h1": LOST})) == ()


def test_changes_come_in_the_order_of_the_file_then_by_host():
    """Services that left the file come last, by name."""
    hosts = [make_host("h2"), make_host("h1")]
    project = make_project(hosts, [Service("web"), Service("api")])
    desired = Desired(SHOP, {(s, h): 1 for s in ("api", "web") for h in ("h1", "h2")})
    gone = (make_container("zoo", 1), make_container("bar", 1))
    observed = Observed({"h2": ObservedHost(), "h1": ObservedHost(containers=gone)})
    changes = reconcile(project, desired, {}, observed)
    assert [(change.service, change.host) for change in changes] == [
        ("web", "h1"),
        ("web", "h2"),
        ("api", "h1"),
        ("api", "h2"),
        ("bar", "h1"),
        ("zoo", "h1"),
    ]


def test_a_proxy_that_lingers_is_left_alone_and_counts() -> None:
    """Nothing happens to it, whatever it was made from; what is started comes beside it."""
    old = container(1, let_go=True, lingers=True)
    change = compare(old, container(2))
    assert (fates(change), change.touched, change.there) == ({"shop-web-2": "in_place"}, False, 2)
    alone = compare(old)
    assert (alone.start, alone.lingering, alone.there) == (1, (old,), 1)
    assert fate(compare(old, wanted=0)) == "stop"


def test_a_proxy_that_was_let_go_is_never_the_one_that_stays() -> None:
    """Also where it was made from what is wanted again: it takes no connections."""
    change = compare(container(1, let_go=True), container(2))
    assert fates(change) == {"shop-web-1": "stop", "shop-web-2": "in_place"}
    assert fate(compare(container(1, let_go=True))) == "replace"


def test_a_container_whose_network_is_gone_is_made_anew() -> None:
    """Docker goes on calling it running when the container whose network it shares was started again."""
    mine = container(network_of="a" * 64, started_s=100.0)
    owner = Container("a" * 64, "net-1", started_s=50.0)
    assert fates(compare(mine, owner)) == {"shop-web-1": "in_place"}
    for other in (
        replace(owner, started_s=200.0),
        replace(owner, state="exited"),
        replace(owner, id="b" * 64),
    ):
        change = compare(mine, other)
        assert fates(change) == {"shop-web-1": "broken"}
        assert cause(change).startswith("shop-web-1 lost its network")
    assert fates(compare(replace(mine, lingers=True), replace(owner, started_s=200.0))) != {}
    for unclear in ("", "a" * 12, "other"):
        assert fates(compare(replace(mine, network_of=unclear), owner)) == {"shop-web-1": "in_place"}
