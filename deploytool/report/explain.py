"""Why each host was chosen for a service or refused, as people read it.

shop · web · 3 replicas on 2 of 3 hosts
  h1   2   kept 2
  h2   1   chosen for 1 (had 0 of web, 4 in all)
  h3   –   refused: is drained
"""

from __future__ import annotations

from collections.abc import Sequence

Row = tuple[str, int, str]  # host, replicas there, and why


def explain_text(project: str, service: str, rows: Sequence[Row]) -> str:
    """One line a host, in the order given. Ends with a line break."""
    width = max((len(host) for host, _, _ in rows), default=0)
    replicas, used = sum(count for _, count, _ in rows), sum(bool(count) for _, count, _ in rows)
    head = f"{project} · {service} · {replicas} replica{'' if replicas == 1 else 's'}"
    lines = [f"{head} on {used} of {len(rows)} host{'' if len(rows) == 1 else 's'}"]
    lines += [f"  {host:<{width}}   {count or '–'}   {why}" for host, count, why in rows]
    return "\n".join(lines) + "\n"
