"""The contract of every transport for running commands; the same suite runs on each.

A subclass provides the fixture ``transport``, to a host that has a POSIX shell.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from deploytool.transport.base import Output, Stream, Terminal, Transport

DEADLINE_S = 20.0
MEGABYTE = 1_000_000


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds; a test that waits for ever says nothing."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


def read_until(stream: Stream, wanted: bytes) -> Output:
    """The output up to and with ``wanted`` on stdout."""
    end = time.monotonic() + DEADLINE_S
    stdout = stderr = b""
    while wanted not in stdout:
        output = stream.read(end - time.monotonic())
        assert output, (stdout, stderr)
        stdout, stderr = stdout + output.stdout, stderr + output.stderr
    return Output(stdout, stderr)


def read_all(stream: Stream) -> Output:
    """The rest of the output, to the end."""
    stdout, stderr = bytearray(), bytearray()
    while (output := stream.read(DEADLINE_S)) is not None:
        assert output, "it said nothing for too long"
        stdout += output.stdout
        stderr += output.stderr
    return Output(bytes(stdout), bytes(stderr))


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def shell(script: str, *arguments: str) -> Sequence[str]:
    return ("sh", "-c", script, "sh", *arguments)


class StreamContract:
    """Each test is one promise of ``transport.base.Stream``."""

    interrupted: tuple[int, ...] = (9,)

    def test_output_comes_while_the_command_runs(self, transport: Transport) -> None:
        """Its output is there before it ends, and it reads what is sent to it meanwhile."""
        stream = transport.stream(shell('echo one; read x; echo "$x"; echo oops >&2; exit 3'))
        assert read_until(stream, b"one\n") == Output(b"one\n")
        assert stream.exit_code is None
        stream.send(b"two\n")
        assert read_all(stream) == Output(b"two\n", b"oops\n")
        assert stream.exit_code == 3
        assert stream.read() is None
        stream.close()
        assert stream.exit_code == 3

    def test_arguments_arrive_as_they_are(self, transport: Transport) -> None:
        """Nothing in an argument means anything to a shell on the way."""
        arguments = ["a b", "$HOME", "`id`", "'", '"', "a\nb", "", "*", ";true", "ü"]
        stream = transport.stream(["printf", "%s\\0", *arguments])
        assert read_all(stream).stdout.decode().split("\0")[:-1] == arguments
        stream.close()

    def test_input_ends_when_it_is_told_to(self, transport: Transport) -> None:
        """As with a file: what was sent, all of it, and then the end."""
        stream = transport.stream(["cat"])
        data = bytes(range(256)) * 1000
        in_thread(lambda: (stream.send(data), stream.end_input()))
        assert read_all(stream) == Output(data)
        assert stream.exit_code == 0
        stream.close()

    def test_a_quiet_command_is_no_error(self, transport: Transport) -> None:
        """Waiting comes to its end without anything."""
        stream = transport.stream(shell("read x"))
        assert stream.read(0.05) == Output()
        assert stream.read(0) == Output()
        assert stream.exit_code is None
        stream.close()

    def test_what_is_not_read_makes_the_command_wait(self, transport: Transport) -> None:
        """It is neither lost nor piled up here."""
        script = f"head -c {50 * MEGABYTE} /dev/zero; echo done >&2"
        stream = transport.stream(shell(script))
        first = stream.read(DEADLINE_S)
        assert first
        assert b"done" not in first.stderr
        rest = read_all(stream)
        assert len(first.stdout) + len(rest.stdout) == 50 * MEGABYTE
        assert rest.stderr == b"done\n"
        stream.close()

    def test_closing_ends_a_read_at_once(self, transport: Transport) -> None:
        """From another thread, and twice; nothing is an error, and nothing is known of the end."""
        stream = transport.stream(shell("echo begun; read x"))
        read_until(stream, b"begun\n")
        seen: list[Output | None] = []
        reader = in_thread(lambda: seen.append(stream.read()))
        stream.close()
        reader.join(DEADLINE_S)
        stream.close()
        assert seen == [None]
        assert stream.exit_code is None

    def test_closing_ends_a_send_that_waits(self, transport: Transport) -> None:
        """A command that takes no input holds up nobody who lets go of it."""
        stream = transport.stream(shell("echo begun; sleep 60"))
        read_until(stream, b"begun\n")
        sender = in_thread(lambda: stream.send(b"x" * 50 * MEGABYTE))
        sender.join(0.1)
        assert sender.is_alive()
        stream.close()
        sender.join(DEADLINE_S)
        assert not sender.is_alive()

    def test_closing_ends_the_input_of_the_command(self, transport: Transport) -> None:
        """So that nothing stays behind on the host that waits for its input."""
        stream = transport.stream(shell("echo $$; read x"))
        pid = read_until(stream, b"\n").stdout.decode().strip()
        stream.close()
        until(lambda: transport.run(["kill", "-0", pid]).exit_code != 0)

    def test_sending_to_a_command_that_has_ended_is_harmless(self, transport: Transport) -> None:
        """Its own result counts."""
        stream = transport.stream(shell("exit 7"))
        assert read_all(stream) == Output()
        stream.send(b"more")
        stream.end_input()
        stream.resize(Terminal())
        assert stream.exit_code == 7
        stream.close()

    def test_a_command_that_does_not_exist_says_so(self, transport: Transport) -> None:
        """As a shell does."""
        stream = transport.stream(["no-such-command"])
        assert b"not found" in read_all(stream).stderr
        assert stream.exit_code == 127
        stream.close()

    def test_a_terminal_has_a_size_that_changes(self, transport: Transport) -> None:
        """The command sees a terminal, as wide and as high as ours, and is told of a new size."""
        script = 'tty -s && stty size; echo "$0"; read x; stty size; exit 4'
        stream = transport.stream(shell(script), terminal=Terminal("vt100", 101, 43))
        assert b"43 101" in read_until(stream, b"sh").stdout
        stream.resize(Terminal("vt100", 77, 22))
        stream.send(b"\n")
        assert b"22 77" in read_all(stream).stdout
        assert stream.exit_code == 4
        stream.close()

    def test_a_key_reaches_the_command_as_a_signal(self, transport: Transport) -> None:
        """^C on a terminal interrupts the command there, not us."""
        script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done"
        stream = transport.stream(shell(script), terminal=Terminal())
        read_until(stream, b"ready")
        # More than once: a shell may lose a signal that arrives while it starts a command.
        end = time.monotonic() + DEADLINE_S
        stream.send(b"\x03")
        while (output := stream.read(2)) is not None:
            assert time.monotonic() < end
            if not output:
                stream.send(b"\x03")
        assert stream.exit_code in self.interrupted
        stream.close()

    def test_several_streams_and_commands_go_side_by_side(self, transport: Transport) -> None:
        """None waits for another."""
        streams = [transport.stream(shell("echo begun; read x; echo $x")) for _ in range(4)]
        for stream in streams:
            read_until(stream, b"begun\n")
        assert transport.run(["echo", "beside"]).stdout == b"beside\n"
        for number, stream in enumerate(streams):
            stream.send(b"%d\n" % number)
        assert [read_all(stream).stdout for stream in streams] == [b"0\n", b"1\n", b"2\n", b"3\n"]
        for stream in streams:
            stream.close()
