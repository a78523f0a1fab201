"""Paramiko's client side as it is needed here: algorithms as configured, signals as exit codes, keepalives
that a frozen host does not pass. No policy."""

from __future__ import annotations

import fnmatch
import signal
import socket
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST, MSG_REQUEST_FAILURE, MSG_REQUEST_SUCCESS, cMSG_GLOBAL_REQUEST

from deploytool.transport.ssh.target import Target

_FOR_RSA = ("rsa-sha2-512", "rsa-sha2-256")


def _on_request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Paramiko drops ``exit-signal``: then a killed command would look like a lost connection."""
    request = paramiko.Message(message.get_remainder())
    if request.get_text() != "exit-signal":
        channel._handle_request(message)  # type: ignore[attr-defined]  # there is no public way in
        return
    request.get_boolean()
    number = getattr(signal, f"SIG{request.get_text()}", 0)
    channel.exit_status = 128 + number
    channel.status_event.set()


class Recent(dict[int, bool]):
    """The last numbers that were put in.

    Paramiko keeps those of all channels as long as the connection lives, since what still comes for a closed
    one is no error. A watcher opens a channel a minute, for months.
    """

    most = 100

    def __setitem__(self, number: int, seen: bool) -> None:
        super().__setitem__(number, seen)
        if len(self) > self.most:
            del self[next(iter(self))]


class ClientTransport(paramiko.Transport):
    """A connection to one sshd."""

    _channel_handler_table: ClassVar[dict[int, Any]] = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]  # likewise
        MSG_CHANNEL_REQUEST: _on_request,
    }

    # Paramiko's thread looks this often whether it was closed, for which ``Link`` need not wait, and whether
    # to ask for a sign of life. Ten times a second, a thousand open connections would keep a core busy.
    _active_check_timeout = 1.0

    silent_s = 0
    """For how long it had given no sign of life, where it was given up for that."""

    _unanswered = 0

    def __init__(self, stream: socket.socket, **options: Any) -> None:
        super().__init__(stream, **options)
        self.channels_seen = Recent()

    def keep_alive(self, interval_s: int, most: int) -> None:
        """Ask for a sign of life when nothing was said for ``interval_s``; 0 never asks.

        After ``most`` questions without an answer the connection is given up. Paramiko's own keepalive asks
        for no answer, so that only TCP notices a host that is gone: not one whose kernel still answers for
        a frozen sshd, and nothing behind a jump host.
        """
        self._handler_table = {
            **self._handler_table,  # type: ignore[has-type]  # an attribute that the stubs do not know
            MSG_REQUEST_SUCCESS: self._answered,
            MSG_REQUEST_FAILURE: self._answered,
        }

        def ask() -> None:
            if self._unanswered >= most:
                self.silent_s = interval_s * (most + 1)
                raise EOFError("no answer to keepalives")
            self._unanswered += 1
            if not self.clear_to_send.is_set():  # between key exchanges nothing else may be said
                return
            message = paramiko.Message()
            message.add_byte(cMSG_GLOBAL_REQUEST)
            message.add_string("keepalive@openssh.com")
            message.add_boolean(True)
            self._send_user_message(message)  # type: ignore[attr-defined]  # global_request would wait here

        self.packetizer.set_keepalive(interval_s, ask)
        if interval_s:
            self.sock.settimeout(min(self._active_check_timeout, interval_s / 10))

    def _answered(self, message: paramiko.Message) -> None:
        """A refusal is an answer."""
        self._unanswered = 0

    def configure(self, target: Target, known_types: Sequence[str]) -> None:
        """Set the algorithms; call it before the connection starts.

        Raises:
            ValueError: the configuration allows no algorithm that both it and this library know.
        """
        options, wanted = self.get_security_options(), dict(target.algorithms)
        if "ciphers" in wanted:
            options.ciphers = _choose("Ciphers", wanted["ciphers"], options.ciphers)
        if "macs" in wanted:
            options.digests = _choose("MACs", wanted["macs"], options.digests)
        if "kex" in wanted:
            options.kex = _choose("KexAlgorithms", wanted["kex"], options.kex)
        key_types = _choose("HostKeyAlgorithms", wanted.get("keys"), options.key_types)
        options.key_types = _known_first(key_types, known_types)
        if "pubkeys" in wanted:
            pubkeys = self.preferred_pubkeys
            chosen = _choose("PubkeyAcceptedAlgorithms", wanted["pubkeys"], pubkeys)
            self.disabled_algorithms = {"pubkeys": [name for name in pubkeys if name not in chosen]}


def _known_first(key_types: Iterable[str], known_types: Sequence[str]) -> tuple[str, ...]:
    """Ask first for the key types that known_hosts has: another type of the same host would look changed."""
    known = {
        name for key_type in known_types for name in (_FOR_RSA if key_type == "ssh-rsa" else (key_type,))
    }
    return tuple(sorted(key_types, key=lambda name: name not in known))


def _choose(option: str, wanted: str | None, available: Sequence[str]) -> tuple[str, ...]:
    """The available algorithms that an OpenSSH list allows: ``a,b``, ``+a``, ``-a``, ``^a`` (first)."""
    if not wanted or wanted.startswith("+"):
        return tuple(available)
    sign = wanted[0] if wanted[0] in "-^" else ""
    patterns = wanted.removeprefix(sign).split(",")
    named = [name for pattern in patterns for name in available if fnmatch.fnmatchcase(name, pattern)]
    rest = [name for name in available if name not in named]
    chosen = tuple(dict.fromkeys({"": named, "-": rest, "^": named + rest}[sign]))
    if not chosen:
        raise ValueError(f"{option} {wanted} leaves no algorithm that can be used here")
    return chosen
