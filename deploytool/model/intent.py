"""The intent: projects and services as the files define them, before scheduling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from deploytool.errors import Place
from deploytool.model.ingress import IngressKeys, ProxySettings
from deploytool.model.inventory import Host, Inventory
from deploytool.model.policies import Condition, Dependency, Healthcheck, RestartPolicy, Update
from deploytool.model.str_enum import StrEnum

NOWHERE = Place("")


class Mode(StrEnum):
    """``deploy.mode`` of Compose: a number of replicas or one a host, of a service or a job."""

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


class ProjectKind(StrEnum):
    """The kind of a project: services of a play, or the proxies in front of them."""

    SERVICES = "services"  # of a play
    INGRESS = "ingress"  # the proxies before the services of all plays, made by each run as it needs them


class PortMode(StrEnum):
    """``mode`` of a published port: on the replica's own host, or by ingress on every host of the play."""

    HOST = "host"
    INGRESS = "ingress"


@dataclass(frozen=True, slots=True)
class Resources:
    """An amount of CPU (in cores) and memory (in bytes); 0 is none."""

    cpus: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """One of ``deploy.placement.constraints``: ``node.labels.zone == eu-1``; ``operator`` may be ``!=``."""

    key: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.key} {self.operator} {self.value}"


@dataclass(frozen=True, slots=True)
class Port:
    """A published port: ``first``–``last`` on the host (equal for a single one), ``target`` inside.

    With ``INGRESS``, ``app_protocol`` may be ``http`` or ``https``. With a range, each replica on a host
    takes one free port of it. With ``first`` 0, Docker chooses the port.
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
    """One service: the keys that decide where and how it runs, rendered once for the whole play.

    The keys that a container is made from, the image included, are in ``Definition``, since they may differ
    between hosts. ``max_per_host``: 0 for no limit. ``volumes``: the named volumes; a service with one stays
    with its data. ``exposure``: None without an ingress port. Without ``restart`` Docker does not restart a
    container, but a watcher does.
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
    """A file for a host, with its path in the project's folder there: ``files/<sha256>/name``.

    ``mode`` is 0600 for secrets. The path contains the hash of the content, so that a change of the content
    changes the spec.
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
    """The definitions of a project, rendered for each host after scheduling."""

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        """The definition on ``host``. ``placements``: service → its scheduled hosts, sorted.

        Raises:
            InputError: a template fails for this host, with its place.
        """
        ...


@dataclass(frozen=True, slots=True)
class Project:
    """One play: services on hosts. ``hosts``: those of the pattern, in inventory order.

    ``play``: the identity of the play that owns the project (playbook file name and play name), so that two
    plays cannot take over each other's containers. ``serial``: batch sizes, numbers or percentages.
    ``reschedule_after_s``: the time that a watcher waits for an unreachable host before it starts the host's
    replicas elsewhere. This and ``max_fail_percent`` are None where the play does not set them.
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
    kind: ProjectKind = ProjectKind.SERVICES
    proxy_settings: ProxySettings = ProxySettings()
    place: Place = field(default=NOWHERE, compare=False)

    def service(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)

    def finishes(self, service: Service) -> bool:
        """True if the containers of a service are expected to exit.

        It is a job, or another service depends on it with ``service_completed_successfully``.
        """
        waited_for = (
            dependency.service == service.name and dependency.condition == Condition.COMPLETED
            for other in self.services
            for dependency in other.depends_on
        )
        return service.mode.is_job or any(waited_for)


@dataclass(frozen=True, slots=True)
class Intent:
    """The content of an inventory and its playbooks: all hosts, and the projects in playbook order."""

    inventory: Inventory
    projects: tuple[Project, ...]
