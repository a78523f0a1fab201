"""``lookup('env', …)`` and ``lookup('file', …)`` in templates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploytool.load.filters import flat
from deploytool.load.inputs import note_file
from deploytool.load.limits import Mistake

MAX_LOOKUP_BYTES = 1024 * 1024


class Lookups:
    """``lookup('env', …)`` and ``lookup('file', …)``; ``query`` gives the list instead of one text."""

    def __init__(self, search: Path, environ: Mapping[str, str]) -> None:
        self._search = search
        self._environ = environ

    def lookup(self, kind: str, *terms: str, **options: Any) -> str:
        return ",".join(self.query(kind, *terms, **options))

    def query(self, kind: str, *terms: str, **options: Any) -> list[str]:
        name = str(kind).removeprefix("ansible.builtin.")
        names = flat(terms, None)
        if name == "env":
            return [self._environ.get(str(term), str(options.get("default", ""))) for term in names]
        if name == "file":
            return [self._file(str(term), bool(options.get("rstrip", True))) for term in names]
        raise Mistake(f"there is no lookup '{name}'; known are env and file")

    def _file(self, name: str, rstrip: bool) -> str:
        candidates = (self._search / "files" / name, self._search / name)
        try:
            path = next((path for path in candidates if path.is_file()), None)
            if path is None:
                raise Mistake(f"lookup: there is no file '{name}' in {self._search}")
            if path.stat().st_size > MAX_LOOKUP_BYTES:
                raise Mistake(f"lookup: '{name}' is larger than {MAX_LOOKUP_BYTES // 1024} KiB")
            raw = path.read_bytes()
            note_file(path, raw)
            text = raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
        except (OSError, ValueError) as error:
            raise Mistake(f"lookup: '{name}' cannot be read: {error}") from None
        return text.rstrip() if rstrip else text
