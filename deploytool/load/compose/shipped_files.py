"""Local files → files that a host receives, addressed by content.

The path of a file is ``files/<sha256>/<name>``, where the hash is over names, modes and contents: changed
content is another path, unchanged content the same. Modes are kept as git keeps them (executable or not),
and a file that only its owner may read stays so.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploytool.load.text.input_log import note_file
from deploytool.load.text.problems import Mistake
from deploytool.model.intent import File

MAX_BYTES = 64 * 1024 * 1024  # of all files of a project
MAX_FILES = 10_000  # in one folder
MAX_DEPTH = 32


class FileMistake(Mistake):
    """A file cannot be copied."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copied file or folder: its path below the project's folder on the host, and its files."""

    path: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    mode: int
    content: bytes


def is_file(path: Path) -> bool:
    """True where there is such a file; false also for a path that no file can have."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


class FileStore:
    """Reads files and folders, each once, up to ``MAX_BYTES`` for a project."""

    def __init__(self) -> None:
        self._known: dict[Path, Copied] = {}
        self._bytes = 0

    def copy(self, path: Path) -> Copied:
        """A local file or folder, as it is.

        Raises:
            FileMistake: it is not there, cannot be read, is too large, or leads out of itself.
        """
        if path not in self._known:
            entries = list(self._folder(path)) if _is_folder(path) else [self._file(path, path.name)]
            self._known[path] = _copied(path.name, entries)
        return self._known[path]

    def read(self, path: Path) -> bytes:
        """The content of a file. Raises as ``copy``."""
        return self._file(path, path.name).content

    def _file(self, path: Path, name: str) -> _Entry:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise FileMistake(f"'{path}' is neither a file nor a folder")
            self._count(status.st_size, path)
            content = path.read_bytes()
            note_file(path, content)
            return _Entry(name, _mode(status.st_mode), content)
        except FileNotFoundError:
            hint = "relative paths are copied to the hosts; write an absolute path for one of the host's own"
            raise FileMistake(f"there is no file or folder '{path}'", hint) from None
        except (OSError, ValueError) as error:
            raise FileMistake(f"'{path}' cannot be read: {getattr(error, 'strerror', error)}") from None

    def _count(self, size: int, path: Path) -> None:
        self._bytes += size
        if self._bytes > MAX_BYTES:
            limit = MAX_BYTES // 1024 // 1024
            hint = "put what is large into an image or a volume, or on the host with an absolute path"
            raise FileMistake(f"with '{path}' the project carries more than {limit} MiB of files", hint)

    def _folder(self, root: Path) -> Iterator[_Entry]:
        for number, path in enumerate(_walk(root, root.resolve(), MAX_DEPTH)):
            if number >= MAX_FILES:
                raise FileMistake(f"'{root}' holds more than {MAX_FILES} files")
            yield self._file(path, f"{root.name}/{path.relative_to(root).as_posix()}")


def generated_file(name: str, content: bytes, mode: int) -> Copied:
    """A file with the given content: a config or a secret."""
    return _copied(name, [_Entry(name, mode, content)])


def _copied(name: str, entries: Sequence[_Entry]) -> Copied:
    lines = (f"{e.mode:o} {hashlib.sha256(e.content).hexdigest()} {e.name}\n" for e in entries)
    digest = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    files = tuple(File(f"files/{digest}/{entry.name}", entry.content, entry.mode) for entry in entries)
    return Copied(f"files/{digest}/{name}", files)


def _walk(folder: Path, root: Path, depth: int) -> Iterator[Path]:
    """The files below a folder, sorted by name."""
    if not depth:
        raise FileMistake(f"'{folder}' is nested deeper than {MAX_DEPTH} folders")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise FileMistake(f"'{folder}' cannot be read: {error.strerror}") from None
    for entry in entries:
        path = folder / entry.name
        if entry.is_symlink() and not (path.is_file() and path.resolve().is_relative_to(root)):
            hint = "a link in a copied folder has to lead to a file in the same folder"
            raise FileMistake(f"the link '{path}' leads out of '{root}', to a folder, or nowhere", hint)
        if entry.is_dir():
            yield from _walk(path, root, depth - 1)
        else:
            yield path


def _mode(bits: int) -> int:
    mode = 0o755 if bits & 0o100 else 0o644
    return mode if bits & 0o077 else mode & 0o700
