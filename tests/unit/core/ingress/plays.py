"""Plays with one service behind ingress."""

from __future__ import annotations

from collections.abc import Sequence

from deploytool.core.ingress.proxies import proxies_of
from deploytool.errors import Place
from deploytool.model.ingress import IngressKeys
from deploytool.model.intent import Port, Project, Service
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost
from tests.builders import host, intent, project

HOSTS = (host("h1"), host("h2"))


def web(
    name: str = "shop",
    port: int = 80,
    hosts: Sequence[Host] = HOSTS,
    service: str = "web",
    **exposure: object,
) -> Project:
    ports = (Port(8080, port, port, mode="ingress"),)
    place = Place(f"{name}.yaml", 7)
    return project(
        Service(service, ports=ports, exposure=IngressKeys(**exposure), place=place), hosts=hosts, name=name
    )


def problems(*projects: Project, **observed: ObservedHost) -> list[str]:
    found = (clash.problem for clash in proxies_of(intent(*projects), Observed(observed)).clashes)
    return [f"{p.place}: {p.message}" for p in found]
