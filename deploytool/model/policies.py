"""Compose's policies of a service: how it is updated, judged, waited for and restarted."""

from __future__ import annotations

from dataclasses import dataclass

from deploytool.model.str_enum import StrEnum


class UpdateOrder(StrEnum):
    """Which comes first when a replica is replaced."""

    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"


class FailureAction(StrEnum):
    """What becomes of an update of which more fails than is tolerated."""

    PAUSE = "pause"
    CONTINUE = "continue"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Update:
    """``deploy.update_config`` or ``rollback_config``. ``parallelism`` 0 means all at once."""

    parallelism: int = 1
    delay_s: float = 0.0
    order: UpdateOrder = UpdateOrder.STOP_FIRST
    monitor_s: float = 5.0
    max_failure_ratio: float = 0.0
    failure_action: FailureAction = FailureAction.PAUSE


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """The times of a Compose healthcheck, in seconds; Docker's defaults."""

    interval_s: float = 30.0
    timeout_s: float = 30.0
    retries: int = 3
    start_period_s: float = 0.0

    @property
    def deadline_s(self) -> float:
        """How long a replica may take to become healthy before Docker itself calls it unhealthy."""
        return self.start_period_s + (self.interval_s + self.timeout_s) * max(1, self.retries)


class Condition(StrEnum):
    """What ``depends_on`` waits for."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One service of ``depends_on``."""

    service: str
    condition: Condition = Condition.STARTED


class RestartKind(StrEnum):
    """When Docker starts a container again that ended by itself; empty where the file is silent."""

    SILENT = ""
    NO = "no"
    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    UNLESS_STOPPED = "unless-stopped"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """``restart``. ``tries`` bounds the restarts of ``ON_FAILURE``; 0 is no bound."""

    kind: RestartKind = RestartKind.SILENT
    tries: int = 0

    @classmethod
    def of(cls, text: str) -> RestartPolicy:
        """As Compose writes it: ``always``, ``on-failure:3``."""
        kind, _, tries = text.partition(":")
        return cls(RestartKind(kind), int(tries or 0))

    def __str__(self) -> str:
        return f"{self.kind}:{self.tries}" if self.tries else str(self.kind)
