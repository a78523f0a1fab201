"""Output formats, reporters and report files by the names that users type.

A new one is a class (or, for a command that prints once, a function) and a line here. A name's module is
imported when the name is looked up: ``--help`` lists the names and imports none.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from deploytool.model.container import ContainerEvent
    from deploytool.model.event import Event
    from deploytool.report.base import Reporter, ReportFile, RunFormat
    from deploytool.report.history import History
    from deploytool.report.log_lines import LogFormat
    from deploytool.report.ps import Listed
    from deploytool.report.status import StatusFormat

T = TypeVar("T")
_TRUE = ("true", "1")

PsFormat: TypeAlias = "Callable[[Sequence[Listed], Mapping[str, str]], str]"
HistoryFormat: TypeAlias = "Callable[[Sequence[History]], str]"
EventFormat: TypeAlias = "Callable[[str, ContainerEvent], str]"
WatchLogFormat: TypeAlias = "Callable[[Event, float, int], Iterator[str]]"


class Registry(Mapping[str, T]):
    """Name → class or function, given as ``module:attribute`` of this package, imported at look-up."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> T:
        module, _, attribute = self._places[name].partition(":")
        found: T = getattr(importlib.import_module(f"deploytool.report.{module}"), attribute)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


# -o of plan, converge, and the other commands that make a plan.
RUN_FORMATS: Registry[type[RunFormat]] = Registry(
    {
        "text": "run_text:TextFormat",
        "json": "run_json:JsonFormat",
        "jsonl": "run_json:JsonLinesFormat",
        "markdown": "markdown:MarkdownFormat",
    }
)
# --progress of the same; ``auto`` is the first that detects its CI system, else live or plain.
REPORTERS: Registry[type[Reporter]] = Registry(
    {
        "live": "console:LiveReporter",
        "plain": "console:PlainReporter",
        "github": "github:GitHubReporter",
        "gitlab": "gitlab:GitLabReporter",
        "azure": "azure:AzureReporter",
        "quiet": "console:QuietReporter",
    }
)
# Options of the same that name a file.
REPORT_FILES: Registry[type[ReportFile]] = Registry(
    {"junit": "junit:JUnitFile", "summary": "markdown:MarkdownFile"}
)
# -o of the command of this name.
STATUS_FORMATS: Registry[type[StatusFormat]] = Registry(
    {"text": "status:StatusText", "json": "status:StatusJson"}
)
PS_FORMATS: Registry[PsFormat] = Registry({"text": "ps:ps_text", "json": "ps:ps_json"})
HISTORY_FORMATS: Registry[HistoryFormat] = Registry(
    {"text": "history:history_text", "json": "history:history_json"}
)
LOG_FORMATS: Registry[type[LogFormat]] = Registry({"text": "log_lines:LogText", "jsonl": "log_lines:LogJson"})
EVENT_FORMATS: Registry[EventFormat] = Registry(
    {"text": "log_lines:event_text", "jsonl": "log_lines:event_json"}
)
# --log-format of watch.
WATCH_LOG_FORMATS: Registry[WatchLogFormat] = Registry(
    {"text": "watch_log:text_lines", "json": "watch_log:json_lines"}
)


def reporter_of(asked: str, env: Mapping[str, str], *, terminal: bool) -> type[Reporter]:
    """The reporter of this name; for ``auto`` and an empty name the one that the environment suggests."""
    name = detected(env, terminal=terminal) if asked in ("", "auto") else asked
    return REPORTERS[name if name in REPORTERS else "plain"]


def detected(env: Mapping[str, str], *, terminal: bool) -> str:
    """A CI system's own reporter there, ``live`` for a person at a terminal, ``plain`` elsewhere."""
    for name, reporter in REPORTERS.items():
        if reporter.detected(env):
            return name
    movable = terminal and env.get("TERM", "") not in ("dumb", "") and env.get("CI") not in _TRUE
    return "live" if movable else "plain"
