"""Files that other programs read while they are written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from deploytool.errors import UsageError


def replace_file(path: Path, content: bytes, option: str) -> None:
    """Write a file by rename: who reads it sees all of the old or all of the new. Mode 0644.

    Raises:
        UsageError: it cannot be written; the message names ``option``.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{option}: {path} cannot be written: {reason}") from None
