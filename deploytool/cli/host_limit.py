"""``--limit``: a host pattern → the hosts that it selects."""

from __future__ import annotations

from pathlib import Path

from deploytool.core.placement.patterns import NoMatch, select
from deploytool.errors import UsageError
from deploytool.load.text.input_log import note_file
from deploytool.load.text.yaml_file import read_bounded
from deploytool.model.intent import Intent


def limited(intent: Intent, limit: str | None) -> frozenset[str] | None:
    """The hosts of ``--limit``; None without one.

    Raises:
        UsageError: it matches nothing.
    """
    if limit is None:
        return None
    try:
        return frozenset(select(limit, intent.inventory, read_limit_file))
    except NoMatch as error:
        raise UsageError(f"--limit: {error.message}", hint=error.hint) from None


def read_limit_file(name: str) -> str:
    """The content of ``@name`` in a pattern.

    Raises:
        NoMatch: it cannot be read.
    """
    try:
        raw = read_bounded(Path(name).expanduser())
        note_file(Path(name), raw)
        return raw.decode("utf-8")
    except OSError as error:
        raise NoMatch(f"'@{name}' cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NoMatch(f"'@{name}' is not UTF-8 text") from None
