"""Compose's policies of a service: update, healthcheck, dependencies and restart."""

from __future__ import annotations

from dataclasses import dataclass

from deploytool.model.str_enum import StrEnum


class UpdateOrder(StrEnum):
    """``order`` of an update: the old replica stops first, or the new one starts first."""

    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"


class FailureAction(StrEnum):
    """``failure_action`` of an update with more failures than ``max_failure_ratio`` allows."""

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
    """The timing of a Compose healthcheck, with Docker's defaults."""

    interval_s: float = 30.0
    timeout_s: float = 30.0
    retries: int = 3
    start_period_s: float = 0.0

    @property
    def deadline_s(self) -> float:
        """Seconds from a replica's start until Docker calls it unhealthy at the latest."""
        return self.start_period_s + (self.interval_s + self.timeout_s) * max(1, self.retries)


class Condition(StrEnum):
    """``condition`` of an entry of ``depends_on``."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One service of ``depends_on``."""

    service: str
    condition: Condition = Condition.STARTED


class RestartKind(StrEnum):
    """``restart``: when Docker restarts a container that exited; empty where the file does not set it."""

    SILENT = ""
    NO = "no"
    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    UNLESS_STOPPED = "unless-stopped"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """``restart``. ``tries``: the most restarts with ``ON_FAILURE``; 0 for no limit."""

    kind: RestartKind = RestartKind.SILENT
    tries: int = 0

    @classmethod
    def of(cls, text: str) -> RestartPolicy:
        """The policy of a Compose text: ``always``, ``on-failure:3``."""
        kind, _, tries = text.partition(":")
        return cls(RestartKind(kind), int(tries or 0))

    def __str__(self) -> str:
        return f"{self.kind}:{self.tries}" if self.tries else str(self.kind)
