"""Private keys from files, each read once a run, and from the agent; and their certificates.

Source: PROTOCOL.agent and PROTOCOL.certkeys of OpenSSH.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import copy
import os
import socket
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH

from deploytool.model.secret import Secret

PASSPHRASE_VARIABLE = "DEPLOYTOOL_KEY_PASSPHRASE"  # noqa: S105 - a name, not a passphrase
ENCRYPTED = "encrypted"

_KEY_CLASSES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
_AGENT_TIMEOUT_S = 5.0

AskPassphrase = Callable[[str], Secret | None]


class KeyRing:
    """Private keys by file: each is read, and its passphrase asked for, once for all hosts of the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[tuple[str, int], paramiko.PKey | str] = {}

    def load(self, path: str, ask: AskPassphrase | None) -> paramiko.PKey | str:
        """The key in a file, or a phrase that says why it cannot be used."""
        try:
            changed_ns = Path(path).stat().st_mtime_ns
        except OSError as error:
            return (error.strerror or str(error)).lower()
        with self._lock:
            found = self._keys.get((path, changed_ns))
            if found is None:
                found = self._keys[path, changed_ns] = _load(path, ask)
            return found


class Agent(AgentSSH):
    """An SSH agent at a socket; one without keys where there is no agent."""

    def __init__(self, path: str | None) -> None:
        super().__init__()
        if path:
            self._open(path)

    def _open(self, path: str) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_AGENT_TIMEOUT_S)
        try:
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]  # as paramiko's own agents do
        except (OSError, paramiko.SSHException):
            connection.close()

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]


def public_blob(path: str) -> bytes:
    """The public key of a key file, from the ``.pub`` beside it (or itself); empty where there is none."""
    file = Path(path if path.endswith(".pub") else f"{path}.pub")
    try:
        return _blob(file, file.stat().st_mtime_ns)
    except OSError:
        return b""


@lru_cache(maxsize=1024)
def _blob(file: Path, changed_ns: int) -> bytes:
    """The decoded key of a ``.pub`` file, cached for all hosts until the file changes."""
    with contextlib.suppress(ValueError, IndexError, binascii.Error):
        return base64.b64decode(file.read_text().split()[1])
    return b""


def certified(key: paramiko.PKey, path: str, certificate_files: tuple[str, ...]) -> Iterator[paramiko.PKey]:
    """The key combined with each certificate that was issued for it: one copy for each."""
    for file in dict.fromkeys((f"{path}-cert.pub", *certificate_files)):
        if _is_for(key, public_blob(file)):
            with_certificate = copy.copy(key)
            with_certificate.load_certificate(file)
            yield with_certificate


def _is_for(key: paramiko.PKey, certificate: bytes) -> bool:
    """True if the certificate is for this public key: its fields follow the certificate's type and nonce."""
    if not certificate:
        return False
    own, other = paramiko.Message(key.asbytes()), paramiko.Message(certificate)
    own.get_string(), other.get_string(), other.get_string()
    return other.get_remainder().startswith(own.get_remainder())


def _load(path: str, ask: AskPassphrase | None) -> paramiko.PKey | str:
    try:
        return _read(path, None)
    except paramiko.PasswordRequiredException:
        return _load_encrypted(path, ask)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except (paramiko.SSHException, ValueError):
        return "not a private key of a kind that can be read"


def _load_encrypted(path: str, ask: AskPassphrase | None) -> paramiko.PKey | str:
    given = os.environ.get(PASSPHRASE_VARIABLE)
    passphrase = Secret(given) if given else ask(path) if ask is not None else None
    if passphrase is None:
        return ENCRYPTED
    try:
        return _read(path, passphrase)
    except (paramiko.SSHException, ValueError):
        return "wrong passphrase"


def _read(path: str, passphrase: Secret | None) -> paramiko.PKey:
    failure: Exception = paramiko.SSHException("unknown kind of key")
    for key_class in _KEY_CLASSES:
        try:
            return key_class.from_private_key_file(path, passphrase.reveal() if passphrase else None)
        except paramiko.PasswordRequiredException:
            raise
        except (paramiko.SSHException, ValueError) as error:
            failure = error
    raise failure
