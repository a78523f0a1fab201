"""Reasons for which hosts do not take a replica, in words: of one host, and counted over many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from deploytool.model.intent import Constraint, Port, Resources

_UNITS = (("T", 40), ("G", 30), ("M", 20), ("K", 10))


@dataclass(frozen=True, slots=True)
class FilterReason:
    """``one`` continues "1 host …", ``many`` "3 hosts …"; ``detail`` adds what is true of this host only."""

    one: str
    many: str
    detail: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.one} ({self.detail})" if self.detail else self.one


UNREACHABLE = FilterReason("is unreachable", "are unreachable")
PAUSED = FilterReason("is paused", "are paused")
DRAINED = FilterReason("is drained", "are drained")
LEFT = FilterReason("left the play", "left the play")


def mismatch(constraint: Constraint) -> FilterReason:
    return FilterReason(f"does not match {constraint}", f"do not match {constraint}")


def other_platform(platform: str) -> FilterReason:
    return FilterReason(f"is not {platform}", f"are not {platform}")


def lacking(needed: Resources, left: str) -> FilterReason:
    """``needed`` is what the host lacks of the service's reservation; ``left`` what it has of that."""
    amount = amounts(needed)
    return FilterReason(f"lacks {amount}", f"lack {amount}", left)


def port_taken(port: Port, owner: str) -> FilterReason:
    if port.first == port.last:
        return FilterReason(f"has port {port.first} in use", f"have port {port.first} in use", f"by {owner}")
    ports = f"{port.first}-{port.last}"
    return FilterReason(f"has no free port in {ports}", f"have no free port in {ports}")


def most_allowed(limit: int) -> FilterReason:
    return FilterReason(f"holds the most allowed ({limit})", f"hold the most allowed ({limit})")


def count_reasons(reasons: Iterable[FilterReason]) -> str:
    """``3 hosts lack 128M, 1 host is drained``: the most frequent first."""
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0].one))
    return ", ".join(f"1 host {r.one}" if n == 1 else f"{n} hosts {r.many}" for r, n in counts)


def amounts(resources: Resources) -> str:
    """``128M and 0.5 CPUs``; what is 0 is left out."""
    cpus = f"{resources.cpus:g} CPU{'' if resources.cpus == 1 else 's'}" if resources.cpus else ""
    return " and ".join(filter(None, (size(resources.memory_bytes) if resources.memory_bytes else "", cpus)))


def size(memory_bytes: int) -> str:
    """Bytes as Compose writes them, with at most one decimal: ``128M``, ``1.5G``."""
    for unit, bits in _UNITS:
        if memory_bytes >= 1 << bits:
            return f"{memory_bytes / (1 << bits):.1f}".removesuffix(".0") + unit
    return f"{memory_bytes}B"
