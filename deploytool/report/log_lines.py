"""Log lines and events of containers → lines for people and programs."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field

from deploytool.model.container import ContainerEvent
from deploytool.model.log import LogLine
from deploytool.report.sanitize import sanitize
from deploytool.report.table import clock

# Bright enough on dark and on light; red is left for what went wrong.
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
# What a replica writes may colour its text; nothing in it may move the cursor or speak to the terminal.
_CONTROL = re.compile(
    r"\x1b\[[0-9;:]*m"  # colours
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]?"  # titles and the like; all else
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


@dataclass(slots=True)
class LogFormat(ABC):
    """A format of ``logs -o``. ``colour``: for a terminal; ``several``: there are several projects."""

    colour: bool = False
    timestamps: bool = False
    several: bool = False

    @abstractmethod
    def line(self, host: str, line: LogLine) -> str:
        """One line, without its end."""


@dataclass(slots=True)
class LogText(LogFormat):
    """Lines with a prefix for each replica, aligned as they come."""

    _width: int = 0
    _colours: dict[str, int] = field(default_factory=dict)

    def line(self, host: str, line: LogLine) -> str:
        """One line, without its end. On a terminal it can do no more than have colours."""
        name = self._name(line)
        self._width = max(self._width, len(host) + len(name) + 1)
        prefix = f"{host} {name}".ljust(self._width)
        when = f"{line.when} " if self.timestamps and line.when else ""
        if not self.colour:
            return f"{prefix} | {when}{line.text}"
        number = self._colours.setdefault(prefix.strip(), _COLOURS[len(self._colours) % len(_COLOURS)])
        return f"\x1b[{number}m{prefix} |\x1b[0m {when}{tame(line.text)}"

    def _name(self, line: LogLine) -> str:
        if not line.service:
            return line.container
        return (
            f"{line.project}/{line.service}-{line.number}"
            if self.several
            else f"{line.service}-{line.number}"
        )


def tame(text: str) -> str:
    """A text with its colours, which end with it, and without any other control of the terminal."""
    kept = _CONTROL.sub(
        lambda found: found[0] if found[0].endswith("m") and found[0][1:2] == "[" else "", text
    )
    return f"{kept}\x1b[0m" if "\x1b[" in kept else kept


class LogJson(LogFormat):
    """One line of JSON."""

    def line(self, host: str, line: LogLine) -> str:
        return json.dumps({"host": host, **asdict(line)})


def event_text(host: str, event: ContainerEvent) -> str:
    """``2026-11-25 14:00:01.123+00:00  lab1  web-2  die  exit code 137``."""
    name = f"{event.service}-{event.number}" if event.service else event.name
    text = f"{clock(event.time_s)}  {host}  {event.project or '-'}  {name}  {event.action}{_detail(event)}"
    return sanitize(text)


def event_json(host: str, event: ContainerEvent) -> str:
    """One line of JSON; ``time_s`` is by the host's clock."""
    return json.dumps({"host": host, **asdict(event)})


def _detail(event: ContainerEvent) -> str:
    if event.action == "die":
        return f"  exit code {event.exit_code}"
    if event.action == "health_status":
        return f"  {event.health}"
    if event.action == "kill":
        return f"  signal {event.signal}"
    return f"  {event.image}" if event.action in ("create", "start") else ""
