"""Opens one authenticated connection to one sshd, within one deadline. Runs nothing on it.

The deadline covers name lookup, TCP, banner, key exchange and login: a watchdog closes the socket, since a
frozen host still completes TCP handshakes in its kernel. Connections that are dropped before the login are
tried again with back-off, and the number of those at one sshd at a time is limited: both because sshd drops
unauthenticated connections when there are too many.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import fabric
import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from deploytool.errors import HostUnreachable
from deploytool.model.secret import Secret
from deploytool.transport.ssh import host_keys, sockets
from deploytool.transport.ssh.auth import Login, ask_for_passphrases
from deploytool.transport.ssh.client import ClientTransport
from deploytool.transport.ssh.connection import SshConnection
from deploytool.transport.ssh.jump_hosts import BASTIONS, STARTS
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.ssh.streams import LOSSES
from deploytool.transport.ssh.target import Target
from deploytool.transport.ssh.watchdog import Watchdog

_BACKOFF_S = 0.2
_DROPS_HINT = (
    "sshd drops connections when many start at once (raise MaxStartups in its sshd_config)"
    " and for a while after failed logins (PerSourcePenalties)"
)
_NEVER_S = 3600.0  # the watchdog decides, not paramiko's own timeouts for parts of a connection
# Paramiko reports failures, with tracebacks, to loggers that print where nobody configured logging.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class _NothingConfigured(paramiko.SSHConfig):
    """All that the SSH configuration says is in the target already."""

    def lookup(self, hostname: str) -> paramiko.SSHConfigDict:
        return paramiko.SSHConfigDict({"hostname": hostname})


class _Connection(fabric.Connection):  # type: ignore[misc]  # fabric has no types
    """Fabric's, without its habit to take each attribute that is set for a change of its configuration.

    That would cost as much as a tenth of a login, and keep connections from sharing one.
    """

    __setattr__ = object.__setattr__


# Else fabric would read files of its own, and the SSH configuration once more.
_CONFIG = fabric.Config(ssh_config=_NothingConfigured(), lazy=True)


class _Dropped(Exception):
    """The other side closed the connection before the login: worth another try."""


class _HostKeyPolicy(paramiko.MissingHostKeyPolicy):
    """Paramiko's own tables stay empty, so that it asks for every host; ``hostkeys`` decides."""

    def __init__(self, host_name: str, target: Target) -> None:
        self._host_name = host_name
        self._target = target

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        del client, hostname
        host_keys.check(self._target, self._host_name, key.get_name(), key.asbytes())


def dial(
    host_name: str, target: Target, settings: SshSettings, password: Secret | None = None
) -> SshConnection:
    """Connect and log in; through the jump host if there is one, which all hosts behind it share.

    Raises:
        HostUnreachable: no answer within the deadline, refused, or with ``setup`` a host key or login that
            someone has to set right.
    """
    jump, release = _jump(host_name, target, settings)
    try:
        ask_for_passphrases(target, settings)
        with STARTS.at(target.starts_key, settings.starts_per_address):
            return _Dialer(host_name, target, settings, password, jump, release).connect()
    except BaseException:
        release()
        raise


def _jump(
    host_name: str, target: Target, settings: SshSettings
) -> tuple[SshConnection | None, Callable[[], None]]:
    if target.jump is None:
        return None, lambda: None
    jump = target.jump
    try:
        return BASTIONS.acquire(jump, lambda: dial(jump.name, jump, settings))
    except HostUnreachable as error:
        hint = error.hint
        if error.setup:
            hint += "; keys and options of a jump host come from the SSH configuration, as for ssh"
        message = f"jump host {jump.name}: {error.message}"
        raise HostUnreachable(message, hint=hint, host=host_name, setup=error.setup) from None


