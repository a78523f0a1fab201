"""The tables of keys as text: docs/compose-support.md ends with exactly this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deploytool.load.compose.keys import Key, State
from deploytool.load.compose.schema import CONFIG, NETWORK, SECRET, SERVICE, TOP, VOLUME
from deploytool.load.playbook.play_keys import KEYS


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
    parts = [_table(f"## {title}", _rows(keys, nested=title != "Top level")) for title, keys in sections]
    parts.append(_table("## Keys of a play", _rows(KEYS, nested=False)))
    return "\n".join(parts)


def _table(title: str, rows: Iterator[str]) -> str:
    return "\n".join((title, "", "| key | state | note |", "| --- | --- | --- |", *rows, ""))


def _rows(keys: Mapping[str, Key], prefix: str = "", *, nested: bool) -> Iterator[str]:
    for name, key in sorted(keys.items()):
        yield f"| `{prefix}{name}` | {key.state.value} | {_note(key)} |"
        if nested and key.keys:
            yield from _rows(key.keys, f"{prefix}{name}.", nested=True)


def _note(key: Key) -> str:
    if key.state is not State.REFUSED or not key.hint:
        return key.note
    return f"{key.note}; {key.hint}"
