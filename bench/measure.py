"""Cost of a command as a process: wall seconds, processor seconds, peak memory."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# pip compiles what it installs. Here the sources are run, and are to be compiled by the first run.
AS_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}
LONGEST_S = 300.0  # no measurement waits for ever: what takes longer is killed, and has failed


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run, with the processes that it waited for. ``memory_bytes`` is the most of any one of them."""

    wall_s: float
    cpu_s: float
    memory_bytes: int
    exit_code: int = 0


def cost_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run ``command`` without its output, and weigh it."""
    begun = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **AS_INSTALLED, **(environment or {})},
    )
    end = threading.Timer(LONGEST_S, os.killpg, (process.pid, signal.SIGKILL))
    end.start()
    _, status, used = os.wait4(process.pid, 0)
    end.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.monotonic() - begun
    return Cost(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, process.returncode)


def best(commands: Sequence[Sequence[str]], repeat: int, expected: int | None = 0) -> list[Cost]:
    """The quickest of several runs of each command; they take turns, so that a busy moment meets all."""
    runs: list[list[Cost]] = [[] for _ in commands]
    for _ in range(repeat):
        for found, command in zip(runs, commands, strict=True):
            found.append(cost_of(command))
            assert expected is None or found[-1].exit_code == expected, f"{command}: {found[-1].exit_code}"
    return [min(found, key=lambda cost: cost.wall_s) for found in runs]


def show(title: str, figures: Mapping[str, Cost], floor: str) -> None:
    """A table; the last two columns are ratios to the floor, of wall and of processor time."""
    print(f"\n{title}\n")
    print(f"{'':34}{'wall s':>9}{'CPU s':>9}{'MB':>7}{'wall ×':>9}{'CPU ×':>9}")
    bottom = figures[floor]
    for name, cost in figures.items():
        ratios = f"{cost.wall_s / bottom.wall_s:>9.2f}{cost.cpu_s / bottom.cpu_s:>9.2f}"
        print(f"{name:34}{cost.wall_s:>9.2f}{cost.cpu_s:>9.2f}{cost.memory_bytes / 1e6:>7.0f}{ratios}")
