"""A canonical Compose service → ``Service``: what decides where and how it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from deploytool.errors import Place
from deploytool.load.compose.ingress_keys import exposure_of
from deploytool.load.compose.known_keys import key_place
from deploytool.load.compose.port_syntax import published_ports
from deploytool.load.text.problems import Problems
from deploytool.load.text.units import parse_duration
from deploytool.load.text.yaml_file import place_of
from deploytool.model.constraint import parse_constraint, parse_spread
from deploytool.model.intent import Dependency, Healthcheck, Mode, Resources, Service, Update

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
    name: str, canonical: Mapping[str, Any], volumes: Sequence[str], place: Place, problems: Problems
) -> Service:
    """The service as the scheduler sees it. What is wrong goes to ``problems``."""
    deploy = canonical.get("deploy") or {}
    placement = deploy.get("placement") or {}
    reader = _Reader(place, problems)
    mode = Mode(deploy.get("mode", "replicated"))
    service = Service(
        name=name,
        mode=mode,
        replicas=reader.replicas(canonical, deploy, mode),
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
        reserve=reserve_of(canonical),
        ports=published_ports(canonical.get("ports") or ()),
        volumes=tuple(sorted(volumes)),
        depends_on=_dependencies(canonical),
        update=_update(deploy.get("update_config") or {}),
        rollback=_rollback(deploy),
        healthcheck=_healthcheck(canonical.get("healthcheck")),
        restart=restart_of(canonical),
        stop_grace_s=parse_duration(canonical.get("stop_grace_period", "10s")),
        pull=_PULL.get(canonical.get("pull_policy", "missing"), canonical.get("pull_policy", "missing")),
        platform=canonical.get("platform", ""),
        exposure=exposure_of(name, canonical, place, problems),
        place=place,
    )
    reader.check(service, canonical)
    return service


def restart_of(canonical: Mapping[str, Any]) -> str:
    """``deploy.restart_policy`` wins over ``restart``, as in Compose; empty where the file is silent."""
    policy = (canonical.get("deploy") or {}).get("restart_policy")
    if policy is None:
        return str(canonical.get("restart", ""))
    name = _CONDITIONS[policy.get("condition", "any")]
    times = policy.get("max_attempts")
    return f"{name}:{times}" if name == "on-failure" and times else name


class _Reader:
    """Reads one service and notes what contradicts itself."""

    def __init__(self, place: Place, problems: Problems) -> None:
        self._place = place
        self._problems = problems

    def replicas(self, canonical: Mapping[str, Any], deploy: Mapping[str, Any], mode: Mode) -> int:
        given = deploy.get("replicas")
        scale = canonical.get("scale")
        if given is not None and scale is not None and given != scale:
            self._wrong(
                canonical,
                "scale",
                f"'scale' is {scale}, but deploy.replicas is {given}",
                "keep deploy.replicas",
            )
        if given is not None and mode.is_global:
            hint = "leave replicas out: a global service runs once on every host"
            self._wrong(deploy, "replicas", f"'replicas' contradicts mode: {mode.value}", hint)
        number = given if given is not None else scale
        return 1 if number is None else int(number)

    def parsed(
        self, container: Mapping[str, Any], key: str, texts: Sequence[str], parse: Callable[[str], T]
    ) -> tuple[T, ...]:
        found = []
        for text in texts:
            try:
                found.append(parse(text))
            except ValueError as error:
                place = getattr(text, "place", place_of(container, key, self._place))
                self._problems.add(place, str(error))
        return tuple(found)

    def check(self, service: Service, canonical: Mapping[str, Any]) -> None:
        if service.mode.is_job and service.restart in ("always", "unless-stopped"):
            hint = "write restart: on-failure, or no"
            self._wrong(canonical, "restart", f"a job ends, so 'restart' cannot be {service.restart}", hint)
        if "container_name" in canonical and not _single(service):
            hint = "leave it out, or let the service have one replica and update_config.order stop-first"
            message = "'container_name' allows one container on a host, and the service may have more"
            self._wrong(canonical, "container_name", message, hint)

        for key, group, name in _TWICE:
            other = _resources(canonical, group).get(name)
            if key in canonical and other is not None and float(other) != float(canonical[key]):
                message = f"'{key}' is {canonical[key]}, but deploy.resources.{group}.{name} is {other}"
                self._wrong(canonical, key, message, f"keep deploy.resources.{group}.{name}")

    def _wrong(self, container: Mapping[str, Any], key: str, message: str, hint: str) -> None:
        self._problems.add(key_place(container, key, self._place), message, hint)


def _single(service: Service) -> bool:
    """Whether a host never runs two containers of the service, not even during an update."""
    few = service.replicas <= 1 or service.mode.is_global or service.max_per_host == 1
    return few and "start-first" not in (service.update.order, service.rollback.order)


def reserve_of(canonical: Mapping[str, Any]) -> Resources:
    """What a replica reserves."""
    reserved = _resources(canonical, "reservations")
    return Resources(float(reserved.get("cpus", 0)), int(reserved.get("memory", 0)))


def _resources(canonical: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = ((canonical.get("deploy") or {}).get("resources") or {}).get(group) or {}
    return found


def _dependencies(canonical: Mapping[str, Any]) -> tuple[Dependency, ...]:
    dependencies = canonical.get("depends_on") or {}
    return tuple(
        Dependency(name, entry.get("condition", "service_started")) for name, entry in dependencies.items()
    )


def _update(config: Mapping[str, Any]) -> Update:
    return Update(
        parallelism=config.get("parallelism", 1),
        delay_s=parse_duration(config.get("delay", "0")),
        order=config.get("order", "stop-first"),
        monitor_s=parse_duration(config.get("monitor", "5s")),
        max_failure_ratio=float(config.get("max_failure_ratio", 0)),
        failure_action=config.get("failure_action", "pause"),
    )


def _rollback(deploy: Mapping[str, Any]) -> Update:
    """Without a ``rollback_config`` one goes back as carefully as one came."""
    if "rollback_config" in deploy:
        return _update(deploy["rollback_config"] or {})
    return replace(_update(deploy.get("update_config") or {}), failure_action="pause")


def _healthcheck(check: Mapping[str, Any] | None) -> Healthcheck | None:
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
