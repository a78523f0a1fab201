"""The lab of one process of tests: that of the working copy, or one beside it.

Without pytest-xdist it is the working copy's lab, the one of ``deploytool lab``. A worker of pytest-xdist
claims a lab that no other process has: its hosts have the same names, and containers, a network and ports of
their own. Run as a program, this removes the labs that killed workers have left.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploytool.errors import LabError
from deploytool.lab import hosts
from deploytool.lab.docker_engine import ensure_engine
from deploytool.lab.images import ensure_images
from deploytool.lab.lab import Lab
from deploytool.lab.layout import Layout
from tests.lab.labhosts import ROOT, LabHosts

_COUNT = 3
_WORKERS = range(1, 10)  # of all test runs on this machine


@contextmanager
def working_copy_lab() -> Iterator[LabHosts]:
    """The lab of ``deploytool lab``, with the committed inventory; processes take turns.

    Raises:
        DeploytoolError: its hosts cannot be had.
    """
    with _lock_file("tests").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _up(Lab(Layout(ROOT / ".lab")), ROOT / "inventories" / "lab.yaml")


@contextmanager
def worker_lab() -> Iterator[LabHosts]:
    """A lab for this process alone, removed at the end.

    Raises:
        DeploytoolError: its hosts cannot be had.
    """
    with ExitStack() as stack:
        number = next((number for number in _WORKERS if _claim(stack, number)), 0)
        if not number:
            raise LabError(f"{len(_WORKERS)} workers of tests have a lab on this machine already")
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="deploytool-lab-"))
        lab = Lab(_layout(number, Path(folder)))
        made = _up(lab, lab.layout.inventory_file, number)
        stack.callback(lab.down)
        yield made


def _layout(number: int, folder: Path) -> Layout:
    return Layout(
        folder / ".lab",
        first_ssh_port=2301 + 10 * number,
        first_http_port=8301 + 10 * number,
        first_alt_http_port=8601 + 10 * number,
        namespace=f"tests{number}-",
    )


def _claim(stack: ExitStack, number: int) -> bool:
    """Lock a worker's number until the stack is closed; false where another process has it."""
    lock = stack.enter_context(_lock_file(f"tests{number}").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _up(lab: Lab, inventory: Path, number: int = 0) -> LabHosts:
    with _lock_file("images").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one installs the engine and builds the images, the others use them
        ensure_engine(lab.say, may_start=os.geteuid() == 0)
        ensure_images(lab.say)
    made = LabHosts(lab, lab.up(_COUNT), inventory, number)
    made.heal()
    return made


def _lock_file(name: str) -> Path:
    return Path(tempfile.gettempdir(), f"deploytool-lab-{name}.lock")


def remove_abandoned() -> None:
    """Remove the labs that no process has claimed.

    Raises:
        DeploytoolError: no Docker engine answers, or it refused.
    """
    for number in _WORKERS:
        with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
            layout = _layout(number, Path(folder))
            if _claim(stack, number) and hosts.containers(layout):
                Lab(layout).down()


if __name__ == "__main__":
    remove_abandoned()
