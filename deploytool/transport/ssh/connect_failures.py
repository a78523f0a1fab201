"""The errors of connection attempts, worded for the user. Nothing is connected here."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from paramiko.ssh_exception import IncompatiblePeer

from deploytool.errors import HostUnreachable
from deploytool.transport.ssh.auth import Login
from deploytool.transport.ssh.client import ClientTransport
from deploytool.transport.ssh.target import Target

_DROPS_HINT = (
    "sshd drops connections when many start at once (raise MaxStartups in its sshd_config)"
    " and for a while after failed logins (PerSourcePenalties)"
)


class Dropped(Exception):
    """The other side closed the connection before the login: worth another attempt."""


@dataclass(frozen=True, slots=True)
class ConnectFailures:
    """Makes the error for each way in which connecting to one target can fail."""

    host_name: str
    target: Target

    def no_connection(self, error: OSError) -> HostUnreachable:
        """For an error of name lookup or of TCP's connect."""
        where = self.target.where
        if isinstance(error, socket.gaierror):
            return self._not_resolved(error)
        if isinstance(error, TimeoutError):
            return self.error(f"no answer from {where} within {self.target.connect_timeout_s:g} s")
        if isinstance(error, ConnectionRefusedError):
            hint = "does sshd run there, and is the port right?"
            return self.error(f"{where} refused the connection", hint)
        if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return self.error(f"there is no route to {where}")
        return self.error(f"cannot connect to {where}: {(error.strerror or str(error)).lower()}")

    def too_slow(self, transport: ClientTransport | None) -> HostUnreachable:
        """For a deadline that was missed after TCP had connected; ``transport`` knows how far it came."""
        if transport is None or not transport.remote_version:
            what = "accepted the connection but did not answer as sshd does"
        elif not transport.initial_kex_done:
            what = "did not finish the key exchange"
        else:
            what = "did not finish the login"
        return self.error(f"{self.target.where} {what} within {self.target.connect_timeout_s:g} s")

    def closed(self, failure: Exception, login: Login, last_words: str) -> HostUnreachable | Dropped:
        """For a connection that ended during the handshake or the login.

        ``last_words`` is the last line on the ProxyCommand's stderr, empty where there is none.
        """
        where = self.target.where
        if isinstance(failure, (IncompatiblePeer, ValueError)):
            return self.error(f"{where} and this side have no algorithm in common: {failure}", setup=True)
        if login.tried:
            refused = login.refused()
            refused.message += "; then it closed the connection"
            return refused
        if self.target.proxy_command is not None:
            said = f": {last_words}" if last_words else ""
            return self.error(f"the ProxyCommand ended before {where} answered{said}")
        return Dropped(f"{where} closed the connection before the login")

    def dropped(self, reason: str) -> HostUnreachable:
        """For the last attempt, when all were dropped."""
        return self.error(reason, _DROPS_HINT)

    def error(self, message: str, hint: str = "", *, setup: bool = False) -> HostUnreachable:
        """An error of this host."""
        return HostUnreachable(message, hint=hint, host=self.host_name, setup=setup)

    def _not_resolved(self, error: socket.gaierror) -> HostUnreachable:
        reason = (error.strerror or str(error)).lower()
        message = f"the address '{self.target.address}' cannot be resolved: {reason}"
        # EAI_AGAIN: the resolver itself failed, which may pass.
        return self.error(message, "check ansible_host and the DNS", setup=error.errno != socket.EAI_AGAIN)
