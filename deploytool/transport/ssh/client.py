"""Paramiko's transport with what deploytool needs in addition: algorithms from the configuration, exit codes
for signals, and keepalives that a frozen host fails.

Source: RFC 4253 (transport), RFC 4254 (exit-signal), ssh_config(5) (lists of algorithms).
"""

from __future__ import annotations

import fnmatch
import signal
import socket
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST, MSG_REQUEST_FAILURE, MSG_REQUEST_SUCCESS, cMSG_GLOBAL_REQUEST

from deploytool.transport.ssh.target import Algorithms, Target

_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")
_SECURITY_OPTIONS = {
    Algorithms.CIPHERS: "ciphers",
    Algorithms.MACS: "digests",
    Algorithms.KEY_EXCHANGE: "kex",
    Algorithms.HOST_KEYS: "key_types",
}
"""Attributes of ``paramiko.transport.SecurityOptions``, each a tuple of names in order of preference."""


def _on_request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Handle a channel request, with ``exit-signal`` as exit code 128 + n.

    Paramiko drops it, so that a killed command would look like a lost connection.
    """
    request = paramiko.Message(message.get_remainder())
    if request.get_text() != "exit-signal":
        channel._handle_request(message)  # type: ignore[attr-defined]  # there is no public way in
        return
    request.get_boolean()
    number = getattr(signal, f"SIG{request.get_text()}", 0)
    channel.exit_status = 128 + number
    channel.status_event.set()


class RecentChannels(dict[int, bool]):
    """The numbers of the last ``most`` channels.

    Paramiko remembers those of all channels as long as the connection lives, to accept late messages for
    closed ones. A watcher opens a channel a minute, for months.
    """

    most = 100

    def __setitem__(self, number: int, seen: bool) -> None:
        super().__setitem__(number, seen)
        if len(self) > self.most:
            del self[next(iter(self))]


class ClientTransport(paramiko.Transport):
    """The encrypted connection to one sshd."""

    _channel_handler_table: ClassVar[dict[int, Any]] = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]  # no public way in
        MSG_CHANNEL_REQUEST: _on_request,
    }

    # How often paramiko's thread checks for a close, which ``SshConnection`` need not wait for, and for a due
    # keepalive. At paramiko's ten times a second, a thousand open connections would keep a core busy.
    _active_check_timeout = 1.0

    silent_s = 0
    """Seconds without an answer, where the connection was given up for missed keepalives; else 0."""

    _unanswered = 0

    def __init__(self, stream: socket.socket, **options: Any) -> None:
        super().__init__(stream, **options)
        self.channels_seen = RecentChannels()

    def keep_alive(self, interval_s: int, most: int) -> None:
        """Send a keepalive when the connection was silent for ``interval_s``; 0 sends none.

        After ``most`` keepalives without an answer the connection is given up. Paramiko's own keepalives ask
        for no answer, so that only TCP would detect a lost host: not one whose kernel still answers for a
        frozen sshd, and none behind a jump host.

        Source: ServerAliveInterval and ServerAliveCountMax of ssh_config(5).
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
            if self.clear_to_send.is_set():  # no other message is allowed during a key exchange
                # ``global_request`` would wait for the answer here.
                self._send_user_message(_keepalive())  # type: ignore[attr-defined]

        self.packetizer.set_keepalive(interval_s, ask)
        if interval_s:
            self.sock.settimeout(min(self._active_check_timeout, interval_s / 10))

    def _answered(self, message: paramiko.Message) -> None:
        """Take success and failure as an answer: sshd refuses requests that it does not know."""
        self._unanswered = 0

    def configure(self, target: Target, known_types: Sequence[str]) -> None:
        """Restrict and order the algorithms; to be called before the connection starts.

        ``known_types`` are the key types that known_hosts has for the host.

        Raises:
            ValueError: the configuration allows no algorithm that paramiko has.
        """
        options, wanted = self.get_security_options(), dict(target.algorithms)
        for kind, attribute in _SECURITY_OPTIONS.items():
            if kind in wanted:
                setattr(options, attribute, _choose(kind, wanted[kind], getattr(options, attribute)))
        options.key_types = _known_first(options.key_types, known_types)
        if Algorithms.PUBLIC_KEYS in wanted:
            available = self.preferred_pubkeys
            chosen = _choose(Algorithms.PUBLIC_KEYS, wanted[Algorithms.PUBLIC_KEYS], available)
            self.disabled_algorithms = {"pubkeys": [name for name in available if name not in chosen]}


def _keepalive() -> paramiko.Message:
    """A global request that asks for an answer (RFC 4254, section 4), under the name that OpenSSH uses."""
    message = paramiko.Message()
    message.add_byte(cMSG_GLOBAL_REQUEST)
    message.add_string("keepalive@openssh.com")
    message.add_boolean(True)
    return message


def _known_first(key_types: Iterable[str], known_types: Sequence[str]) -> tuple[str, ...]:
    """The key types with those in known_hosts first: another type of the same host would look changed."""
    known = {
        name
        for key_type in known_types
        for name in (_RSA_SIGNATURES if key_type == "ssh-rsa" else (key_type,))
    }
    return tuple(sorted(key_types, key=lambda name: name not in known))


def _choose(kind: Algorithms, wanted: str, available: Sequence[str]) -> tuple[str, ...]:
    """The available algorithms that an OpenSSH list allows: ``a,b``, ``+a``, ``-a``, ``^a`` (first).

    Raises:
        ValueError: it allows none of them.
    """
    if wanted.startswith("+"):
        return tuple(available)
    sign = wanted[0] if wanted[0] in "-^" else ""
    patterns = wanted.removeprefix(sign).split(",")
    named = [name for pattern in patterns for name in available if fnmatch.fnmatchcase(name, pattern)]
    rest = [name for name in available if name not in named]
    chosen = tuple(dict.fromkeys({"": named, "-": rest, "^": named + rest}[sign]))
    if not chosen:
        raise ValueError(f"{kind.value} {wanted} leaves no algorithm that can be used here")
    return chosen
