"""Files to and from a host, as one tar archive."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from deploytool.model.intent import File


def packed(files: Iterable[File]) -> bytes:
    """A tar of the files and their folders.

    Folders get mode 0755, since they may be mounted into a container whose user has to enter them.
    """
    import tarfile  # takes long, and a run with nothing to do packs nothing

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        seen: set[str] = set()
        for file in files:
            for folder in _folders(file.path):
                if folder not in seen:
                    seen.add(folder)
                    info = tarfile.TarInfo(folder)
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(info)
            info = tarfile.TarInfo(file.path)
            info.size, info.mode = len(file.content), file.mode
            archive.addfile(info, io.BytesIO(file.content))
        end = archive.offset
    # Two empty blocks end an archive; the rest of its last 10 KiB is for tapes.
    return buffer.getvalue()[: end + 2 * tarfile.BLOCKSIZE]


def _folders(path: str) -> Iterator[str]:
    """The folders of a path, the outermost first."""
    return (str(folder) for folder in reversed(PurePosixPath(path).parents) if folder.name)


def texts(raw: bytes) -> dict[str, str]:
    """The text of each file in a tar, by path; bytes that are no UTF-8 are replaced."""
    import tarfile

    found: dict[str, str] = {}
    if raw:
        with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
            for member in archive.getmembers():
                content = archive.extractfile(member) if member.isfile() else None
                if content:
                    found[member.name.removeprefix("./")] = content.read().decode("utf-8", "replace")
    return found
