"""Expected and actual, per service and host."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from deploytool.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Row:
    """One service on one host. ``expected`` is the schedule; the rest is what the host says.

    ``running`` counts those that run, ``healthy`` those of them that are well, ``current`` those of the
    wanted definition. All three are None where the host did not answer.
    """

    project: str
    service: str
    host: str
    expected: int
    running: int | None
    healthy: int | None
    current: int | None

    @property
    def state(self) -> str:
        """One word: ok, unreachable, missing, surplus, unhealthy or outdated."""
        if self.running is None or self.healthy is None or self.current is None:
            return "unreachable"
        if self.running < self.expected:
            return "missing"
        if self.running > self.expected:
            return "surplus"
        if self.healthy < self.expected:
            return "unhealthy"
        return "outdated" if self.current < self.expected else "ok"


@dataclass(frozen=True, slots=True)
class Route:
    """What the proxy of a host thinks of one endpoint of a service: another host, or a container there."""

    host: str
    service: str
    endpoint: str
    active: int
    trouble: str

    @property
    def state(self) -> str:
        return self.trouble or "healthy"


def status_text(
    rows: Iterable[Row], unreachable: dict[str, str], plan: Plan, routes: Iterable[Route] = ()
) -> str:
    """A table, what the proxies think, the hosts that did not answer, and whether all is as expected."""
    listed, proxied = list(rows), list(routes)
    header = ("PROJECT", "SERVICE", "HOST", "EXPECTED", "RUNNING", "HEALTHY", "CURRENT", "STATE")
    lines = _table([header, *(_cells(row) for row in listed)])
    if proxied:
        told = ("PROXY", "SERVICE", "SENDS TO", "REQUESTS", "STATE")
        cells = ((r.host, r.service, r.endpoint, str(r.active), r.state) for r in proxied)
        lines += ["", *_table([told, *cells]), ""]
    lines += [f"{host}: unreachable: {reason}" for host, reason in sorted(unreachable.items())]
    return "\n".join([*lines, *_verdict(listed, plan)]) + "\n"


def status_json(
    rows: Iterable[Row], unreachable: dict[str, str], plan: Plan, routes: Iterable[Route] = ()
) -> str:
    """The same as one JSON document."""
    listed = [{**asdict(row), "state": row.state} for row in rows]
    document = {"converged": not plan, "unreachable": unreachable, "replicas": listed}
    document["ingress"] = [{**asdict(route), "state": route.state} for route in routes]
    return json.dumps(document, indent=2)


def _table(table: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip() for line in table
    ]


def _cells(row: Row) -> tuple[str, ...]:
    counts = (row.running, row.healthy, row.current)
    shown = ("?" if count is None else str(count) for count in counts)
    return (row.project, row.service, row.host, str(row.expected), *shown, row.state)


def _verdict(rows: list[Row], plan: Plan) -> Iterator[str]:
    expected = sum(row.expected for row in rows)
    healthy = sum(row.healthy or 0 for row in rows)
    yield f"{healthy} of {expected} replicas are healthy."
    if plan:
        yield "Changes are pending: see deploytool plan."
