"""Placement constraints, and the branch of the spread tree of a host.

Values compare case-insensitively, names of labels do not. What a host does not have is the empty string,
so ``!=`` holds for a host without the label. An unknown key matches no host, whatever the operator.

Source: SwarmKit's ``constraint.NodeMatches``; ``node.groups`` is ours.
"""

from __future__ import annotations

import ipaddress

from deploytool.model.constraint import split_label
from deploytool.model.intent import Constraint
from deploytool.model.inventory import Host
from deploytool.model.observed import Facts

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "i386": "386",
    "i686": "386",
}


def matches(constraint: Constraint, host: Host, facts: Facts) -> bool:
    """True where ``host`` satisfies ``constraint``."""
    holds = _equals(constraint.key, constraint.value, host, facts)
    return holds is not None and holds == (constraint.operator == "==")


def value_of(key: str, host: Host, facts: Facts) -> str | None:
    """The value of ``key`` on ``host``: empty where the host does not have it, None for an unknown key."""
    label = split_label(key)
    if label:
        prefix, name = label
        return (host.labels if prefix == "node.labels." else facts.labels).get(name, "")
    return _plain(key.lower(), host, facts)


def runs_platform(platform: str, facts: Facts) -> bool:
    """True where a host runs images of ``platform``: ``os/arch[/variant]`` as in Compose; empty is any."""
    if not platform:
        return True
    os, _, rest = platform.lower().partition("/")
    arch = rest.partition("/")[0]
    return os == facts.os.lower() and (not arch or architecture(arch) == architecture(facts.arch))


def architecture(name: str) -> str:
    """Docker's name of a processor architecture: amd64 for the kernel's x86_64."""
    return _ARCHITECTURES.get(name.lower(), name.lower())


def _plain(key: str, host: Host, facts: Facts) -> str | None:
    match key:
        case "node.hostname":
            return host.name
        case "node.id":
            return facts.node_id
        case "node.ip":
            return str(_address(host) or "")
        case "node.platform.os":
            return facts.os
        case "node.platform.arch":
            return architecture(facts.arch)
        case _:
            return None


def _equals(key: str, value: str, host: Host, facts: Facts) -> bool | None:
    match key.lower():
        case "node.groups":
            return value.lower() in {"all", *(group.lower() for group in host.groups)}
        case "node.ip":
            return _within(value, host)
        case "node.platform.arch":
            return architecture(facts.arch) == architecture(value)
        case _:
            actual = value_of(key, host, facts)
            return None if actual is None else actual.lower() == value.lower()


def _within(value: str, host: Host) -> bool | None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None
    address = _address(host)
    return address is not None and address in network


def _address(host: Host) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The host's IP address, where the inventory gives one; a DNS name is not resolved here."""
    for text in (host.address, host.connection.address):
        try:
            return ipaddress.ip_address(text)
        except ValueError:
            continue
    return None
