"""Ctrl-C, SIGTERM and a closed terminal: all ask the run to end, gently at first."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from deploytool.errors import INTERRUPTED

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR = "\x1b[?25h"


def heed_signals() -> None:
    """Outside of a run each of them ends the program as Ctrl-C does."""
    _handle(_interrupt)


@contextmanager
def asking(ask: Callable[[], None]) -> Iterator[None]:
    """While inside, a first signal calls ``ask``; a second one ends the program at once."""
    before = [(signum, signal.getsignal(signum)) for signum in SIGNALS]
    asked = False

    def handler(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            _end_at_once()
        asked = True
        ask()

    _handle(handler)
    try:
        yield
    finally:
        for signum, old in before:
            signal.signal(signum, old)


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for signum in SIGNALS:
        # nohup, and a shell that starts it in the background, ask for some to be ignored.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, handler)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_at_once() -> None:
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    os.write(
        2,
        f"{cursor}\nInterrupted: ended at once. The hosts finish what they were told last;"
        " run again to go on.\n".encode(),
    )
    os._exit(INTERRUPTED)
