"""A watcher and all that can go wrong, in any order: hosts, replicas, images, files, itself, other runs.

When the troubles are over and new files come, all is as these say: nobody is left alone, and nothing is tried
without end on the way. The short selection runs with the tests; ``make proof`` draws many more.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploytool.backend.memory.host import MemoryHost, no_fault
from deploytool.errors import DeploytoolError
from deploytool.model.ingress import IngressKeys, ProxySettings
from deploytool.model.intent import Intent, Port, Service
from tests.builders import Fleet, any_update, host, intent, project
from tests.unit.run.test_ingress import assert_true_endpoints
from tests.unit.run.test_promises import EXAMPLES, thorough
from tests.unit.watch.watching import Watching

HOSTS = tuple(host(name) for name in ("h1", "h2", "h3"))
VERBS = ("prepare", "start", "stop", "restart", "endpoints", "drain", "record")


class Trouble:
    """Makes it: each method is one, and ``over`` ends them all."""

    def __init__(self, chance: random.Random, *, behind_ingress: bool) -> None:
        self.chance, self.behind_ingress, self.version = chance, behind_ingress, 1
        self.watching = Watching(Fleet.of(*(h.name for h in HOSTS)), self.wish(), force_own=True)
        self.watching.turns(30)

    def wish(self) -> Intent:
        """Some files of the current version."""
        names = ("web",) if self.behind_ingress else ("web", "api")
        ingress = {"ports": (Port(8080, 80, 80, mode="ingress"),), "exposure": IngressKeys()}
        given = ingress if self.behind_ingress else {}
        services = [
            Service(name, replicas=self.chance.randint(1, 5), update=any_update(self.chance), **given)
            for name in names
        ]
        images = {name: f"demo/{name}:{self.version}" for name in names}
        made = project(*services, hosts=HOSTS, images=images)
        settings = ProxySettings(f"envoy:{self.chance.choice((1, 1, self.version))}")
        after_s = self.chance.choice((None, 5.0))
        return intent(replace(made, proxy_settings=settings, reschedule_after_s=after_s))

    @property
    def memory(self) -> MemoryHost:
        return self.watching.fleet.hosts[self.chance.choice(HOSTS).name]

    # --- troubles -----------------------------------------------------------------------------------

    def end_one(self) -> None:
        memory, code = self.memory, self.chance.choice((1, 137))
        if memory.containers:
            index = self.chance.randrange(len(memory.containers))
            ended = replace(memory.containers[index], state="exited", exit_code=code, health="")
            memory.containers[index] = ended
            self.tell(memory)

    def remove_one(self) -> None:
        memory = self.memory
        if memory.containers:
            memory.containers.pop(self.chance.randrange(len(memory.containers)))
            self.tell(memory)

    def tell(self, memory: MemoryHost) -> None:
        if memory.reachable:
            self.watching.stir(memory.name)

    def lose_a_host(self) -> None:
        memory = self.memory
        memory.reachable = False
        memory.end_feeds("gone")

    def have_all_hosts_back(self) -> None:
        for memory in self.watching.fleet.hosts.values():
            memory.reachable = True

    def miss_new_images(self) -> None:
        there = {f"demo/{name}:{n}" for name in ("web", "api") for n in range(1, self.version + 1)}
        self.memory.images = {*there, "envoy:1"}

    def make_the_next_version_sick(self) -> None:
        self.memory.sick = {f"demo/web:{self.version + 1}"}

    def let_a_verb_fail(self) -> None:
        verb, rate = self.chance.choice(VERBS), self.chance.choice((0.2, 1.0))
        chance = random.Random(self.chance.random())  # noqa: S311 - no secret
        self.watching.fleet.fault = lambda name, asked, when: (
            "it fails" if (asked, when) == (verb, "before") and chance.random() < rate else ""
        )

    def change_the_files(self) -> None:
        self.version += self.chance.choice((0, 1, 1))
        self.watching.intent, self.watching.dirty = self.wish(), True

    def start_the_watcher_anew(self) -> None:
        self.watching.watcher = self.watching.started()

    def let_ci_converge(self) -> None:
        self.change_the_files()
        with suppress(DeploytoolError):  # a refusal: the watcher does with the same files what can be done
            self.watching.fleet.converge(self.watching.intent)
        for name in self.watching.fleet.hosts:
            self.watching.stir(name)

    def over(self) -> None:
        self.have_all_hosts_back()
        for memory in self.watching.fleet.hosts.values():
            memory.images, memory.sick = None, set()
        self.watching.fleet.fault = no_fault
        self.version += 1
        self.watching.intent, self.watching.dirty = self.wish(), True


TROUBLES = (
    Trouble.end_one,
    Trouble.end_one,
    Trouble.remove_one,
    Trouble.lose_a_host,
    Trouble.have_all_hosts_back,
    Trouble.miss_new_images,
    Trouble.make_the_next_version_sick,
    Trouble.let_a_verb_fail,
    Trouble.change_the_files,
    Trouble.change_the_files,
    Trouble.start_the_watcher_anew,
    Trouble.let_ci_converge,
)


@pytest.mark.parametrize("behind_ingress", [False, True], ids=["plain", "ingress"])
@given(st.integers(0, 2**32))  # a seed: which step comes when, of several at a time, is no one's to draw
@settings(thorough, max_examples=EXAMPLES // 4)
def test_after_all_troubles_everything_is_as_the_files_say(behind_ingress, seed) -> None:
    """Whatever came before, two minutes later: the right replicas of the right image, and no more."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    trouble = Trouble(chance, behind_ingress=behind_ingress)
    watching = trouble.watching
    for _ in range(chance.randint(3, 20)):
        chance.choice(TROUBLES)(trouble)
        watching.turns(chance.choice((0, 1, 5, 30, 200)), most=500)
    trouble.over()
    watching.turns(120, most=500)
    for service in watching.intent.projects[0].services:
        fleet = watching.fleet
        assert len(fleet.ids(service.name)) == sum(fleet.counts(service.name).values()) == service.replicas
        assert fleet.images(service.name) == {f"demo/{service.name}:{trouble.version}"}
    assert watching.snapshot.whole, watching.notes
    assert watching.snapshot.now_s - watching.snapshot.last_success_s <= 60
    assert "bug" not in watching.notes
    if behind_ingress:
        assert_true_endpoints(watching.fleet)
