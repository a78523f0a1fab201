"""Looking across hosts, as a user does it: ps, exec, logs, events. One project serves all tests here."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.lab.labhosts import LabHosts
from tests.lab.user import User, ok
from tests.streams import until

TALK = """\
- name: Shop
  hosts: all
  services:
    talk:
      image: demo/web:1
      init: true
      stop_grace_period: 1s
      entrypoint: [/bin/busybox, sh, -c]
      command:
        - 'i=0; while :; do i=$$((i+1)); echo "line $$i"; [ $$i -gt 20 ] && /bin/busybox sleep 0.3; done'
      deploy:
        replicas: "{{ count | default(5) }}"
        update_config: {monitor: 1s}
"""
WAIT_S = 40.0


@pytest.fixture(scope="module")
def user(lab_hosts: LabHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    someone = User(lab_hosts, tmp_path_factory.mktemp("across"))
    someone.write(TALK)
    ok(someone.converge())
    yield someone
    lab_hosts.heal()


@contextmanager
def going(user: User, *argv: object) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on; it is interrupted at the end, and must end at once, without a traceback."""
    command = [sys.executable, "-m", "deploytool", argv[0], str(user.lab.inventory), "site.yaml"]
    process = subprocess.Popen(
        [*command, *map(str, argv[1:])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # or lines wait here unseen by select
        cwd=user.folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert b"Traceback" not in said


def read_lines(process: subprocess.Popen[bytes], enough: Callable[[list[str]], bool]) -> list[str]:
    """Lines as they come, until there are enough."""
    lines: list[str] = []
    end = time.monotonic() + WAIT_S
    while not enough(lines):
        assert time.monotonic() < end, lines[-20:]
        assert select.select([process.stdout], [], [], WAIT_S)[0], lines[-20:]
        lines.append(process.stdout.readline().decode().rstrip("\n"))
    return lines


def replica_of(line: str) -> str:
    return line.partition("|")[0].strip()


def test_ps_lists_every_replica_on_every_host(user):
    """With the host's own names and ids; a limit leaves hosts out."""
    listed = json.loads(ok(user.run("ps", user.lab.inventory, "site.yaml", "-o", "json")).stdout)["replicas"]
    there = {(host, c.name, c.id) for host in user.lab.hosts for c in user.lab.containers(host, "shop")}
    assert {(one["host"], one["container"], one["id"]) for one in listed} == there
    assert [one["replica"] for one in listed] == [f"talk/{n}" for n in range(1, 6)]
    assert all(one["state"] == "running" and one["age_s"] > 0 for one in listed)
    text = ok(user.run("ps", user.lab.inventory, "site.yaml", "-s", "talk", "-l", "lab2")).stdout
    assert {line.split()[1] for line in text.splitlines()[1:]} == {"lab2"}


def test_exec_joins_input_outputs_and_exit_code(user):
    """Nothing of the command is read by a shell on the way."""
    odd = "a b;$HOME `id` 'q' \"d\" *"
    command = [
        sys.executable,
        "-m",
        "deploytool",
        "exec",
        str(user.lab.inventory),
        "site.yaml",
        "talk/2",
        "--",
    ]
    script = 'cat; printf "%s" "$1" >&2; exit 7'
    done = subprocess.run(
        [*command, "/bin/busybox", "sh", "-c", script, "sh", odd],
        input=b"in\x00\xff",
        capture_output=True,
        cwd=user.folder,
        timeout=WAIT_S,
    )
    assert (done.returncode, done.stdout, done.stderr.decode()) == (7, b"in\x00\xff", odd)


def test_exec_lends_its_terminal(user):
    """Keys go to the command, ^C too; it knows the size and is told of a new one; ours is as before."""
    size = "/bin/busybox stty size"
    script = f"trap 'echo interrupted' INT; x=; until [ $x ]; do {size}; read x; done; echo got $x; exit 9"
    words = ["exec", str(user.lab.inventory), "site.yaml", "talk", "--", "/bin/busybox", "sh", "-c", script]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(user.folder)
        os.execv(sys.executable, [sys.executable, "-m", "deploytool", *words])  # noqa: S606
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    said = b""

    def has(wanted: bytes, wait_s: float = 0.1) -> bool:
        nonlocal said
        if select.select([terminal], [], [], wait_s)[0]:
            said += os.read(terminal, 65_536)
        return wanted in said

    def has_when_resized(columns: int) -> bool:
        # Again and again: Docker misses a change that comes before it has begun to listen for them.
        for width in (columns - 1, columns):
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 44, width, 0, 0))
        os.write(terminal, b"\r")
        return has(f"44 {columns}".encode(), 1.0)

    try:
        until(lambda: has(b"33 111"))
        assert not termios.tcgetattr(terminal)[3] & termios.ICANON
        until(lambda: has_when_resized(99))
        os.write(terminal, b"\x03")
        until(lambda: has(b"interrupted"))
        os.write(terminal, b"word\r")
        until(lambda: has(b"got word"))
        assert re.search(rb"talk/1 is shop-talk-\d on lab\d", said)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 9
        assert termios.tcgetattr(terminal)[3] & termios.ICANON
    finally:
        os.close(terminal)


