"""Lending the terminal to a command elsewhere, or only joining input and outputs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LEND = """
import sys
from deploytool.cli.terminal import here, lend
from deploytool.transport.local import LocalTransport
from deploytool.model.inventory import Connection
terminal = here()
print("terminal" if terminal else "none", file=sys.stderr, flush=True)
host = LocalTransport("h1", Connection("localhost", kind="local"))
sys.exit(lend(host.stream(sys.argv[1:], terminal=terminal), terminal))
"""


def run(script: str, redirect: str = "", stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, "-c", LEND, "sh", "-c", script]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, cwd=ROOT)


def test_without_a_terminal_bytes_and_exit_code_pass():
    """In both directions, unchanged."""
    done = run("cat; echo oops >&2; exit 5", stdin=b"\x00\xff\r\n")
    assert (done.returncode, done.stdout, done.stderr) == (5, b"\x00\xff\r\n", b"none\noops\n")


@pytest.mark.parametrize("redirect", ["<&-", "</dev/null"])
def test_there_need_not_be_any_input(redirect):
    """A command that reads finds the end at once; whatever was opened instead is not read."""
    done = run("cat; echo end", redirect)
    assert (done.returncode, done.stdout) == (0, b"end\n")


def test_a_command_that_reads_nothing_is_not_waited_for():
    """Input that nobody takes is nobody's business."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", LEND, "sh", "-c", "exit 3"], stdin=reader, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    assert process.wait(60) == 3
    os.close(reader)
    os.close(writer)
