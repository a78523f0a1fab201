"""Single rules of the schedule that the examples of docs/scheduling.md do not show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.core.placement.schedule import SchedulePolicy
from deploytool.errors import NoHost, UsageError
from deploytool.model.intent import Mode, Resources
from deploytool.model.inventory import HostState
from deploytool.model.observed import ObservedHost
from tests.unit.core.placement.scheduling import EMPTY, HOSTS, explained, holding, remembering, scheduled, web
from tests.unit.core.strategies import LOST, SHOP, M, make_project


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
