"""A saved plan: whole, documented, without a secret, and it tells what changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from deploytool.model.desired import Manifest
from deploytool.model.document import digest_of
from deploytool.model.inputs import Input
from deploytool.model.intent import Intent, Service
from deploytool.model.observed import Facts
from deploytool.model.policies import Update
from deploytool.plan.saved_plan import Making, changed_since, document_of
from tests.builders import Fleet, SameEverywhere, host, intent, project
from tests.unit.report import test_plan as plans

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "plan.schema.json").read_text("utf-8"))
PIN, PASSWORD = "4711", "hunter2"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


INPUTS = (
    Input("environment", "REGION", sha("eu")),
    Input("file", "hosts.yaml", sha("hosts")),
    Input("file", "site.yaml", sha("play")),
    Input("output", "inventory.sh", sha("{}")),
    Input("variable", "pin", sha(PIN)),
)
COMMAND = {"inventory": "hosts.yaml", "playbooks": ["site.yaml"], "options": {"limit": "web"}}


def shop(tag: int = 1) -> Intent:
    """A service whose definition carries a short secret."""
    made = project(
        Service("web", replicas=4, update=Update(parallelism=2)), Service("db"), hosts=map(host, ("h1", "h2"))
    )
    image = {"image": f"demo/web:{tag}", "environment": {"PIN": PIN, "PASSWORD": PASSWORD}}
    return intent(replace(made, definitions=SameEverywhere({"web": image, "db": {"image": "demo/db:1"}})))


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet.of("h1", "h2")
    fleet.converge(shop())
    return fleet


def document(fleet: Fleet, wanted: Intent | None = None, like=None, inputs=INPUTS, tool: str = "1.0"):
    run = fleet.run(wanted or shop(2))
    plan, seen = run.plan()
    return document_of(plan, seen, Making(tool, "2026-01-02T03:04:05Z", COMMAND, inputs), like)


@pytest.mark.parametrize(
    "case",
    [
        plans.first_start,
        plans.nothing,
        plans.update_with_a_broken_replica,
        plans.drift,
        plans.drain,
        plans.lost_host,
        plans.edited_file_on_a_host,
    ],
    ids=lambda case: case.__name__,
)
def test_every_document_is_as_the_schema_says(case: Callable, monkeypatch):
    """The schema in docs/ is what others rely on."""
    kept = []

    def plan(fleet: Fleet, wanted: Intent):
        kept.append(fleet.run(wanted).plan())
        return kept[-1][0]

    monkeypatch.setattr(Fleet, "plan", plan)
    case()
    plan, seen = kept[-1]
    made = document_of(plan, seen, Making("1.0", "2026-01-02T03:04:05Z", COMMAND, INPUTS))
    jsonschema.validate(made, SCHEMA)
    assert made["digest"] == digest_of(made)
    assert made["summary"]["steps"] == len(list(plan.steps))


def test_the_schema_is_one():
    """And it refuses what a plan is not."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"format": 2}, SCHEMA)


def test_steps_have_causes_and_needs(fleet):
    """A directed graph: every need is a step, and each says why it exists."""
    (made,) = document(fleet)["projects"]
    ids = {step["id"] for step in made["steps"]}
    assert all(step["cause"] and set(step["needs"]) <= ids for step in made["steps"])
    assert {step["kind"] for step in made["steps"]} == {"prepare", "start", "stop", "record"}
    assert made["placements"] == {"db": {"h1": 1}, "web": {"h1": 2, "h2": 2}}


def hashes(value: object) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(hashes, value.values()))
    if isinstance(value, list):
        return set().union(*map(hashes, value))
    return (
        {value}
        if isinstance(value, str) and len(value) == 32 and not set(value) - set("0123456789abcdef")
        else set()
    )


def test_a_plan_holds_no_secret_and_no_hash_that_can_be_tried(fleet):
    """Every hash depends on the ids of the engines, which are nowhere in the document."""
    made = document(fleet)
    text = json.dumps(made)
    assert PIN not in text
    assert PASSWORD not in text
    assert "engine of" not in text
    for name, memory in fleet.hosts.items():
        memory.facts = replace(memory.facts, node_id=f"another engine of {name}")
    other = document(fleet)
    assert len(hashes(made)) > 12
    assert not hashes(made) & hashes(other)
    shas = {h.folders["shop"].release.digest for h in fleet.hosts.values()}
    shas |= {c.spec for h in fleet.hosts.values() for c in h.containers} | {one.sha256 for one in INPUTS}
    assert not [found for found in shas if found in text or found[:32] in text]


