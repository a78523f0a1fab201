"""A saved plan: a document of a plan and its inputs, so that it is carried out unchanged or not at all.

Contents appear as hashes, keyed with the ids of the hosts' Docker engines. Without access to the hosts,
nobody can test guesses of secrets against them; with access, the secrets can be read there anyway.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deploytool.model.container import Container, ContainerState, Health
from deploytool.model.document import FORMAT, Document, sealed
from deploytool.model.inputs import ENVIRONMENT, FILE, VARIABLE, Input
from deploytool.model.observed import Observed, ObservedHost, ProjectFolder, Unreachable
from deploytool.model.plan import Plan, ProjectPlan

HASH_LENGTH = 32

# The keys of a project that two documents are compared by: all that its execution depends on.
_BINDING = ("project", "placements", "release", "files", "specs", "steps")
_KINDS = {VARIABLE: "the extra variable ", ENVIRONMENT: "the environment variable "}


@dataclass(frozen=True, slots=True)
class Making:
    """The origin of a plan: deploytool's version, the time (ISO 8601), the command, and its inputs."""

    tool: str
    when: str
    command: Mapping[str, Any]
    inputs: tuple[Input, ...]


def document_of(plan: Plan, observed: Observed, making: Making, like: Document | None = None) -> Document:
    """The plan as plain JSON values, with a checksum.

    ``like`` is an earlier document to compare with: hashes are keyed with the hosts that answered in it.
    """
    key = _key(observed, _answered_in(like) if like else observed.answered())
    projects = tuple(project.project for project in plan.projects)
    return sealed(
        {
            "format": FORMAT,
            "deploytool": making.tool,
            "created": making.when,
            "command": making.command,
            "summary": _summary(plan, observed),
            "inputs": [
                {"kind": one.kind, "name": one.name, "hash": _keyed(key, one.kind, one.name, one.sha256)}
                for one in making.inputs
            ],
            "hosts": [_host(name, observed[name], projects) for name in sorted(observed)],
            "projects": [_project(project, key) for project in plan.projects],
            "notes": list(plan.notes),
        }
    )


def changed_since(saved: Document, now: Document) -> tuple[tuple[str, str], ...]:
    """The changes since a plan was saved, as (host or file, sentence); empty where the plan is still valid.

    Changes of hosts, then of inputs. Only where there are none of these are the plans' steps compared.
    """
    hosts = tuple(_changed_hosts(saved["hosts"], now["hosts"]))
    if not any(_engines(saved).values()) and any(project["steps"] for project in saved["projects"]):
        return (("", "no host's Docker engine has an id, so nobody can tell what changed"),)
    same_key = _engines(saved).items() <= _engines(now).items()
    inputs = tuple(_changed_inputs(saved["inputs"], now["inputs"])) if same_key else ()
    return (*hosts, *inputs) or tuple(_changed_work(saved, now))


# --- writing ----------------------------------------------------------------------------------------------


def _key(observed: Observed, names: Iterable[str]) -> bytes:
    """The key of the hashes, from the engines' ids; empty where no engine has an id to serve as a secret."""
    hosts = ((name, observed.answered().get(name)) for name in sorted(names))
    ids = [(name, host.facts.node_id if host else "") for name, host in hosts]
    return hashlib.sha256(json.dumps(ids).encode()).digest() if any(one for _, one in ids) else b""


def _keyed(key: bytes, *parts: object) -> str:
    if not key:
        return ""
    return hmac.new(key, json.dumps(parts, default=str).encode(), hashlib.sha256).hexdigest()[:HASH_LENGTH]


def _answered_in(document: Document) -> list[str]:
    return [host["name"] for host in document["hosts"] if host["answered"]]


def _summary(plan: Plan, observed: Observed) -> dict[str, int]:
    unreachable = len(observed.unreachable())
    return {"steps": len(list(plan.steps)), **asdict(plan.counts), "unreachable": unreachable}


