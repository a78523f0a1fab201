"""The folder of a lab: its key pair, inventory, known_hosts, state file and lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from deploytool.errors import LabError
from deploytool.lab.commands import Say
from deploytool.lab.layout import LabHost, Layout, inventory_text, known_hosts_text, state_text


def ensure_key(layout: Layout) -> str:
    """The public key that logs in to the hosts; creates the pair if there is none, 0600."""
    if not layout.key_file.exists():
        private = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
        )
        write(layout.key_file, private.decode(), mode=0o600)
    pair = load_ssh_private_key(layout.key_file.read_bytes(), password=None)
    public = pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    write(layout.public_key_file, f"{public} {layout.prefix}\n")
    return public


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file atomically; one that has this text already is left alone."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    # A secret must not be readable by others for a moment either.
    fresh.touch(mode=mode, exist_ok=False)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def write_files(layout: Layout, hosts: Sequence[LabHost], host_keys: Sequence[str]) -> None:
    """Write known_hosts, the inventory and the state file."""
    ports = [host.ssh_port for host in hosts]
    write(layout.known_hosts_file, known_hosts_text(dict(zip(ports, host_keys, strict=True))))
    write(layout.inventory_file, inventory_text(hosts, "{{ inventory_dir }}"))
    write(layout.state_file, state_text(layout, hosts))


def clear(layout: Layout) -> None:
    """Remove the files of the lab, its lock included, and its folder if nothing else is in it."""
    written = (
        layout.key_file,
        layout.public_key_file,
        layout.known_hosts_file,
        layout.inventory_file,
        layout.state_file,
        layout.lock_file,
    )
    for path in written:
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        layout.directory.rmdir()


@contextlib.contextmanager
def locked(layout: Layout, say: Say) -> Iterator[None]:
    """Hold the lab's lock, after any other process that has it; the kernel frees it when a process ends."""
    descriptor = _lock(layout, say)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(layout: Layout, say: Say) -> int:
    while True:
        descriptor = _open(layout)
        if descriptor is None:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that changes the lab")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_current(descriptor, layout.lock_file):
            return descriptor
        # The one we waited for was `down`, which removed the file: this lock guards nothing.
        os.close(descriptor)


def _open(layout: Layout) -> int | None:
    """The lock file, opened; None where a `down` removes the folder at this moment."""
    try:
        layout.directory.mkdir(parents=True, exist_ok=True)
        return os.open(layout.lock_file, os.O_RDWR | os.O_CREAT, 0o644)
    except (FileNotFoundError, FileExistsError):
        if layout.directory.exists() and not layout.directory.is_dir():
            raise LabError(f"{layout.directory} is in the way: it is no folder") from None
        return None


def _is_current(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
