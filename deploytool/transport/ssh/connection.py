"""One authenticated connection and the commands on it, each on a channel of its own.

Paramiko's channels are used directly and without threads: input is sent while output is received.

Source: RFC 4254 (channels, sessions, direct-tcpip).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import fabric
import paramiko
from paramiko.agent import AgentRequestHandler

from deploytool.errors import HostUnreachable
from deploytool.transport.base import CommandNotStarted, Result, Terminal
from deploytool.transport.ssh.client import ClientTransport
from deploytool.transport.ssh.streams import LOSSES, SshStream, arrival_event
from deploytool.transport.ssh.target import Target
from deploytool.transport.watchdog import Watchdog

_CHUNK_BYTES = 32_768
_READ_BYTES = 1 << 20
_IDLE_S = 1.0
_AFTER_WATCHDOG_S = 60.0
_FULL_WINDOW_S = 0.005  # no event tells that the other side accepts more input: poll


class SshConnection:
    """An open connection. ``release`` is called when it is closed: for its jump host or ProxyCommand."""

    def __init__(
        self, host_name: str, target: Target, connection: fabric.Connection, release: Callable[[], None]
    ) -> None:
        self.target = target
        self._host_name = host_name
        self._client: paramiko.SSHClient = connection.client
        self._transport: ClientTransport = connection.transport
        self._release = release

    @property
    def alive(self) -> bool:
        """False once the connection is known to be lost or closed."""
        return self._transport.is_active()

    def run(self, command: str, name: str, stdin: bytes, timeout_s: float) -> Result:
        """Run a shell command line with ``stdin`` as its whole input; ``name`` stands for it in messages.

        After a missed deadline the connection is closed, since the command may still be running.

        Raises:
            CommandNotStarted: the connection was lost before the command started.
            HostUnreachable: it was lost afterwards, or the command did not end within ``timeout_s``.
        """
        with self._session(name, timeout_s, "end") as channel:
            try:
                with self._forwarded_agent(channel):
                    channel.exec_command(command)
                    return _Exchange(channel, stdin).result()
            finally:
                _close(channel)

    def stream(self, command: str, name: str, terminal: Terminal | None, timeout_s: float) -> SshStream:
        """Start a shell command line and return while it runs, on a terminal if one is given.

        Raises:
            CommandNotStarted: the connection was lost before the command started.
            HostUnreachable: it was lost afterwards, or the command did not start within ``timeout_s``.
        """
        with self._session(name, timeout_s, "start") as channel:
            agent = self._forwarded_agent(channel)
            if terminal is not None:
                channel.get_pty(terminal.kind, terminal.columns, terminal.rows)
            channel.exec_command(command)
            return SshStream(channel, lambda: self._lost(name), agent.close)

    @contextlib.contextmanager
    def _session(self, name: str, timeout_s: float, goal: str) -> Iterator[paramiko.Channel]:
        """A channel for one command, closed on any failure.

        ``goal`` is the verb for the message of a missed deadline: "did not start", "did not end".

        Raises:
            CommandNotStarted, HostUnreachable: in place of paramiko's exceptions.
        """
        channel: paramiko.Channel | None = None
        with Watchdog(timeout_s, self._transport.close) as watchdog:
            try:
                # The watchdog alone decides: were paramiko the first, the command would be started again.
                channel = self._transport.open_session(timeout=timeout_s + _AFTER_WATCHDOG_S)
                yield channel
            except LOSSES as error:
                failure = error
                _close(channel)
            except BaseException:
                _close(channel)
                raise
            else:
                return
        if watchdog.expired:
            raise self._error(f"'{name}' on {self.target.where} did not {goal} within {timeout_s:g} s")
        if isinstance(failure, paramiko.ChannelException):
            raise self._session_refused(failure)
        raise CommandNotStarted if channel is None else self._lost(name)

    def channel_to(self, target: Target, timeout_s: float) -> paramiko.Channel:
        """A channel from this host, as a jump host, to the sshd of ``target``.

        Raises:
            SSHException: the channel cannot be opened; ``ChannelException`` where this host refuses it.
        """
        return self._transport.open_channel(
            "direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=timeout_s
        )

    def close(self) -> None:
        """Close the connection and release its jump host or ProxyCommand."""
        # Paramiko's thread sees a shut-down socket at once, and a closed one only at its next check.
        with contextlib.suppress(*LOSSES):
            self._transport.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(*LOSSES):
            self._client.close()
        self._transport.join(_IDLE_S)
        self._release()

    def _forwarded_agent(self, channel: paramiko.Channel) -> contextlib.ExitStack:
        stack = contextlib.ExitStack()
        if self.target.forward_agent:
            stack.callback(AgentRequestHandler(channel).close)
        return stack

    def _lost(self, name: str) -> HostUnreachable:
        silent_s = self._transport.silent_s
        why = f": no sign of life for {silent_s} s" if silent_s else ""
        return self._error(f"the connection to {self.target.where} was lost while '{name}' was running{why}")

    def _session_refused(self, failure: paramiko.ChannelException) -> HostUnreachable:
        return self._error(
            f"{self.target.where} refuses another session: {failure.text}",
            "raise MaxSessions in its sshd_config",
        )

    def _error(self, message: str, hint: str = "") -> HostUnreachable:
        return HostUnreachable(message, hint=hint, host=self._host_name)


def _close(channel: paramiko.Channel | None) -> None:
    if channel is not None:
        with contextlib.suppress(*LOSSES):
            channel.close()


class _Exchange:
    """Sends a command its input and receives its output at the same time, so that neither side blocks."""

    def __init__(self, channel: paramiko.Channel, stdin: bytes) -> None:
        self._channel = channel
        self._unsent = memoryview(stdin)
        self._stdout, self._stderr = bytearray(), bytearray()

    def result(self) -> Result:
        """The result of the command, once it has ended.

        Raises:
            EOFError: the channel was closed without an exit code.
        """
        channel, arrival = self._channel, arrival_event(self._channel)
        if not self._unsent:
            channel.shutdown_write()
        while True:
            arrival.clear()
            ended = channel.eof_received or channel.closed
            sent, received = self._send(), self._receive()
            if sent or received:
                continue
            if ended:
                break
            arrival.wait(_FULL_WINDOW_S if self._unsent else _IDLE_S)
        channel.status_event.wait()
        if channel.exit_status < 0:
            raise EOFError("no exit status")
        return Result(channel.exit_status, bytes(self._stdout), bytes(self._stderr))

    def _send(self) -> bool:
        """Send the next piece of the input and, behind the last one, its end; false if none was accepted."""
        if not (self._unsent and self._channel.send_ready()):
            return False
        self._unsent = self._unsent[self._sent() :]
        if not self._unsent:
            with contextlib.suppress(OSError):
                self._channel.shutdown_write()
        return True

    def _sent(self) -> int:
        """The number of bytes sent; all of the input where the command has closed its stdin."""
        try:
            return self._channel.send(bytes(self._unsent[:_CHUNK_BYTES])) or len(self._unsent)
        except OSError:
            return len(self._unsent)

    def _receive(self) -> bool:
        """Take what has arrived; false if nothing has."""
        before = len(self._stdout) + len(self._stderr)
        if self._channel.recv_ready():
            self._stdout += self._channel.recv(_READ_BYTES)
        if self._channel.recv_stderr_ready():
            self._stderr += self._channel.recv_stderr(_READ_BYTES)
        return len(self._stdout) + len(self._stderr) > before