def _host(name: str, host: ObservedHost | Unreachable, projects: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(host, Unreachable):
        return {"name": name, "answered": False, "reason": host.reason}
    facts = host.facts
    key = _key(Observed({name: host}), [name])
    rests_on = (facts.os, facts.arch, facts.cpus, facts.memory_bytes, sorted(facts.labels.items()))
    return {
        "name": name,
        "answered": True,
        "fingerprint": {
            "engine": _keyed(key, "engine"),
            "facts": _keyed(key, "facts", *rests_on),
            "folders": [_folder(host.projects[p], key) for p in projects if p in host.projects],
            "containers": [_container(c, key) for c in host.containers if c.project in projects],
        },
    }


def _folder(folder: ProjectFolder, key: bytes) -> dict[str, Any]:
    release = folder.release
    what = (folder.manifest_digest, release.digest if release else "")
    return {
        "project": folder.name,
        "release": release.number if release else 0,
        "hash": _keyed(key, folder.name, *what),
    }


def _container(container: Container, key: bytes) -> dict[str, Any]:
    ill = f", {container.health}" if container.health == Health.UNHEALTHY else ""
    ended = (
        f" ({container.exit_code})" if container.state in (ContainerState.EXITED, ContainerState.DEAD) else ""
    )
    return {
        "project": container.project,
        "service": container.service,
        "name": container.name,
        "id": container.id,
        "state": f"{container.state}{ended}{ill}",
        "spec": _keyed(key, container.id, container.spec),
    }


def _project(project: ProjectPlan, key: bytes) -> dict[str, Any]:
    placements: dict[str, dict[str, int]] = {}
    for (service, host), count in sorted(project.desired.counts.items()):
        if count:
            placements.setdefault(service, {})[host] = count
    files = {
        host: _keyed(key, host, one.manifest and one.manifest.text, [(f.path, f.mode) for f in one.files])
        for host, one in sorted(project.files.items())
    }
    specs: dict[str, dict[str, str]] = {}
    for (service, host), spec in sorted(project.specs.items()):
        specs.setdefault(service, {})[host] = _keyed(key, service, host, spec)
    return {
        "project": project.project,
        "pattern": project.pattern,
        "hosts": list(project.hosts),
        "placements": placements,
        "release": project.release.number if project.release else 0,
        "services": [asdict(summary) for summary in project.summaries],
        "steps": [asdict(step) for step in project.steps],
        "files": files,
        "specs": specs,
        "notes": list(project.notes),
    }


# --- comparing --------------------------------------------------------------------------------------------


def _engines(document: Document) -> dict[str, str]:
    return {h["name"]: h["fingerprint"]["engine"] for h in document["hosts"] if h["answered"]}


def _changed_hosts(saved: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    before, after = _by(saved, "name"), _by(now, "name")
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield name, "is not one of the hosts any more"
        elif name not in before:
            yield name, "was not one of the hosts"
        else:
            yield from ((name, sentence) for sentence in _changed_host(before[name], after[name]))


def _changed_host(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if not before["answered"] or not after["answered"]:
        if after["answered"]:
            yield "answers now, and did not when the plan was made"
        elif before["answered"]:
            yield f"does not answer any more: {after['reason']}"
        return
    was, now = before["fingerprint"], after["fingerprint"]
    if was["engine"] != now["engine"]:
        yield "has another Docker engine"
        return
    if was["facts"] != now["facts"]:
        yield "has other CPUs, memory, labels or another platform"
    yield from _changed_folders(_by(was["folders"], "project"), _by(now["folders"], "project"))
    yield from _changed_containers(_by(was["containers"], "id"), _by(now["containers"], "id"))


def _changed_folders(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for project in sorted(before.keys() | after.keys()):
        was, now = before.get(project, {}), after.get(project, {})
        if was.get("release", 0) != now.get("release", 0):
            yield f"{project}: is at release {now.get('release', 0)}, was at {was.get('release', 0)}"
        elif was.get("hash") != now.get("hash") and was and now:
            yield f"{project}: compose.yaml was changed"


def _changed_containers(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for one in sorted({**before, **after}.values(), key=lambda container: str(container["name"])):
        was, now = before.get(one["id"]), after.get(one["id"])
        if now is None:
            yield f"the container {one['name']} is gone"
        elif was is None:
            yield f"the container {one['name']} is new"
        elif was["state"] != now["state"]:
            yield f"the container {one['name']} is {now['state']}, was {was['state']}"
        elif was != now:
            yield f"the container {one['name']} is not what it was"


def _changed_inputs(saved: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    before = {(one["kind"], one["name"]): one["hash"] for one in saved}
    after = {(one["kind"], one["name"]): one["hash"] for one in now}
    for kind, name in sorted(before.keys() | after.keys()):
        if before.get((kind, name)) == after.get((kind, name)):
            continue
        what = "changed"
        if (kind, name) not in after:
            what = "was not given" if kind == VARIABLE else "is not read any more"
        elif (kind, name) not in before:
            what = "is new"
        place = name if kind == FILE else ""
        named = "" if kind == FILE else f"{_KINDS.get(kind, 'what was printed by ')}{name} "
        yield place, f"{named}{what}"


def _changed_work(saved: Document, now: Document) -> Iterator[tuple[str, str]]:
    """The change of the steps themselves, where hosts and inputs are equal: mostly another version."""
    if _binding(saved) == _binding(now):
        return
    version = ""
    if saved["deploytool"] != now["deploytool"]:
        version = f": deploytool {saved['deploytool']} made the plan, and this is {now['deploytool']}"
    yield "", f"what would be done now is not what the plan says{version}"


def _binding(document: Document) -> list[dict[str, Any]]:
    return [{key: project[key] for key in _BINDING} for project in document["projects"]]


def _by(listed: Iterable[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    return {one[key]: one for one in listed}
