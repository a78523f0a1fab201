"""Files that options name: replaced as a whole while others read them, or written for CI systems."""

from __future__ import annotations

import os
from pathlib import Path

from deploytool.errors import UsageError

READABLE = 0o644  # for what a program of another user reads, whatever the umask


def replace_file(path: Path, content: bytes, option: str, mode: int | None = None) -> None:
    """Write a file by rename: who reads it sees all of the old or all of the new.

    ``mode`` None leaves the mode to the umask.

    Raises:
        UsageError: it cannot be written; the message names ``option``.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        try:
            with beside.open("xb") as file:
                file.write(content)
            if mode is not None:
                beside.chmod(mode)
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{option}: {path} cannot be written: {reason}") from None


def write_text(path: Path, text: str, option: str, *, append: bool) -> None:
    """Write a file in place, as a pipe or a CI system's own file needs it.

    Raises:
        UsageError: it cannot be written; the message names ``option``.
    """
    try:
        with path.open("a" if append else "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {error.strerror}") from None
