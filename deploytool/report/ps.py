"""Replicas across hosts → a table, or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploytool.model.container import Container
from deploytool.report.sanitize import sanitize
from deploytool.report.table import age, running_for, state_word, table

_HEADER = ("REPLICA", "HOST", "STATE", "AGE", "RESTARTS", "IMAGE", "PORTS", "CONTAINER")


@dataclass(frozen=True, slots=True)
class Listed:
    """A replica as it is listed. ``now_s`` is its host's clock."""

    name: str
    host: str
    container: Container
    now_s: float


def ps_text(rows: Sequence[Listed], unreachable: Mapping[str, str]) -> str:
    """One line a replica; the project's name is a column where there are several.

    Hosts that did not answer are not in it: they were shown when they were looked at.
    """
    several = len({row.container.project for row in rows}) > 1
    lines = [_HEADER, *(_cells(row) for row in rows)]
    if several:
        projects = ("PROJECT", *(row.container.project for row in rows))
        lines = [(project, *cells) for project, cells in zip(projects, lines, strict=True)]
    return sanitize("\n".join(table(lines) if rows else ["No replicas."]) + "\n")


def ps_json(rows: Sequence[Listed], unreachable: Mapping[str, str]) -> str:
    """The same as one JSON document; times are seconds since the epoch by each host's clock."""
    document = {"replicas": [_record(row) for row in rows], "unreachable": dict(unreachable)}
    return json.dumps(document, indent=2) + "\n"


def _cells(row: Listed) -> tuple[str, ...]:
    container = row.container
    seconds = running_for(container, row.now_s)
    return (
        row.name,
        row.host,
        state_word(container),
        "-" if seconds is None else age(seconds),
        str(container.restarts),
        container.image,
        ", ".join(_ports(container)) or "-",
        container.name,
    )


def _ports(container: Container) -> list[str]:
    return [
        (f"{port.ip}:" if port.ip else "")
        + str(port.port)
        + ("" if port.protocol == "tcp" else f"/{port.protocol}")
        for port in container.ports
    ]


def _record(row: Listed) -> dict[str, object]:
    container = row.container
    return {
        "replica": row.name,
        "project": container.project,
        "service": container.service,
        "host": row.host,
        "container": container.name,
        "id": container.id,
        "image": container.image,
        "state": container.state,
        "health": container.health,
        "exit_code": container.exit_code if container.exited else None,
        "restarts": container.restarts,
        "started": container.started_s or None,
        "age_s": running_for(container, row.now_s),
        "ports": _ports(container),
    }