def test_without_ids_of_engines_there_are_no_hashes_and_no_agreement(fleet):
    """Rather no contract than one that gives contents away."""
    for memory in fleet.hosts.values():
        memory.facts = Facts(cpus=4, memory_bytes=8 * 1024**3)
    made = document(fleet)
    jsonschema.validate(made, SCHEMA)
    assert not hashes(made)
    assert "has an id" in changed_since(made, document(fleet, like=made))[0][1]


def test_a_plan_holds_while_nothing_changes(fleet):
    """Made again, by whatever version and at whatever time, it is the same."""
    made = document(fleet)
    assert changed_since(made, document(fleet, like=made)) == ()
    assert changed_since(made, document(fleet, like=made, tool="1.1")) == ()


def remove(fleet: Fleet) -> None:
    fleet.hosts["h1"].containers.pop(0)


def exit_one(fleet: Fleet) -> None:
    first = fleet.hosts["h2"].containers
    first[0] = replace(first[0], state="exited", exit_code=137)


def foreign(fleet: Fleet) -> None:
    there = fleet.hosts["h2"].containers
    there.append(replace(there[0], id="f0", name="shop-web-9", spec="", oneoff=True))


def edit(fleet: Fleet) -> None:
    fleet.hosts["h2"].folders["shop"].manifest = Manifest("edited")


def converge_more(fleet: Fleet) -> None:
    fleet.converge(shop(3))


def lose(fleet: Fleet) -> None:
    fleet.hosts["h2"].reachable = False


def reinstall(fleet: Fleet) -> None:
    fleet.hosts["h2"].facts = replace(fleet.hosts["h2"].facts, node_id="another")


def grow(fleet: Fleet) -> None:
    fleet.hosts["h2"].facts = replace(fleet.hosts["h2"].facts, cpus=8)


@pytest.mark.parametrize(
    ("change", "where", "sentence"),
    [
        (remove, "h1", "the container shop-web-1 is gone"),
        (exit_one, "h2", "is exited (137), was running"),
        (foreign, "h2", "the container shop-web-9 is new"),
        (edit, "h2", "shop: compose.yaml was changed"),
        (converge_more, "h1", "shop: is at release 2, was at 1"),
        (lose, "h2", "does not answer any more: no answer"),
        (reinstall, "h2", "has another Docker engine"),
        (grow, "h2", "has other CPUs, memory, labels or another platform"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_changed_on_a_host_is_named(fleet, change, where, sentence):
    """The host, and what about it."""
    made = document(fleet)
    change(fleet)
    found = changed_since(made, document(fleet, like=made))
    assert [text for place, text in found if place == where and sentence in text], found


def test_a_host_that_answers_again_is_named(fleet):
    """It was left out of the plan."""
    fleet.hosts["h2"].reachable = False
    made = document(fleet)
    fleet.hosts["h2"].reachable = True
    assert ("h2", "answers now, and did not when the plan was made") in changed_since(
        made, document(fleet, like=made)
    )


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (INPUTS[:-1], ("", "the extra variable pin was not given")),
        ((*INPUTS[:-1], Input("variable", "pin", sha("1"))), ("", "the extra variable pin changed")),
        ((*INPUTS, Input("variable", "tag", sha("1"))), ("", "the extra variable tag is new")),
        (
            (Input("environment", "REGION", sha("us")), *INPUTS[1:]),
            ("", "the environment variable REGION changed"),
        ),
        ((*INPUTS, Input("file", "group_vars/web.yaml", sha("x"))), ("group_vars/web.yaml", "is new")),
        ((*INPUTS[:1], *INPUTS[2:]), ("hosts.yaml", "is not read any more")),
        ((*INPUTS[:2], Input("file", "site.yaml", sha("x")), *INPUTS[3:]), ("site.yaml", "changed")),
        (
            (*INPUTS[:3], Input("output", "inventory.sh", sha("x")), INPUTS[4]),
            ("", "what was printed by inventory.sh changed"),
        ),
    ],
    ids=lambda value: value[1] if isinstance(value[0], str) else "",
)
def test_a_changed_input_is_named(fleet, inputs, expected):
    """Also one that changes nothing of what would be done: what was reviewed is not what is there."""
    made = document(fleet)
    assert changed_since(made, document(fleet, like=made, inputs=inputs)) == (expected,)


def test_other_work_is_refused_whatever_the_reason(fleet):
    """Should inputs and hosts not explain it, the steps themselves have the last word."""
    made = document(fleet)
    other = document(fleet, shop(3), like=made, tool="1.1")
    assert changed_since(made, other) == (
        (
            "",
            "what would be done now is not what the plan says: deploytool 1.0 made the plan, and this is 1.1",
        ),
    )
