"""For all tests: examples are the same in every run, a busy machine is no failure, and ^C works."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploytool.transport.ssh import control_master

settings.register_profile("deploytool", deadline=None, derandomize=True)
settings.load_profile("deploytool")

# A shell without job control starts what goes to the background with ^C ignored, and every process of the
# tests would inherit that: those that have to be interrupted as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# The same for nohup: with a handler of their own the tests still live on, and what they start does not.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of ``--keep-connections``, empty; the processes behind its sockets end with the test."""
    if shutil.which("ssh") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("this needs OpenSSH's client", pytrace=False)
        pytest.skip("this needs OpenSSH's client")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        folder = Path(control_master.socket_directory())
        yield folder
        for one in folder.iterdir():
            end = ["ssh", "-F", "none", "-S", str(one), "-O", "exit", "nowhere"]
            subprocess.run(end, capture_output=True, check=False)
