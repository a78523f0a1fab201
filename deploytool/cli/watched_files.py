"""The files that a watcher was started with: read anew, and compared with what they were."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from deploytool.load.text.input_log import noted_so_far
from deploytool.model.inputs import FILE

T = TypeVar("T")
Stamp = tuple[object, ...]

# What editors and programs leave in a folder now and then.
_PASSING = (".log", ".prom", ".swp", ".tmp", "~")
_BESIDE = ("group_vars", "host_vars", "playbooks")


class WatchedFiles:
    """The files that a load has read, and changes to them since.

    The folders of these files count, too: a new file in one of them may be read from now on.
    """

    def __init__(self, every_s: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._clock = every_s, clock
        self._stamps: dict[Path, Stamp | None] = {}
        self._compared_s = clock()

    def read(self, load: Callable[[], T]) -> T:
        """Call ``load`` and return its result. Its files are watched from now on, even if it fails."""
        # Stamped before they are read: a file that somebody is writing right now is read again later.
        before = self._stamps = {path: _stamp(path) for path in self._stamps}
        result = load()
        self._stamps = {}
        self._follow(before)
        return result

    def changed(self) -> bool:
        """A file has come, gone or changed; compared at most every ``every_s`` seconds."""
        now_s = self._clock()
        if now_s < self._compared_s + self._every_s:
            return False
        self._compared_s = now_s
        self._follow()  # templates read files late, while a plan is made
        return any(_stamp(path) != stamp for path, stamp in self._stamps.items())

    def _follow(self, before: Mapping[Path, Stamp | None] = MappingProxyType({})) -> None:
        for path in _noted():
            if path not in self._stamps:
                self._stamps[path] = before[path] if path in before else _stamp(path)


def _noted() -> Iterator[Path]:
    for one in noted_so_far():
        if one.kind == FILE:
            path = Path(one.name).absolute()
            yield path
            yield path.parent
            yield from (path.parent / name for name in _BESIDE)


def _stamp(path: Path) -> Stamp | None:
    """The state of a file: modification time, size and inode; of a folder, the names of its files."""
    try:
        if path.is_dir():
            names = sorted(entry.name for entry in path.iterdir())
            return tuple(name for name in names if not (name.startswith(".") or name.endswith(_PASSING)))
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
