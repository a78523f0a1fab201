"""Opens one authenticated connection to one sshd, within one deadline. Commands are run elsewhere.

The deadline covers name lookup, TCP, banner, key exchange and login. A watchdog closes the socket at its end,
since the kernel of a frozen host still completes TCP handshakes. Connections that are dropped before the
login are tried again with back-off, and the number of unauthenticated ones at one sshd is limited: sshd drops
them when there are too many.

Source: MaxStartups of sshd_config(5).
"""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import fabric
import paramiko

from deploytool.errors import HostUnreachable
from deploytool.model.secret import Secret
from deploytool.transport.ssh import host_keys, sockets
from deploytool.transport.ssh.auth import Login, ask_for_passphrases
from deploytool.transport.ssh.client import ClientTransport
from deploytool.transport.ssh.connect_failures import ConnectFailures, Dropped
from deploytool.transport.ssh.connection import SshConnection
from deploytool.transport.ssh.jump_hosts import JUMP_HOSTS, START_LIMIT
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.ssh.streams import LOSSES
from deploytool.transport.ssh.target import Target
from deploytool.transport.watchdog import Watchdog

_BACKOFF_S = 0.2
_NEVER_S = 3600.0  # the watchdog ends a connection attempt, not paramiko's own timeouts for its parts
# Without a handler, Python prints paramiko's log of failures, with tracebacks, on stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class _EmptyConfig(paramiko.SSHConfig):
    """No SSH configuration for fabric: the target has it already."""

    def lookup(self, hostname: str) -> paramiko.SSHConfigDict:
        return paramiko.SSHConfigDict({"hostname": hostname})


class _Connection(fabric.Connection):  # type: ignore[misc]  # fabric has no types
    """Fabric's, but setting an attribute does not write to its configuration.

    Those writes would cost as much as a tenth of a login, and connections could not share a configuration.
    """

    __setattr__ = object.__setattr__


# Otherwise fabric would read its own configuration files, and the SSH configuration once more.
_CONFIG = fabric.Config(ssh_config=_EmptyConfig(), lazy=True)


class _HostKeyPolicy(paramiko.MissingHostKeyPolicy):
    """Has ``host_keys`` verify every key: with its own table empty, paramiko calls this each time."""

    def __init__(self, host_name: str, target: Target) -> None:
        self._host_name = host_name
        self._target = target

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        del client, hostname
        host_keys.check(self._target, self._host_name, key.get_name(), key.asbytes())


def connect(
    host_name: str, target: Target, settings: SshSettings, password: Secret | None = None
) -> SshConnection:
    """Connect and log in; through the jump host if there is one, whose connection all hosts behind it share.

    Raises:
        HostUnreachable: no answer within the deadline, or refused; with ``setup``, the user has to correct a
            host key or the login.
    """
    jump, release = _jump(host_name, target, settings)
    try:
        ask_for_passphrases(target, settings)
        with START_LIMIT.slot(target.start_limit_key, settings.starts_per_address):
            return _Connector(host_name, target, settings, password, jump, release).connect()
    except BaseException:
        release()
        raise


def _jump(
    host_name: str, target: Target, settings: SshSettings
) -> tuple[SshConnection | None, Callable[[], None]]:
    """The connection to the jump host, if there is one, and the function that releases it."""
    if target.jump is None:
        return None, lambda: None
    jump = target.jump
    try:
        return JUMP_HOSTS.acquire(jump, lambda: connect(jump.name, jump, settings))
    except HostUnreachable as error:
        hint = error.hint
        if error.setup:
            hint += "; keys and options of a jump host come from the SSH configuration, as for ssh"
        message = f"jump host {jump.name}: {error.message}"
        raise HostUnreachable(message, hint=hint, host=host_name, setup=error.setup) from None


