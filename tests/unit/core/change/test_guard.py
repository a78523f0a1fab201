"""Each refusal, with its arithmetic and the flag that lifts it; and what passes without a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from deploytool.core.change.guard import GuardPolicy, guard, unusable
from deploytool.core.change.reconcile import ReconcilePolicy, reconcile
from deploytool.core.placement.schedule import schedule
from deploytool.errors import HostsUnusable, Place, Refused
from deploytool.model.constraint import Constraint
from deploytool.model.container import Container
from deploytool.model.intent import Mode, Project, Service
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Observed, ObservedHost, ProjectFolder, Unreachable
from deploytool.model.release import Release
from tests.unit.core.strategies import LOST, SHOP, make_container, make_host, make_project

HOSTS = [make_host(name) for name in ("h1", "h2", "h3")]
WEB, API = Service("web", replicas=3), Service("api", replicas=3)


def running(*services: str, hosts: Sequence[Host] = HOSTS, play: str = "") -> dict[str, ObservedHost]:
    """One replica of each service on each host, on record."""
    placements = {service: {host.name: 1 for host in hosts} for service in services}
    folder = ProjectFolder(SHOP, "sha", Release(1, "digest", play=play, placements=placements))
    return {
        host.name: ObservedHost(
            containers=tuple(make_container(service, 1, host=host.name) for service in services),
            projects={SHOP: folder},
        )
        for host in hosts
    }


def judge(project: Project, answers: Mapping[str, ObservedHost | Unreachable], **lifted: bool) -> str:
    """Nothing, or the refusal with its hint."""
    adopt = ReconcilePolicy(adopt=lifted.get("adopt", False))
    observed = Observed(answers)
    changes = reconcile(project, schedule(project, observed), {}, observed, adopt)
    try:
        guard(project, changes, observed, GuardPolicy(**lifted))
    except Refused as error:
        return "\n".join(f"{problem.message}\n{problem.hint}" for problem in error.problems)
    return ""


def test_a_service_that_vanished_is_refused_beyond_a_third():
    """The numbers are in the sentence, the ways out in the hint."""
    refusal = judge(make_project(HOSTS, [WEB]), running("web", "api"))
    assert refusal.startswith(
        "project shop: 3 of 6 healthy replicas would be stopped, more than a third, because service api"
        " vanished from the files"
    )
    assert "replicas: 0" in refusal
    assert judge(make_project(HOSTS, [WEB]), running("web", "api"), allow_vanished=True) == ""


def test_up_to_a_third_may_vanish():
    """Exactly a third is not more than a third."""
    assert judge(make_project(HOSTS, [WEB, API]), running("web", "api", "old")) == ""


def test_hosts_that_vanished_are_refused_and_named():
    """A pattern or a group that lost hosts by mistake."""
    refusal = judge(make_project(HOSTS[:1], [WEB]), running("web"))
    assert "2 of 3 healthy replicas would be stopped" in refusal
    assert "because host h2, host h3 vanished" in refusal


def test_a_count_in_the_file_is_an_explanation():
    """Scaling to zero, and draining a host, pass."""
    assert judge(make_project(HOSTS, [replace(WEB, replicas=0)]), running("web")) == ""
    drained = [replace(HOSTS[0], state=HostState.DRAIN), *HOSTS[1:]]
    assert judge(make_project(drained, [WEB]), running("web")) == ""


def test_hosts_that_do_not_suit_a_global_service_any_more_are_refused():
    """A label that vanished would stop it without a word: it has no count that explains that."""
    agent = Service("agent", Mode.GLOBAL, constraints=(Constraint("node.labels.zone", "==", "eu"),))
    labelled = [replace(h, labels={"zone": "eu"}) for h in HOSTS]
    assert judge(make_project(labelled, [agent]), running("agent")) == ""
    refusal = judge(make_project([*HOSTS[:2], labelled[2]], [agent]), running("agent"))
    assert (
        "2 of 3 healthy replicas would be stopped, more than a third, because the global service agent has"
        " no place on h1, h2 any more" in refusal
    )
    assert "plan --explain agent says why" in refusal
    assert judge(make_project(HOSTS, [agent]), running("agent"), allow_vanished=True) == ""
    assert judge(make_project([HOSTS[0], *labelled[1:]], [agent]), running("agent")) == "", "a third may"
    drained = [*labelled[:1], *(replace(h, state=HostState.DRAIN) for h in labelled[1:])]
    assert judge(make_project(drained, [agent]), running("agent")) == ""


def test_broken_replicas_are_no_loss():
    """Only what is healthy counts, on both sides of the fraction."""
    observed = running("web", "api")
    for name, seen in observed.items():
        dead = tuple(replace(c, state="exited") if c.service == "api" else c for c in seen.containers)
        observed[name] = replace(seen, containers=dead)
    assert judge(make_project(HOSTS, [WEB]), observed) == ""


def test_long_lists_are_cut():
    """Five names and how many more."""
    names = [f"old{n}" for n in range(8)]
    refusal = judge(make_project(HOSTS, [WEB]), running("web", *names))
    assert "service old4 and 3 more vanished" in refusal


def test_containers_that_others_started_under_the_name_are_refused():
    """They are named with their hosts; --adopt replaces them."""
    observed: dict[str, ObservedHost] = running("web")
    theirs = Container("f", "shop-web-9", project=SHOP, service="web")
    observed["h2"] = replace(observed["h2"], containers=(*observed["h2"].containers, theirs))
    project = make_project(HOSTS, [replace(WEB, replicas=4)])
    refusal = judge(project, observed)
    assert "were not started by deploytool: shop-web-9 on h2" in refusal
    assert "--adopt" in refusal
    assert judge(project, observed, adopt=True) == ""


def test_one_off_and_foreign_containers_are_nobody_s_business():
    """`docker compose run` under the name, and other projects, refuse nothing."""
    observed: dict[str, ObservedHost] = running("web")
    others = (
        Container("a", "shop-web-run", project=SHOP, service="web", oneoff=True),
        Container("b", "blog-web-1", project="blog", service="web"),
        Container("c", "nginx"),
    )
    observed["h2"] = replace(observed["h2"], containers=(*observed["h2"].containers, *others))
    assert judge(make_project(HOSTS, [WEB]), observed) == ""


def test_a_project_of_another_play_is_refused():
    """Both plays are named; --take-over is for one that was renamed."""
    project = make_project(HOSTS, [WEB])
    refusal = judge(project, running("web", play="other.yaml: shop"))
    assert f"it belongs to the play 'other.yaml: shop', and this is '{project.play}'" in refusal
    assert "--take-over" in refusal
    assert judge(project, running("web", play="other.yaml: shop"), take_over=True) == ""
    assert judge(project, running("web", play=project.play)) == ""


def test_a_first_start_on_a_minority_is_refused():
    """Nobody that answered knows the project: it may run, unseen, on those that did not."""
    observed: dict[str, ObservedHost | Unreachable] = {"h1": ObservedHost(), "h2": LOST, "h3": LOST}
    project = make_project(HOSTS, [WEB])
    refusal = judge(project, observed)
    assert refusal.startswith(
        "project shop: 2 of 3 hosts did not answer and no other knows of the project: starting 3 replicas"
    )
    assert "--allow-partial" in refusal
    assert judge(project, observed, allow_partial=True) == ""
    assert judge(project, {**observed, "h2": ObservedHost()}) == ""


def test_a_minority_that_knows_the_project_is_enough():
    """The release on record says what the others hold."""
    observed: dict[str, ObservedHost | Unreachable] = {**running("web"), "h2": LOST, "h3": LOST}
    assert judge(make_project(HOSTS, [replace(WEB, replicas=4)]), observed) == ""


def test_all_reasons_come_at_once_and_with_their_place():
    """Nobody has to run it three times to learn three things; the place is the play's."""
    observed = Observed(running("api", play="other.yaml: shop"))
    project = replace(make_project(HOSTS, [WEB]), place=Place("site.yaml", 3, 3))
    changes = reconcile(project, schedule(project, observed), {}, observed)
    with pytest.raises(Refused) as caught:
        guard(project, changes, observed, GuardPolicy())
    assert [str(problem.place) for problem in caught.value.problems] == ["site.yaml:3"] * 2


def test_a_host_to_be_set_right_stops_the_run_unless_it_is_left_out():
    """A host that merely does not answer stops nothing."""
    observed = Observed(
        {
            "h1": ObservedHost(),
            "h2": LOST,
            "h3": Unreachable("the host key changed", "compare it", setup=True),
        }
    )
    with pytest.raises(HostsUnusable) as caught:
        unusable(observed, observed, None)
    (problem,) = caught.value.problems
    assert (problem.place.file, problem.message) == ("h3", "the host key changed")
    assert problem.hint == "compare it; or leave it out with --limit 'all:!h3'"
    unusable(observed, observed, frozenset({"h1", "h2"}))
