"""An SSH agent in this process: it lists keys and signs with them, as the agent protocol says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import paramiko

_LIST, _KEYS, _SIGN, _SIGNATURE, _FAILURE = 11, 12, 13, 14, 5


@contextlib.contextmanager
def agent_with(path: Path, keys: Sequence[paramiko.PKey]) -> Iterator[None]:
    """Answers on a socket at ``path`` for the length of the context."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    thread = threading.Thread(target=_serve, args=(listener, keys))
    thread.start()
    try:
        yield
    finally:
        # A closed listener does not wake ``accept``; an ended one does.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def _serve(listener: socket.socket, keys: Sequence[paramiko.PKey]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as requests:
                while size := requests.read(4):
                    answer = _answer(paramiko.Message(requests.read(int.from_bytes(size, "big"))), keys)
                    connection.sendall(len(answer).to_bytes(4, "big") + answer)


def _answer(request: paramiko.Message, keys: Sequence[paramiko.PKey]) -> bytes:
    kind, answer = request.get_byte()[0], paramiko.Message()
    if kind == _LIST:
        answer.add_byte(bytes([_KEYS]))
        answer.add_int(len(keys))
        for key in keys:
            answer.add_string(key.asbytes())
            answer.add_string("a key")
        return answer.asbytes()
    blob, data = request.get_binary(), request.get_binary()
    signer = next((key for key in keys if key.asbytes() == blob), None)
    if kind != _SIGN or signer is None:
        return bytes([_FAILURE])
    answer.add_byte(bytes([_SIGNATURE]))
    answer.add_string(signer.sign_ssh_data(data).asbytes())
    return answer.asbytes()
