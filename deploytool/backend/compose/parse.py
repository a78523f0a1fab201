"""What a host prints → the model. Pure: text in, values out.

The scripts print one line a subject, ``WORD JSON``. A line that cannot be read costs what it says and no
more, except for the facts, without which a host is of no use.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from deploytool.backend.compose.render.mask import masked_text
from deploytool.errors import HostUnreachable
from deploytool.model import labels
from deploytool.model.container import Container, ContainerEvent, ContainerState, Health, HostPort
from deploytool.model.ingress import Belief, IngressProtocol, Offer, Served
from deploytool.model.intent import Resources
from deploytool.model.observed import Facts, ObservedHost, ProjectFolder
from deploytool.model.release import Lease, Release
from deploytool.model.str_enum import StrEnum

INSTALL = "install Docker Engine and its Compose plugin on the host (docs.docker.com/engine/install)"
NOT_FOUND = 127

_ALIVE = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)  # Docker holds its ports
WordT = TypeVar("WordT", bound=StrEnum)


def parse_observation(lines: Iterable[str], host_name: str) -> ObservedHost:
    """Read what ``observe.sh`` printed.

    Raises:
        HostUnreachable: no Docker, no Compose plugin, no permission (``setup``), or no engine that answers.
    """
    said: dict[str, list[str]] = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        said.setdefault(word, []).append(rest)
    _raise_faults(said, host_name)
    return ObservedHost(
        facts=_facts(said, host_name),
        containers=tuple(_marked(_containers(said.get("container", ())), said.get("letgo", ()))),
        projects=_projects(said),
        served=_served(said),
        beliefs=tuple(_beliefs(said.get("believes", ()))),
    )


def _raise_faults(said: Mapping[str, list[str]], host_name: str) -> None:
    faults = said.get("fault", [])
    engine = " ".join(f"{word} {line}" for word, lines in said.items() for line in lines)
    if "docker" in faults:
        raise no_docker(NOT_FOUND, engine, host_name)
    if "engine" in faults:
        raise no_docker(1, engine, host_name)
    if "compose" in faults:
        raise HostUnreachable(
            "Docker's Compose plugin (v2) is missing", hint=INSTALL, host=host_name, setup=True
        )

    if "template" in said:  # what docker inspect says when it cannot print a container
        raise HostUnreachable(
            f"its containers cannot be read: template {said['template'][0]}", host=host_name
        )


def no_docker(exit_code: int, complaint: str, host_name: str) -> HostUnreachable:
    """Why docker could not do anything at all, from its exit code and what it said."""
    if exit_code == NOT_FOUND:
        return HostUnreachable("docker is not installed", hint=INSTALL, host=host_name, setup=True)
    if "permission denied" in complaint.lower():
        hint = "put the user into the docker group, or set ansible_become: true"
        return HostUnreachable("no permission to use Docker", hint=hint, host=host_name, setup=True)
    hint = "is the engine running? On the host: systemctl status docker"
    return HostUnreachable("the Docker engine does not answer", hint=hint, host=host_name)


def _facts(said: Mapping[str, list[str]], host_name: str) -> Facts:
    raw = next((value for line in said.get("facts", ()) if (value := _json(line))), None)
    if not isinstance(raw, Mapping):
        raise HostUnreachable("its answer was cut short", hint="run again with -v", host=host_name)
    clock = said.get("clock", ["0"])[0]
    return Facts(
        node_id=str(raw.get("node_id") or ""),
        os=str(raw.get("os") or ""),
        arch=str(raw.get("arch") or ""),
        cpus=float(raw.get("cpus") or 0),
        memory_bytes=int(raw.get("memory_bytes") or 0),
        labels=dict(label.partition("=")[::2] for label in raw.get("labels") or ()),
        docker=str(raw.get("docker") or ""),
        kernel=str(raw.get("kernel") or ""),
        compose=str(_json(said.get("compose", ['""'])[0]) or "").removeprefix("v"),
        now_s=float(clock) if clock.isdigit() else 0.0,
    )


def _containers(lines: Iterable[str]) -> Iterator[Container]:
    for line in lines:
        raw = _json(line)
        if isinstance(raw, Mapping) and raw.get("id"):
            yield _container(raw)


def _marked(containers: Iterable[Container], lines: Iterable[str]) -> Iterator[Container]:
    """With what the host knows of its proxies that were let go: ``ID`` or ``ID lingers``."""
    let_go = {line[:12]: line.endswith(" lingers") for line in lines}
    for container in containers:
        mark = container.id[:12]
        lingers = let_go.get(mark, False) and container.running
        yield replace(container, let_go=True, lingers=lingers) if mark in let_go else container


def _container(raw: Mapping[str, Any]) -> Container:
    said: Mapping[str, str] = raw.get("labels") or {}
    keys = _json(said.get(labels.KEYS, ""))
    _, _, network_of = str(raw.get("network") or "").partition("container:")
    state = _word(ContainerState, raw["state"], ContainerState.UNKNOWN)
    return Container(
        id=raw["id"],
        name=str(raw["name"]).lstrip("/"),
        state=state,
        project=said.get(labels.PROJECT, ""),
        service=said.get(labels.SERVICE, ""),
        number=_number(said.get(labels.NUMBER)),
        oneoff=said.get(labels.ONEOFF, "") == "True",
        spec=said.get(labels.SPEC, ""),
        keys=keys if isinstance(keys, dict) else {},
        image=raw.get("image") or "",
        image_id=raw.get("image_id") or "",
        health=_word(Health, raw.get("health") or "", Health.NONE),
        exit_code=raw.get("exit_code") or 0,
        oom_killed=bool(raw.get("oom")),
        error=masked_text(raw.get("error") or ""),  # quotes the command, and comes into plans and logs
        restarts=raw.get("restarts") or 0,
        created_s=_epoch(raw.get("created")),
        started_s=_epoch(raw.get("started")),
        stop_grace_s=None if raw.get("grace") is None else float(raw["grace"]),
        reserve=parse_reserve(said.get(labels.RESERVE, "")),
        network_of=network_of,
        ports=tuple(_ports((raw.get("published") if state in _ALIVE else None) or raw.get("wanted") or {})),
    )


def _word(words: type[WordT], text: str, otherwise: WordT) -> WordT:
    """The member that Docker's word names; ``otherwise`` for one that is not known here."""
    try:
        return words(text)
    except ValueError:
        return otherwise


