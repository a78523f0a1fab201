"""``lookup('env', …)``, ``lookup('file', …)`` and ``lookup('vars', …)`` in templates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from deploytool.load.templates.limits import Data
from deploytool.load.templates.list_filters import flat
from deploytool.load.text.input_log import note_file
from deploytool.load.text.problems import Mistake

MAX_LOOKUP_BYTES = 1024 * 1024


class Lookups:
    """``lookup`` gives one value, joined where there are several; ``query`` gives the list."""

    def __init__(self, search: Path, environ: Mapping[str, str]) -> None:
        self._search = search
        self._environ = environ

    @pass_context
    def lookup(self, context: Context, kind: str, *terms: Any, **options: Any) -> Data:
        """The values of a lookup: text joined with commas; else the one value, or the list of them."""
        ignored = options.get("errors") == "ignore"
        try:
            found = self.query(context, kind, *terms, **options)
        except Mistake:
            if not ignored:
                raise
            return [] if options.get("wantlist") else None
        if options.get("wantlist"):
            return found
        return ",".join(found) if all(isinstance(one, str) for one in found) else _one_of(found)

    @pass_context
    def query(self, context: Context, kind: str, *terms: Any, **options: Any) -> list[Data]:
        """The list of values that a lookup finds for its terms."""
        name = str(kind).removeprefix("ansible.builtin.")
        names = flat(terms, None)
        if name == "env":
            return [self._environ.get(str(term), str(options.get("default", ""))) for term in names]
        if name == "file":
            return [self._file(str(term), bool(options.get("rstrip", True))) for term in names]
        if name == "vars":
            return [_variable(context, str(term), options) for term in names]
        raise Mistake(f"there is no lookup '{name}'; known are env, file and vars")

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


def _variable(context: Context, name: str, options: Mapping[str, Data]) -> Data:
    if name in context:
        return context[name]
    if "default" in options:
        return options["default"]
    raise Mistake(f"lookup: there is no variable '{name}'")


def _one_of(found: list[Data]) -> Data:
    return found[0] if len(found) == 1 else found
