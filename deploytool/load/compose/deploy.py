"""A normalized Compose service → ``Service``: placement, counts, rollout policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from deploytool.errors import Place
from deploytool.load.compose.ingress_keys import ingress_keys_of
from deploytool.load.compose.known_keys import Normalized, key_place
from deploytool.load.compose.port_syntax import published_ports
from deploytool.load.text.problems import Problems
from deploytool.load.text.units import parse_duration
from deploytool.load.text.yaml_file import place_of
from deploytool.model.constraint import parse_constraint, parse_spread
from deploytool.model.intent import Mode, Resources, Service
from deploytool.model.policies import (
    Condition,
    Dependency,
    FailureAction,
    Healthcheck,
    RestartKind,
    RestartPolicy,
    Update,
    UpdateOrder,
)

T = TypeVar("T")

# The older keys that say the same as one of deploy.resources: Compose takes both only where they agree.
_TWICE = (
    ("cpus", "limits", "cpus"),
    ("mem_limit", "limits", "memory"),
    ("mem_reservation", "reservations", "memory"),
    ("pids_limit", "limits", "pids"),
)
_PULL = {"if_not_present": "missing"}
_CONDITIONS = {"none": "no", "any": "always", "on-failure": "on-failure"}


def service_of(
    name: str, normalized: Normalized, volumes: Sequence[str], place: Place, problems: Problems
) -> Service:
    """The service as the scheduler sees it. ``volumes`` are the named volumes of all hosts' definitions."""
    deploy = normalized.get("deploy") or {}
    placement = deploy.get("placement") or {}
    reader = _Reader(place, problems)
    mode = Mode(deploy.get("mode", "replicated"))
    pull = str(normalized.get("pull_policy", "missing"))
    service = Service(
        name=name,
        mode=mode,
        replicas=reader.replicas(normalized, deploy, mode),
        constraints=reader.parsed(
            placement, "constraints", placement.get("constraints") or (), parse_constraint
        ),
        spread=reader.parsed(
            placement,
            "preferences",
            [p.get("spread", "") for p in placement.get("preferences") or ()],
            parse_spread,
        ),
        max_per_host=placement.get("max_replicas_per_node", 0),
        reserve=reserve_of(normalized),
        ports=published_ports(normalized.get("ports") or ()),
        volumes=tuple(sorted(volumes)),
        depends_on=_dependencies(normalized),
        update=_update(deploy.get("update_config") or {}),
        rollback=_rollback(deploy),
        healthcheck=_healthcheck(normalized.get("healthcheck")),
        restart=RestartPolicy.of(restart_of(normalized)),
        stop_grace_s=parse_duration(normalized.get("stop_grace_period", "10s")),
        pull=_PULL.get(pull, pull),
        platform=normalized.get("platform", ""),
        exposure=ingress_keys_of(name, normalized, place, problems),
        place=place,
    )
    reader.check(service, normalized)
    return service


def restart_of(normalized: Normalized) -> str:
    """``deploy.restart_policy`` wins over ``restart``, as in Compose; empty where the file is silent."""
    policy = (normalized.get("deploy") or {}).get("restart_policy")
    if policy is None:
        return str(normalized.get("restart", ""))
    name = _CONDITIONS[policy.get("condition", "any")]
    times = policy.get("max_attempts")
    return f"{name}:{times}" if name == "on-failure" and times else name


