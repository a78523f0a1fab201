"""Verification of host keys against known_hosts files, which are read and appended to.

A host is looked up as ``address``, or ``[address]:port`` off port 22, or by its HostKeyAlias; plain, hashed
and wildcard entries are understood, as are several keys of one type, ``@revoked`` and several files. A host
that is known by keys of other types only is refused too, even under ``accept-new``: otherwise an attacker
could choose a type that is not known yet.

Source: SSH_KNOWN_HOSTS FILE FORMAT of sshd(8); StrictHostKeyChecking of ssh_config(5).
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import shlex
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from deploytool.errors import HostUnreachable
from deploytool.transport.ssh.target import Target

_SPECIAL = frozenset("*?!|")
_append_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a known_hosts file. ``blob`` is the key as it is sent on the wire."""

    file: str
    names: tuple[str, ...]
    key_type: str
    blob: bytes
    marker: str = ""

    def matches(self, name: str) -> bool:
        """True if a pattern matches the host name and no negated pattern does."""
        hits = [pattern for pattern in self.names if _name_matches(pattern.removeprefix("!"), name)]
        return bool(hits) and not any(hit.startswith("!") for hit in hits)


class _File:
    """The entries of one file, those with plain names indexed by name."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._plain: dict[str, list[Entry]] = {}
        self._patterns: list[Entry] = []
        for entry in entries:
            if any(set(name) & _SPECIAL for name in entry.names):
                self._patterns.append(entry)
                continue
            for name in entry.names:
                self._plain.setdefault(name.lower(), []).append(entry)

    def about(self, name: str) -> list[Entry]:
        """The entries for a host, plain ones first."""
        return self._plain.get(name, []) + [entry for entry in self._patterns if entry.matches(name)]


def known_types(target: Target) -> tuple[str, ...]:
    """The key types that known_hosts has for the host; ssh asks for them first."""
    return tuple(dict.fromkeys(entry.key_type for entry in _entries(target) if not entry.marker))


def check(target: Target, host_name: str, key_type: str, blob: bytes) -> None:
    """Accept the known key of a host; under ``accept-new`` add that of an unknown host to known_hosts.

    ``blob`` is the key as it is sent on the wire.

    Raises:
        HostUnreachable: with ``setup``: the key is revoked, changed or unknown; the hint says what to do.
    """
    entries = _entries(target)
    if any(entry.blob == blob for entry in entries if entry.marker == "@revoked"):
        raise _refusal(target, host_name, "is marked as revoked", "do not connect; ask who runs the host")
    known = [entry for entry in entries if not entry.marker]
    if any(entry.blob == blob for entry in known):
        return
    if known:
        same_type = [entry for entry in known if entry.key_type == key_type]
        raise _changed(target, host_name, (same_type or known)[0], key_type, blob)
    if not target.accept_new:
        raise _unknown(target, host_name, key_type, blob)
    _append(target, key_type, blob)


def fingerprint(blob: bytes) -> str:
    """SHA-256 fingerprint of a key, as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _entries(target: Target) -> list[Entry]:
    files = [_file(path) for path in (*target.known_hosts, *target.global_known_hosts)]
    found = [entry for file in files for entry in file.about(target.host_key_name)]
    if target.host_key_alias or any(not entry.marker for entry in found):
        return found
    # As in OpenSSH: a key that is known for the plain address is valid for all its ports.
    return found + [entry for file in files for entry in file.about(target.address.lower())]


def _file(path: str) -> _File:
    try:
        status = Path(path).stat()
    except OSError:
        return _File(())
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _read(path: str, mtime_ns: int, size: int) -> _File:
    """The file's entries, cached until time or size of the file change."""
    del mtime_ns, size
    try:
        return _File(_parsed(path, Path(path).read_text(errors="replace").splitlines()))
    except OSError:
        return _File(())


def _parsed(file: str, lines: Iterable[str]) -> Iterator[Entry]:
    for line in lines:
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        yield Entry(file, tuple(words[0].split(",")), words[1], blob, marker)


def _name_matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return hmac.compare_digest(pattern.encode(), _hashed(name, pattern.split("|")[2]).encode())
    if "*" in pattern or "?" in pattern:
        return fnmatch.fnmatchcase(name, pattern.lower().replace("[", "[[]"))
    return pattern.lower() == name


def _hashed(name: str, salt64: str) -> str:
    try:
        salt = base64.b64decode(salt64)
    except (binascii.Error, ValueError):
        return ""
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{salt64}|{base64.b64encode(digest).decode()}"


def _append(target: Target, key_type: str, blob: bytes) -> None:
    if not target.known_hosts:
        return
    name = target.host_key_name
    if target.hash_known_hosts:
        name = _hashed(name, base64.b64encode(os.urandom(20)).decode())
    path = Path(target.known_hosts[0])
    line = f"{name} {key_type} {base64.b64encode(blob).decode()}\n"
    with _append_lock:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.is_file() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(("\n" if unfinished else "").encode() + line.encode())


def _refusal(target: Target, host_name: str, what: str, hint: str) -> HostUnreachable:
    message = f"the host key of {target.where} {what}"
    return HostUnreachable(message, hint=hint, host=host_name, setup=True)


def _changed(target: Target, host_name: str, known: Entry, key_type: str, blob: bytes) -> HostUnreachable:
    forget = shlex.join(["ssh-keygen", "-R", target.host_key_name, "-f", known.file])
    return _refusal(
        target,
        host_name,
        f"has changed: {known.file} has {known.key_type} {fingerprint(known.blob)},"
        f" the host now shows {key_type} {fingerprint(blob)}",
        "this may be an attack. If the host was set up anew, forget the old key with"
        f" '{forget}' and fetch the new one with '{_keyscan(target)}'",
    )


def _unknown(target: Target, host_name: str, key_type: str, blob: bytes) -> HostUnreachable:
    return _refusal(
        target,
        host_name,
        f"is not known: it shows {key_type} {fingerprint(blob)}",
        f"check the fingerprint and add it with '{_keyscan(target)}',"
        " or trust the host on first contact with --accept-new-host-keys",
    )


def _keyscan(target: Target) -> str:
    command = shlex.join(["ssh-keyscan", "-p", str(target.port), target.address])
    if target.jump is not None:
        command = f"ssh {shlex.quote(target.jump.name)} {shlex.quote(command)}"
    if target.host_key_alias:
        command += f" | sed 's/^[^ ]*/{target.host_key_name}/'"
    file = target.known_hosts[0] if target.known_hosts else "~/.ssh/known_hosts"
    return f"{command} >> {shlex.quote(file)}"
