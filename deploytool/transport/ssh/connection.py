"""One authenticated connection and the commands on it: each runs on a channel of its own.

Paramiko's channels are used directly and without threads: bytes go in while bytes come out.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import fabric
import paramiko
from paramiko.agent import AgentRequestHandler

from deploytool.errors import HostUnreachable
from deploytool.transport.base import Result, Terminal
from deploytool.transport.ssh.client import ClientTransport
from deploytool.transport.ssh.lost import Lost
from deploytool.transport.ssh.streams import LOSSES, SshStream, wake_of
from deploytool.transport.ssh.target import Target
from deploytool.transport.ssh.watchdog import Watchdog

_CHUNK_BYTES = 32_768
_READ_BYTES = 1 << 20
_IDLE_S = 1.0
_FULL_WINDOW_S = 0.005  # nothing wakes us when the other side takes more input, so look often


class SshConnection:
    """An open connection. ``release`` gives back what it stands on: a jump host, a ProxyCommand."""

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
        """Whether the connection still stands, as far as this side knows."""
        return self._transport.is_active()

    def run(self, command: str, name: str, stdin: bytes, timeout_s: float) -> Result:
        """Run a line of shell with ``stdin`` as its whole input; ``name`` is what messages call it.

        After a missed deadline the connection is given up, since nobody knows what became of the command.

        Raises:
            Lost: the connection broke before the command began.
            HostUnreachable: it broke afterwards, or the command did not end within ``timeout_s``.
        """
        with self._session(name, timeout_s, "end") as channel:
            try:
                with self._forwarded_agent(channel):
                    channel.exec_command(command)
                    return _converse(channel, stdin)
            finally:
                _drop(channel)

    def stream(self, command: str, name: str, terminal: Terminal | None, timeout_s: float) -> SshStream:
        """Begin a line of shell and leave it running, on a terminal if one is given.

        Raises:
            Lost: the connection broke before the command began.
            HostUnreachable: it broke afterwards, or the command did not begin within ``timeout_s``.
        """
        with self._session(name, timeout_s, "begin") as channel:
            agent = self._forwarded_agent(channel)
            if terminal is not None:
                channel.get_pty(terminal.kind, terminal.columns, terminal.rows)
            channel.exec_command(command)
            return SshStream(channel, lambda: self._broke(name), agent.close)

    @contextlib.contextmanager
    def _session(self, name: str, timeout_s: float, what: str) -> Iterator[paramiko.Channel]:
        """A channel for one command, closed on any failure; what failed becomes the error to show."""
        channel: paramiko.Channel | None = None
        with Watchdog(timeout_s, self._transport.close) as watchdog:
            try:
                channel = self._transport.open_session(timeout=timeout_s)
                yield channel
            except LOSSES as error:
                failure = error
                _drop(channel)
            except BaseException:
                _drop(channel)
                raise
            else:
                return
        if watchdog.expired:
            raise self._error(f"'{name}' on {self.target.where} did not {what} within {timeout_s:g} s")
        if isinstance(failure, paramiko.ChannelException):
            raise self._error(
                f"{self.target.where} refuses another session: {failure.text}",
                "raise MaxSessions in its sshd_config",
            )
        raise Lost if channel is None else self._broke(name)

    def channel_to(self, target: Target, timeout_s: float) -> paramiko.Channel:
        """A stream from this host, as a jump host, to the sshd of ``target``.

        Raises:
            SSHException: no such stream; ``ChannelException`` where this host cannot reach the other.
        """
        return self._transport.open_channel(
            "direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=timeout_s
        )

    def close(self) -> None:
        """Close the connection and give back what it stands on."""
        # Paramiko's reading thread sees an ended socket at once, and a closed one only when it looks.
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

    def _broke(self, name: str) -> HostUnreachable:
        silent_s = self._transport.silent_s
        why = f": no sign of life for {silent_s} s" if silent_s else ""
        return self._error(f"the connection to {self.target.where} was lost while '{name}' was running{why}")

    def _error(self, message: str, hint: str = "") -> HostUnreachable:
        return HostUnreachable(message, hint=hint, host=self._host_name)


def _drop(channel: paramiko.Channel | None) -> None:
    if channel is not None:
        with contextlib.suppress(*LOSSES):
            channel.close()


def _converse(channel: paramiko.Channel, stdin: bytes) -> Result:
    """Give the command its input and take its output at the same time, so that neither side gets stuck."""
    output = {"out": bytearray(), "err": bytearray()}
    arrived = wake_of(channel)
    unsent = memoryview(stdin)
    if not unsent:
        channel.shutdown_write()
    while True:
        arrived.clear()
        ended = channel.eof_received or channel.closed
        sent = _send_some(channel, unsent) if unsent else 0
        unsent = unsent[sent:]
        if sent and not unsent:
            _end_input(channel)
        if _receive(channel, output["out"], output["err"]) or sent:
            continue
        if ended:
            break
        arrived.wait(_FULL_WINDOW_S if unsent else _IDLE_S)
    channel.status_event.wait()
    if channel.exit_status < 0:
        raise EOFError("no exit status")
    return Result(channel.exit_status, bytes(output["out"]), bytes(output["err"]))


def _send_some(channel: paramiko.Channel, unsent: memoryview) -> int:
    """How much was taken: all of it where nobody reads any more, which is the command's own business."""
    if not channel.send_ready():
        return 0
    try:
        return channel.send(bytes(unsent[:_CHUNK_BYTES])) or len(unsent)
    except OSError:
        return len(unsent)


def _end_input(channel: paramiko.Channel) -> None:
    with contextlib.suppress(OSError):
        channel.shutdown_write()


def _receive(channel: paramiko.Channel, out: bytearray, err: bytearray) -> bool:
    before = len(out) + len(err)
    if channel.recv_ready():
        out += channel.recv(_READ_BYTES)
    if channel.recv_stderr_ready():
        err += channel.recv_stderr(_READ_BYTES)
    return len(out) + len(err) > before
