"""The tables of keys as Markdown: the second part of docs/compose-support.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deploytool.load.compose.known_keys import Key, State
from deploytool.load.compose.schema import SERVICE, TOP
from deploytool.load.compose.section_schema import CONFIG, NETWORK, SECRET, VOLUME
from deploytool.load.playbook.play_keys import PlayKey
from deploytool.load.playbook.play_settings import PLAY_KEYS

_COMPOSE_HEAD = ("| key | state | note |", "| --- | --- | --- |")
_PLAY_HEAD = ("| key | state | example | note |", "| --- | --- | --- | --- |")


def support_tables() -> str:
    """Every key of a Compose file and of a play, its state and a note, as Markdown."""
    sections = (
        ("Top level", TOP),
        ("services", SERVICE),
        ("networks", NETWORK),
        ("volumes", VOLUME),
        ("configs", CONFIG),
        ("secrets", SECRET),
    )
    parts = [
        _table(f"## {title}", (*_COMPOSE_HEAD, *_compose_rows(keys, nested=title != "Top level")))
        for title, keys in sections
    ]
    parts.append(_table("## Keys of a play", (*_PLAY_HEAD, *_play_rows())))
    return "\n".join(parts)


def _table(title: str, lines: tuple[str, ...]) -> str:
    return "\n".join((title, "", *lines, ""))


def _compose_rows(keys: Mapping[str, Key], prefix: str = "", *, nested: bool) -> Iterator[str]:
    for name, key in sorted(keys.items()):
        yield f"| `{prefix}{name}` | {key.state.value} | {_note(key)} |"
        if nested and key.keys:
            yield from _compose_rows(key.keys, f"{prefix}{name}.", nested=True)


def _note(key: Key) -> str:
    if key.state is not State.REFUSED or not key.hint:
        return key.note
    return f"{key.note}; {key.hint}"


def _play_rows() -> Iterator[str]:
    for name, row in sorted(PLAY_KEYS.items()):
        if not isinstance(row, PlayKey):
            yield f"| `{name}` | {row.state.value} | | {row.note}; {row.hint} |"
            continue
        yield f"| `{name}` | {row.state.value} | `{row.example}` | {row.note} |"
        for below, key in sorted(row.keys.items()):
            yield f"| `{name}.{below}` | {key.state.value} | | {_note(key)} |"