def parse_event(line: str) -> ContainerEvent | None:
    """A line of ``docker events --format '{{json .}}'``; None where it cannot be read."""
    raw = _json(line)
    actor = raw.get("Actor") if isinstance(raw, Mapping) else None
    if not isinstance(actor, Mapping) or not actor.get("ID"):
        return None
    said: Mapping[str, str] = actor.get("Attributes") or {}
    action, _, detail = str(raw.get("Action") or "").partition(": ")
    return ContainerEvent(
        action=action,
        id=str(actor["ID"]),
        name=said.get("name", ""),
        project=said.get(labels.PROJECT, ""),
        service=said.get(labels.SERVICE, ""),
        number=_number(said.get(labels.NUMBER)),
        oneoff=said.get(labels.ONEOFF, "") == "True",
        spec=said.get(labels.SPEC, ""),
        image=said.get("image", ""),
        health=_word(Health, detail, Health.NONE) if action == "health_status" else Health.NONE,
        exit_code=_number(said.get("exitCode")),
        signal=_number(said.get("signal")),
        time_s=_number(str(raw.get("timeNano") or "")) / 1e9,
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _ports(bindings: Mapping[str, Any]) -> Iterator[HostPort]:
    """Docker's ``{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}``; IPv4 and IPv6 twins once.

    What is wanted may be a range, ``9000-9010``, or Docker's choice: then no port is held until it runs.
    """
    seen = set()
    for target, places in sorted(bindings.items()):
        for place in places or ():
            published = str(place.get("HostPort") or "")
            ip = str(place.get("HostIp") or "")
            ip = "" if ip in ("0.0.0.0", "::") else ip  # noqa: S104 - compared, not bound
            first, _, last = published.partition("-")
            number = int(first) if first.isdigit() and last in ("", first) else 0
            port = HostPort(number, target.partition("/")[2] or "tcp", ip)
            if port.port and port not in seen:
                seen.add(port)
                yield port


def parse_reserve(label: str) -> Resources:
    """The label with what a container reserves, ``CPUS BYTES``; nothing where it is damaged or missing."""
    cpus, _, memory = label.partition(" ")
    try:
        return Resources(float(cpus), int(memory))
    except ValueError:
        return Resources()


def _projects(said: Mapping[str, list[str]]) -> dict[str, ProjectFolder]:
    releases = dict(_named(said.get("release", ())))
    leases = dict(_named(said.get("lease", ())))
    others = dict(_named(said.get("others", ())))
    found = {}
    for line in said.get("project", ()):
        raw = _json(line)
        if isinstance(raw, Mapping):
            name = str(raw["name"])
            release, lease = releases.get(name, ""), leases.get(name, "")
            latest = int(raw.get("latest") or 0)
            found[name] = ProjectFolder(
                name,
                str(raw["sha256"]),
                parse_release(release),
                parse_lease(lease),
                latest,
                _others(others.get(name, "")),
            )
    return found


@lru_cache(maxsize=32)
def _others(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _served(said: Mapping[str, list[str]]) -> dict[str, Served]:
    found: dict[str, Served] = {}
    for name, rest in _named(said.get("ingress", ())):
        digest, _, offers = rest.partition(" ")
        local = {s: tuple(names.split()) for s, names in _of_project(said.get("local", ()), name)}
        remote = {s: _weights(words) for s, words in _of_project(said.get("remote", ()), name)}
        found[name] = Served(digest, tuple(_offers(offers)), local, remote)
    return found


def _beliefs(lines: Iterable[str]) -> Iterator[Belief]:
    for line in lines:
        service, endpoint, active, flags = (*line.split(" "), "", "", "", "")[:4]
        trouble = "" if flags == "healthy" else flags.strip("/").replace("_", " ")
        yield Belief(service, endpoint, int(active) if active.isdigit() else 0, trouble)


def _of_project(lines: Iterable[str], project: str) -> Iterator[tuple[str, str]]:
    return _named(rest for name, rest in _named(lines) if name == project)


def _weights(words: str) -> dict[str, int]:
    """``h2 1 h3 2`` as a mapping."""
    pairs = words.split()
    return {
        host: int(weight) for host, weight in zip(pairs[::2], pairs[1::2], strict=False) if weight.isdigit()
    }


def _offers(text: str) -> Iterator[Offer]:
    for raw in _json(text) or ():
        if isinstance(raw, dict) and raw.keys() <= Offer.__dataclass_fields__.keys():
            domains = tuple(raw.get("domains") or ())
            protocol = _word(IngressProtocol, raw.get("protocol", ""), IngressProtocol.HTTP)
            yield Offer(**{**raw, "domains": domains, "protocol": protocol})


def _named(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, rest = line.partition(" ")
        yield name, rest


@lru_cache(maxsize=32)  # all hosts of a project remember the same one, which names every host
def parse_release(text: str) -> Release | None:
    """A ``release.json``; None where it is damaged: the next run records it anew."""
    raw = _json(text)
    known = {key: value for key, value in raw.items() if key in _OF_RELEASE} if isinstance(raw, dict) else {}
    if not {"number", "digest"} <= known.keys():
        return None
    return Release(**{**known, "changed": tuple(known.get("changed", ()))})


_OF_RELEASE = frozenset(field.name for field in fields(Release))


def parse_lease(text: str) -> Lease | None:
    """``OWNER EXPIRY JSON``, as the host keeps it; None where it is damaged: then nobody holds it."""
    owner, _, rest = text.partition(" ")
    expires, _, people = rest.partition(" ")
    raw = _json(people)
    if not owner or not expires.isdigit():
        return None
    known = raw if isinstance(raw, dict) else {}
    shown = {
        key: known[key] for key in ("who", "reason", "url", "manual", "yields", "process") if key in known
    }
    return Lease(owner=owner, expires_s=float(expires), **shown)


def _epoch(text: Any) -> float:
    """Docker's RFC 3339 with nanoseconds → seconds since the epoch; 0 for Docker's year 1."""
    if not isinstance(text, str) or text.startswith("0001"):
        return 0.0
    head, _, fraction = text.rstrip("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{head}+00:00").timestamp() + float(f"0.{fraction or 0}")
    except ValueError:
        return 0.0


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