class _Connector:
    """The attempts to connect to one sshd, all within one deadline that begins with the object."""

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
        self._failures = ConnectFailures(host_name, target)
        self._login = Login(host_name, target, settings, password)
        self._jump = jump
        self._release = release
        self._transport: ClientTransport | None = None
        self._end = time.monotonic() + target.connect_timeout_s

    @property
    def _left_s(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def connect(self) -> SshConnection:
        """Try until an attempt succeeds or fails for good, all attempts are used up, or the time is over."""
        jitter = random.Random(self._host_name)  # noqa: S311 - spreads the load; the same in every run
        for number in range(1, self._target.connection_attempts + 1):
            try:
                return self._attempt()
            except Dropped as dropped:
                reason = str(dropped)
            pause_s = _BACKOFF_S * 2**number * jitter.uniform(0.5, 1.0)
            if number == self._target.connection_attempts or pause_s >= self._left_s:
                break
            time.sleep(pause_s)
        raise self._failures.dropped(reason)

    def _attempt(self) -> SshConnection:
        if self._target.proxy_command is None:
            return self._log_in(self._open(), self._release, str)
        proxy = sockets.ProxyProcess(self._target.expanded_proxy_command)
        try:
            return self._log_in(proxy.sock, proxy.close, proxy.last_words)
        except BaseException:
            proxy.close()
            raise

    def _open(self) -> socket.socket | paramiko.Channel:
        """The byte stream to the sshd: TCP, or a channel of the jump host."""
        where = self._target.where
        try:
            if self._jump is None:
                return sockets.tcp(self._target, self._left_s)
            return self._jump.channel_to(self._target, self._left_s)
        except paramiko.ChannelException as error:
            raise self._failures.error(f"the jump host cannot reach {where}: {error.text.lower()}") from None
        except paramiko.SSHException:
            raise self._failures.error(f"no answer from {where} through the jump host") from None
        except ConnectionResetError:
            raise Dropped(f"{where} reset the connection") from None
        except OSError as error:
            raise self._failures.no_connection(error) from None

    def _log_in(
        self,
        sock: socket.socket | paramiko.Channel,
        release: Callable[[], None],
        last_words: Callable[[], str],
    ) -> SshConnection:
        """Key exchange, host key and login on a byte stream, which is closed on any failure.

        ``last_words`` returns the last line on the ProxyCommand's stderr.
        """
        connection = self._prepared(sock)

        def close() -> None:
            for part in (connection.client, sock):
                with contextlib.suppress(*LOSSES):
                    part.close()

        with Watchdog(self._left_s, close) as watchdog:
            try:
                connection.open()
            except HostUnreachable:
                close()
                raise
            except (*LOSSES, ValueError) as error:
                failure = error
                close()
            else:
                return self._opened(connection, release)
        if watchdog.expired:
            raise self._failures.too_slow(self._transport)
        raise self._failures.closed(failure, self._login, last_words())

    def _opened(self, connection: fabric.Connection, release: Callable[[], None]) -> SshConnection:
        if self._transport:
            self._transport.keep_alive(self._target.keepalive_s, self._target.keepalive_max)
        return SshConnection(self._host_name, self._target, connection, release)

    def _prepared(self, sock: socket.socket | paramiko.Channel) -> fabric.Connection:
        """A fabric connection that is not open yet, with a value for all that fabric would guess."""
        connection = _Connection(
            self._target.address,
            user=self._target.user,
            port=self._target.port,
            config=_CONFIG,
            forward_agent=self._target.forward_agent,
            connect_kwargs={
                "sock": sock,
                "transport_factory": self._new_transport,
                "auth_strategy": self._login,
                "banner_timeout": _NEVER_S,
                "auth_timeout": _NEVER_S,
                "compress": self._target.compress,
            },
        )
        connection.client.set_missing_host_key_policy(_HostKeyPolicy(self._host_name, self._target))
        return connection

    def _new_transport(self, stream: socket.socket, **options: Any) -> ClientTransport:
        transport = ClientTransport(stream, **options)
        transport.handshake_timeout = _NEVER_S
        transport.configure(self._target, host_keys.known_types(self._target))
        self._transport = transport
        return transport
