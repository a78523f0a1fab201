"""A container, or an event of one, as Docker describes it → the model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from deploytool.backend.compose.documents import (
    Document,
    document,
    document_of,
    items_of,
    number_of,
    text_of,
    word_of,
)
from deploytool.backend.compose.render.mask import masked_text
from deploytool.model import labels
from deploytool.model.container import Container, ContainerEvent, ContainerState, Health, HostPort
from deploytool.model.intent import Resources

# The states in which Docker holds the ports of a container.
_HOLDS_PORTS = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)


def parse_container(raw: Document) -> Container:
    """The container of a document of ``look.sh``; ``raw`` has an id."""
    said = _texts(document_of(raw, "labels"))
    _, _, network_of = text_of(raw, "network").partition("container:")
    state = word_of(ContainerState, text_of(raw, "state"), ContainerState.UNKNOWN)
    grace = raw.get("grace")
    ports = (document_of(raw, "published") if state in _HOLDS_PORTS else None) or document_of(raw, "wanted")
    return Container(
        id=text_of(raw, "id"),
        name=text_of(raw, "name").lstrip("/"),
        state=state,
        project=said.get(labels.PROJECT, ""),
        service=said.get(labels.SERVICE, ""),
        number=_number(said.get(labels.NUMBER, "")),
        oneoff=said.get(labels.ONEOFF, "") == "True",
        spec=said.get(labels.SPEC, ""),
        keys=_texts(document(said.get(labels.KEYS, ""))),
        image=text_of(raw, "image"),
        image_id=text_of(raw, "image_id"),
        health=word_of(Health, text_of(raw, "health"), Health.NONE),
        exit_code=number_of(raw, "exit_code"),
        oom_killed=raw.get("oom") is True,
        error=masked_text(text_of(raw, "error")),  # quotes the command, and comes into plans and logs
        restarts=number_of(raw, "restarts"),
        created_s=_epoch(text_of(raw, "created")),
        started_s=_epoch(text_of(raw, "started")),
        stop_grace_s=float(grace) if isinstance(grace, int | float) else None,
        reserve=parse_reserve(said.get(labels.RESERVE, "")),
        network_of=network_of,
        ports=tuple(_ports(ports)),
    )


def parse_event(raw: Document) -> ContainerEvent | None:
    """The event of a line of ``docker events --format '{{json .}}'``; None where it has no container's id."""
    actor = document_of(raw, "Actor")
    said = _texts(document_of(actor, "Attributes"))
    if not text_of(actor, "ID"):
        return None
    action, _, detail = text_of(raw, "Action").partition(": ")
    return ContainerEvent(
        action=action,
        id=text_of(actor, "ID"),
        name=said.get("name", ""),
        project=said.get(labels.PROJECT, ""),
        service=said.get(labels.SERVICE, ""),
        number=_number(said.get(labels.NUMBER, "")),
        oneoff=said.get(labels.ONEOFF, "") == "True",
        spec=said.get(labels.SPEC, ""),
        image=said.get("image", ""),
        health=word_of(Health, detail, Health.NONE) if action == "health_status" else Health.NONE,
        exit_code=_number(said.get("exitCode", "")),
        signal=_number(said.get("signal", "")),
        time_s=number_of(raw, "timeNano") / 1e9,
    )


def parse_reserve(label: str) -> Resources:
    """The reserved resources of a container's label, ``CPUS BYTES``; zero where it is damaged or missing."""
    cpus, _, memory = label.partition(" ")
    try:
        return Resources(float(cpus), int(memory))
    except ValueError:
        return Resources()


def _texts(raw: Document) -> Mapping[str, str]:
    return {name: value for name, value in raw.items() if isinstance(value, str)}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _ports(bindings: Document) -> Iterator[HostPort]:
    """Docker's ``{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}``; IPv4 and IPv6 twins once.

    What is wanted may be a range, ``9000-9010``, or Docker's choice: then no port is held until it runs.
    """
    seen = set()
    for target in sorted(bindings):
        for place in items_of(bindings, target):
            binding = place if isinstance(place, dict) else {}
            ip = text_of(binding, "HostIp")
            ip = "" if ip in ("0.0.0.0", "::") else ip  # noqa: S104 - compared, not bound
            first, _, last = text_of(binding, "HostPort").partition("-")
            number = int(first) if first.isdigit() and last in ("", first) else 0
            port = HostPort(number, target.partition("/")[2] or "tcp", ip)
            if port.port and port not in seen:
                seen.add(port)
                yield port


def _epoch(text: str) -> float:
    """Docker's RFC 3339 with nanoseconds → seconds since the epoch; 0 for Docker's year 1."""
    if not text or text.startswith("0001"):
        return 0.0
    head, _, fraction = text.rstrip("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{head}+00:00").timestamp() + float(f"0.{fraction or 0}")
    except ValueError:
        return 0.0
