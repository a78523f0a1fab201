"""Commands of this machine while they run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploytool.model.inventory import Connection
from deploytool.transport.local import LocalTransport
from tests.streams import StreamContract, in_thread, read_all, read_until, shell, until


class TestProcessStream(StreamContract):
    @pytest.fixture
    def transport(self) -> Iterator[LocalTransport]:
        host = LocalTransport("h1", Connection("localhost", kind="local"))
        yield host
        host.close()


def test_streams_leave_no_file_open() -> None:
    """Read to the end, closed half-way, not begun, or left to the transport."""
    host = LocalTransport("h1", Connection("localhost", kind="local"))
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    read_all(ended := host.stream(["true"]))
    half = host.stream(shell("echo begun; read x"))
    read_until(half, b"begun\n")
    half.close()
    absent = host.stream(["no-such-command"])
    left = host.stream(shell("read x"))
    host.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before, (ended, absent, left)


def test_all_that_a_command_started_ends_with_it(tmp_path: Path) -> None:
    """Also what does not read its input."""
    host = LocalTransport("h1", Connection("localhost", kind="local"))
    stream = host.stream(shell("sleep 60 & echo $!; wait"))
    pid = int(read_until(stream, b"\n").stdout)
    reader = in_thread(stream.read)
    stream.close()
    reader.join(10)
    status = Path(f"/proc/{pid}/stat")

    def is_over() -> bool:
        """Gone, or killed and whoever adopted it has not taken note of that yet."""
        try:
            return status.read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    until(is_over)
