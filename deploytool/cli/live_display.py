"""A few lines at the bottom of a terminal that change in place; what is printed goes above them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.text import Text

from deploytool.report.progress import Line, Progress

MOST_LINES = 16
REFRESH_S = 0.125


class LiveDisplay:
    """Draws a ``Progress`` on stderr, each time in one write. A context: leaving it wipes the lines."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._drawn_s = 0.0
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False, markup=False)
        self._live = RichLive(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        self._live.update(Group(), refresh=True)
        self._live.stop()

    def print(self, lines: Iterable[str]) -> None:
        """Lines that stay. The others are drawn anew when it is time: many events make no flicker."""
        text = "\n".join(lines)
        if text:
            self._console.print(Text(text))
        if time.monotonic() >= self._drawn_s + REFRESH_S:
            self.refresh()

    def refresh(self) -> None:
        """Draw anew: the clock moves on also where nothing happens."""
        self._drawn_s = time.monotonic()
        height = min(MOST_LINES, max(1, self._console.height - 2))
        lines = self._progress.lines(time.monotonic(), height)
        self._live.update(Group(*map(self._text, lines)), refresh=True)

    def _text(self, line: Line) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        for piece, style in line:
            text.append(piece, style)
        text.truncate(max(1, self._console.width - 1), overflow="ellipsis")
        return text
