"""Columns, ages and moments as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from deploytool.model.container import Container, ContainerState


def table(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Rows of equal length as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows)
    return [f"{indent}{line}".rstrip() for line in lines]


def age(seconds: float) -> str:
    """``42s``, ``5m``, ``3h12m``, ``4d``."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    if minutes < 1:
        return f"{max(0, int(seconds))}s"
    if hours < 1:
        return f"{minutes}m"
    return f"{hours}h{minutes % 60:02}m" if days < 1 else f"{days}d"


def running_for(container: Container, now_s: float) -> float | None:
    """For how long it has been running, by its host's clock; None where it does not run."""
    runs = (
        container.state in (ContainerState.RUNNING, ContainerState.PAUSED) and container.started_s and now_s
    )
    return max(0.0, now_s - container.started_s) if runs else None


def state_word(container: Container) -> str:
    """One word: healthy, starting, unhealthy, running (no healthcheck), ``exited (137)``, or Docker's own."""
    if container.running:
        return container.health or container.state
    exited = container.state == ContainerState.EXITED
    return f"exited ({container.exit_code})" if exited else container.state


def clock(time_s: float) -> str:
    """A moment in local time, to the millisecond."""
    local = datetime.fromtimestamp(time_s, timezone.utc).astimezone()
    return local.isoformat(sep=" ", timespec="milliseconds")
