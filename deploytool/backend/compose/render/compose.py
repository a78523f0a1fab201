"""A rendered definition and the schedule → the files of one host.

The result is ordinary Compose with that host's replica counts. ``docker compose up -d`` typed by hand on
a converged host must change nothing, so what Compose would hash and we do not (policy) is left out. So is
``depends_on``, reduced or not: Compose hashes it, and would make a service's containers anew when another
service moves to its host or away. The order of starts is the plan's, over all hosts. Compose starts again
whatever ended, so what is meant to end has a profile that a plain ``up`` does not choose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from deploytool.backend.compose.envoy.attach import attached, remembered
from deploytool.backend.compose.envoy.parts import ingress_parts, parts_digest
from deploytool.backend.compose.render.spec import container_keys, spec_of
from deploytool.backend.compose.render.yaml_text import to_yaml
from deploytool.model import labels
from deploytool.model.desired import Desired, HostFiles, Manifest, Spec
from deploytool.model.ingress import Offer
from deploytool.model.intent import Definition, Project, Service
from deploytool.model.inventory import Host

JOBS_PROFILE = "jobs"


def host_files(project: Project, desired: Desired, host: Host, offers: Sequence[Offer] = ()) -> HostFiles:
    """The files of the project on ``host``; without a manifest where no replica is scheduled there.

    ``offers`` are the project's services behind ingress: the proxy of every host gets its part of them.

    Raises:
        InputError: a template fails for this host.
    """
    counts = desired.services_on(host.name)
    if not counts and not offers:
        return HostFiles(manifest=None)
    placements = {service.name: desired.hosts_of(service.name) for service in project.services}
    definition = attached(project, project.definitions.on(host, placements))
    parts = ingress_parts(project, offers, host, definition)
    if not counts:
        return HostFiles(manifest=None, ingress=parts, ingress_digest=parts_digest(parts))
    specs = {name: spec_of(name, definition) for name in counts}
    services = {
        service.name: _service(
            definition.services[service.name],
            service,
            counts,
            specs[service.name],
            finishes=project.finishes(service),
        )
        for service in project.services
        if service.name in counts
    }
    document = {"name": project.name, "services": services, **_used_toplevel(definition, services)}
    text = _template().render(
        project=project.name,
        host=host.name,
        play=project.play,
        directory=f"{host.directory}/{project.name}",
        body=to_yaml(_escaped(document)).rstrip("\n"),
    )
    return HostFiles(Manifest(text), specs, _used_files(definition, text), parts, parts_digest(parts))


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("deploytool.backend.compose.render"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the result is YAML, quoted by to_yaml, never HTML
    )
    return environment.get_template("compose.yaml.j2")


def _service(
    rendered: Mapping[str, Any],
    service: Service,
    counts: Mapping[str, int],
    spec: Spec,
    *,
    finishes: bool,
) -> dict[str, Any]:
    result = container_keys(rendered) | remembered(rendered)
    result["labels"] = {**(result.get("labels") or {}), **_labels(service, spec)}
    result["deploy"] = {"replicas": counts[service.name], **result.get("deploy", {})}
    return {**result, "profiles": [JOBS_PROFILE]} if finishes else result


def _labels(service: Service, spec: Spec) -> dict[str, str]:
    result = {labels.SPEC: spec.digest, labels.KEYS: json.dumps(dict(spec.keys), separators=(",", ":"))}
    if service.reserve.cpus or service.reserve.memory_bytes:
        result[labels.RESERVE] = f"{service.reserve.cpus:g} {service.reserve.memory_bytes}"
    return result


def _used_toplevel(definition: Definition, services: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level sections, reduced to what the services on this host mention."""
    kept: dict[str, Any] = {}
    for section, entries in definition.toplevel.items():
        if section.startswith("x-") or not isinstance(entries, Mapping):
            continue
        used = {name for service in services.values() for name in _names(service.get(section))}
        named = {name: entry for name, entry in entries.items() if name in used or name == "default"}
        if named:
            kept[section] = named
    return kept


def _names(section: Any) -> set[str]:
    """The top-level names that a service's section refers to, in short or long form."""
    if isinstance(section, Mapping):
        return set(section)
    entries = section or ()
    return {
        str(entry.get("source", "")) if isinstance(entry, Mapping) else _source(entry) for entry in entries
    }


def _source(entry: Any) -> str:
    return str(entry).split(":", 1)[0]


def _used_files(definition: Definition, text: str) -> tuple[Any, ...]:
    """Only the files that this host's definition mentions; a path carries its content's hash."""
    return tuple(file for file in definition.files if "/".join(file.path.split("/")[:2]) in text)


def _escaped(value: Any) -> Any:
    """Literal values as Compose has to read them: ``$`` doubled, so the host's environment never leaks in."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(item) for item in value]
    return value
