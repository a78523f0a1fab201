"""The documents of ``look.sh`` → the model. Pure.

A missing or damaged document only loses its own content, except for the facts of the Docker engine, without
which a host cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from deploytool.backend.compose.documents import (
    Document,
    as_json,
    document,
    document_of,
    items_of,
    number_of,
    text_of,
)
from deploytool.backend.compose.parse_container import parse_container
from deploytool.backend.compose.parse_ingress import marked, parse_beliefs, parse_served
from deploytool.backend.retention import Records
from deploytool.errors import HostUnreachable
from deploytool.model.observed import Facts, ObservedHost, ProjectFolder
from deploytool.model.release import Lease, Release

INSTALL = "install Docker Engine and its Compose plugin on the host (docs.docker.com/engine/install)"
NOT_FOUND = 127


def parse_observation(documents: Sequence[Document], host_name: str) -> ObservedHost:
    """The observed host, from the documents that ``look.sh`` printed.

    Raises:
        HostUnreachable: no Docker, no Compose plugin, no permission (``setup``), or no engine that answers.
    """
    _raise_faults(documents, host_name)
    containers = (document_of(raw, "container") for raw in documents)
    found = [parse_container(raw) for raw in containers if text_of(raw, "id")]
    return ObservedHost(
        facts=_facts(documents, host_name),
        containers=tuple(marked(found, documents)),
        projects=_projects(documents),
        served=parse_served(documents),
        beliefs=tuple(parse_beliefs(documents)),
    )


def _raise_faults(documents: Iterable[Document], host_name: str) -> None:
    said = {text_of(raw, "fault"): text_of(raw, "said") for raw in reversed([*documents]) if "fault" in raw}
    if "docker" in said:
        raise no_docker(NOT_FOUND, "", host_name)
    if "engine" in said:
        raise no_docker(1, said["engine"], host_name)
    if "compose" in said:
        raise HostUnreachable(
            "Docker's Compose plugin (v2) is missing", hint=INSTALL, host=host_name, setup=True
        )
    if "containers" in said:
        why = " ".join(said["containers"].split())
        raise HostUnreachable(f"its containers cannot be read: {why}", host=host_name)


def no_docker(exit_code: int, complaint: str, host_name: str) -> HostUnreachable:
    """The error for a docker command that failed as a whole, from its exit code and its complaint."""
    if exit_code == NOT_FOUND:
        return HostUnreachable("docker is not installed", hint=INSTALL, host=host_name, setup=True)
    if "permission denied" in complaint.lower():
        hint = "put the user into the docker group, or set ansible_become: true"
        return HostUnreachable("no permission to use Docker", hint=hint, host=host_name, setup=True)
    hint = "is the engine running? On the host: systemctl status docker"
    return HostUnreachable("the Docker engine does not answer", hint=hint, host=host_name)


def _facts(documents: Sequence[Document], host_name: str) -> Facts:
    engine = _one_with(documents, "facts")
    raw = document_of(engine, "facts")
    if not raw:
        raise HostUnreachable("its answer was cut short", hint="run again with -v", host=host_name)
    cpus = raw.get("cpus")
    return Facts(
        node_id=text_of(raw, "node_id"),
        os=text_of(raw, "os"),
        arch=text_of(raw, "arch"),
        cpus=float(cpus) if isinstance(cpus, int | float) else 0.0,
        memory_bytes=number_of(raw, "memory_bytes"),
        labels=dict(str(label).partition("=")[::2] for label in items_of(raw, "labels")),
        docker=text_of(raw, "docker"),
        kernel=text_of(raw, "kernel"),
        compose=text_of(engine, "version").removeprefix("v"),
        now_s=float(number_of(_one_with(documents, "clock"), "clock")),
    )


def parse_engine(documents: Sequence[Document]) -> dict[str, str]:
    """The observed facts of the engine, as arguments for ``facts.sh``; empty where the host caches them."""
    engine = _one_with(documents, "facts")
    if not text_of(engine, "key"):
        return {}
    return {
        "known_key": text_of(engine, "key"),
        "known_version": as_json(engine.get("version")),
        "known_facts": as_json(engine.get("facts")),
        "known_root": text_of(engine, "root"),
    }


def _one_with(documents: Iterable[Document], key: str) -> Document:
    return next((raw for raw in documents if key in raw), {})


def _projects(documents: Sequence[Document]) -> dict[str, ProjectFolder]:
    records = parse_records(documents)
    texts = {
        (text_of(raw, "project"), name): text_of(raw, name)
        for raw in documents
        for name in ("release", "lease")
        if name in raw
    }
    others = {text_of(raw, "project"): items_of(raw, "others") for raw in documents if "others" in raw}
    return {
        name: ProjectFolder(
            name,
            text_of(raw, "sha256"),
            parse_release(texts.get((name, "release"), "")),
            parse_lease(texts.get((name, "lease"), "")),
            records[name][0].latest,
            _host_names(others.get(name, ())),
        )
        for raw in documents
        if "sha256" in raw and (name := text_of(raw, "project"))
    }


def parse_records(documents: Sequence[Document]) -> dict[str, tuple[Records, int]]:
    """By project, the releases on record and the number of the current one, 0 without."""
    releases = {text_of(raw, "project"): text_of(raw, "release") for raw in documents if "release" in raw}
    found = {}
    for raw in documents:
        if "sha256" in raw:
            name = text_of(raw, "project")
            current = parse_release(releases.get(name, ""))
            records = Records(_numbers(raw, "with_manifest"), _numbers(raw, "without_manifest"))
            found[name] = (records, current.number if current else 0)
    return found


def _numbers(raw: Document, key: str) -> tuple[int, ...]:
    return tuple(number for number in items_of(raw, key) if isinstance(number, int))


@lru_cache(maxsize=32)
def _host_names(items: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(str(name) for name in items if name)


@lru_cache(maxsize=32)  # all hosts of a project have the same one, which is long: it names every host
def parse_release(text: str) -> Release | None:
    """The release in a ``release.json``; None where it is damaged (the next run writes it again)."""
    raw = document(text)
    if not isinstance(raw.get("number"), int) or not isinstance(raw.get("digest"), str):
        return None
    return Release(
        number=number_of(raw, "number"),
        digest=text_of(raw, "digest"),
        play=text_of(raw, "play"),
        when=text_of(raw, "when"),
        who=text_of(raw, "who"),
        commit=text_of(raw, "commit"),
        outcome=text_of(raw, "outcome"),
        placements=_replicas(raw, "placements"),
        data=_replicas(raw, "data"),
        changed=tuple(str(service) for service in items_of(raw, "changed")),
    )


def _replicas(raw: Document, key: str) -> dict[str, dict[str, int]]:
    """Service → host → replicas."""
    services = document_of(raw, key)
    return {
        service: {
            host: count for host, count in document_of(services, service).items() if isinstance(count, int)
        }
        for service in services
    }


def parse_lease(text: str) -> Lease | None:
    """The three lines of a lease: owner, expiry, JSON for people. None where it is damaged."""
    owner, expires, people, *_ = (*text.split("\n"), "", "", "")
    if not owner or not expires.isdigit():
        return None
    raw = document(people)
    return Lease(
        owner=owner,
        expires_s=float(expires),
        who=text_of(raw, "who"),
        reason=text_of(raw, "reason"),
        url=text_of(raw, "url"),
        manual=raw.get("manual") is True,
        yields=raw.get("yields") is True,
        process=text_of(raw, "process"),
    )