class _Reader:
    """Reads one service, and reports keys that contradict each other."""

    def __init__(self, place: Place, problems: Problems) -> None:
        self._place = place
        self._problems = problems

    def replicas(self, normalized: Normalized, deploy: Normalized, mode: Mode) -> int:
        replicas = deploy.get("replicas")
        scale = normalized.get("scale")
        if replicas is not None and scale is not None and replicas != scale:
            self._wrong(
                normalized,
                "scale",
                f"'scale' is {scale}, but deploy.replicas is {replicas}",
                "keep deploy.replicas",
            )
        if replicas is not None and mode.is_global:
            hint = "leave replicas out: a global service runs once on every host"
            self._wrong(deploy, "replicas", f"'replicas' contradicts mode: {mode.value}", hint)
        number = replicas if replicas is not None else scale
        return 1 if number is None else int(number)

    def parsed(
        self, container: Normalized, key: str, texts: Sequence[str], parse: Callable[[str], T]
    ) -> tuple[T, ...]:
        found = []
        for text in texts:
            try:
                found.append(parse(text))
            except ValueError as error:
                place = getattr(text, "place", place_of(container, key, self._place))
                self._problems.add(place, str(error))
        return tuple(found)

    def check(self, service: Service, normalized: Normalized) -> None:
        if service.mode.is_job and service.restart.kind in (RestartKind.ALWAYS, RestartKind.UNLESS_STOPPED):
            hint = "write restart: on-failure, or no"
            self._wrong(normalized, "restart", f"a job ends, so 'restart' cannot be {service.restart}", hint)
        if "container_name" in normalized and not _single(service):
            hint = "leave it out, or let the service have one replica and update_config.order stop-first"
            message = "'container_name' allows one container on a host, and the service may have more"
            self._wrong(normalized, "container_name", message, hint)

        for key, group, name in _TWICE:
            other = _resources(normalized, group).get(name)
            if key in normalized and other is not None and float(other) != float(normalized[key]):
                message = f"'{key}' is {normalized[key]}, but deploy.resources.{group}.{name} is {other}"
                self._wrong(normalized, key, message, f"keep deploy.resources.{group}.{name}")

    def _wrong(self, container: Normalized, key: str, message: str, hint: str) -> None:
        self._problems.add(key_place(container, key, self._place), message, hint)


def _single(service: Service) -> bool:
    """True where no host ever runs two containers of the service, not even during an update."""
    few = service.replicas <= 1 or service.mode.is_global or service.max_per_host == 1
    return few and UpdateOrder.START_FIRST not in (service.update.order, service.rollback.order)


def reserve_of(normalized: Normalized) -> Resources:
    """The CPUs and memory that each replica reserves on its host."""
    reserved = _resources(normalized, "reservations")
    return Resources(float(reserved.get("cpus", 0)), int(reserved.get("memory", 0)))


def _resources(normalized: Normalized, group: str) -> Normalized:
    found: Normalized = ((normalized.get("deploy") or {}).get("resources") or {}).get(group) or {}
    return found


def _dependencies(normalized: Normalized) -> tuple[Dependency, ...]:
    dependencies = normalized.get("depends_on") or {}
    return tuple(
        Dependency(name, Condition(entry.get("condition", Condition.STARTED)))
        for name, entry in dependencies.items()
    )


def _update(config: Normalized) -> Update:
    return Update(
        parallelism=config.get("parallelism", 1),
        delay_s=parse_duration(config.get("delay", "0")),
        order=UpdateOrder(config.get("order", UpdateOrder.STOP_FIRST)),
        monitor_s=parse_duration(config.get("monitor", "5s")),
        max_failure_ratio=float(config.get("max_failure_ratio", 0)),
        failure_action=FailureAction(config.get("failure_action", FailureAction.PAUSE)),
    )


def _rollback(deploy: Normalized) -> Update:
    """``rollback_config``; without one, ``update_config`` with ``failure_action: pause``."""
    if "rollback_config" in deploy:
        return _update(deploy["rollback_config"] or {})
    return replace(_update(deploy.get("update_config") or {}), failure_action=FailureAction.PAUSE)


def _healthcheck(check: Normalized | None) -> Healthcheck | None:
    """None where there is none, or where it is switched off. Docker takes 0 for its default."""
    if not check or check.get("disable") or check.get("test") in (["NONE"], "NONE"):
        return None
    default = Healthcheck()
    return Healthcheck(
        interval_s=parse_duration(check.get("interval", "0")) or default.interval_s,
        timeout_s=parse_duration(check.get("timeout", "0")) or default.timeout_s,
        retries=check.get("retries") or default.retries,
        start_period_s=parse_duration(check.get("start_period", "0")),
    )
