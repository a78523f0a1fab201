"""A real pseudo-terminal with somebody who looks at it and types: what a program shows, frame by frame."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyte

DEADLINE_S = 120.0


@dataclass
class Terminal:
    """Runs ``argv`` on a terminal of this size. ``frames`` are the different screens that were seen."""

    argv: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    columns: int = 80
    rows: int = 24
    cwd: str | None = None
    frames: list[list[str]] = field(default_factory=list)
    raw: bytes = b""

    def run(self, *talk: tuple[str, str]) -> int:
        """Its exit code. ``talk`` are words to wait for on the screen and what to type then."""
        lead, follow = pty.openpty()
        fcntl.ioctl(follow, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color", "CI": "", **self.environ}
        for name in ("COLUMNS", "LINES"):
            if name not in self.environ:
                env.pop(name, None)
        quiet = termios.tcgetattr(follow)
        quiet[3] &= ~termios.ECHO  # what is typed would stand in the picture
        termios.tcsetattr(follow, termios.TCSANOW, quiet)
        process = subprocess.Popen(
            self.argv,
            stdin=follow,
            stdout=follow,
            stderr=follow,
            env=env,
            cwd=self.cwd,
            start_new_session=True,
            preexec_fn=_take_terminal,  # or a ^C would interrupt nobody
        )
        os.close(follow)
        try:
            self._watch(process, lead, list(talk))
            return process.wait(DEADLINE_S)
        finally:
            process.kill()
            os.close(lead)

    @property
    def text(self) -> str:
        """The screen at the end, what scrolled away included."""
        return "\n".join(self.frames[-1]) if self.frames else ""

    def _watch(self, process: subprocess.Popen[bytes], lead: int, talk: list[tuple[str, str]]) -> None:
        screen = pyte.HistoryScreen(self.columns, self.rows, history=10_000, ratio=1)
        stream = pyte.ByteStream(screen)
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            ended = process.poll() is not None  # before looking, or its last words could come in between
            if not select.select([lead], [], [], 0.03)[0]:
                self._keep(screen)  # what is there when nothing more comes is what people see
                if talk and talk[0][0] in self.text:
                    os.write(lead, talk.pop(0)[1].encode())
                if ended:
                    return
                continue
            try:
                chunk = os.read(lead, 65536)
            except OSError:  # the other side is closed
                self._keep(screen)
                return
            self.raw += chunk
            stream.feed(chunk)
        raise AssertionError(f"no end in time; the screen says:\n{self.text}")

    def _keep(self, screen: pyte.HistoryScreen) -> None:
        past = ["".join(row[x].data for x in range(self.columns)).rstrip() for row in screen.history.top]
        frame = [*past, *(line.rstrip() for line in screen.display)]
        while frame and not frame[-1]:
            frame.pop()
        if not self.frames or self.frames[-1] != frame:
            self.frames.append(frame)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
