"""Runs of every kind on two projects behind the same proxies, one after the other, and what goes wrong.

Converge, rollback and down, of which some fail, find sick images, lose a host or are killed; containers end
or vanish between them. Whatever came before, one more converge ends as desired, with nothing left to do.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deploytool.backend.memory.host import Crash, MemoryHost, no_fault
from deploytool.core.change.guard import GuardPolicy
from deploytool.errors import DeploytoolError, NoHost
from deploytool.model.ingress import IngressKeys, ProxySettings
from deploytool.model.intent import Intent, Port, Project, Service
from deploytool.model.inventory import HostState
from deploytool.plan.policy import PlanPolicy
from deploytool.run.down import prepare_down, take_down
from deploytool.run.rollback import release_history
from tests.builders import Fleet, any_update, host, intent, project
from tests.unit.run.test_promises import EXAMPLES, thorough

NAMES = ("h1", "h2", "h3", "h4")
ALLOWED = PlanPolicy(guard=GuardPolicy(allow_vanished=True, allow_partial=True))
STATES = (*[HostState.ACTIVE] * 6, HostState.DRAIN, HostState.PAUSE)


class Story:
    """What happens, by chance; each method is one chapter."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.version, self.fleet = chance, 0, Fleet.of(*NAMES)
        self.wish = self.files()

    # --- files ----------------------------------------------------------------------------------------

    def files(self) -> Intent:
        """Other files: one project or two, with other services, counts, policies and states of hosts."""
        self.version += 1
        hosts = [replace(host(name), state=self.chance.choice(STATES)) for name in NAMES]
        settings = ProxySettings(f"envoy:{self.chance.choice((1, 1, self.version))}")
        names = ("shop", "blog")[: self.chance.randint(1, 2)]
        serial = self.chance.choice(((), (), ("1",), ("50%",)))
        made = [
            replace(self.project(name, self.some(hosts, name)), proxy_settings=settings, serial=serial)
            for name in names
        ]
        self.wish = intent(*made, hosts=hosts)
        return self.wish

    def some(self, hosts: list, name: str) -> list:
        """The hosts of a play: most of them, and one of those that have something of the project."""
        held = [one for one in NAMES if _holds(self.fleet.hosts[one], name)]
        stays = self.chance.choice(held or NAMES)
        return [one for one in hosts if one.name == stays or self.chance.random() < 0.7]

    def project(self, name: str, hosts: list) -> Project:
        services = [
            self.service(f"{name}-{kind}", name) for kind in ("web", "api")[: self.chance.randint(1, 2)]
        ]
        images = {one.name: f"demo/{one.name}:{self.version}" for one in services}
        return project(*services, hosts=hosts, images=images, name=name)

    def service(self, name: str, of: str) -> Service:
        exposed = {
            "ports": (Port(8080, 80, 80, mode="ingress"),),
            "exposure": IngressKeys(domains=(f"{name}.{of}",), sticky=self.chance.random() < 0.2),
        }
        given = exposed if self.chance.random() < 0.7 else {}
        return Service(name, replicas=self.chance.randint(0, 5), update=any_update(self.chance), **given)

    # --- runs -----------------------------------------------------------------------------------------

    def run(self, act: Callable[[], object]) -> None:
        """A run, long after the one before; it may be refused, and may die."""
        for memory in self.fleet.hosts.values():
            memory.now_s += 3600
        with suppress(Crash, DeploytoolError):
            act()
        self.fleet.fault = no_fault

    def converge(self) -> None:
        wish = self.files()
        self.run(lambda: self.fleet.converge(wish, ALLOWED))

    def converge_with_a_fault(self) -> None:
        left, fault = self.chance.randint(1, 25), self.chance.choice(("crash", "lost", "it fails"))
        moment = "before" if fault == "it fails" else self.chance.choice(("before", "after"))

        def strike(host_name: str, verb: str, when: str) -> str:
            nonlocal left
            left -= verb != "observe" and when == moment
            return fault if left == 0 and verb != "observe" and when == moment else ""

        self.fleet.fault = strike
        self.converge()

    def converge_sick_images(self) -> None:
        for memory in self.fleet.hosts.values():
            memory.sick = {f"demo/{name}:{self.version + 1}" for name in ("shop-web", "blog-web", "blog-api")}
        self.converge()
        for memory in self.fleet.hosts.values():
            memory.sick = set()

    def roll_back(self) -> None:
        def act() -> None:
            run = self.fleet.run(self.wish, ALLOWED)
            old = release_history(run.intent.projects[0], run.observe(), run.backend, 4)
            run.roll_back_to([(old, old.rollback_target(None))])
            run.converge()

        self.run(act)

    def take_down(self) -> None:
        def act() -> None:
            run = self.fleet.run(self.wish)
            prepare_down(run, [self.chance.choice(self.wish.projects).name])
            take_down(run)

        self.run(act)

    # --- between runs ---------------------------------------------------------------------------------

    def end_one(self) -> None:
        containers = self.fleet.hosts[self.chance.choice(NAMES)].containers
        if containers:
            index = self.chance.randrange(len(containers))
            containers[index] = replace(containers[index], state="exited", exit_code=1, health="")

    def remove_one(self) -> None:
        containers = self.fleet.hosts[self.chance.choice(NAMES)].containers
        if containers:
            containers.pop(self.chance.randrange(len(containers)))

    def lose_or_find_a_host(self) -> None:
        self.fleet.hosts[self.chance.choice(NAMES)].reachable = self.chance.random() < 0.5


def _holds(memory: MemoryHost, of: str) -> bool:
    """Whether a host has something of a project, be it a definition or what its proxy was told."""
    folder = memory.folders.get(of)
    containers = {container.project for container in memory.containers}
    return of in {*memory.served, *containers} or bool(folder and folder.manifest)


CHAPTERS = (
    Story.converge,
    Story.converge_with_a_fault,
    Story.converge_with_a_fault,
    Story.converge_sick_images,
    Story.roll_back,
    Story.take_down,
    Story.end_one,
    Story.end_one,
    Story.remove_one,
    Story.lose_or_find_a_host,
)


@given(st.integers(0, 2**32))  # a seed: which step comes when, of several at a time, is no one's to draw
@settings(thorough, max_examples=EXAMPLES // 2)
def test_after_any_runs_one_converge_ends_as_desired(seed) -> None:
    """The right replicas of the right image, no orphan, nothing twice, nothing left to do."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    story = Story(chance)
    story.converge()
    for _ in range(chance.randint(2, 8)):
        chance.choice(CHAPTERS)(story)
    for memory in story.fleet.hosts.values():
        memory.reachable, memory.now_s = True, memory.now_s + 3600
    wish = story.files()
    try:
        report = story.fleet.converge(wish, ALLOWED)
    except NoHost:
        assume(False)
        raise
    assert report.exit_code == 0, (report.failures, report.left)
    for service in (service for one in wish.projects for service in one.services):
        assert len(story.fleet.ids(service.name)) == service.replicas
        assert sum(story.fleet.counts(service.name).values()) == service.replicas
    for one in wish.projects:
        for name in set(NAMES) - {there.name for there in one.hosts}:
            assert not _holds(story.fleet.hosts[name], one.name)
    assert not story.fleet.plan(wish, ALLOWED)