def test_logs_are_merged_by_time(user):
    """All replicas of all hosts, each with its last lines, in the order in which they were written."""
    done = ok(user.run("logs", user.lab.inventory, "site.yaml", "talk", "--tail", "20", "-t"))
    lines = done.stdout.splitlines()
    assert len(lines) == 100
    assert len({replica_of(line) for line in lines}) == 5
    moments = [line.partition("| ")[2].partition(" ")[0] for line in lines]
    assert moments == sorted(moments)
    records = user.run("logs", user.lab.inventory, "site.yaml", "--tail", "1", "-l", "lab1", "-o", "jsonl")
    assert {json.loads(line)["host"] for line in ok(records).stdout.splitlines()} == {"lab1"}


def test_logs_follow_replicas_that_come_and_come_back(user):
    """Each line once and in order per replica, also over a restart; nothing stays on the hosts afterwards."""
    host, killed = next((h, c) for h in user.lab.hosts for c in user.lab.containers(h, "shop"))
    with going(user, "logs", "--follow", "--tail", "3") as process:
        before = read_lines(process, lambda lines: len({replica_of(line) for line in lines}) == 5)
        user.lab.exec(host, "docker", "kill", killed.id)
        ok(user.converge("-e", "count=6"))
        names = {f"{h} talk-{c.name[-1]}" for h in user.lab.hosts for c in user.lab.containers(h, "shop")}
        assert len(names) == 6
        name = f"{host} talk-{killed.name[-1]}"
        after = read_lines(
            process,
            lambda lines: {replica_of(line) for line in lines} >= names and f"{name} | line 22" in lines,
        )
    for replica in {replica_of(line) for line in before}:
        told = [line.partition("| ")[2] for line in (*before, *after) if replica_of(line) == replica]
        numbers = [int(line.split()[1]) for line in told]
        again = numbers.index(1) if 1 in numbers else len(numbers)
        assert numbers[:again] == list(range(numbers[0], numbers[0] + again))
        assert numbers[again:] == list(range(1, len(numbers) - again + 1))
    left = "ps -ef | grep -E '[d]ocker (logs|events)' || true"
    until(lambda: not any(user.lab.exec(h, "sh", "-c", left) for h in user.lab.hosts))


def test_logs_go_on_without_a_host_that_fails(user):
    """Its loss is said, and its return; what it wrote meanwhile is not lost."""
    with going(user, "logs", "--follow", "--tail", "0", "--connect-timeout", "3s") as process:
        read_lines(process, lambda lines: len({line.split()[0] for line in lines}) == 3)
        user.lab.kill("lab3")
        os.set_blocking(process.stderr.fileno(), False)
        said = ""

        def has(wanted: str) -> bool:
            nonlocal said
            said += (process.stderr.read() or b"").decode()
            read_lines(process, lambda lines: bool(lines))
            return wanted in said

        until(lambda: has("lab3: unreachable: "))
        user.lab.start("lab3")
        ok(user.converge())
        until(lambda: has("lab3: answers again"))
        read_lines(process, lambda lines: any(line.startswith("lab3") for line in lines))


def test_status_goes_on_and_tells_what_changed(user):
    """Each look as JSON on a line of its own; as text only what differs from the last one."""
    host, container = next((h, c) for h in user.lab.hosts for c in user.lab.containers(h, "shop"))
    all_run, here = sum(user.counts()), len(user.ids()[host])

    def running(line: str) -> int:
        return sum(row["running"] for row in json.loads(line)["replicas"] if row["host"] == host)

    def whole(lines: list[str]) -> bool:
        return f"{all_run} of {all_run} replicas are healthy." in lines[-1:]

    again = ("status", "--watch", "--interval", "300ms")
    with going(user, *again) as text, going(user, *again, "-o", "json") as records:
        read_lines(text, whole)
        read_lines(records, lambda lines: len(lines) > 2)
        user.lab.exec(host, "docker", "kill", container.id)
        read_lines(records, lambda lines: here - 1 in map(running, lines))
        changed = read_lines(text, lambda lines: "Changes are pending: see deploytool plan." in lines)
        assert not any(map(whole, ([line] for line in changed)))
        ok(user.converge())
        read_lines(records, lambda lines: here in map(running, lines))
        read_lines(text, whole)


def test_events_tell_what_happens(user):
    """On whichever host; as text and as JSON."""
    host, container = next((h, c) for h in user.lab.hosts for c in user.lab.containers(h, "shop"))
    with going(user, "events", "-o", "jsonl") as process:
        follows = "ps -ef | grep -c '[d]ocker events' || true"
        until(lambda: all(int(user.lab.exec(h, "sh", "-c", follows)) for h in user.lab.hosts))
        user.lab.exec(host, "docker", "restart", "--time", "0", container.id)
        events = read_lines(process, lambda lines: any('"start"' in line for line in lines))
    told = [(e["host"], e["id"], e["action"]) for e in map(json.loads, events)]
    assert (host, container.id, "die") in told
    assert (host, container.id, "start") in told
