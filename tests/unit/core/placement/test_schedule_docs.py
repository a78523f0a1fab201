"""Every example of docs/scheduling.md, executed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploytool.core.placement.rebalance import rebalance
from deploytool.core.placement.schedule import SchedulePolicy, explain, schedule
from deploytool.errors import NoHost
from deploytool.model.constraint import parse_constraint
from deploytool.model.container import Container, HostPort
from deploytool.model.intent import Mode, Port, Project, Resources, Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import Facts, Observed, ObservedHost, ProjectFolder
from tests.unit.core.strategies import LOST, SHOP, make_container, make_host, make_project, make_release

DOC = Path(__file__).parents[4] / "docs" / "scheduling.md"
UNITS = {"M": 1 << 20, "G": 1 << 30}


def examples() -> list[Any]:
    """The YAML blocks of the page, each named after its line."""
    text = DOC.read_text(encoding="utf-8")
    blocks = re.finditer(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [
        pytest.param(yaml.safe_load(b[1]), id=f"line-{text.count(chr(10), 0, b.start()) + 1}") for b in blocks
    ]


def memory(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


def port(text: str) -> Port:
    first, _, last = str(text).partition("-")
    return Port(80, int(first), int(last or first))


def service(name: str, said: Mapping[str, Any]) -> Service:
    said = dict(said)
    made = Service(
        name,
        mode=Mode(said.pop("mode", "replicated")),
        replicas=said.pop("replicas", 1),
        constraints=tuple(parse_constraint(text) for text in said.pop("constraints", ())),
        spread=tuple(said.pop("spread", ())),
        max_per_host=said.pop("max_replicas_per_node", 0),
        reserve=Resources(memory_bytes=memory(said.pop("memory", "0M"))),
        ports=tuple(port(text) for text in said.pop("ports", ())),
        volumes=tuple(said.pop("volumes", ())),
        platform=said.pop("platform", ""),
    )
    assert not said, f"the example says {said}, which nobody reads"
    return made


def containers(host: str, said: dict[str, Any]) -> tuple[Container, ...]:
    found = []
    states = {"runs": ("running", 0), "broken": ("exited", 137), "finished": ("exited", 0)}
    for key, (state, code) in states.items():
        for name, count in said.pop(key, {}).items():
            for number in range(count):
                found.append(make_container(name, number, host=host, state=state, exit_code=code))
    other = said.pop("other_project", None)
    if other:
        reserve = Resources(memory_bytes=memory(other["memory"]))
        found.append(make_container("x", 1, project="blog", reserve=reserve))
    ports = tuple(HostPort(number) for number in said.pop("foreign_ports", ()))
    return (*found, Container("f", "nginx", ports=ports))


def fleet(example: Mapping[str, Any]) -> tuple[Project, Observed]:
    remembered = {
        (name, host): count
        for name, hosts in example.get("release", {}).items()
        for host, count in hosts.items()
    }
    folder = ProjectFolder(SHOP, "sha", make_release(1, remembered) if remembered else None)
    hosts, observed = [], {}
    for name, said in example["hosts"].items():
        said = dict(said)
        hosts.append(
            make_host(
                name,
                labels=said.pop("labels", {}),
                groups=tuple(said.pop("groups", ())),
                state=HostState(said.pop("state", "active")),
                memory_bytes=memory(said.pop("memory")) if "memory" in said else None,
            )
        )
        facts = Facts(arch=said.pop("arch", "amd64"))
        seen = ObservedHost(facts, containers(name, said), {SHOP: folder})
        observed[name] = LOST if said.pop("unreachable", False) else seen
        assert not said, f"the example says {said}, which nobody reads"
    return make_project(hosts, [service(*item) for item in example["services"].items()]), Observed(observed)


def policy(example: Mapping[str, Any]) -> SchedulePolicy:
    said = example.get("policy", {})
    return SchedulePolicy(said.get("reschedule_unreachable", False), frozenset(said.get("move_volumes", ())))


@pytest.mark.parametrize("example", examples())
def test_example(example: Mapping[str, Any]) -> None:
    """What the page says is what happens."""
    project, observed = fleet(example)
    if "error" in example:
        with pytest.raises(NoHost) as error:
            schedule(project, observed, policy=policy(example))
        assert error.value.message == example["error"]
        assert "; ".join(p.hint for p in error.value.problems if p.hint) == example.get("hint", "")
    else:
        desired = schedule(project, observed, policy=policy(example))
        desired = rebalance(project, observed, desired, example.get("rebalance", 0), policy(example))
        result: dict[str, dict[str, int]] = {}
        for (name, host), count in desired.counts.items():
            result.setdefault(name, {})[host] = count
        assert result == example["result"]


@pytest.mark.parametrize("example", examples())
def test_example_is_explained(example: Mapping[str, Any]) -> None:
    """In every example the verdicts add up to the schedule, and each host has one with words."""
    project, observed = fleet(example)
    for wanted in project.services:
        verdicts = explain(project, observed, wanted.name, policy=policy(example))
        assert [verdict.host for verdict in verdicts] == sorted(host.name for host in project.hosts)
        assert all(verdict.text for verdict in verdicts)
        if "result" in example and "rebalance" not in example:
            counts = {v.host: v.kept + v.chosen for v in verdicts if v.kept + v.chosen}
            assert counts == example["result"].get(wanted.name, {})


def test_the_page_has_an_example_for_each_rule() -> None:
    """No section of rules is without an example."""
    sections = DOC.read_text(encoding="utf-8").split("\n## ")[1:]
    assert [section.split("\n")[0] for section in sections if "```yaml" not in section] == []
