"""The scripts that run on hosts, put together from the files in ``host/``: each carries what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

_HOST = Path(__file__).parent / "host"

_VERB = ("say", "outcome", "words", "lease", "main")
_LOOK = ("docker", "facts", "admin", "served", "look")
_COMPOSE = ("docker", "compose", "folder")
_WAIT = ("docker", "compose", "project_events", "wait", "judge", "last_words")
_PROXIES = ("admin", "proxies")
_ENDPOINTS = (*_PROXIES, "join", "clusters", "endpoints", "publish")

FILES: Mapping[str, tuple[str, ...]] = {
    "prepare": (*_LOOK, "compose", "folder", "stage", "prepare"),
    "start": (*_WAIT, "start"),
    "restart": (*_WAIT, "start", "restart"),
    "stop": ("stop",),
    "dismiss": (*_PROXIES, "stop", "dismiss"),
    "endpoints": _ENDPOINTS,
    "republish": _ENDPOINTS,
    "drain": (*_PROXIES, "drain"),
    "let_go": (*_PROXIES, "drain"),
    "record": (*_LOOK, "compose", "folder", "stage", "record"),
    "lock": ("lock",),
    "renew": ("lock",),
    "unlock": (*_COMPOSE, "unlock"),
    "prune": (*_COMPOSE, "prune"),
    "forget": (*_COMPOSE, "forget"),
}
"""Verb → the files that it needs beside those of every verb."""


@cache
def verb_script(verb: str) -> str:
    """The script of a verb; its arguments are words: see ``protocol``."""
    return without_comments(verb_source(verb))


@cache
def look_script() -> str:
    """The script that looks at a host; its argument is deploytool's folder."""
    return without_comments(look_source())


@cache
def stream_script(name: str) -> str:
    """``events``, ``logs`` or ``releases``; what it takes is told in its file."""
    return without_comments(stream_source(name))


def verb_source(verb: str) -> str:
    """As ``verb_script``, with its comments, as the two below are."""
    return _joined((*_VERB, *FILES[verb]), f'main do_{verb} "$@"')


def look_source() -> str:
    return _joined(("say", *_LOOK), 'look "$1"')


def stream_source(name: str) -> str:
    return _joined(("say", name) if name == "logs" else (name,), "")


def without_comments(source: str) -> str:
    """A script without the lines that are comments: a quarter of what would travel with each command."""
    lines = source.splitlines(keepends=True)
    return "".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _joined(names: tuple[str, ...], call: str) -> str:
    texts = [(_HOST / f"{name}.sh").read_text("utf-8") for name in names]
    return "\n".join([*texts, call])
