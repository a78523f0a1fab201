"""Attaches services behind ingress to the proxy's network, and removes their ingress ports from the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deploytool.model import labels
from deploytool.model.ingress import INGRESS_PROJECT
from deploytool.model.intent import Definition, Project

NOTE = "x-ingress"
"""The key of a service in a host's files that keeps ``x-ingress`` and the ingress ports, for a rollback."""


def attached(project: Project, definition: Definition) -> Definition:
    """The definition with every service behind ingress on the proxy's network."""
    behind = {service.name for service in project.services if service.exposure} & set(definition.services)
    if not behind:
        return definition
    services = {
        name: _attached(body) if name in behind else body for name, body in definition.services.items()
    }
    networks = {
        **(definition.toplevel.get("networks") or {}),
        INGRESS_PROJECT: {"external": True, "name": INGRESS_PROJECT},
    }
    return replace(definition, services=services, toplevel={**definition.toplevel, "networks": networks})


def remembered(body: Mapping[str, Any]) -> dict[str, Any]:
    """The ``NOTE`` of an attached service, as the file on the host keeps it; empty for other services."""
    return {NOTE: body[NOTE]} if "ports" in (body.get(NOTE) or {}) else {}


def _attached(body: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping of one service, attached. Attaching one from a release again changes nothing."""
    result = dict(body)
    note = dict(body.get(NOTE) or {})
    ports = [port for port in body.get("ports") or () if port.get("mode") == "ingress"]
    if ports:
        result["ports"] = [port for port in body["ports"] if port.get("mode") != "ingress"]
        note["ports"] = ports
    if not result.get("ports"):
        result.pop("ports", None)
    targets = dict.fromkeys(str(port["target"]) for port in note.get("ports", ()))
    result["labels"] = {**(body.get("labels") or {}), labels.TARGETS: ",".join(targets)}
    result["networks"] = {**(body.get("networks") or {"default": {}}), INGRESS_PROJECT: {}}
    result[NOTE] = note
    return result
