"""Single rules of the schedule that the examples of docs/scheduling.md do not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deploytool.core.placement.schedule import Claim, SchedulePolicy, Verdict, explain, schedule
from deploytool.errors import NoHost, UsageError
from deploytool.model.container import Container, HostPort
from deploytool.model.desired import Desired
from deploytool.model.intent import Mode, Port, Project, Resources, Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import Facts, Observed, ObservedHost, ProjectFolder, Unreachable
from tests.unit.core.strategies import LOST, SHOP, M, make_container, make_host, make_project, make_release

HOSTS = tuple(make_host(name) for name in ("h1", "h2", "h3"))
EMPTY = {host.name: ObservedHost() for host in HOSTS}


def scheduled(project: Project, answers: Mapping[str, ObservedHost | Unreachable], **details: Any) -> Desired:
    return schedule(project, Observed(answers), **details)


def explained(
    project: Project, answers: Mapping[str, ObservedHost | Unreachable], service: str
) -> tuple[Verdict, ...]:
    return explain(project, Observed(answers), service)


def web(**changes: object) -> Service:
    return replace(Service("web"), **changes)  # type: ignore[arg-type]


def holding(**hosts: int) -> dict[str, ObservedHost]:
    """Hosts with so many replicas of web."""
    return {
        name: ObservedHost(containers=tuple(make_container("web", n, host=name) for n in range(count)))
        for name, count in hosts.items()
    }


def remembering(**placements: dict[str, int]) -> dict[str, ProjectFolder]:
    counts = {(service, host): n for service, hosts in placements.items() for host, n in hosts.items()}
    return {SHOP: ProjectFolder(SHOP, "sha", make_release(1, counts))}


@pytest.mark.parametrize(
    ("before", "replicas", "after"),
    [
        ((0, 0, 0), 6, (2, 2, 2)),
        ((2, 2, 2), 7, (3, 2, 2)),
        ((3, 2, 2), 3, (1, 1, 1)),
        ((3, 2, 2), 5, (2, 2, 1)),
        ((2, 2, 2), 1, (1, 0, 0)),
        ((5, 0, 0), 6, (5, 1, 0)),
    ],
)
def test_scaling(before: tuple[int, ...], replicas: int, after: tuple[int, ...]) -> None:
    """Replicas come and go one by one, ties going to the first name and leaving from the last."""
    names = ("h1", "h2", "h3")
    observed = holding(**dict(zip(names, before, strict=True)))
    desired = scheduled(make_project(HOSTS, [web(replicas=replicas)]), observed)
    assert tuple(desired["web", name] for name in names) == after


def test_oneoffs_and_foreigners_are_no_replicas() -> None:
    """What `compose run` started, or another tool, or an earlier project of that name, does not count."""
    strangers = (
        make_container("web", 1, oneoff=True),
        make_container("web", 2, spec=""),
        make_container("web", 3, project="other"),
    )
    observed = {**EMPTY, "h2": ObservedHost(containers=strangers)}
    assert scheduled(make_project(HOSTS, [web()]), observed)["web", "h1"] == 1


def test_unhealthy_replicas_leave_first() -> None:
    """Of two replicas that are too many, those whose healthcheck fails go, wherever they are."""
    observed = holding(h1=2, h2=1, h3=1)
    sick = tuple(replace(c, health="unhealthy") for c in observed["h3"].containers)
    observed["h3"] = ObservedHost(containers=sick)
    desired = scheduled(make_project(HOSTS, [web(replicas=3)]), observed)
    assert desired.counts == {("web", "h1"): 2, ("web", "h2"): 1}


def test_paper_is_the_newest_release_of_any_host() -> None:
    """Hosts remember different releases after a partial run; the highest number counts."""
    folders = [ProjectFolder(SHOP, "", make_release(n, {("web", "h3"): n})) for n in (1, 2)]
    observed = {name: ObservedHost(projects={SHOP: f}) for name, f in zip(("h1", "h2"), folders, strict=True)}
    project = make_project(HOSTS, [web(replicas=2)])
    assert scheduled(project, {**observed, "h3": LOST}).counts == {("web", "h3"): 2}
    assert scheduled(project, {**observed, "h3": ObservedHost()}).hosts_of("web") == ("h1", "h2")


def test_paper_shrinks_only_with_the_total() -> None:
    """An unreachable host keeps its count until less is wanted than is on paper."""
    folders = remembering(web={"h1": 1, "h2": 2, "h3": 1})
    observed = {"h1": replace(holding(h1=1)["h1"], projects=folders), "h2": LOST, "h3": LOST}
    counts = [scheduled(make_project(HOSTS, [web(replicas=n)]), observed).counts for n in (3, 2)]
    assert counts == [{("web", "h2"): 2, ("web", "h3"): 1}, {("web", "h2"): 1, ("web", "h3"): 1}]


def test_a_host_that_was_not_looked_at_keeps_its_paper_whatever_the_policy() -> None:
    """Only a host that was asked and did not answer is replaced."""
    observed = {name: ObservedHost(projects=remembering(web={"h3": 1})) for name in ("h1", "h2")}
    policy = SchedulePolicy(reschedule_unreachable=True)
    project = make_project(HOSTS, [web()])
    assert scheduled(project, observed, policy=policy)["web", "h3"] == 1
    assert scheduled(project, {**observed, "h3": LOST}, policy=policy)["web", "h3"] == 0


def test_data_on_a_host_that_left_the_play_is_not_left_behind() -> None:
    """The newest release names the host, even where nothing of it is seen any more."""
    observed = {"h1": ObservedHost(projects=remembering(web={"gone": 1}))}
    project = make_project(HOSTS[:1], [web(volumes=("data",))])
    with pytest.raises(NoHost, match="data is on gone, which left the play"):
        scheduled(project, observed)
    desired = scheduled(project, observed, policy=SchedulePolicy(move_volumes=frozenset({"web"})))
    assert desired.counts == {("web", "h1"): 1}


def test_fewer_replicas_may_end_where_the_data_is_refused() -> None:
    """Scaling down takes the replica of a drained host: nothing has to move, so nothing is wrong."""
    hosts = (HOSTS[0], replace(HOSTS[1], state=HostState.DRAIN))
    project = make_project(hosts, [web(volumes=("data",))])
    assert scheduled(project, holding(h1=1, h2=1)).counts == {("web", "h1"): 1}


def test_data_keeps_its_room() -> None:
    """Where memory is short, the replica that cannot leave its data stays and the other one moves."""
    hosts = tuple(replace(host, memory_bytes=128 * M) for host in HOSTS[:2])
    reserve = Resources(memory_bytes=128 * M)
    services = [Service("a", reserve=reserve), Service("db", reserve=reserve, volumes=("data",))]
    both = (make_container("a", 1), make_container("db", 1))
    desired = scheduled(
        make_project(hosts, services), {"h1": ObservedHost(containers=both), "h2": ObservedHost()}
    )
    assert desired.counts == {("a", "h2"): 1, ("db", "h1"): 1}


def test_decimal_cpus_add_up() -> None:
    """Three reservations of 0.1 CPUs fit into 0.3."""
    project = make_project([make_host("h1", cpus=0.3)], [web(replicas=3, reserve=Resources(cpus=0.1))])
    assert scheduled(project, EMPTY)["web", "h1"] == 3


def test_declared_capacity_wins() -> None:
    """What the inventory declares counts, whatever the host reports."""
    observed = {"h1": ObservedHost(Facts(cpus=8, memory_bytes=1024 * M))}
    project = make_project([make_host("h1", memory_bytes=100 * M)], [web(reserve=Resources(8, 128 * M))])
    with pytest.raises(NoHost, match=r"1 host lacks 128M$"):
        scheduled(project, observed)


def test_plays_of_one_run_count_what_they_want() -> None:
    """What an earlier play wants counts, and what its containers reserve now does not."""
    hosts = tuple(replace(host, memory_bytes=256 * M) for host in HOSTS[:2])
    blog = make_project(hosts, [Service("x", reserve=Resources(memory_bytes=256 * M))], "blog")
    old = make_container("x", 1, project="blog", reserve=Resources(memory_bytes=256 * M))
    observed = {"h1": ObservedHost(containers=(old,)), "h2": ObservedHost()}
    shop = make_project(hosts, [web(reserve=Resources(memory_bytes=128 * M))])
    claim = Claim(blog, Desired("blog", {("x", "h2"): 1}))
    assert scheduled(shop, observed).counts == {("web", "h2"): 1}
    assert scheduled(shop, observed, claims=[claim]).counts == {("web", "h1"): 1}


def ports_project(*ports: Port, replicas: int = 1) -> Project:
    return make_project(HOSTS[:1], [web(replicas=replicas, ports=ports)])


@pytest.mark.parametrize(
    ("wanted", "taken", "fits"),
    [
        (Port(80, 80, 80), HostPort(80), False),
        (Port(80, 80, 80), HostPort(81), True),
        (Port(80, 80, 80, "udp"), HostPort(80), True),
        (Port(80, 80, 80, ip="127.0.0.1"), HostPort(80), False),
        (Port(80, 80, 80, ip="127.0.0.1"), HostPort(80, ip="10.0.0.1"), True),
        (Port(80, 80, 80), HostPort(80, ip="127.0.0.1"), False),
        (Port(80, 80, 80), HostPort(80, ip="::"), False),
        (Port(80, 0, 0), HostPort(80), True),
        (Port(80, 80, 80, mode="ingress"), HostPort(80), True),
    ],
)
def test_ports_against_foreign_containers(wanted: Port, taken: HostPort, fits: bool) -> None:
    """A port clashes with the same one of the same protocol, where the addresses are equal or one is all."""
    observed = {"h1": ObservedHost(containers=(Container("f", "nginx", ports=(taken,)),))}
    verdict = explained(ports_project(wanted), observed, "web")[0]
    assert verdict.chosen == fits
    assert fits or verdict.text == "refused: has port 80 in use (by nginx)"


def test_a_stopped_foreign_container_holds_no_port() -> None:
    """Only what runs listens."""
    stopped = Container("f", "nginx", state="exited", ports=(HostPort(80),))
    observed = {"h1": ObservedHost(containers=(stopped,))}
    assert scheduled(ports_project(Port(80, 80, 80)), observed)["web", "h1"] == 1


def test_ports_of_one_replica_do_not_share_a_range() -> None:
    """Two published ranges that overlap leave room for half as many replicas."""
    project = ports_project(Port(80, 8000, 8003), Port(81, 8000, 8003), replicas=3)
    with pytest.raises(
        NoHost, match="web: 1 of 3 replicas has no host: 1 host has no free port in 8000-8003"
    ):
        scheduled(project, EMPTY)


def test_a_fixed_port_comes_before_a_range() -> None:
    """A range takes what the services with a certain port leave."""
    services = [Service("a", ports=(Port(80, 80, 81),)), Service("b", ports=(Port(80, 80, 80),))]
    assert scheduled(make_project(HOSTS[:1], services), EMPTY).counts == {("a", "h1"): 1, ("b", "h1"): 1}


def test_own_containers_do_not_block_their_ports() -> None:
    """A replica that holds the port already stays, also when its service has others to place."""
    running = make_container("web", 1, ports=(HostPort(80),))
    observed = {**EMPTY, "h1": ObservedHost(containers=(running,))}
    desired = scheduled(make_project(HOSTS, [web(replicas=2, ports=(Port(80, 80, 80),))]), observed)
    assert desired.counts == {("web", "h1"): 1, ("web", "h2"): 1}


def test_global_on_paused_and_doubled_hosts() -> None:
    """A paused host keeps its one and is passed over without it; of two on a host one stays."""
    hosts = (HOSTS[0], replace(HOSTS[1], state=HostState.PAUSE), replace(HOSTS[2], state=HostState.PAUSE))
    project = make_project(hosts, [web(mode=Mode.GLOBAL)])
    assert scheduled(project, holding(h1=2, h2=1, h3=0)).counts == {("web", "h1"): 1, ("web", "h2"): 1}


def test_explained_words() -> None:
    """A verdict says what was kept, what was chosen and why, and why there is no more."""
    hosts = (replace(HOSTS[0], memory_bytes=200 * M), *HOSTS[1:])
    project = make_project(hosts, [web(replicas=3, max_per_host=2, reserve=Resources(memory_bytes=128 * M))])
    texts = [verdict.text for verdict in explained(project, {**holding(h1=1, h2=0), "h3": LOST}, "web")]
    assert texts == [
        "kept 1; takes no more: lacks 128M (72M left)",
        "chosen for 2 (had 0 of web, 0 in all); takes no more: holds the most allowed (2)",
        "refused: is unreachable",
    ]


def test_explain_knows_its_services() -> None:
    """An unknown service is a usage error with the nearest name."""
    with pytest.raises(UsageError) as error:
        explained(make_project(HOSTS, [web()]), EMPTY, "wbe")
    assert (error.value.message, error.value.hint) == (
        "project 'shop' has no service 'wbe'",
        "did you mean 'web'?",
    )


def test_a_play_without_hosts() -> None:
    """Nothing can be placed where there is no host, and zero replicas need none."""
    with pytest.raises(NoHost, match="web: 1 of 1 replica has no host: the play has no hosts"):
        scheduled(make_project((), [web()]), {})
    assert scheduled(make_project((), [web(replicas=0)]), {}).counts == {}


def test_a_host_is_given_up_for_one_project_alone() -> None:
    """Another project with a longer patience keeps its replicas there on paper."""
    observed = {name: ObservedHost(projects=remembering(web={"h3": 1})) for name in ("h1", "h2")}
    project = make_project(HOSTS, [web()])
    for owner, expected in ((SHOP, 0), ("other", 1)):
        policy = SchedulePolicy(given_up=frozenset({(owner, "h3")}))
        assert scheduled(project, {**observed, "h3": LOST}, policy=policy)["web", "h3"] == expected


def test_a_host_in_doubt_is_chosen_last_and_left_first() -> None:
    """It keeps what it has, and gets something where no other can take it."""
    doubtful = SchedulePolicy(doubtful=frozenset({"h1"}))
    project = make_project(HOSTS, [web(replicas=4)])
    assert scheduled(project, EMPTY, policy=doubtful).counts == {("web", "h2"): 2, ("web", "h3"): 2}
    assert scheduled(project, holding(h1=2, h2=1, h3=1), policy=doubtful)["web", "h1"] == 2
    fewer = make_project(HOSTS, [web(replicas=3)])
    assert scheduled(fewer, holding(h1=1, h2=2, h3=1), policy=doubtful)["web", "h1"] == 0
    full = make_project(HOSTS, [web(replicas=5, max_per_host=2)])
    assert scheduled(full, EMPTY, policy=doubtful)["web", "h1"] == 1
