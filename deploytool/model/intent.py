"""The intent: what the files say should run. No hosts are chosen here yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from deploytool.errors import Place
from deploytool.model.ingress import EdgeSettings, IngressKeys
from deploytool.model.inventory import Host, Inventory
from deploytool.model.policies import Condition, Dependency, Healthcheck, RestartPolicy, Update
from deploytool.model.str_enum import StrEnum

NOWHERE = Place("")


class Mode(StrEnum):
    """How many replicas there are and whether they end, as in Compose's ``deploy.mode``."""

    REPLICATED = "replicated"
    GLOBAL = "global"
    REPLICATED_JOB = "replicated-job"
    GLOBAL_JOB = "global-job"

    @property
    def is_job(self) -> bool:
        return self in (Mode.REPLICATED_JOB, Mode.GLOBAL_JOB)

    @property
    def is_global(self) -> bool:
        return self in (Mode.GLOBAL, Mode.GLOBAL_JOB)


class PortMode(StrEnum):
    """Where a published port is: on the replica's own host, or behind ingress on every host of the play."""

    HOST = "host"
    INGRESS = "ingress"


@dataclass(frozen=True, slots=True)
class Resources:
    """An amount of CPU (in cores) and memory (in bytes); 0 is none."""

    cpus: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """One of ``deploy.placement.constraints``: ``node.labels.zone == eu-1``; or with ``!=``."""

    key: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.key} {self.operator} {self.value}"


@dataclass(frozen=True, slots=True)
class Port:
    """A published port: ``first``–``last`` on the host (equal for a single one), ``target`` inside.

    With ``INGRESS``, ``app_protocol`` may say ``http`` or ``https``. With a range, each replica on a host
    takes one free port of it. ``first`` 0 means that Docker chooses.
    """

    target: int
    first: int
    last: int
    protocol: str = "tcp"
    ip: str = ""
    mode: PortMode = PortMode.HOST
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """One service as the scheduler sees it: everything that decides where and how it runs.

    Rendered once for the whole play. What a container is made from is in ``Definition`` and may differ
    from host to host. ``max_per_host`` 0 is no limit. ``volumes`` are the named volumes: a service with
    one stays with its data. ``exposure`` is None without an ingress port. ``images`` that differ between
    hosts are in the definitions. Where the file is silent about ``restart``, that is ``no`` to Docker, and a
    watcher brings back what ended.
    """

    name: str
    mode: Mode = Mode.REPLICATED
    replicas: int = 1
    constraints: tuple[Constraint, ...] = ()
    spread: tuple[str, ...] = ()
    max_per_host: int = 0
    reserve: Resources = Resources()
    ports: tuple[Port, ...] = ()
    volumes: tuple[str, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    update: Update = Update()
    rollback: Update = Update()
    healthcheck: Healthcheck | None = None
    restart: RestartPolicy = RestartPolicy()
    stop_grace_s: float = 10.0
    pull: str = "missing"
    platform: str = ""
    exposure: IngressKeys | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class File:
    """A file that a host receives, relative to the project's folder there: ``files/<sha256>/name``.

    ``mode`` is 0600 for secrets. The path carries the hash of the content, so other content is another
    path, and with it another spec.
    """

    path: str
    content: bytes = field(repr=False)
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Definition:
    """A project's Compose definition on one host, all templates rendered, all ``${}`` interpolated.

    ``services`` maps each service to its Compose mapping in long form; paths in it are absolute paths on
    the host. ``toplevel`` holds ``networks``, ``volumes``, ``configs``, ``secrets`` and ``x-`` keys.
    """

    services: Mapping[str, Mapping[str, Any]]
    toplevel: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[File, ...] = ()


class Definitions(Protocol):
    """Renders a project for one host, once it is known where every service runs."""

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        """The definition on ``host``. ``placements`` maps each service to the hosts chosen for it, sorted.

        Raises:
            InputError: a template fails for this host, with its place.
        """
        ...


@dataclass(frozen=True, slots=True)
class Project:
    """One play: services on hosts. ``hosts`` are those of the pattern, in inventory order.

    ``play`` identifies the play that owns the project (playbook file name and play name), so that two
    plays cannot take each other's containers. ``serial`` are the batch sizes (numbers or percentages as
    written), ``max_fail_percent`` None where the play is silent. ``reschedule_after_s`` is how long a watcher
    waits for a silent host before its replicas are started elsewhere; None where the play is silent.
    """

    name: str
    play: str
    title: str
    pattern: str
    hosts: tuple[Host, ...]
    services: tuple[Service, ...]
    definitions: Definitions = field(repr=False, compare=False)
    serial: tuple[str, ...] = ()
    max_fail_percent: float | None = None
    any_errors_fatal: bool = False
    reschedule_after_s: float | None = None
    edge: EdgeSettings = EdgeSettings()
    place: Place = field(default=NOWHERE, compare=False)

    def service(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)

    def finishes(self, service: Service) -> bool:
        """Whether a service is meant to end: a job, or one that others wait for to complete."""
        waited_for = (
            dependency.service == service.name and dependency.condition == Condition.COMPLETED
            for other in self.services
            for dependency in other.depends_on
        )
        return service.mode.is_job or any(waited_for)


@dataclass(frozen=True, slots=True)
class Intent:
    """All that the files say: the projects in playbook order, and every host of the inventory."""

    inventory: Inventory
    projects: tuple[Project, ...]
