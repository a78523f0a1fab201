"""The promises of every backend; the same suite runs on simulated hosts and on real ones.

A subclass provides the fixture ``bed``: an empty host with one image that works.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from deploytool.backend.base import Attempt, Backend, LeaseClaim, Outcome, Task
from deploytool.backend.compose.render.compose import host_files
from deploytool.model.container import Container, ContainerEvent
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.intent import Definition, Service
from deploytool.model.observed import ObservedHost
from deploytool.model.plan import Gate, GateGoal, Ref, Step, StepKind
from deploytool.model.release import Lease, Release
from deploytool.transport.base import Output
from tests.builders import host, project
from tests.streams import DEADLINE_S, in_thread, read_all, until

HOST = "h1"
PROJECT = "contract"
SOON = {"interval": "30s", "start_period": "10s", "start_interval": "200ms"}  # healthy at the first look
MINE = LeaseClaim(Lease("mine", who="me@here", reason="test"), ttl_s=60)
THEIRS = LeaseClaim(Lease("theirs", who="they@there", reason="test"), ttl_s=60)


class Bed(Protocol):
    """A backend with one empty host, and the acts of a person on that host."""

    backend: Backend
    sick_image: str

    def halt(self, container: Container) -> None:
        """Stop a container behind the backend's back."""

    def restarted(self) -> Backend:
        """A new backend on the same host, as the next run has it."""


def look(backend: Backend) -> ObservedHost:
    """The bed's host, which has to answer."""
    seen = backend.observe({HOST: host(HOST)})[HOST]
    assert isinstance(seen, ObservedHost)
    return seen


class _Given:
    def __init__(self, services: dict[str, dict[str, object]]) -> None:
        self.services = services

    def on(self, host: object, placements: object) -> Definition:
        return Definition(self.services)


def files_for(image: str = "demo/web:1", count: int = 2, sick: bool = False) -> HostFiles:
    check = ["CMD", "/bin/busybox", "false"] if sick else ["CMD", "/bin/busybox", "true"]
    looks = {"interval": "1s", "start_period": "0s"} if sick else SOON
    health = {"test": check, "retries": 1, **looks}
    wanted = project(Service("web"), hosts=[host("h1")], name=PROJECT)
    wanted = replace(wanted, definitions=_Given({"web": {"image": image, "healthcheck": health}}))
    return host_files(wanted, Desired(PROJECT, {("web", "h1"): count}), host("h1"))


def task(kind: StepKind, files: HostFiles | None = None, **fields: object) -> Task:
    step = Step(f"{kind.value}/1", kind, "h1", PROJECT, "test", grace_s=1, **fields)
    spec = files.specs["web"].digest if files and files.specs else ""
    writes = kind in (StepKind.PREPARE, StepKind.RECORD)
    pulls = kind is StepKind.PREPARE and files is not None
    images = tuple(("missing", spec.image) for spec in files.specs.values()) if pulls else ()
    return Task(step, files if writes else None, spec=spec, images=images)


def prepare(files: HostFiles) -> Task:
    return task(StepKind.PREPARE, files)


def start(files: HostFiles, total: int, deadline_s: float = 20) -> Task:
    gate = Gate(GateGoal.READY, deadline_s, 1)
    return task(StepKind.START, files, service="web", count=total, total=total, gate=gate)


def stop(*containers: Container) -> Task:
    refs = tuple(Ref(container.id, container.name) for container in containers)
    return task(StepKind.STOP, service="web", count=len(refs), containers=refs)


def record(files: HostFiles, number: int = 1) -> Task:
    release = Release(number, f"digest-{number}", play="site.yaml: contract", placements={"web": {"h1": 2}})
    return replace(task(StepKind.RECORD, files), release=release)


