"""A compose.yaml that deploytool wrote to a host → the definition from which it was made.

The inverse of ``compose``, which doubles each ``$`` and adds labels and the host's
counts. Rendering the result again gives the same specs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.errors import InputError, Place, Problem
from deploytool.load.compose.deploy import reserve_of
from deploytool.load.compose.ingress_keys import ingress_keys_of
from deploytool.load.compose.known_keys import Normalized
from deploytool.load.compose.port_syntax import published_ports
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import Problems
from deploytool.load.text.units import parse_duration
from deploytool.load.text.yaml_file import parse_yaml
from deploytool.model import labels
from deploytool.model.desired import Manifest
from deploytool.model.intent import Definition, PortMode, Service
from deploytool.model.inventory import Host
from deploytool.model.policies import Healthcheck

_OURS = frozenset({labels.SPEC, labels.KEYS, labels.RESERVE})


@dataclass(frozen=True, slots=True)
class StoredDefinitions:
    """Implements ``model.intent.Definitions`` for a release: ``manifests`` has each host's compose.yaml."""

    manifests: Mapping[str, Manifest] = field(repr=False)

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        """The definition on record on the host; an empty one where nothing is to run there."""
        if not any(host.name in hosts for hosts in placements.values()):
            return Definition({})
        if host.name not in self.manifests:
            problem = Problem(
                Place(host.name), "the host does not remember this release", "choose another one"
            )
            raise InputError([problem])
        return stored_definition(self.manifests[host.name].text, host.name)


def stored_definition(text: str, host_name: str) -> Definition:
    """The definition in a compose.yaml that deploytool has rendered.

    Raises:
        InputError: the file was damaged on the host.
    """
    problems = Problems()
    document = parse_yaml(text, f"{host_name}: compose.yaml", problems)
    problems.raise_if_any()
    if not isinstance(document, dict) or not isinstance(document.get("services"), dict):
        raise InputError([Problem(Place(f"{host_name}: compose.yaml"), "is no definition of deploytool")])
    plain = _literal(document)
    services = {name: _without_ours(service) for name, service in plain.pop("services").items()}
    plain.pop("name", None)
    return Definition(services, plain)


def stored_service(name: str, definition: Definition, current: Service | None) -> Service:
    """The service of a release, with the policy of the ``current`` service where there still is one."""
    healthcheck = definition.services[name].get("healthcheck")
    times = _times(healthcheck) if isinstance(healthcheck, Mapping) else None
    base = current or Service(name)
    exposure, ports = base.exposure, base.ports
    note = definition.services[name].get("x-ingress")
    if isinstance(note, Mapping):
        remembered = {**note, "ports": note.get("ports", ())}
        exposure = ingress_keys_of(name, {**remembered, "x-ingress": note}, base.place, Problems())
        ports = (*(p for p in ports if p.mode != PortMode.INGRESS), *published_ports(remembered["ports"]))
    return Service(
        name,
        mode=base.mode,
        reserve=reserve_of(definition.services[name]),
        depends_on=base.depends_on,
        update=base.rollback,
        healthcheck=times,
        restart=base.restart,
        stop_grace_s=base.stop_grace_s,
        pull=base.pull,
        volumes=base.volumes,
        ports=ports,
        exposure=exposure,
        place=base.place,
    )


def _times(healthcheck: Normalized) -> Healthcheck | None:
    if healthcheck.get("disable"):
        return None
    names = {"interval": "interval_s", "timeout": "timeout_s", "start_period": "start_period_s"}
    times: dict[str, Raw] = {
        field_name: parse_duration(str(healthcheck[key]))
        for key, field_name in names.items()
        if key in healthcheck
    }
    if "retries" in healthcheck:
        times["retries"] = int(healthcheck["retries"])
    return Healthcheck(**times)


def _without_ours(service: Normalized) -> dict[str, Raw]:
    result = dict(service)
    result["labels"] = {k: v for k, v in (service.get("labels") or {}).items() if k not in _OURS}
    result["deploy"] = {k: v for k, v in (service.get("deploy") or {}).items() if k != "replicas"}
    result.pop("profiles", None)  # which jobs have; whether it is one, the service says
    return {key: value for key, value in result.items() if value or key not in ("labels", "deploy")}


def _literal(value: Raw) -> Raw:
    """Plain values as they were before ``$`` was doubled for Compose."""
    if isinstance(value, str):
        return str(value).replace("$$", "$")
    if isinstance(value, dict):
        return {str(key): _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return value