class _Dialer:
    """The tries to reach one sshd, all within one deadline that counts from here on."""

    def __init__(
        self,
        host_name: str,
        target: Target,
        settings: SshSettings,
        password: Secret | None,
        jump: SshConnection | None,
        release: Callable[[], None],
    ) -> None:
        self._host_name = host_name
        self._target = target
        self._login = Login(host_name, target, settings, password)
        self._jump = jump
        self._release = release
        self._transport: ClientTransport | None = None
        self._end = time.monotonic() + target.connect_timeout_s

    @property
    def _left_s(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def connect(self) -> SshConnection:
        """Try until it works, the tries are used up, or the time is over."""
        jitter = random.Random(self._host_name)  # noqa: S311 - spreads the load; the same in every run
        for number in range(1, self._target.attempts + 1):
            try:
                return self._attempt()
            except _Dropped as dropped:
                reason = str(dropped)
            pause_s = _BACKOFF_S * 2**number * jitter.uniform(0.5, 1.0)
            if number == self._target.attempts or pause_s >= self._left_s:
                break
            time.sleep(pause_s)
        raise self._error(reason, _DROPS_HINT)

    def _attempt(self) -> SshConnection:
        if self._target.proxy_command is None:
            return self._log_in(self._stream(), self._release, str)
        proxy = sockets.ProxyProcess(self._target.command)
        try:
            return self._log_in(proxy.sock, proxy.close, proxy.last_words)
        except BaseException:
            proxy.close()
            raise

    def _stream(self) -> socket.socket | paramiko.Channel:
        where = self._target.where
        try:
            if self._jump is None:
                return sockets.tcp(self._target, self._left_s)
            return self._jump.channel_to(self._target, self._left_s)
        except paramiko.ChannelException as error:
            raise self._error(f"the jump host cannot reach {where}: {error.text.lower()}") from None
        except paramiko.SSHException:
            raise self._error(f"no answer from {where} through the jump host") from None
        except ConnectionResetError:
            raise _Dropped(f"{where} reset the connection") from None
        except OSError as error:
            raise self._no_connection(error) from None

    def _log_in(
        self,
        sock: socket.socket | paramiko.Channel,
        release: Callable[[], None],
        last_words: Callable[[], str],
    ) -> SshConnection:
        connection = self._prepared(sock)
        client = connection.client

        def give_up() -> None:
            for part in (client, sock):
                with contextlib.suppress(*LOSSES):
                    part.close()

        with Watchdog(self._left_s, give_up) as watchdog:
            try:
                connection.open()
            except HostUnreachable:
                give_up()
                raise
            except (*LOSSES, ValueError) as error:
                failure = error
                give_up()
            else:
                if self._transport:
                    self._transport.keep_alive(self._target.keepalive_s, self._target.keepalive_max)
                return SshConnection(self._host_name, self._target, connection, release)
        if watchdog.expired:
            raise self._too_slow()
        raise self._broken(failure, last_words())

    def _prepared(self, sock: socket.socket | paramiko.Channel) -> fabric.Connection:
        """A Fabric connection that is not open yet, with everything that Fabric would guess decided."""

        def transport(stream: socket.socket, **options: Any) -> ClientTransport:
            made = ClientTransport(stream, **options)
            made.handshake_timeout = _NEVER_S
            made.configure(self._target, host_keys.known_types(self._target))
            self._transport = made
            return made

        connection = _Connection(
            self._target.address,
            user=self._target.user,
            port=self._target.port,
            config=_CONFIG,
            forward_agent=self._target.forward_agent,
            connect_kwargs={
                "sock": sock,
                "transport_factory": transport,
                "auth_strategy": self._login,
                "banner_timeout": _NEVER_S,
                "auth_timeout": _NEVER_S,
                "compress": self._target.compress,
            },
        )
        connection.client.set_missing_host_key_policy(_HostKeyPolicy(self._host_name, self._target))
        return connection

    def _broken(self, failure: Exception, last_words: str) -> Exception:
        """What it means that the connection ended before the login was over."""
        where, login = self._target.where, self._login
        if isinstance(failure, (IncompatiblePeer, ValueError)):
            return self._error(f"{where} and this side have no algorithm in common: {failure}", setup=True)
        if login.tried:
            refused = login.refused()
            refused.message += "; then it closed the connection"
            return refused
        if self._target.proxy_command is not None:
            said = f": {last_words}" if last_words else ""
            return self._error(f"the ProxyCommand ended before {where} answered{said}")
        return _Dropped(f"{where} closed the connection before the login")

    def _too_slow(self) -> HostUnreachable:
        if self._transport is None or not self._transport.remote_version:
            what = "accepted the connection but did not answer as sshd does"
        elif not self._transport.initial_kex_done:
            what = "did not finish the key exchange"
        else:
            what = "did not finish the login"
        return self._error(f"{self._target.where} {what} within {self._target.connect_timeout_s:g} s")

    def _no_connection(self, error: OSError) -> HostUnreachable:
        where = self._target.where
        if isinstance(error, socket.gaierror):
            lasting = error.errno != socket.EAI_AGAIN
            reason = (error.strerror or str(error)).lower()
            message = f"the address '{self._target.address}' cannot be resolved: {reason}"
            return self._error(message, "check ansible_host and the DNS", setup=lasting)
        if isinstance(error, TimeoutError):
            return self._error(f"no answer from {where} within {self._target.connect_timeout_s:g} s")
        if isinstance(error, ConnectionRefusedError):
            return self._error(
                f"{where} refused the connection", "does sshd run there, and is the port right?"
            )
        if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return self._error(f"there is no route to {where}")
        return self._error(f"cannot connect to {where}: {(error.strerror or str(error)).lower()}")

    def _error(self, message: str, hint: str = "", *, setup: bool = False) -> HostUnreachable:
        return HostUnreachable(message, hint=hint, host=self._host_name, setup=setup)