class BackendContract:
    """Each test is one promise of ``Backend``."""

    def do(self, bed: Bed, wanted: Task, claim: LeaseClaim = MINE) -> Outcome:
        (outcome,) = bed.backend.perform([wanted], claim)
        return outcome

    def replicas(self, bed: Bed) -> list[Container]:
        mine = (c for c in look(bed.backend).containers if c.project == PROJECT)
        return sorted(mine, key=lambda c: c.number)

    def running(self, bed: Bed, count: int = 2) -> list[Container]:
        assert self.do(bed, prepare(files_for())).ok
        assert self.do(bed, start(files_for(), count)).ok
        return self.replicas(bed)

    def test_an_empty_host_holds_nothing(self, bed):
        """Observing makes nothing: no container, no folder."""
        seen = look(bed.backend)
        assert not [c for c in seen.containers if c.project == PROJECT]
        assert PROJECT not in seen.projects
        assert seen.facts.cpus > 0
        assert seen.facts.now_s > 0

    def test_prepare_takes_the_lease_and_changes_no_container(self, bed):
        """The definition waits beside the current one; the host is looked at under the lease."""
        outcome = self.do(bed, prepare(files_for()))
        assert outcome.ok, outcome
        folder = outcome.observed.projects[PROJECT]
        assert (folder.lease.owner, folder.lease.who, folder.manifest_digest) == ("mine", "me@here", "")
        assert self.replicas(bed) == []

    def test_start_reaches_the_total_and_no_more_when_repeated(self, bed):
        """A start states its sum, so that a step that was lost on the way can be done again."""
        first = self.running(bed)
        assert [(c.service, c.number, c.healthy) for c in first] == [("web", 1, True), ("web", 2, True)]
        assert {c.spec for c in first} == {files_for().specs["web"].digest}
        assert first[0].keys == files_for().specs["web"].keys
        assert self.do(bed, start(files_for(), 2)).ok
        assert [c.id for c in self.replicas(bed)] == [c.id for c in first]

    def test_start_makes_new_ones_beside_the_old(self, bed):
        """Another definition leaves what runs alone."""
        old = self.running(bed)
        new = files_for("demo/web:2")
        assert self.do(bed, prepare(new)).ok
        assert self.do(bed, start(new, 3)).ok
        now = self.replicas(bed)
        assert {c.id for c in old} < {c.id for c in now}
        assert sorted(c.image for c in now) == ["demo/web:1", "demo/web:1", "demo/web:2"]

    def test_a_start_of_what_is_there_waits_until_it_is_ready(self, bed):
        """It starts nothing, and fails where a replica of the wanted spec is sick."""
        files = files_for(bed.sick_image, sick=True)
        assert self.do(bed, prepare(files)).ok
        assert not self.do(bed, start(files, 1)).ok
        outcome = self.do(bed, start(files, 1, deadline_s=3))
        assert "unhealthy" in outcome.reason
        assert len(self.replicas(bed)) == 1

    def test_start_refuses_where_there_is_more_than_planned(self, bed):
        """Scaling down by accident is not what a start is for."""
        before = self.running(bed)
        outcome = self.do(bed, start(files_for(), 1))
        assert outcome.changed
        assert self.replicas(bed) == before

    def test_stop_removes_by_id_and_may_be_repeated(self, bed):
        """Only what is named goes; gone is gone."""
        one, other = self.running(bed)
        assert self.do(bed, stop(one)).ok
        assert self.do(bed, stop(one)).ok
        assert [c.id for c in self.replicas(bed)] == [other.id]

    def test_restart_brings_the_same_container_back(self, bed):
        """Not a new one: its id and its files stay."""
        one, other = self.running(bed)
        bed.halt(one)
        wanted = task(
            StepKind.RESTART,
            files_for(),
            service="web",
            count=1,
            total=2,
            containers=(Ref(one.id, one.name),),
            gate=Gate(GateGoal.READY, 20, 1),
        )
        assert self.do(bed, wanted).ok
        assert {c.id for c in self.replicas(bed) if c.healthy} == {one.id, other.id}

    def test_record_puts_definition_and_release_in_place_and_gives_the_lease_back(self, bed):
        """What the host says afterwards is what was recorded."""
        self.running(bed)
        outcome = self.do(bed, record(files_for(), 7))
        assert outcome.ok, outcome
        folder = outcome.observed.projects[PROJECT]
        assert folder.manifest_digest == files_for().manifest_digest
        assert (folder.release.number, folder.release.members, folder.lease) == (7, ("h1",), None)

    def test_a_host_remembers_its_releases(self, bed):
        """With the definition that each one had there."""
        assert bed.backend.releases(HOST, PROJECT) == []
        self.running(bed)
        assert self.do(bed, record(files_for(), 1)).ok
        assert self.do(bed, record(files_for("demo/web:2"), 2)).ok
        stored = bed.backend.releases(HOST, PROJECT)
        assert [one.release.number for one in stored] == [1, 2]
        assert [one.manifest for one in stored] == [files_for().manifest, files_for("demo/web:2").manifest]

    def test_a_host_remembers_other_hosts_that_may_hold_something(self, bed):
        """From a preparation, a record, an attempt; and forgets them with the next of these."""

        def others() -> tuple[str, ...]:
            return look(bed.backend).projects[PROJECT].possible_holders

        assert self.do(bed, replace(prepare(files_for()), possible_holders=("h2", "h3"))).ok
        assert others() == ("h2", "h3")
        assert self.do(bed, replace(record(files_for(), 1), possible_holders=("h3",))).ok
        assert others() == ("h3",)
        assert self.do(bed, record(files_for(), 2)).ok
        assert others() == ()
        assert bed.backend.lock(HOST, PROJECT, MINE).ok
        assert bed.backend.unlock(
            HOST, PROJECT, MINE, Attempt(Release(3, "digest", outcome="failed"), ("h4",))
        ).ok
        assert others() == ("h4",)
        assert [one.release.number for one in bed.backend.releases(HOST, PROJECT)] == [1, 2, 3]

    def test_a_lease_can_be_taken_by_hand_and_given_back_by_another(self, bed):
        """lock acquire and lock release."""
        assert bed.backend.lock(HOST, PROJECT, MINE).ok
        assert bed.backend.lock(HOST, PROJECT, THEIRS).lease_conflict.owner == "mine"
        assert bed.backend.unlock(HOST, PROJECT, replace(THEIRS, take_from="mine")).ok
        assert bed.backend.lock(HOST, PROJECT, THEIRS).ok

    def test_forget_leaves_nothing_of_a_project_that_holds_nothing(self, bed):
        """And does nothing to one that holds something."""
        containers = self.running(bed)
        assert not bed.backend.forget(HOST, PROJECT, MINE).ok
        assert self.do(bed, stop(*containers)).ok
        assert bed.backend.forget(HOST, PROJECT, MINE).ok
        assert PROJECT not in look(bed.backend).projects

    def test_record_of_nothing_removes_the_definition(self, bed):
        """A host that holds nothing says nothing."""
        containers = self.running(bed)
        assert self.do(bed, record(files_for(), 1)).ok
        assert self.do(bed, prepare(HostFiles(None))).ok
        assert self.do(bed, stop(*containers)).ok
        assert self.do(bed, record(HostFiles(None), 2)).ok
        assert look(bed.backend).projects[PROJECT].manifest_digest == ""

    def test_another_runs_lease_is_respected(self, bed):
        """It names its holder, and nothing is written."""
        assert self.do(bed, prepare(files_for()), THEIRS).ok
        outcome = self.do(bed, prepare(files_for("demo/web:2")))
        assert (outcome.ok, outcome.lease_conflict.who) == (False, "they@there")
        assert self.do(bed, record(files_for())).lease_conflict.owner == "theirs"

    def test_a_step_without_the_lease_does_nothing(self, bed):
        """Fencing: whoever lost the lease stops before the next step."""
        before = self.running(bed)
        assert self.do(bed, prepare(files_for()), replace(THEIRS, take_from="mine")).ok
        outcome = self.do(bed, stop(*before))
        assert outcome.lease_conflict.owner == "theirs"
        assert self.replicas(bed) == before

    def test_a_lease_can_be_renewed_and_given_back(self, bed):
        """And only by its owner."""
        assert self.do(bed, prepare(files_for())).ok
        assert bed.backend.renew(HOST, PROJECT, MINE).ok
        assert bed.backend.renew(HOST, PROJECT, THEIRS).lease_conflict.owner == "mine"
        assert bed.backend.unlock(HOST, PROJECT, THEIRS).ok
        assert look(bed.backend).projects[PROJECT].lease.owner == "mine"
        assert bed.backend.unlock(HOST, PROJECT, MINE).ok
        assert look(bed.backend).projects[PROJECT].lease is None

    def test_a_missing_image_is_found_before_anything_is_touched(self, bed):
        """The sentence names the image."""
        before = self.running(bed)
        outcome = self.do(bed, prepare(files_for("demo/missing:9")))
        assert "demo/missing:9" in outcome.reason
        assert self.replicas(bed) == before

    def test_a_sick_replica_says_why(self, bed):
        """The reason names the container; it is kept for inspection."""
        files = files_for(bed.sick_image, sick=True)
        assert self.do(bed, prepare(files)).ok
        outcome = self.do(bed, start(files, 1))
        assert f"{PROJECT}-web-1" in outcome.reason
        assert "unhealthy" in outcome.reason
        assert len(self.replicas(bed)) == 1

    def test_a_start_that_nobody_waits_for_ends_at_once(self, bed):
        """What becomes of the replica is watched elsewhere."""
        files = files_for(bed.sick_image, sick=True)
        assert self.do(bed, prepare(files)).ok
        begun = start(files, 1)
        assert self.do(bed, replace(begun, step=replace(begun.step, gate=Gate(GateGoal.NONE, 20)))).ok
        assert len(self.replicas(bed)) == 1

    def test_the_next_run_sees_what_the_last_one_left(self, bed):
        """Nothing is kept in the backend: all of it is on the host."""
        self.running(bed)
        assert look(bed.restarted()).containers == look(bed.backend).containers

    def test_events_tell_what_happens_to_containers(self, bed):
        """From the moment on at which they were asked for, beside all else, until they are closed."""
        feed = bed.backend.events(HOST)
        heard: list[ContainerEvent] = []
        listener = in_thread(lambda: heard.extend(event for event in feed if event.project == PROJECT))
        one, other = self.running(bed)
        assert self.do(bed, stop(one)).ok
        until(lambda: ("destroy", one.id) in [(event.action, event.id) for event in heard])
        feed.close()
        listener.join(DEADLINE_S)
        assert not listener.is_alive()
        started = {(e.id, e.name, e.service, e.number, e.spec) for e in heard if e.action == "start"}
        assert started == {(c.id, c.name, "web", c.number, c.spec) for c in (one, other)}
        assert [event.id for event in heard if event.action == "die"] == [one.id]
        assert all(event.ours and event.image == "demo/web:1" for event in heard)

    def test_a_container_that_ends_by_itself_is_an_event(self, bed):
        """With its exit code."""
        one, _ = self.running(bed)
        feed = bed.backend.events(HOST)
        bed.halt(one)
        died = next(event for event in feed if event.action == "die")
        assert (died.id, died.exit_code) == (one.id, 137)
        feed.close()

    def test_closing_events_twice_is_harmless(self, bed):
        """Also before anything was read of them."""
        feed = bed.backend.events(HOST)
        feed.close()
        feed.close()
        assert list(feed) == []

    def test_a_command_runs_in_a_container(self, bed):
        """With its input, and its exit code."""
        one, _ = self.running(bed)
        stream = bed.backend.exec(HOST, one.id, ["/bin/busybox", "sh", "-c", "cat; echo oops >&2; exit 3"])
        stream.send(b"hello\n")
        stream.end_input()
        assert read_all(stream) == Output(b"hello\n", b"oops\n")
        assert stream.exit_code == 3
        stream.close()

    def test_a_command_in_a_container_that_has_ended_fails(self, bed):
        """And says why."""
        one, _ = self.running(bed)
        bed.halt(one)
        stream = bed.backend.exec(HOST, one.id, ["/bin/busybox", "true"])
        stream.end_input()
        assert b"not running" in read_all(stream).stderr
        assert stream.exit_code == 1
        stream.close()
