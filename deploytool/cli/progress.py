"""How progress is shown: what was asked for, else what the environment suggests."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from os import environ
from typing import Protocol

from deploytool.model.event import Event
from deploytool.report.console import Plain
from deploytool.report.github import GitHub
from deploytool.report.gitlab import GitLab

KINDS = ("auto", "live", "plain", "github", "gitlab", "quiet")
_TRUE = ("true", "1")


class Reporter(Protocol):
    """Turns events into lines of a log."""

    def lines(self, event: Event) -> Iterator[str]: ...

    def end(self) -> Iterator[str]: ...


class Quiet:
    """Says nothing. Errors and the result are not progress, and are shown all the same."""

    def lines(self, event: Event) -> Iterator[str]:
        return iter(())

    def end(self) -> Iterator[str]:
        return iter(())


def detected(env: Mapping[str, str], *, terminal: bool) -> str:
    """``live`` for a person at a terminal, a CI system's own form there, plain lines elsewhere."""
    if env.get("GITHUB_ACTIONS") in _TRUE:
        return "github"
    if env.get("GITLAB_CI") in _TRUE:
        return "gitlab"
    movable = terminal and env.get("TERM", "") not in ("dumb", "") and env.get("CI") not in _TRUE
    return "live" if movable else "plain"


def kind_of(asked: str) -> str:
    """The kind that is asked for; without one, what the process's environment suggests."""
    if asked not in ("", "auto"):
        return asked
    return detected(environ, terminal=sys.stderr.isatty())


def reporter_for(asked: str, verbose: int) -> tuple[str, Reporter]:
    """The kind, and what makes its lines. A live display prints lines only for what went wrong."""
    kind = kind_of(asked)
    made: dict[str, Reporter] = {
        "github": GitHub(verbose),
        "gitlab": GitLab(time.time, verbose),
        "quiet": Quiet(),
    }
    return kind, made.get(kind, Plain(verbose, only_trouble=kind == "live"))
