"""An SSH server in this process, with faults. Commands are real processes of this machine.

Paramiko's server side does the protocol; the files that clients read (keys, known_hosts) are written by the
fixtures of ``conftest``.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator, Sequence

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_POLL_S = 0.05


def ed25519_pem(passphrase: str = "") -> str:
    """A new private key in OpenSSH's format."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, encryption)
        .decode()
    )


def ed25519_key() -> paramiko.PKey:
    return paramiko.Ed25519Key.from_private_key(io.StringIO(ed25519_pem()))


class SshServer:
    """Listens on a port of its own. Each attribute may be changed between connections.

    ``drop_first`` connections are reset at once; while ``silent``, connections are accepted and nothing is
    ever said. ``passwords`` and ``public_keys`` are what lets ``user`` in. ``connections`` counts those that
    were accepted, ``commands`` keeps what was asked to run, ``waiting`` is the highest number of connections
    that were not logged in at the same time.
    """

    def __init__(self, host_keys: Sequence[paramiko.PKey]) -> None:
        self.host_keys = list(host_keys)
        self.user = "someone"
        self.passwords: set[str] = set()
        self.public_keys: set[bytes] = set()
        self.drop_first = 0
        self.silent = False
        self.before_login: Callable[[], object] = lambda: None
        self.before_session: Callable[[], object] = lambda: None
        self.connections = 0
        self.commands: list[str] = []
        self.logins: list[str] = []
        self.terminal_kinds: list[str] = []
        self.waiting = 0
        self._not_logged_in = 0
        self._lock = threading.Lock()
        self._transports: list[paramiko.Transport] = []
        self._silent: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(_POLL_S)
        self.port: int = self._listener.getsockname()[1]
        self._open = True
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._thread.join()
        self._listener.close()
        for quiet in self._silent:
            quiet.close()
        self.drop_all()

    def drop_all(self) -> None:
        """Cut every connection, as a dying machine does."""
        for transport in self._transports:
            transport.close()

    def freeze(self) -> None:
        """Say nothing any more and hear nothing, as a machine that is suspended behind a live network."""
        for transport in self._transports:
            transport.sock.stop()  # type: ignore[union-attr]  # see _Freezable

    def known_as(self, name: str = "", key: paramiko.PKey | None = None) -> str:
        """The line of known_hosts for this server."""
        key = key or self.host_keys[0]
        return f"{name or f'[127.0.0.1]:{self.port}'} {key.get_name()} {key.get_base64()}\n"

    def logged_in(self, how: str) -> None:
        with self._lock:
            self.logins.append(how)
            self._not_logged_in -= 1

    def _accept(self) -> None:
        while self._open:
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            if self.connections <= self.drop_first:
                sock.close()
            elif self.silent:
                self._silent.append(sock)
            else:
                self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        with self._lock:
            self._not_logged_in += 1
            self.waiting = max(self.waiting, self._not_logged_in)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(_Freezable(sock))
        for key in self.host_keys:
            transport.add_server_key(key)
        self._transports.append(transport)
        session = _Session(self, transport)
        transport.start_server(event=threading.Event(), server=session)
        threading.Thread(target=session.forward, daemon=True).start()


