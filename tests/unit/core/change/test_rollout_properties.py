"""What must hold at every prefix of every plan, on small generated fleets, with any steps failing.

A plan is played on a model of the hosts in a random valid order. A step that fails leaves its host in one
of the ways in which a real one would, and what needs it is never begun.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deploytool.core.change.reconcile import Change, reconcile
from deploytool.core.change.rollout import RolledOut, roll_out
from deploytool.core.placement.schedule import schedule
from deploytool.errors import NoHost
from deploytool.model.container import Container, HostPort
from deploytool.model.desired import Desired, HostFiles, Manifest, Spec
from deploytool.model.intent import Port, Project, Resources, Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import Facts, Observed, ObservedHost
from deploytool.model.plan import Step, StepKind
from deploytool.model.policies import Dependency, Update
from tests.unit.core.strategies import LOST, SHOP, M, make_container, make_host, make_project

NEW, OLD = "1:new", "1:old"
NAMES = ("api", "db", "web")
GONE = "gone"  # a service that left the file
CAPACITY = 400 * M

lean = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True, repr=False)
class Case:
    """A fleet, what is wanted of it, and the plan that was made."""

    project: Project
    observed: Observed
    desired: Desired
    changes: tuple[Change, ...]
    rolled: RolledOut

    def __repr__(self) -> str:
        lines = [
            f"{s.name}: {s.replicas} {s.update} {s.ports} {s.depends_on} max {s.max_per_host}"
            for s in self.project.services
        ]
        for name, seen in self.observed.items():
            held = seen.containers if isinstance(seen, ObservedHost) else ()
            lines.append(
                f"{name}: {[(c.name, c.spec, c.state, c.health, [p.port for p in c.ports]) for c in held]}"
            )
        lines += [f"{step.id} x{step.count}={step.total} needs {step.needs}" for step in self.rolled.steps]
        return "\n".join([*lines, *self.rolled.notes])

    @property
    def files(self) -> Mapping[str, HostFiles]:
        return files_of(self.project)

    @property
    def gone_first(self) -> set[str]:
        return {note.split()[0] for note in self.rolled.notes if "before its successor" in note}


def files_of(project: Project) -> dict[str, HostFiles]:
    specs = {s.name: Spec(NEW, f"{s.name}:2", {"image": "b"}) for s in project.services}
    return {host.name: HostFiles(Manifest(""), specs) for host in project.hosts}


# --- what is drawn -------------------------------------------------------------------------------------

PORTS: tuple[tuple[Port, ...], ...] = ((), (), (Port(80, 80, 80),), (Port(80, 81, 81),), (Port(80, 90, 92),))
STATES: tuple[Mapping[str, object], ...] = (
    {},
    {},
    {},
    {"health": "healthy"},
    {"health": "starting"},
    {"health": "unhealthy"},
    {"state": "exited", "exit_code": 1},
    {"state": "created"},
    {"state": "paused"},
    {"state": "dead"},
    {"name": "0123456789ab_shop-web-1"},
)


@st.composite
def services(draw: st.DrawFn, name: str, others: Sequence[str]) -> Service:
    return Service(
        name,
        replicas=draw(st.integers(0, 6)),
        max_per_host=draw(st.sampled_from((0, 0, 2, 3))),
        reserve=Resources(memory_bytes=draw(st.sampled_from((0, 50, 100))) * M),
        ports=draw(st.sampled_from(PORTS)),
        depends_on=tuple(Dependency(other) for other in others if draw(st.booleans())),
        update=Update(
            parallelism=draw(st.integers(0, 3)),
            order=draw(st.sampled_from(("stop-first", "start-first", "start-first"))),
        ),
    )


@st.composite
def held(draw: st.DrawFn, host: str, service: Service) -> list[Container]:
    """Replicas as an earlier run left them: of this spec or another, well or not."""
    found = []
    for number in range(draw(st.sampled_from((0, 0, 1, 1, 2, 3)))):
        made = make_container(service.name, number + 1, host=host, spec=draw(st.sampled_from((NEW, OLD))))
        state = dict(draw(st.sampled_from(STATES)))
        ports = service.ports if made.spec == NEW else draw(st.sampled_from((service.ports, *PORTS[2:])))
        reserve = Resources(memory_bytes=draw(st.sampled_from((0, 50))) * M)
        made = replace(made, reserve=service.reserve if made.spec == NEW else reserve)
        found.append(replace(made, ports=tuple(HostPort(p.first, p.protocol) for p in ports), **state))
    return found


def without_clashes(containers: Iterable[Container]) -> tuple[Container, ...]:
    """Two containers of a host cannot hold the same port; of a range, each takes the next one."""
    taken: set[int] = set()
    kept = []
    for container in containers:
        ports = [p.port for p in container.ports]
        if ports == [90]:
            ports = [next((n for n in (90, 91, 92) if n not in taken), 90)]
        if not taken & set(ports):
            taken |= set(ports)
            kept.append(replace(container, ports=tuple(HostPort(number) for number in ports)))
    return tuple(kept)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    order = draw(st.permutations(names))
    wanted = [draw(services(name, order[: order.index(name)])) for name in names]
    capacity = draw(st.sampled_from((None, CAPACITY)))
    states = st.sampled_from((HostState.ACTIVE, HostState.ACTIVE, HostState.ACTIVE, HostState.DRAIN))
    hosts = [
        make_host(f"h{n}", state=draw(states), memory_bytes=capacity) for n in range(draw(st.integers(1, 4)))
    ]
    observed: dict[str, object] = {}
    for host in hosts:
        found = [c for s in (*wanted, Service(GONE, ports=PORTS[2])) for c in draw(held(host.name, s))]
        foreign = Container(f"f-{host.name}", "nginx", ports=(HostPort(7),))
        observed[host.name] = ObservedHost(Facts(), (*without_clashes(found), foreign))
        if draw(st.integers(0, 8)) == 0:
            observed[host.name] = LOST
    return planned(make_project(hosts, wanted), Observed(observed))  # type: ignore[arg-type]


def planned(project: Project, observed: Observed) -> Case:
    try:
        desired = schedule(project, observed)
    except NoHost:
        assume(False)
        raise
    changes = reconcile(project, desired, files_of(project), observed)
    return Case(project, observed, desired, changes, roll_out(project, changes, observed))


# --- the model of the hosts ----------------------------------------------------------------------------


@dataclass(repr=False)
class Model:
    """Hosts that do what steps say, or fail at it. ``check`` is called after each step."""

    case: Case
    chance: random.Random
    held: dict[str, list[Container]] = field(default_factory=dict)
    made: int = 0

    def __post_init__(self) -> None:
        for name, seen in self.case.observed.items():
            if isinstance(seen, ObservedHost):
                self.held[name] = list(seen.containers)

    def play(self, failures: float, check: Callable[[Model], None]) -> set[str]:
        """Do the steps in a random valid order; returns those that were done."""
        graph = {step.id: step.needs for step in self.case.rolled.steps}
        steps = {step.id: step for step in self.case.rolled.steps}
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        ready, done = list(sorter.get_ready()), set()
        check(self)
        while ready:
            step = steps[ready.pop(self.chance.randrange(len(ready)))]
            fails = step.kind is not StepKind.PREPARE and self.chance.random() < failures
            self.do(step, fails)
            check(self)
            if not fails:
                done.add(step.id)
                sorter.done(step.id)
                ready += sorter.get_ready()
        return done

    def do(self, step: Step, fails: bool) -> None:
        here = self.held[step.host]
        ids = {ref.id for ref in step.containers}
        if step.kind is StepKind.START:
            there = [c for c in here if c.service == step.service and c.project == SHOP]
            assert len(there) + step.count == step.total, step.id
            for _ in range(step.count if not fails else self.chance.randint(0, step.count)):
                here.append(self.start(step, sick=fails))
            if not fails:
                self.held[step.host] = [self.ready(c, step) for c in here]
        elif step.kind is StepKind.RESTART:
            assert ids <= {c.id for c in here}
            if not fails:
                self.held[step.host] = [
                    replace(c, state="running", health="") if c.id in ids else c for c in here
                ]
        elif step.kind is StepKind.STOP:
            assert ids <= {c.id for c in here}
            if not fails or self.chance.random() < 0.5:
                self.held[step.host] = [c for c in here if c.id not in ids]

    def start(self, step: Step, *, sick: bool) -> Container:
        service = self.case.project.service(step.service)
        assert service is not None
        taken = {p.port for c in self.held[step.host] for p in c.ports}
        ports = []
        for port in service.ports:
            free = [n for n in range(port.first, port.last + 1) if n not in taken]
            assert free, f"{step.id}: no free port"
            ports.append(HostPort(free[0]))
        self.made += 1
        health = "unhealthy" if sick else ""
        number = max((c.number for c in self.held[step.host]), default=0) + self.made
        made = make_container(step.service, number, host=step.host, spec=NEW, health=health)
        return replace(made, ports=tuple(ports), reserve=service.reserve)

    def ready(self, container: Container, step: Step) -> Container:
        """A start waits for all of its spec where it makes none."""
        waited = not step.count and (container.service, container.spec) == (step.service, NEW)
        return replace(container, health="") if waited and container.health == "starting" else container

    def healthy(self, service: str) -> int:
        return sum(c.healthy for held in self.held.values() for c in held if c.service == service)

    def counts(self, service: str) -> Counter[str]:
        return Counter(name for name, held in self.held.items() for c in held if c.service == service)

    def memory(self, host_name: str) -> int:
        return sum(c.reserve.memory_bytes for c in self.held[host_name])

    def observed(self) -> Observed:
        return self.case.observed.with_hosts(
            {
                name: replace(seen, containers=tuple(self.held[name]))
                for name, seen in self.case.observed.answered().items()
            }
        )


def nothing(model: Model) -> None:
    """No check."""


chances = st.randoms(use_true_random=False)
failures = st.sampled_from((0.0, 0.1, 0.3))


# --- what must hold ------------------------------------------------------------------------------------


def of(case: Case, service: Service) -> list[Change]:
    return [change for change in case.changes if change.service == service.name]


def away(case: Case, service: Service) -> int:
    """How many healthy replicas the policy may take away at a time."""
    sound = sum(len(change.replace) for change in of(case, service))
    at_a_time = service.update.parallelism or sound
    return 0 if service.name in case.rolled.surged else min(at_a_time, sound)


@given(cases(), chances, failures)
@lean
def test_every_prefix_keeps_availability(case: Case, chance: random.Random, rate: float) -> None:
    """At least min(healthy before, wanted) - parallelism (stop-first), or no loss (start-first, moves)."""
    model = Model(case, chance)
    bounds = {}
    for service in case.project.services:
        wanted = sum(case.desired[service.name, name] for name in model.held)
        bounds[service.name] = min(model.healthy(service.name), wanted) - away(case, service)

    def check(model: Model) -> None:
        for service, bound in bounds.items():
            assert service in case.gone_first or model.healthy(service) >= bound, service

    model.play(rate, check)


@given(cases(), chances, failures)
@lean
def test_surge_is_bounded(case: Case, chance: random.Random, rate: float) -> None:
    """Beyond what was there and what is missing there are at most `parallelism` more, start-first only."""
    model = Model(case, chance)
    most, before = {}, {s.name: model.counts(s.name) for s in case.project.services}
    for service in case.project.services:
        changes = of(case, service)
        sound = sum(len(change.replace) for change in changes)
        surge = min(service.update.parallelism or sound, sound) if service.name in case.rolled.surged else 0
        most[service.name] = sum(change.there + change.start for change in changes) + surge

    def check(model: Model) -> None:
        for service in case.project.services:
            counts = model.counts(service.name)
            assert sum(counts.values()) <= most[service.name]
            for host, count in counts.items() if service.max_per_host else ():
                assert count <= max(service.max_per_host, before[service.name][host])

    model.play(rate, check)


@given(cases(), chances)
@lean
def test_resources_hold_on_the_way(case: Case, chance: random.Random) -> None:
    """Where nothing frees a reservation on the way, capacity is never exceeded, surges included."""
    reserved = {s.name: s.reserve.memory_bytes for s in case.project.services}
    for change in case.changes:
        going = (*change.replace, *change.broken)
        assume(not change.stop)
        assume(all(c.reserve.memory_bytes <= reserved[change.service] for c in going))
    model = Model(case, chance)
    before = {name: model.memory(name) for name in model.held}

    def check(model: Model) -> None:
        for host in case.project.hosts:
            if host.memory_bytes and host.name in model.held:
                assert model.memory(host.name) <= max(host.memory_bytes, before[host.name])

    model.play(0.0, check)


@given(cases(), chances)
@lean
def test_the_end_is_as_desired(case: Case, chance: random.Random) -> None:
    """When every step is done, in whatever order, nothing differs; so every start knew its sum."""
    model = Model(case, chance)
    model.play(0.0, nothing)
    settled = {
        name: replace(seen, containers=tuple(replace(c, health="") for c in seen.containers))
        for name, seen in model.observed().answered().items()
    }
    again = reconcile(case.project, case.desired, case.files, model.observed().with_hosts(settled))
    assert not [change for change in again if change.touched]


@given(cases(), chances, failures)
@lean
def test_the_next_plan_finishes_what_failed(case: Case, chance: random.Random, rate: float) -> None:
    """Whatever failed, a new plan made from what is left ends as desired."""
    model = Model(case, chance)
    model.play(rate, nothing)
    second = planned(case.project, model.observed())
    model = Model(second, chance)
    model.play(0.0, nothing)
    again = reconcile(second.project, second.desired, second.files, model.observed())
    assert not [change for change in again if change.touched]


@given(cases())
@lean
def test_only_what_is_ours_and_answers_is_in_a_step(case: Case) -> None:
    """No unreachable host, no host outside, no foreign container, nothing twice."""
    ours = {
        c.id
        for seen in case.observed.values()
        for c in (seen.containers if isinstance(seen, ObservedHost) else ())
        if c.ours and c.project == SHOP
    }
    named = [ref.id for step in case.rolled.steps for ref in step.containers]
    assert set(named) <= ours
    assert len(named) == len(set(named))
    assert {step.host for step in case.rolled.steps} <= {
        name for name, seen in case.observed.items() if isinstance(seen, ObservedHost)
    }


@given(cases())
@lean
def test_steps_are_a_graph_that_can_be_done_in_the_order_given(case: Case) -> None:
    """Ids are unique, needs exist and come before, and each changed host is prepared."""
    seen: set[str] = set()
    for step in case.rolled.steps:
        assert step.id not in seen
        assert set(step.needs) <= seen
        assert len(set(step.needs)) == len(step.needs)
        seen.add(step.id)
    changed = {step.host for step in case.rolled.steps if step.service}
    assert changed == {step.host for step in case.rolled.steps if step.kind is StepKind.PREPARE}


@given(cases())
@lean
def test_dependants_wait_for_what_they_depend_on(case: Case) -> None:
    """A start comes after every start of each service that it depends on."""
    order = {step.id: step for step in case.rolled.steps}
    depends = {s.name: {d.service for d in s.depends_on} for s in case.project.services}
    for step in order.values():
        if step.kind in (StepKind.START, StepKind.RESTART) and step.count:
            before: set[str] = set()
            todo = list(step.needs)
            while todo:
                needed = todo.pop()
                todo += [n for n in order[needed].needs if n not in before]
                before.add(needed)
            for other in order.values():
                if (
                    other.kind in (StepKind.START, StepKind.RESTART)
                    and other.service in depends[step.service]
                ):
                    assert other.id in before


@given(cases(), chances)
@lean
def test_the_order_of_the_input_does_not_matter(case: Case, chance: random.Random) -> None:
    """Shuffled hosts and containers give the same steps."""
    names = list(case.observed)
    hosts = list(case.project.hosts)
    chance.shuffle(names)
    chance.shuffle(hosts)
    observed: dict[str, object] = {}
    for name in names:
        seen = case.observed[name]
        if isinstance(seen, ObservedHost):
            containers = list(seen.containers)
            chance.shuffle(containers)
            seen = replace(seen, containers=tuple(containers))
        observed[name] = seen
    again = planned(replace(case.project, hosts=tuple(hosts)), Observed(observed))  # type: ignore[arg-type]
    assert again.rolled.steps == case.rolled.steps


@given(cases())
@lean
def test_scale_to_zero_starts_nothing(case: Case) -> None:
    """It stops what is there, without waiting for anything."""
    none = [replace(service, replicas=0) for service in case.project.services]
    zero = planned(replace(case.project, services=tuple(none)), case.observed)
    assert not [s for s in zero.rolled.steps if s.kind in (StepKind.START, StepKind.RESTART)]
