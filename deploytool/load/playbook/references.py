"""References between services of a play: they exist, make no circle, and need no shared host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deploytool.errors import Place
from deploytool.load.compose.known_keys import Normalized, key_place
from deploytool.load.text.problems import Problems, near
from deploytool.load.text.yaml_file import place_of
from deploytool.model.intent import Service

_NAMESPACES = ("network_mode", "ipc", "pid")


def check_references(
    services: Sequence[Service],
    bodies: Mapping[str, Normalized],
    decided: Mapping[str, Normalized],
    hosts: int,
    problems: Problems,
) -> None:
    """``bodies`` are the services of one host in normalized form, ``decided`` their parts for the play."""
    known = {service.name: service for service in services}
    for service in services:
        _check_dependencies(service, known, decided.get(service.name, {}), problems)
        for key, other in _shared(bodies.get(service.name, {})):
            _check_shared(service, key, other, known, hosts, problems)
    for circle in _circles(
        {s.name: [d.service for d in s.depends_on if d.service in known] for s in services}
    ):
        first = known[circle[0]]
        at = key_place(decided.get(first.name, {}), "depends_on", first.place)
        problems.add(at, f"services depend on each other in a circle: {' → '.join((*circle, circle[0]))}")


def _check_dependencies(
    service: Service, known: Mapping[str, Service], decided: Normalized, problems: Problems
) -> None:
    entries = decided.get("depends_on") or {}
    for dependency in service.depends_on:
        name = dependency.service
        at = getattr(name, "place", place_of(decided, "depends_on", service.place))
        if name == service.name:
            problems.add(at, f"the service '{name}' depends on itself")
        elif name not in known and entries.get(name, {}).get("required", True):
            problems.add(at, f"'{service.name}' depends on '{name}', which is no service", near(name, known))


def _shared(body: Normalized) -> Iterator[tuple[str, str]]:
    for key in _NAMESPACES:
        kind, _, other = str(body.get(key, "")).partition(":")
        if kind == "service":
            yield key, other
    for link in body.get("links") or ():
        yield "links", link.partition(":")[0]


def _check_shared(
    service: Service, key: str, other: str, known: Mapping[str, Service], hosts: int, problems: Problems
) -> None:
    place: Place = service.place
    target = known.get(other)
    if target is None:
        problems.add(
            place, f"'{key}' of '{service.name}' names '{other}', which is no service", near(other, known)
        )
    elif hosts > 1 and not _always_together(service, target):
        hint = (
            "make both 'mode: global' with the same constraints, or reach the other through a published port"
        )
        problems.add(
            place, f"'{key}' needs '{other}' on every host of '{service.name}', which nothing ensures", hint
        )


def _always_together(service: Service, target: Service) -> bool:
    both_global = service.mode.is_global and target.mode.is_global
    return both_global and set(target.constraints) <= set(service.constraints)


def _circles(edges: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Each circle that a walk in order of names meets, once; a service on its own is none."""
    done: set[str] = set()
    for start in sorted(edges):
        path: dict[str, Iterator[str]] = {}
        if start not in done:
            path[start] = iter(edges[start])
        while path:
            name = next(reversed(path))
            following = next(path[name], None)
            if following is None:
                done.add(name)
                del path[name]
            elif following in path and following != name:
                names = list(path)
                yield tuple(names[names.index(following) :])
            elif following not in done and following not in path:
                path[following] = iter(edges[following])