class _Freezable:
    """A socket that stops reading and writing when it is told to, while its kernel goes on."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def recv(self, size: int) -> bytes:
        if self._stopped:
            threading.Event().wait(_POLL_S)
            raise TimeoutError
        return self._sock.recv(size)

    def send(self, data: bytes) -> int:
        return len(data) if self._stopped else self._sock.send(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


class _Session(paramiko.ServerInterface):
    def __init__(self, server: SshServer, transport: paramiko.Transport) -> None:
        self._server = server
        self._transport = transport
        self._destinations: dict[int, socket.socket] = {}
        self._terminals: dict[int, tuple[int, int]] = {}

    def check_channel_pty_request(
        self,
        channel: paramiko.Channel,
        term: bytes,
        width: int,
        height: int,
        pixelwidth: int,
        pixelheight: int,
        modes: bytes,
    ) -> bool:
        ours, theirs = pty.openpty()
        self._terminals[channel.get_id()] = (ours, theirs)
        self._server.terminal_kinds.append(term.decode())
        return self.check_channel_window_change_request(channel, width, height, 0, 0)

    def check_channel_window_change_request(
        self, channel: paramiko.Channel, width: int, height: int, pixelwidth: int, pixelheight: int
    ) -> bool:
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self._terminals[channel.get_id()][0], termios.TIOCSWINSZ, size)
        return True

    def get_allowed_auths(self, username: str) -> str:
        ways = {"publickey": self._server.public_keys, "password": self._server.passwords}
        return ",".join(name for name, accepted in ways.items() if accepted)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._verdict(username, key.asbytes() in self._server.public_keys, "publickey")

    def check_auth_password(self, username: str, password: str) -> int:
        return self._verdict(username, password in self._server.passwords, "password")

    def _verdict(self, username: str, good: bool, how: str) -> int:
        self._server.before_login()
        if not good or username != self._server.user:
            return paramiko.AUTH_FAILED
        self._server.logged_in(how)
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._server.before_session()
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._server.commands.append(command.decode())
        terminal = self._terminals.get(channel.get_id())
        run, more = (_run_on_terminal, (terminal,)) if terminal else (_run, ())
        arguments = (channel, command.decode(), self._server, *more)
        threading.Thread(target=run, args=arguments, daemon=True).start()
        return True

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        try:
            outward = socket.create_connection(destination, timeout=5)
        except OSError:
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        self._destinations[chanid] = outward
        return paramiko.OPEN_SUCCEEDED

    def forward(self) -> None:
        """Join each forwarded channel with its socket, as long as the connection lasts."""
        kept = []  # paramiko drops channels that nobody refers to
        while self._transport.is_active():
            channel = self._transport.accept(_POLL_S)
            kept.append(channel)
            if channel is not None and (outward := self._destinations.get(channel.get_id())):
                threading.Thread(target=_join, args=(channel, outward), daemon=True).start()


def _join(channel: paramiko.Channel, outward: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(outward.recv, channel.sendall, channel.close), daemon=True)
    back.start()
    _copy(channel.recv, outward.sendall, lambda: _shut(outward))
    back.join()
    outward.close()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], object], end: Callable[[], object]) -> None:
    with contextlib.suppress(OSError, EOFError):
        while data := read(65_536):
            write(data)
    with contextlib.suppress(OSError, EOFError):
        end()


def _run(channel: paramiko.Channel, command: str, server: SshServer) -> None:
    """Run the line in a shell; exit code 99 cuts all connections instead."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin and process.stdout and process.stderr
    pumps = [
        threading.Thread(target=_copy, args=arguments, daemon=True)
        for arguments in (
            (channel.recv, _writer(process.stdin), process.stdin.close),
            (_reader(process.stdout), channel.sendall, lambda: None),
            (_reader(process.stderr), channel.sendall_stderr, lambda: None),
        )
    ]
    for pump in pumps:
        pump.start()
    pumps[1].join()
    pumps[2].join()
    _end(channel, process.wait(), server)


def _end(channel: paramiko.Channel, code: int, server: SshServer) -> None:
    if code == 99:
        server.drop_all()
        return
    with contextlib.suppress(OSError, EOFError):  # where the client has gone, nobody asks any more
        if code < 0:
            _send_signal(channel, signal.Signals(-code).name.removeprefix("SIG"))
        else:
            channel.send_exit_status(code)
        # Closing here could overtake the reply to the request; the client closes.
        channel.shutdown_write()


def _run_on_terminal(
    channel: paramiko.Channel, command: str, server: SshServer, terminal: tuple[int, int]
) -> None:
    """Run the line in a shell on a terminal, which its session owns."""
    ours, theirs = terminal
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", "/bin/sh", "-c", command], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    give = threading.Thread(
        target=_copy, args=(channel.recv, lambda data: os.write(ours, data), lambda: None), daemon=True
    )
    give.start()
    _copy(lambda size: os.read(ours, size), channel.sendall, lambda: None)
    _end(channel, process.wait(), server)
    give.join()
    os.close(ours)


def _reader(pipe: io.BufferedIOBase | object) -> Callable[[int], bytes]:
    return lambda size: os.read(pipe.fileno(), size)  # type: ignore[attr-defined]


def _writer(pipe: object) -> Callable[[bytes], object]:
    def write(data: bytes) -> None:
        # What a command does not read is taken all the same: sshd would close the channel, see ``_end``.
        with contextlib.suppress(BrokenPipeError):
            pipe.write(data)  # type: ignore[attr-defined]
            pipe.flush()  # type: ignore[attr-defined]

    return write


def _send_signal(channel: paramiko.Channel, name: str) -> None:
    message = paramiko.Message()
    message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exit-signal")
    message.add_boolean(False)
    message.add_string(name)
    message.add_boolean(False)
    message.add_string("")
    message.add_string("")
    channel.transport._send_user_message(message)  # type: ignore[attr-defined]


@contextlib.contextmanager
def serving(*host_keys: paramiko.PKey) -> Iterator[SshServer]:
    """A server for the length of the context."""
    server = SshServer(host_keys)
    try:
        yield server
    finally:
        server.close()
