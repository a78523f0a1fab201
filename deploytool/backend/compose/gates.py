"""The gates of a start: tables from a container's state to ready, waiting, or a failure code.

Each step brings these tables to its host, which evaluates them there, as the containers' events arrive. The
first row whose shell pattern matches decides. A state is written as
``running,health:none,exit:0,restarts:0,oom:false,`` with Docker's words for state and health.
"""

from __future__ import annotations

from collections.abc import Collection

from deploytool.model.plan import GateGoal

_Row = tuple[str, str]

AGAIN = "again"
"""The gate of an existing container: its past restarts and its last health check are ignored."""

_OUT_OF_MEMORY: _Row = ("*,oom:true,*", "out-of-memory")
_BROKEN: tuple[_Row, ...] = (
    ("created,*", "wait:created"),
    ("restarting,*", "loops"),
    ("*", "ended"),
)
_TABLES: dict[str, tuple[_Row, ...]] = {
    GateGoal.READY: (
        _OUT_OF_MEMORY,
        ("running,health:unhealthy,*", "unhealthy"),
        ("running,health:healthy,*", "ready"),
        ("running,health:starting,*", "wait:starting"),
        ("running,*,restarts:0,*", "ready"),
        ("running,*", "restarted"),
        *_BROKEN,
    ),
    AGAIN: (
        _OUT_OF_MEMORY,
        ("running,health:unhealthy,*", "wait:unhealthy-still"),
        ("running,health:starting,*", "wait:starting"),
        ("running,health:healthy,*", "ready"),
        ("running,health:none,*", "ready"),
        ("running,*,restarts:0,*", "ready"),
        ("running,*", "restarted"),
        *_BROKEN,
    ),
    GateGoal.COMPLETED: (
        _OUT_OF_MEMORY,
        ("exited,*,exit:0,*", "ready"),
        ("exited,*", "exited"),
        ("*", "wait:running"),
    ),
    GateGoal.NONE: (_OUT_OF_MEMORY, ("*", "ready")),
}


def existing_gate(until: str) -> str:
    """The gate for containers that were there before, where ``until`` is the one for new ones."""
    return AGAIN if until == GateGoal.READY else until


def gate_rows(names: Collection[str]) -> str:
    """The tables of these gates, as ``wait.sh`` reads them: lines of gate, pattern and verdict."""
    return "\n".join(
        f"{name} {pattern} {verdict}" for name in sorted(names) for pattern, verdict in _TABLES[name]
    )
